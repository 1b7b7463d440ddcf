package media

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"meridian/world"
)

var loadedAPI = sync.OnceValue(func() *openapi3.T {
	doc, err := openapi3.NewLoader().LoadFromData(apiDocument)
	if err != nil {
		panic(err)
	}
	return doc
})

// documented is what the API document says of a path: the template that fits it
// best, with most of its words written out.
func documented(path string) (template string, item *openapi3.PathItem) {
	asked, most := strings.Split(path, "/"), -1
	for candidate, i := range loadedAPI().Paths.Map() {
		parts := strings.Split(candidate, "/")
		if len(parts) != len(asked) {
			continue
		}
		same := 0
		for n, part := range parts {
			switch {
			case strings.HasPrefix(part, "{"):
			case part == asked[n]:
				same++
			default:
				same = -len(parts)
			}
		}
		if same > most {
			template, item, most = candidate, i, same
		}
	}
	return template, item
}

// documentedOnly sees that every answer that a test gets is one that the API
// document promises.
func documentedOnly(t testing.TB, h http.Handler) http.Handler {
	if _, fuzzed := t.(*testing.F); fuzzed {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := &http.Request{Method: r.Method, URL: &url.URL{Path: r.URL.Path, RawQuery: r.URL.RawQuery}}
		h.ServeHTTP(w, r)
		preflight := r.Header.Get("Access-Control-Request-Method") != "" // a browser's question about a request, by the Fetch standard
		if rec, ok := w.(*httptest.ResponseRecorder); ok && !preflight && !strings.HasPrefix(asked.URL.Path, world.InternalPrefix) {
			checkDocumented(t, asked, rec)
		}
	})
}

func checkDocumented(t testing.TB, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	template, item := documented(r.URL.Path)
	var op *openapi3.Operation
	if item != nil {
		if op = item.GetOperation(r.Method); op == nil && r.Method == http.MethodHead {
			op = item.Get
		}
	}
	if op == nil { // no such path, or no such method there
		if w.Code < 400 || w.Code >= 500 {
			t.Errorf("%s %s is in no document and answers %d", r.Method, r.URL, w.Code)
		}
		return
	}
	what := r.Method + " " + template
	res := op.Responses.Status(w.Code)
	if res == nil {
		t.Errorf("%s: %d is not documented: %.200s", what, w.Code, w.Body)
		return
	}
	if w.Code < 300 {
		for name := range r.URL.Query() {
			if op.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil && item.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
				t.Errorf("%s takes %s, which is not documented", what, name)
			}
		}
	}
	checkContent(t, what, r, w, res.Value)
}

func checkContent(t testing.TB, what string, r *http.Request, w *httptest.ResponseRecorder, res *openapi3.Response) {
	t.Helper()
	body := w.Body.Bytes()
	if r.Method == http.MethodHead || len(body) == 0 {
		return
	}
	kind, _, err := mime.ParseMediaType(w.Header().Get("Content-Type"))
	content := res.Content.Get(kind)
	if err != nil || content == nil || content.Schema == nil {
		t.Errorf("%s: %d with content of type %q is not documented", what, w.Code, w.Header().Get("Content-Type"))
		return
	}
	if !strings.HasSuffix(kind, "json") {
		return
	}
	var answer any
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&answer); err != nil {
		t.Errorf("%s: %d: %v", what, w.Code, err)
		return
	}
	if err := loadedAPI().ValidateSchemaJSON(content.Schema.Value, answer); err != nil {
		t.Errorf("%s: %d: %v\n%s", what, w.Code, err, body)
	}
}

// Every object of an answer is described whole: a member that is not in the
// document is found by the tests above.
func TestAnswersAreDescribedWhole(t *testing.T) {
	seen := map[*openapi3.Schema]bool{}
	var walk func(where string, ref *openapi3.SchemaRef)
	walk = func(where string, ref *openapi3.SchemaRef) {
		if ref == nil || ref.Value == nil || seen[ref.Value] {
			return
		}
		s := ref.Value
		seen[s] = true
		closed := s.AdditionalProperties.Has != nil && !*s.AdditionalProperties.Has || s.AdditionalProperties.Schema != nil
		if s.Type.Is("object") && !closed {
			t.Errorf("%s: an object without additionalProperties", where)
		}
		for name, p := range s.Properties {
			walk(where+"."+name, p)
		}
		walk(where+"[]", s.Items)
		walk(where+"{}", s.AdditionalProperties.Schema)
		for _, list := range []openapi3.SchemaRefs{s.OneOf, s.AnyOf, s.AllOf} {
			for _, one := range list {
				walk(where, one)
			}
		}
	}
	for path, item := range loadedAPI().Paths.Map() {
		if path == apiPath {
			continue
		}
		for method, op := range item.Operations() {
			for status, res := range op.Responses.Map() {
				for kind, c := range res.Value.Content {
					if strings.HasSuffix(kind, "json") {
						walk(method+" "+path+" "+status, c.Schema)
					}
				}
			}
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %d schemas were looked at", len(seen))
	}
}
