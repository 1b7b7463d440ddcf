package media

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

func apiDoc(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(apiDocument)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// The document is well formed, and what it gives as examples is what it says.
func TestAPIDocumentIsValid(t *testing.T) {
	doc := apiDoc(t)
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("it is of version %s", doc.OpenAPI)
	}
	examples := 0
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.OperationID == "" || op.Summary == "" || op.Security == nil {
				t.Errorf("%s %s lacks its id, summary or security", method, path)
			}
			for status, res := range op.Responses.Map() {
				if c := res.Value.Content.Get("application/json"); c != nil && c.Example != nil {
					examples++
				} else if c != nil && path != apiPath {
					t.Errorf("%s %s: %s has no example", method, path, status)
				}
			}
		}
	}
	if examples == 0 {
		t.Error("no example was looked at")
	}
}

const apiPath = "/media/openapi.json"

// sample is a path as a request has it.
func sample(path string) string {
	return strings.NewReplacer("{app}", "crumbs", "{media_id}", "14h0t2c9x7q3mv8k", "{upload}", "14h0t2c9x7q3mv8k",
		"{version_name}", "v1", "{format}", "auto", "{size}", "640x0", "{receipt}", "14h0t2c9x7q3mv8k").Replace(path)
}

// What the document names is what the router takes, method by method.
func TestAPIDocumentIsTheRouters(t *testing.T) {
	m := newPlaces(t, nil)["us-east"].Media
	words := map[string]bool{}
	for path, item := range apiDoc(t).Paths.Map() {
		for _, w := range strings.Split(path, "/") {
			words[w] = true
		}
		var documented, taken []string
		for method := range item.Operations() {
			if method != http.MethodHead { // answered wherever GET is
				documented = append(documented, method)
			}
		}
		for method := range m.route(httptest.NewRequest(http.MethodGet, sample(path), nil)) {
			taken = append(taken, method)
		}
		slices.Sort(documented)
		slices.Sort(taken)
		if !slices.Equal(documented, taken) {
			t.Errorf("%s: the document has %v, the router takes %v", path, documented, taken)
		}
	}
	for _, w := range routeWords(t) {
		if !words[w] {
			t.Errorf("the router knows /%s, and the document does not", w)
		}
	}
}

// routeWords are the words of paths that the router's source compares with, but
// for those of internal paths.
func routeWords(t *testing.T) (words []string) {
	t.Helper()
	source, err := os.ReadFile("media.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(source), "\n") {
		if strings.Contains(line, "internal &&") && !strings.Contains(line, "!internal &&") {
			continue
		}
		for _, found := range regexp.MustCompile(`(?:^\tcase |part\[\d\] == )"([a-z.]+)"`).FindAllStringSubmatch(line, -1) {
			words = append(words, found[1])
		}
	}
	if len(words) < 8 {
		t.Fatalf("only %v were found: the router is written otherwise now", words)
	}
	return words
}

// What the role answers is what the document promises.
func TestAnswersAreAsDocumented(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	made := us.put(t, picture(40, 30, 7))
	doc := apiDoc(t)
	at := "/media/crumbs/" + made.MediaID
	for _, x := range []struct {
		method, path, template, body string
		status                       int
	}{
		{"GET", "/media/crumbs", "/media/{app}", "", 200},
		{"GET", at, "/media/{app}/{media_id}", "", 200},
		{"GET", at + "/manifest", "/media/{app}/{media_id}/manifest", "", 200},
		{"POST", "/media/crumbs/grants", "/media/{app}/grants", `{"method":"plain"}`, 201},
		{"POST", at + "/versions", "/media/{app}/{media_id}/versions", `{"focal":{"x":0.1,"y":0.2}}`, 201},
		{"POST", at + "/rollback", "/media/{app}/{media_id}/rollback", `{"version":1}`, 200},
		{"DELETE", at, "/media/{app}/{media_id}", "", 202},
		{"GET", at + "/deletion", "/media/{app}/{media_id}/deletion", "", 200},
	} {
		w := us.do(x.method, x.path, strings.NewReader(x.body), bearer(token), header("Content-Type", "application/json"))
		if w.Code != x.status {
			t.Fatalf("%s %s: %d %s", x.method, x.path, w.Code, w.Body)
		}
		var answer any
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		res := doc.Paths.Value(x.template).GetOperation(x.method).Responses.Status(x.status)
		if res == nil {
			t.Fatalf("%s %s: %d is not documented", x.method, x.template, x.status)
		}
		if err := res.Value.Content.Get("application/json").Schema.Value.VisitJSON(answer); err != nil {
			t.Errorf("%s %s: %v", x.method, x.path, err)
		}
	}
	if w := us.do("GET", apiPath, nil); w.Code != 200 || w.Header().Get("Content-Type") != "application/json" || !json.Valid(w.Body.Bytes()) {
		t.Errorf("the document: %d %v", w.Code, w.Header())
	}
}

func TestDownload(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	pic := picture(40, 30, 7)
	made := us.put(t, pic)
	at := "/media/crumbs/" + made.MediaID + "/original"
	w := us.do("GET", at, nil, bearer(token))
	if w.Code != 200 || w.Body.String() != string(pic) || w.Header().Get("Content-Type") != made.Newest().MediaType || !strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	for path, status := range map[string]int{at + "?version=2": 404, at + "?version=x": 400, "/media/crumbs/1000000000000zzz/original": 404} {
		if w := us.do("GET", path, nil, bearer(token)); w.Code != status {
			t.Errorf("%s: %d, want %d", path, w.Code, status)
		}
	}
	if w := us.do("GET", at, nil); w.Code != 401 {
		t.Errorf("without the token: %d", w.Code)
	}
	private := us.privately(t, pic)
	if w := us.do("GET", "/media/crumbs/"+private.MediaID+"/original", nil, bearer(token)); w.Code != 403 {
		t.Errorf("a private one: %d", w.Code)
	}
}
