package httpcache

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A visitor who sends credentials does not spoil the sharing of the others: not
// while he waits, and not afterwards (RFC 9111 §3.5).
func TestAuthorizationSpoilsNoSharing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		g.origin.set(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return answer(200, "for "+r.Header.Get("Authorization"), "Cache-Control: max-age=300"), nil
		})
		named := g.crowd(1, "/a", "Authorization: x")
		synctest.Wait()
		others := g.crowd(20, "/a")
		for _, r := range append(named(), g.crowd(1, "/b", "Authorization: x")()...) {
			if r.Body.String() != "for x" {
				t.Errorf("%q", r.Body)
			}
		}
		for _, r := range append(others(), g.crowd(20, "/b")()...) {
			if r.Body.String() != "for " || strings.Contains(r.status(), "hit-for-miss") {
				t.Errorf("%q %s", r.Body, r.status())
			}
		}
		if n := g.origin.reads(); n != 4 {
			t.Errorf("%d reads, want 4: one for each name and resource", n)
		}
	})
}
