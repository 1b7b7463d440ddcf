package apitest

import (
	"net/http/httptest"
	"testing"
)

const document = `
openapi: 3.1.0
info: {title: Things, version: "1"}
servers: [{url: /api/v1}]
paths:
  /things/{id}:
    get:
      operationId: one
      summary: One
      tags: [things]
      security: []
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses:
        "200": {description: OK, content: {application/json: {schema: {type: object, required: [name], properties: {name: {type: string}}}, example: {name: a}}}}
        "404": {description: none}
`

// silent takes the place of a test that is expected to fail.
type silent struct {
	testing.TB
	failed bool
}

func (s *silent) Errorf(string, ...any) { s.failed = true }

func TestAnswer(t *testing.T) {
	c := Read(t, []byte(document))
	for _, x := range []struct {
		target, mediaType, body string
		status                  int
		good                    bool
	}{
		{"/api/v1/things/1?a=b", "application/json", `{"name":"a"}`, 200, true},
		{"/hi-in/api/v1/things/1", "application/json", `{"name":"a","more":1}`, 200, true},
		{"/api/v1/things/1", "application/json", `{"name":1}`, 200, false},
		{"/api/v1/things/1", "application/json", `{}`, 200, false},
		{"/api/v1/things/1", "application/json", `{`, 200, false},
		{"/api/v1/things/1", "text/html", `a`, 200, false},
		{"/api/v1/things/1", "", ``, 404, true},
		{"/api/v1/things/1", "", ``, 304, true},
		{"/api/v1/things/1", "", ``, 410, false},
		{"/api/v1/other", "", ``, 404, true},
		{"/api/v1/other", "", ``, 200, false},
	} {
		w := httptest.NewRecorder()
		w.Header().Set("Content-Type", x.mediaType)
		w.WriteHeader(x.status)
		w.WriteString(x.body)
		s := &silent{TB: t}
		if c.Answer(s, "GET", x.target, w); s.failed == x.good {
			t.Errorf("%s %d %s %s: found bad %v", x.target, x.status, x.mediaType, x.body, s.failed)
		}
	}
}

func TestFields(t *testing.T) {
	type inner struct {
		Names []string `json:"names"`
	}
	for name, x := range map[string]struct {
		document any
		good     bool
	}{
		"good": {struct {
			A []int `json:"a" nullable:"false"`
			B *int  `json:"b,omitempty"`
		}{}, true},
		"without a name": {struct{ A int }{}, false},
		"in capitals": {struct {
			A int `json:"A"`
		}{}, false},
		"null": {struct {
			A *int `json:"a"`
		}{}, false},
		"within": {struct {
			A []inner `json:"a" nullable:"false"`
		}{}, false},
	} {
		s := &silent{TB: t}
		if Fields(s, x.document); s.failed == x.good {
			t.Errorf("%s: found bad %v", name, s.failed)
		}
	}
}
