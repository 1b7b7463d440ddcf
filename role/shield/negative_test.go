package shield

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// However many ask for what is not there, its role is asked once a moment.
func TestWhatIsNotThereIsRememberedBriefly(t *testing.T) {
	f := newFixture(t, nil)
	f.shop.will(func(r *http.Request) (*http.Response, error) {
		res, err := says("nothing here")(r)
		res.StatusCode = http.StatusNotFound
		res.Header.Del("Cache-Control")
		return res, err
	})
	kept := Default().NegativeStatus[http.StatusNotFound]
	for _, c := range []struct {
		at    time.Duration
		reads int
	}{{0, 1}, {kept - time.Second, 1}, {kept, 2}} {
		f.now = t0.Add(c.at)
		if w := f.do("GET", "/p/nothing"); w.Code != 404 || f.shop.count() != c.reads {
			t.Errorf("after %v: %d, %d reads; want %d", c.at, w.Code, f.shop.count(), c.reads)
		}
	}
}

// A role that does not answer is not asked again for the same for a moment.
func TestAFailureIsToldAgainForAMoment(t *testing.T) {
	f := newFixture(t, nil)
	f.media.will(gone)
	for range 5 {
		f.do("GET", picture+"webp/640x0")
	}
	if n := f.media.count(); n != 1 {
		t.Errorf("media was asked %d times", n)
	}
	if w := f.do("GET", picture+"webp/640x0"); w.Code != 502 || !strings.Contains(w.Header().Get("Cache-Status"), "detail=negative") {
		t.Errorf("%d %s", w.Code, w.Header().Get("Cache-Status"))
	}
	f.now = t0.Add(Default().NegativeError)
	f.media.will(says("media"))
	if w := f.do("GET", picture+"webp/640x0"); w.Code != 200 {
		t.Errorf("a moment later: %d", w.Code)
	}
}
