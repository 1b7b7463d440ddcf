package accelerator

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meridian/engine/contentcoding"
	"meridian/platform/front"
)

// capitals is a coding for this test.
type capitals struct{ to io.Writer }

func (c capitals) Write(p []byte) (int, error) { return c.to.Write(bytes.ToUpper(p)) }
func (capitals) Flush() error                  { return nil }
func (capitals) Close() error                  { return nil }
func (capitals) Release()                      {}

type texts struct{ asked int }

func (o *texts) RoundTrip(r *http.Request) (*http.Response, error) {
	o.asked++
	if r.Header.Get("Accept-Encoding") != "identity" {
		o.asked += 100
	}
	body := strings.Repeat("words ", 400)
	h := http.Header{"Content-Type": {"text/html"}, "Cache-Control": {"max-age=60"}, "Etag": {`"v1"`}}
	return &http.Response{StatusCode: 200, Header: h, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// Each coding is made once, found by both ways, and purged with the rest.
func TestTextIsCodedOnceACoding(t *testing.T) {
	o, coded := &texts{}, 0
	cfg := Default()
	cfg.Listen, cfg.Origins = "tcp:127.0.0.1:0", []string{"http://one.example"}
	a, err := New(cfg, Deps{
		Origins: map[string]http.RoundTripper{"http://one.example": o}, LoopID: "r",
		Now: func() time.Time { return time.Unix(1_800_000_000, 0) }, Log: slog.New(slog.DiscardHandler),
		Code: func(_ contentcoding.Class, to io.Writer) (contentcoding.Encoder, bool) {
			coded++
			return capitals{to}, true
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer a.cache.Close()
	for _, accept := range []string{"gzip, deflate, br", "br;q=1, gzip;q=0.5", "gzip", "GZIP", "identity"} {
		r := httptest.NewRequest("GET", "http://shop.example/p?q=1", nil)
		r.Header.Set("Accept-Encoding", accept)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		hit, ok := a.Hit(&front.Request{Method: "GET", Host: []byte("shop.example"), Target: []byte("/p?q=1"), Fields: []front.Field{{Name: []byte("accept-encoding"), Value: []byte(accept)}}})
		if !ok || string(hit.Body) != w.Body.String() || strings.HasPrefix(w.Body.String(), "WORDS") != (accept != "identity") {
			t.Errorf("%q: %v, %.20q, long way %.20q", accept, ok, hit.Body, w.Body)
		}
	}
	if o.asked != 3 || coded != 2 {
		t.Errorf("%d reads, coded %d times: want 3 and 2", o.asked, coded)
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest("POST", "http://shop.example/p?q=1", nil))
	if n := a.Stats().Objects; n != 0 {
		t.Errorf("%d are stored after an unsafe method", n)
	}
}
