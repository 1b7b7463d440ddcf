package coding

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meridian/engine/contentcoding"
	"meridian/engine/httpcache"
)

// origin says the same for ever, and knows its validator.
type origin struct {
	text  string
	reads int
	valid int
}

func (o *origin) RoundTrip(r *http.Request) (*http.Response, error) {
	res := &http.Response{StatusCode: 200, Header: http.Header{
		"Content-Type": {"text/css"}, "Cache-Control": {"max-age=60"}, "Etag": {`"v1"`}, "Vary": {"Origin"},
	}, ContentLength: int64(len(o.text)), Body: io.NopCloser(strings.NewReader(o.text))}
	if strings.Contains(r.Header.Get("If-None-Match"), `"v1"`) {
		o.valid++
		res.StatusCode, res.ContentLength, res.Body = 304, 0, http.NoBody
		return res, nil
	}
	o.reads++
	return res, nil
}

type fixture struct {
	*origin
	cache *httpcache.Cache
	now   time.Time
}

func newFixture(t *testing.T) *fixture {
	e, err := New(contentcoding.DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{origin: &origin{text: strings.Repeat("body { margin: 0 }\n", 500)}, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	f.cache = httpcache.New(httpcache.Config{
		Now: func() time.Time { return f.now }, Upstream: &contentcoding.Transport{Upstream: f.origin, Open: e.Open},
		Keyed: []string{"Accept-Encoding"}, Alike: contentcoding.AllKeys,
		KeyOf: func(r *http.Request) (string, bool) {
			return contentcoding.AppendKey(r.URL.Path, contentcoding.Of(r.Header["Accept-Encoding"])), true
		},
	})
	t.Cleanup(func() { f.cache.Close() })
	return f
}

func (f *fixture) get(fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "http://shop/site.css", nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	f.cache.ServeHTTP(w, r)
	return w
}

// However clients write what they accept, each coding is made and stored once.
func TestStoredOnceACoding(t *testing.T) {
	f := newFixture(t)
	for range 2 {
		for accept, want := range map[string]contentcoding.Class{
			"": contentcoding.Identity, "deflate": contentcoding.Identity,
			"gzip, deflate": contentcoding.Gzip, "gzip": contentcoding.Gzip, "GZIP;q=0.3": contentcoding.Gzip,
			"zstd, gzip": contentcoding.Zstd, "gzip, deflate, br, zstd": contentcoding.Brotli, "br;q=1.0, gzip;q=0.8, *;q=0.1": contentcoding.Brotli,
		} {
			w := f.get("Accept-Encoding", accept)
			coded := w.Header().Get("Content-Encoding")
			if want == contentcoding.Identity {
				if coded != "" || w.Body.String() != f.text {
					t.Errorf("%q: %v", accept, w.Header())
				}
			} else if coded != want.String() || string(decode(t, want, w.Body)) != f.text {
				t.Errorf("%q: %v", accept, w.Header())
			}
			if vary := strings.Join(w.Header().Values("Vary"), ", "); vary != "Origin, Accept-Encoding" {
				t.Errorf("%q: Vary: %s", accept, vary)
			}
		}
	}
	if s := f.cache.Stats(); f.reads != 4 || s.Objects != 4 {
		t.Errorf("%d reads, %d objects: want one a coding", f.reads, s.Objects)
	}
}

func TestValidatedAsItIsStored(t *testing.T) {
	f := newFixture(t)
	first := f.get("Accept-Encoding", "br")
	f.now = f.now.Add(2 * time.Minute)
	again := f.get("Accept-Encoding", "br")
	if f.valid != 1 || f.reads != 1 || !strings.Contains(again.Header().Get("Cache-Status"), "fwd-status=304") {
		t.Fatalf("%d validations, %d reads, %v", f.valid, f.reads, again.Header())
	}
	if !bytes.Equal(first.Body.Bytes(), again.Body.Bytes()) || again.Header().Get("Etag") != `W/"v1~br"` || again.Header().Get("Content-Encoding") != "br" {
		t.Errorf("%v", again.Header())
	}
	if vary := strings.Join(again.Header().Values("Vary"), ", "); vary != "Origin, Accept-Encoding" {
		t.Errorf("Vary after a validation: %s", vary)
	}
	// The visitor's own copy is compared with what is stored in its class.
	if w := f.get("Accept-Encoding", "br", "If-None-Match", `W/"v1~br"`); w.Code != 304 {
		t.Errorf("%d for a copy that is good", w.Code)
	}
	for _, accept := range []string{"gzip", "identity"} {
		if w := f.get("Accept-Encoding", accept, "If-None-Match", `W/"v1~br"`); w.Code != 200 {
			t.Errorf("%s: %d for a copy in another coding", accept, w.Code)
		}
	}
}

// A range is one of the coded bytes (RFC 9110 §14.2); the weak entity-tag keeps
// parts of two codings, or of two encoders, from being joined.
func TestRangesAreOfTheCodedContent(t *testing.T) {
	f := newFixture(t)
	whole := f.get("Accept-Encoding", "br").Body.Bytes()
	w := f.get("Accept-Encoding", "br", "Range", "bytes=5-14")
	if w.Code != 206 || !bytes.Equal(w.Body.Bytes(), whole[5:15]) || w.Header().Get("Content-Encoding") != "br" {
		t.Errorf("%d, %v", w.Code, w.Header())
	}
	w = f.get("Accept-Encoding", "br", "Range", "bytes=5-14", "If-Range", w.Header().Get("Etag"))
	if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), whole) {
		t.Errorf("If-Range with a weak entity-tag: %d", w.Code)
	}
	w = f.get("Range", "bytes=5-14", "If-Range", `"v1"`)
	if w.Code != 206 || w.Body.String() != f.text[5:15] {
		t.Errorf("plain: %d, %q", w.Code, w.Body)
	}
}

// What is purged by one key, or made untrue by an unsafe method, is so in each
// coding.
func TestAPurgeTakesEachCoding(t *testing.T) {
	f := newFixture(t)
	fill := func() {
		for _, accept := range []string{"", "gzip", "zstd", "br"} {
			f.get("Accept-Encoding", accept)
		}
	}
	fill()
	if n := f.cache.Purge(httpcache.Purge{Keys: []string{"/site.css"}}); n != 4 {
		t.Errorf("%d removed, want 4", n)
	}
	fill()
	f.cache.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "http://shop/site.css", nil))
	if n := f.cache.Stats().Objects; n != 0 {
		t.Errorf("%d are still stored", n)
	}
}
