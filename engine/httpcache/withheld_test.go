package httpcache

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestFieldsThatOnlyTheFirstMayHave(t *testing.T) { // RFC 9111 §5.2.2.4, §5.2.2.7
	for _, field := range []string{`private="set-cookie, x-mine"`, `no-cache="Set-Cookie", private="X-Mine"`} {
		g := newRig(t, nil)
		fields := []string{"Cache-Control: max-age=60, " + field, "Set-Cookie: id=1", "X-Mine: 1", "X-Ours: 1", `ETag: "v1"`}
		g.origin.says(200, "cake", fields...)
		check := func(what string, r result, mine bool) {
			t.Helper()
			h := r.Header()
			if (h.Get("Set-Cookie") != "") != mine || (h.Get("X-Mine") != "") != mine || h.Get("X-Ours") != "1" || r.Body.String() != "cake" {
				t.Errorf("%s, %s: %v", field, what, h)
			}
		}
		check("who fetched it", g.get("/a"), true)
		r := g.get("/a")
		check("from the store", r, false)
		g.expect(r, 200, "cake", "edge-iad; hit; ttl=60")
		g.pass(time.Minute)
		g.origin.says(304, "", fields...)
		check("who validated it", g.get("/a"), true) // §3.2: what the 304 brings is not stored either
		check("from the store, validated", g.get("/a"), false)
	}
}

func TestWhoWaitsIsNotGivenWhatIsWithheld(t *testing.T) { // RFC 9111 §5.2.2.7
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		gate := make(chan struct{})
		g.origin.set(func(*http.Request) (*http.Response, error) {
			<-gate
			return answer(200, "cake", `Cache-Control: max-age=60, private="x-mine"`, "X-Mine: 1"), nil
		})
		wait := g.crowd(5, "/a")
		synctest.Wait()
		close(gate)
		given := 0
		for _, r := range wait() {
			if r.Header().Get("X-Mine") != "" {
				given++
			}
		}
		if given != 1 || g.origin.reads() != 1 {
			t.Errorf("%d of 5 were given what is one's own, after %d reads", given, g.origin.reads())
		}
	})
}
