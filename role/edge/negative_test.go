package edge

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What is not there is remembered for a moment, where nothing is said of it.
func TestWhatIsNotThereIsRememberedBriefly(t *testing.T) {
	f := newFixture(t, nil)
	missing := func(r *http.Request) (*http.Response, error) {
		res, err := page("nothing here")(r)
		res.StatusCode = http.StatusNotFound
		res.Header.Del("Cache-Control")
		return res, err
	}
	f.near.answer = missing
	kept := Default().NegativeStatus[http.StatusNotFound]
	for _, c := range []struct {
		at    time.Duration
		reads int
	}{{0, 1}, {kept - time.Second, 1}, {kept, 2}} {
		f.now = t0.Add(c.at)
		w := f.do("GET", "/p/nothing")
		if w.Code != 404 || w.Body.String() != "nothing here" || f.near.count() != c.reads {
			t.Errorf("after %v: %d %s, %d reads; want %d", c.at, w.Code, w.Body, f.near.count(), c.reads)
		}
		if said := w.Header().Get("Cache-Status"); c.at == kept-time.Second && !strings.Contains(said, "hit; ttl=1; detail=negative") {
			t.Errorf("Cache-Status: %s", said)
		}
	}
}

// While no shield answers, who asks for the same again is told at once.
func TestAFailureIsToldAgainForAMoment(t *testing.T) {
	f := newFixture(t, nil)
	f.near.answer, f.home.answer = gone, gone
	first := f.do("GET", "/p/a")
	asked := f.near.count() + f.home.count()
	for range 5 {
		if w := f.do("GET", "/p/a"); w.Code != first.Code || !strings.Contains(w.Header().Get("Cache-Status"), "detail=negative") {
			t.Errorf("%d %s", w.Code, w.Header().Get("Cache-Status"))
		}
	}
	if n := f.near.count() + f.home.count(); n != asked {
		t.Errorf("%d more reads", n-asked)
	}
	f.now, f.near.answer, f.home.answer = t0.Add(time.Minute), page("near"), page("home")
	if w := f.do("GET", "/p/a"); w.Code != 200 {
		t.Errorf("later: %d", w.Code)
	}
}

// A shield that is usually quick is waited for no longer than 95 in 100 of its
// answers take. A picture is: it may have to be made first.
func TestAShieldThatIsSlowerThanUsualIsHedged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var takes time.Duration
		l := newTimeline(t, []string{"near", "far"}, map[string]answer{
			"near": func(r *http.Request) (*http.Response, error) { return slow(takes, page("near"))(r) }, "far": page("far"),
		})
		for i := range 100 { // each a little quicker than those before
			takes = 400*time.Millisecond - time.Duration(i)*time.Millisecond
			l.get("GET", fmt.Sprintf("/p/a%d", i))
			l.get("GET", fmt.Sprintf("/img/sweet-crumbs/1000000000000000/v%d/webp/640x0", i+1))
		}
		takes = 900 * time.Millisecond
		if w, took := l.get("GET", "/p/b"); w.Body.String() != "far" || took != 396*time.Millisecond {
			t.Errorf("a page: %s after %v", w.Body, took)
		}
		if w, took := l.get("GET", "/img/sweet-crumbs/1000000000000000/v500/webp/640x0"); w.Body.String() != "near" || took != takes {
			t.Errorf("a picture: %s after %v", w.Body, took)
		}
		for i := range 100 {
			takes = time.Duration(100-i) * time.Millisecond
			l.get("GET", fmt.Sprintf("/p/c%d", i))
		}
		takes = 900 * time.Millisecond
		if w, took := l.get("GET", "/p/d"); w.Body.String() != "far" || took != l.cfg.HedgeFloor {
			t.Errorf("a page where 100 ms is slow: %s after %v, the floor is %v", w.Body, took, l.cfg.HedgeFloor)
		}
	})
}
