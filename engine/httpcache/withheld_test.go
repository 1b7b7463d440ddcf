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

// heldUp makes the fill that asks the origin now wait at its end, after it has told
// what became of it, until the gate opens; told is closed when it is there.
func (g *rig) heldUp(gate <-chan struct{}) (told <-chan struct{}) {
	there := make(chan struct{})
	for _, s := range g.shards {
		s.mu.Lock()
		for _, sl := range s.slots {
			for _, f := range sl.fills {
				stop := f.cancel
				f.cancel = func(err error) {
					close(there)
					<-gate
					stop(err)
				}
			}
		}
		s.mu.Unlock()
	}
	return there
}

func TestWhoComesAfterA304ThatTakesBackIsNotSentAlone(t *testing.T) { // RFC 9111 §5.2.2.7
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		g.origin.says(200, "cake", "Cache-Control: max-age=60", `ETag: "v1"`)
		g.get("/a")
		g.pass(time.Minute)
		gate := make(chan struct{})
		var told <-chan struct{}
		g.origin.set(func(*http.Request) (*http.Response, error) {
			told = g.heldUp(gate)
			return answer(304, "", "Cache-Control: private", `ETag: "v1"`), nil
		})
		first := g.crowd(1, "/a")
		synctest.Wait()
		<-told
		g.origin.set(func(*http.Request) (*http.Response, error) {
			<-time.After(time.Second)
			return answer(200, "pie", "Cache-Control: max-age=60"), nil
		})
		later := g.crowd(5, "/a")
		synctest.Wait()
		close(gate)
		g.expect(first()[0], 200, "cake", "edge-iad; fwd=stale; fwd-status=304; detail=private")
		for _, r := range later() {
			if r.Body.String() != "pie" {
				t.Errorf("who came later has %q", r.Body)
			}
		}
		if n := g.origin.reads(); n != 3 {
			t.Errorf("%d reads; those who came later share one, which makes 3", n)
		}
	})
}
