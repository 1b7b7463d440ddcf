package openapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"meridian/world"
)

type problem struct {
	Code string `json:"code"`
}

type thing struct {
	_    struct{} `additionalProperties:"false"`
	Name string   `json:"name" minLength:"1" maxLength:"5"`
	Tree any      `json:"tree,omitempty"`
}

type put struct {
	ID    string `path:"id"`
	Count int    `query:"count" minimum:"1" maximum:"9"`
	Body  thing
}

type got struct {
	Mark string `header:"X-Mark"`
	Body thing
}

// failed is the last error that an API answered with.
type failed struct{ err error }

func sample(f *failed) *API {
	a := New(Config{
		Title: "Things", Version: "1.0.0", Base: "/api/v1", Problem: problem{}, MaxBody: 64, MaxDepth: 3,
		Credentials: map[string]string{"key": "what opens things"},
		Fail: func(w http.ResponseWriter, _ *http.Request, err error) {
			f.err = err
			w.WriteHeader(world.CodeOf(err).Status())
		},
		Send: func(w http.ResponseWriter, _ *http.Request, content []byte) { fmt.Fprintf(w, "sent %s", content) },
	})
	Add(a, Operation{Method: "GET", Path: "/things", ID: "list", Summary: "All"}, func(ctx Context, _ *struct{}) (*got, error) {
		return &got{Mark: "m", Body: thing{Name: "<a>"}}, nil
	})
	Add(a, Operation{Method: "PUT", Path: "/things/{id}", ID: "put", Summary: "One", Credential: "key", Sent: thing{Name: "a"}, Errors: []world.Code{world.CodeConflict}},
		func(ctx Context, in *put) (*got, error) {
			switch in.ID {
			case "taken":
				return nil, world.E(world.CodeConflict, "test", "It is taken.")
			case "own":
				w, r := Raw(ctx)
				w.WriteHeader(http.StatusTeapot)
				fmt.Fprint(w, r.URL.Path)
				return nil, ErrAnswered
			case "odd":
				return nil, errors.New("odd")
			}
			return &got{Body: in.Body}, nil
		})
	return a
}

func do(a *API, method, target, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	return w
}

func TestAnswers(t *testing.T) {
	a := sample(&failed{})
	if w := do(a, "GET", "/api/v1/things", ""); w.Code != 200 || w.Body.String() != "sent {\"name\":\"<a>\"}\n" || w.Header().Get("X-Mark") != "m" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	if w := do(a, "PUT", "/api/v1/things/1?count=9", `{"name":"abcde"}`); w.Code != 200 || w.Body.String() != "{\"name\":\"abcde\"}\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := do(a, "PUT", "/api/v1/things/own", `{"name":"a"}`); w.Code != http.StatusTeapot || w.Body.String() != "/api/v1/things/own" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestRefusals(t *testing.T) {
	var f failed
	a := sample(&f)
	for _, c := range []struct {
		method, target, body string
		code                 world.Code
		says                 string
	}{
		{"GET", "/api/v1/nothing", "", world.CodeNotFound, ""},
		{"GET", "/api/v1", "", world.CodeNotFound, ""},
		{"DELETE", "/api/v1/things", "", world.CodeMethod, ""},
		{"PUT", "/api/v1/things/taken", `{"name":"a"}`, world.CodeConflict, "It is taken."},
		{"PUT", "/api/v1/things/odd", `{"name":"a"}`, world.CodeInternal, ""},
		{"PUT", "/api/v1/things/1?count=0", `{"name":"a"}`, world.CodeInvalid, "query.count: expected number >= 1"},
		{"PUT", "/api/v1/things/1?count=10", `{"name":"a"}`, world.CodeInvalid, "query.count"},
		{"PUT", "/api/v1/things/1?count=secret", `{"name":"a"}`, world.CodeInvalid, "query.count: invalid integer"},
		{"PUT", "/api/v1/things/1", `{"name":""}`, world.CodeInvalid, "body.name"},
		{"PUT", "/api/v1/things/1", `{"name":"abcdef"}`, world.CodeInvalid, "body.name: expected length <= 5"},
		{"PUT", "/api/v1/things/1", `{"name":"a","other":1}`, world.CodeInvalid, "body.other: unexpected property"},
		{"PUT", "/api/v1/things/1", `{`, world.CodeInvalid, "body"},
		{"PUT", "/api/v1/things/1", ``, world.CodeInvalid, ""},
		{"PUT", "/api/v1/things/1", `{"name":"a"}` + strings.Repeat(" ", 52), "", ""},
		{"PUT", "/api/v1/things/1", `{"name":"a"}` + strings.Repeat(" ", 53), world.CodeTooLarge, ""},
		{"PUT", "/api/v1/things/1", `{"name":"a","tree":[[]]}`, "", ""},
		{"PUT", "/api/v1/things/1", `{"name":"a","tree":[[[]]]}`, world.CodeTooLarge, "too many arrays"},
		{"PUT", "/api/v1/things/1", `{"name":"[[[[\\"}`, "", ""},
	} {
		f.err = nil
		w := do(a, c.method, c.target, c.body)
		if world.CodeOf(f.err) != c.code || w.Code != max(200, statusOf(c.code)) {
			t.Errorf("%s %s %s: %d %v", c.method, c.target, c.body, w.Code, f.err)
		}
		var e *world.Error
		if errors.As(f.err, &e) && (!strings.Contains(e.Message, c.says) || strings.Contains(e.Message, "secret")) {
			t.Errorf("%s %s: says %q", c.method, c.target, e.Message)
		}
	}
	r := httptest.NewRequest("PUT", "/api/v1/things/1", strings.NewReader("a"))
	r.Header.Set("Content-Type", "text/plain")
	w := httptest.NewRecorder()
	if a.ServeHTTP(w, r); !world.Is(f.err, world.CodeUnsupported) {
		t.Errorf("another media type: %v", f.err)
	}
	if w := do(a, "DELETE", "/api/v1/things", ""); w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("allow %q", w.Header().Get("Allow"))
	}
}

func statusOf(c world.Code) int {
	if c == "" {
		return 200
	}
	return c.Status()
}

func TestDocument(t *testing.T) {
	a := sample(&failed{})
	w := do(a, "GET", "/api/v1/openapi.json", "")
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]struct{ Responses map[string]any }
		Components struct{ Schemas, SecuritySchemes map[string]any }
	}
	if err := json.Unmarshal(w.Body.Bytes()[len("sent "):], &doc); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	of := doc.Paths["/things/{id}"]["put"].Responses
	for _, status := range []string{"200", "400", "401", "403", "409", "413", "415", "429", "500", "503"} {
		if of[status] == nil {
			t.Errorf("no %s among %v", status, of)
		}
	}
	if doc.OpenAPI != "3.1.0" || doc.Components.Schemas["Problem"] == nil || doc.Components.Schemas["ErrorModel"] != nil || doc.Components.SecuritySchemes["key"] == nil || of["default"] != nil {
		t.Errorf("%s", w.Body)
	}
	if w := do(a, "GET", "/api/v1/openapi.yaml", ""); w.Header().Get("Content-Type") != "application/openapi+yaml" || !strings.Contains(w.Body.String(), "\nopenapi: 3.1.0\n") {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
}

// Whatever comes, it is answered once, and what is taken is no deeper than the limit.
func FuzzContent(f *testing.F) {
	f.Add(`{"name":"a"}`)
	f.Add(`{"name":"a","tree":[[[]]]}`)
	f.Add(`{"name":"\"[[["}`)
	f.Add("{\"name\":\"\\\xff")
	f.Fuzz(func(t *testing.T, body string) {
		var last failed
		w := do(sample(&last), "PUT", "/api/v1/things/1", body)
		if w.Code == 200 != (last.err == nil) || w.Code >= 500 {
			t.Errorf("%d, %v", w.Code, last.err)
		}
		var v any
		if json.Unmarshal([]byte(body), &v) == nil && deeper([]byte(body), 3) != (depthOf(v) > 3) {
			t.Errorf("%s is %d deep", body, depthOf(v))
		}
	})
}

func depthOf(v any) (most int) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			most = max(most, depthOf(e))
		}
		return most + 1
	case map[string]any:
		for _, e := range v {
			most = max(most, depthOf(e))
		}
		return most + 1
	}
	return 0
}
