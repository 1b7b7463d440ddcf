package shield

import (
	"net/http"
	"testing"
	"time"

	"meridian/test/tiertest"
)

// However many ask for what is not there, its role is asked once a moment.
func TestWhatIsNotThereIsRememberedBriefly(t *testing.T) {
	f := newFixture(t, nil)
	tiertest.RemembersWhatIsMissing(t, f.shop, Default().NegativeStatus[http.StatusNotFound], func(d time.Duration) { f.now = t0.Add(d) }, func() (int, string, string) {
		w := f.do("GET", "/p/nothing")
		return w.Code, w.Body.String(), w.Header().Get("Cache-Status")
	})
}

// A role that does not answer is not asked again for the same for a moment.
func TestAFailureIsToldAgainForAMoment(t *testing.T) {
	f := newFixture(t, nil)
	tiertest.RemembersAFailure(t, []*tiertest.Upstream{f.media}, func() { f.now = t0.Add(Default().NegativeError) }, func() (int, string) {
		w := f.do("GET", picture+"webp/640x0")
		return w.Code, w.Header().Get("Cache-Status")
	})
}
