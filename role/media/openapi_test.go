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
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// The document is well formed, and what it gives as examples is what it says.
func TestAPIDocumentIsValid(t *testing.T) {
	doc := loadedAPI()
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
	for path, item := range loadedAPI().Paths.Map() {
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

// Each operation of the document is answered as it says; see documentedOnly.
func TestEveryOperationAnswersAsDocumented(t *testing.T) {
	places := newPlaces(t, func(c *Config) { c.Moderation.Token = "judge" })
	us := places["us-east"]
	made, private := us.put(t, picture(400, 300, 7)), us.privately(t, picture(400, 300, 8))
	at, tus := "/media/crumbs/"+made.MediaID, "/media/crumbs/tus/"
	signed, err := us.private.Sign("/private/crumbs/"+private.MediaID+"/v1/webp/320x0", noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	begin := []func(*http.Request){header("Tus-Resumable", "1.0.0"), header("Upload-Length", "4"), header("Idempotency-Key", "a-key-of-22-characters")}
	upload := us.do("POST", tus, nil, append(begin, bearer(token))...).Header().Get("Location")
	upload = upload[strings.LastIndex(upload, "/media/"):]
	done := map[string]bool{}
	for _, x := range []struct {
		method, path, body string
		status             int
		fields             []func(*http.Request)
	}{
		{"GET", apiPath, "", 200, nil},
		{"GET", "/media/crumbs?limit=1&name=a&moderation=approved", "", 200, nil},
		{"PUT", "/media/crumbs?name=a.png", string(picture(40, 30, 1)), 201, nil},
		{"POST", "/media/crumbs", string(picture(40, 30, 2)), 201, nil},
		{"POST", "/media/crumbs/grants", `{"method":"plain","types":["image/png"],"owner":"otto"}`, 201, nil},
		{"OPTIONS", "/media/crumbs/tus", "", 200, nil},
		{"OPTIONS", tus, "", 200, nil},
		{"POST", "/media/crumbs/tus", "", 201, []func(*http.Request){header("Tus-Resumable", "1.0.0"), header("Upload-Length", "4")}},
		{"POST", tus, "", 201, []func(*http.Request){header("Tus-Resumable", "1.0.0"), header("Upload-Length", "4")}},
		{"OPTIONS", upload, "", 200, nil},
		{"HEAD", upload, "", 200, begin[:1]},
		{"GET", upload, "", 200, begin[:1]},
		{"PATCH", upload, "ab", 204, []func(*http.Request){begin[0], header("Upload-Offset", "0"), header("Content-Type", "application/offset+octet-stream")}},
		{"DELETE", upload, "", 204, begin[:1]},
		{"GET", at, "", 200, nil},
		{"GET", at + "/manifest", "", 200, nil},
		{"GET", "/media/" + made.MediaID + "/manifest", "", 200, nil},
		{"POST", at + "/versions", `{"focal":{"x":0.1,"y":0.2}}`, 201, []func(*http.Request){header("Content-Type", "application/json")}},
		{"POST", at + "/versions", `{"crop":{"x":1,"y":2,"width":30,"height":20},"rotate":1}`, 201, []func(*http.Request){header("Content-Type", "application/json")}},
		{"POST", at + "/rollback", `{"version":1}`, 200, nil},
		{"GET", at + "/original?version=1", "", 200, nil},
		{"GET", at + "/preview?version=1", "", 200, nil},
		{"POST", at + "/moderation", `{"state":"approved","by":"otto","reason":"a cake"}`, 200, []func(*http.Request){bearer("judge")}},
		{"GET", "/img/crumbs/" + made.MediaID + "/v1/webp/320x0", "", 200, nil},
		{"GET", "/img/crumbs/" + made.MediaID + "/avif/320x0", "", 200, nil},
		{"GET", "/private/crumbs/" + private.MediaID + "/v1/webp/320x0?" + signed, "", 200, nil},
		{"GET", "/img/crumbs/" + made.MediaID + "/v1/svg", "", 400, nil}, // drawing_test.go has those that are given
		{"GET", "/img/crumbs/" + made.MediaID + "/svg", "", 400, nil},
		{"GET", "/private/crumbs/" + private.MediaID + "/v1/svg?" + signed, "", 403, nil},
		{"GET", "/media/crumbs/footprint", "", 200, nil},
		{"GET", "/media/crumbs/jobs?state=failed&limit=3&media_id=" + made.MediaID, "", 200, nil},
		{"POST", "/media/crumbs/retry?id=5&region=us-east", "", 200, nil},
		{"POST", "/media/crumbs/verify?region=us-east&after=", "", 200, nil},
		{"POST", "/media/crumbs/collect?region=us-east&after=&dry_run=true", "", 200, nil},
		{"DELETE", at + "?by=otto", "", 202, nil},
		{"GET", at + "/deletion", "", 200, nil},
		{"GET", "/media/crumbs/receipts/" + made.MediaID, "", 200, nil},
	} {
		w := us.do(x.method, x.path, strings.NewReader(x.body), append([]func(*http.Request){bearer(token)}, x.fields...)...)
		if w.Code != x.status {
			t.Errorf("%s %s: %d %s, want %d", x.method, x.path, w.Code, w.Body, x.status)
		}
		path, _, _ := strings.Cut(x.path, "?")
		template, _ := documented(path)
		done[x.method+" "+template] = true
	}
	for path, item := range loadedAPI().Paths.Map() {
		for method := range item.Operations() {
			if !done[method+" "+path] {
				t.Errorf("%s %s is asked by no request here", method, path)
			}
		}
	}
	if w := us.do("GET", apiPath, nil); w.Header().Get("Content-Type") != "application/json" || !json.Valid(w.Body.Bytes()) {
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
