// Package apitest holds a role's API to its OpenAPI document, as a reader of
// others reads it: the document is whole, its examples are what it says, and so is
// every answer.
package apitest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// Contract is an API's document.
type Contract struct {
	doc  *openapi3.T
	base string
}

// Read reads a document in YAML or JSON, and fails a test for one that is not well
// formed, whose examples are not as it says, or which leaves a reader without what
// he needs of an operation.
func Read(t testing.TB, text []byte) *Contract {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err == nil {
		err = doc.Validate(t.Context(), openapi3.EnableExamplesValidation())
	}
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.OperationID == "" || op.Summary == "" || op.Security == nil || len(op.Tags) != 1 {
				t.Errorf("%s %s lacks its id, summary, tag or security", method, path)
			}
			if !hasExample(op) {
				t.Errorf("%s %s has no example of its success", method, path)
			}
		}
	}
	base, err := doc.Servers.BasePath()
	if err != nil {
		t.Fatal(err)
	}
	return &Contract{doc, base}
}

func hasExample(op *openapi3.Operation) bool {
	for status, res := range op.Responses.Map() {
		for _, c := range res.Value.Content {
			if status < "300" && c.Example != nil {
				return true
			}
		}
	}
	return op.Responses.Value("204") != nil
}

// Answer fails a test for an answer that the document does not promise.
func (c *Contract) Answer(t testing.TB, method, target string, w *httptest.ResponseRecorder) {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	what := method + " " + target
	if w.Code >= 300 && w.Code < 400 { // conditions and redirects are HTTP's own
		return
	}
	op := c.operation(method, u.Path)
	if op == nil {
		if w.Code < 400 {
			t.Errorf("%s is in no document and answers %d", what, w.Code)
		}
		return
	}
	res := op.Responses.Status(w.Code)
	if res == nil {
		t.Errorf("%s: %d is not documented: %s", what, w.Code, w.Body)
		return
	}
	content := res.Value.Content.Get(w.Header().Get("Content-Type"))
	if content == nil {
		if w.Body.Len() > 0 {
			t.Errorf("%s: %d has %s", what, w.Code, w.Header().Get("Content-Type"))
		}
		return
	}
	var v any
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil && method != http.MethodHead {
		t.Errorf("%s: %v: %s", what, err, w.Body)
	} else if err := content.Schema.Value.VisitJSON(v, openapi3.EnableJSONSchema2020()); err != nil {
		t.Errorf("%s: %v\n%s", what, err, w.Body)
	}
}

// operation is the one that a path is asked by, behind a locale or not; nil for none.
func (c *Contract) operation(method, path string) *openapi3.Operation {
	_, under, _ := strings.Cut(path, c.base)
	asked := strings.Split(under, "/")
	var found *openapi3.Operation
	written := -1
	for template, item := range c.doc.Paths.Map() {
		parts := strings.Split(template, "/")
		fits := slices.EqualFunc(parts, asked, func(is, asked string) bool { return is == asked || strings.HasPrefix(is, "{") })
		if op := item.GetOperation(method); fits && op != nil && len(parts)-strings.Count(template, "{") > written {
			found, written = op, len(parts)-strings.Count(template, "{")
		}
	}
	return found
}
