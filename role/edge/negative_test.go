package edge

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"meridian/test/tiertest"
)

// What is not there is remembered for a moment, where nothing is said of it.
func TestWhatIsNotThereIsRememberedBriefly(t *testing.T) {
	f := newFixture(t, nil)
	tiertest.RemembersWhatIsMissing(t, f.near, Default().NegativeStatus[http.StatusNotFound], func(d time.Duration) { f.now = t0.Add(d) }, func() (int, string, string) {
		w := f.do("GET", "/p/nothing")
		return w.Code, w.Body.String(), w.Header().Get("Cache-Status")
	})
}

// While no shield answers, who asks for the same again is told at once.
func TestAFailureIsToldAgainForAMoment(t *testing.T) {
	f := newFixture(t, nil)
	tiertest.RemembersAFailure(t, []*tiertest.Upstream{f.near, f.home}, func() { f.now = t0.Add(time.Minute) }, func() (int, string) {
		w := f.do("GET", "/p/a")
		return w.Code, w.Header().Get("Cache-Status")
	})
}

// A shield that is usually quick is waited for no longer than 95 in 100 of its
// answers take. A picture is: it may have to be made first.
func TestAShieldThatIsSlowerThanUsualIsHedged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var takes time.Duration
		l := newTimeline(t, []string{"near", "far"}, map[string]answer{
			"near": func(r *http.Request) (*http.Response, error) { return slow(takes, tiertest.Says("near"))(r) }, "far": tiertest.Says("far"),
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
