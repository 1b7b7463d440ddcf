package httpcache

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const mayStale = "Cache-Control: max-age=300, stale-if-error=600, stale-while-revalidate=600"

// unsureRig has a switch that says whether purges may have been missed.
func unsureRig(t *testing.T, change func(*Config)) (*rig, *atomic.Bool) {
	unsure := &atomic.Bool{}
	return newRig(t, func(c *Config) {
		c.Unsure = func(*http.Request) bool { return unsure.Load() }
		if change != nil {
			change(c)
		}
	}), unsure
}

func TestWhatIsUnsureIsValidated(t *testing.T) {
	g, unsure := unsureRig(t, nil)
	g.origin.says(200, "cake", mayStale, `Etag: "a"`)
	g.get("/a")
	unsure.Store(true)
	g.origin.set(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("If-None-Match") != `"a"` {
			t.Errorf("not asked whether it has changed: %v", r.Header)
		}
		return answer(304, "", mayStale, `Etag: "a"`), nil
	})
	for range 2 { // a validation holds for who asked for it, not for who comes next
		g.expect(g.get("/a"), 200, "cake", "edge-iad; fwd=stale; fwd-status=304; stored; ttl=300; detail=feed-lost")
	}
	g.origin.says(200, "tart", mayStale, `Etag: "b"`)
	g.expect(g.get("/a"), 200, "tart", "edge-iad; fwd=stale; fwd-status=200; stored; ttl=300; detail=feed-lost")
	g.expect(g.get("/b"), 200, "tart", "edge-iad; fwd=uri-miss; fwd-status=200; stored; ttl=300; detail=feed-lost")
	unsure.Store(false)
	g.expect(g.get("/a"), 200, "tart", "edge-iad; hit; ttl=300")
}

// A PoP that is cut off goes on serving what allows it, and that alone.
func TestWhatIsUnsureServesAfterAnError(t *testing.T) { // RFC 5861 §4
	g, unsure := unsureRig(t, nil)
	g.origin.says(200, "cake", mayStale)
	g.get("/a")
	g.origin.says(200, "strict", "Cache-Control: max-age=300")
	g.get("/b")
	unsure.Store(true)
	g.origin.set(func(*http.Request) (*http.Response, error) { return nil, errors.New("cut") })
	g.expect(g.get("/a"), 200, "cake", "edge-iad; fwd=stale; detail=stale-if-error")
	if r := g.get("/b"); r.Code != 502 {
		t.Errorf("%d %q", r.Code, r.Body)
	}
	g.origin.says(503, "away")
	g.expect(g.get("/a"), 200, "cake", "edge-iad; fwd=stale; fwd-status=503; detail=stale-if-error")
	g.pass(901 * time.Second)
	if r := g.get("/a"); r.Code != 503 {
		t.Errorf("beyond stale-if-error: %d %q", r.Code, r.Body)
	}
}

// A read that was begun before may have fetched what was purged unheard.
func TestWhoIsUnsureJoinsNoOlderFill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, unsure := unsureRig(t, nil)
		body := "old"
		g.origin.set(func(*http.Request) (*http.Response, error) {
			b := body
			time.Sleep(time.Second)
			return answer(200, b, mayStale), nil
		})
		first := g.crowd(1, "/a")
		synctest.Wait()
		unsure.Store(true)
		body = "new"
		later := g.crowd(3, "/a")
		if r := first()[0]; r.Body.String() != "old" {
			t.Errorf("%q", r.Body)
		}
		for _, r := range later() {
			if r.Body.String() != "new" {
				t.Errorf("%q from before", r.Body)
			}
		}
		if n := g.origin.reads(); n != 2 {
			t.Errorf("%d reads: those who are unsure share one", n)
		}
	})
}

func TestALateAnswerCountsAsAnError(t *testing.T) { // RFC 5861 §4
	synctest.Test(t, func(t *testing.T) {
		g, unsure := unsureRig(t, func(c *Config) { c.StaleWait, c.Now = 2*time.Second, time.Now })
		g.origin.says(200, "cake", mayStale, `Etag: "a"`)
		g.get("/a")
		g.origin.says(200, "strict", "Cache-Control: max-age=300")
		g.get("/b")
		unsure.Store(true)
		g.origin.set(func(*http.Request) (*http.Response, error) {
			time.Sleep(5 * time.Second)
			return answer(200, "tart", mayStale, `Etag: "b"`), nil
		})
		began := time.Now()
		results := g.crowd(3, "/a")
		time.Sleep(1500 * time.Millisecond)
		later := g.crowd(1, "/a")
		for _, r := range append(results(), later()...) {
			if r.Body.String() != "cake" || !strings.Contains(r.status(), "fwd=stale; detail=stale-if-error") {
				t.Errorf("%q %s", r.Body, r.status())
			}
		}
		if d := time.Since(began); d != 2*time.Second {
			t.Errorf("the last had it after %v", d)
		}
		if r := g.get("/b"); r.Body.String() != "tart" || time.Since(began) != 7*time.Second {
			t.Errorf("what allows no stale use: %q after %v", r.Body, time.Since(began))
		}
		unsure.Store(false)
		if r := g.get("/a"); r.Body.String() != "tart" || g.origin.reads() != 4 {
			t.Errorf("the late answer was not kept: %q, %d reads", r.Body, g.origin.reads())
		}
	})
}
