package httpcache

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestNegativeStatus(t *testing.T) { // RFC 9111 §4.2.2
	negative := map[int]time.Duration{404: 5 * time.Second, 410: time.Minute, 500: time.Minute, 200: time.Minute}
	for _, tc := range []struct {
		status int
		field  string
		reads  int // of two requests three seconds apart
	}{
		{404, "X: y", 1},
		{410, "X: y", 1},
		{404, "Cache-Control: max-age=1", 2}, // its own lifetime counts
		{404, "Cache-Control: no-store", 2},
		{404, "Cache-Control: private", 2},
		{404, "Set-Cookie: a=b", 2},
		{405, "X: y", 2}, // no lifetime by policy
		{500, "X: y", 2}, // no heuristic for this one (RFC 9110 §15.1)
		{200, "X: y", 2}, // no error
	} {
		g := newRig(t, func(c *Config) { c.NegativeStatus = negative })
		g.origin.says(tc.status, "no", tc.field)
		g.get("/a")
		g.pass(3 * time.Second)
		r := g.get("/a")
		if tc.reads == 1 && !strings.HasSuffix(r.status(), "; detail=negative") {
			t.Errorf("%d: %s", tc.status, r.status())
		}
		if r.Code != tc.status || g.origin.reads() != tc.reads {
			t.Errorf("%d with %s: %d reads, %d %s", tc.status, tc.field, g.origin.reads(), r.Code, r.status())
		}
	}
}

func TestAFailureIsToldAgain(t *testing.T) {
	for name, fail := range map[string]func() (*http.Response, error){
		"no answer": func() (*http.Response, error) { return nil, errors.New("refused") },
		"502":       func() (*http.Response, error) { return answer(502, "away"), nil },
		"503":       func() (*http.Response, error) { return answer(503, "away"), nil },
		"504":       func() (*http.Response, error) { return answer(504, "away"), nil },
	} {
		g := newRig(t, func(c *Config) { c.NegativeError = time.Second })
		g.origin.set(func(*http.Request) (*http.Response, error) { return fail() })
		first := g.get("/a")
		for range 5 {
			r := g.get("/a")
			want := "edge-iad; fwd=uri-miss; detail=negative"
			if name != "no answer" {
				want = fmt.Sprintf("edge-iad; fwd=uri-miss; fwd-status=%s; detail=negative", name)
			}
			if r.Code != first.Code || r.status() != want {
				t.Errorf("%s: %d, then %d %s", name, first.Code, r.Code, r.status())
			}
		}
		if s := g.Stats(); g.origin.reads() != 1 || s.Misses != 1 || s.Negative != 5 {
			t.Errorf("%s: %d reads, %+v", name, g.origin.reads(), s)
		}
		if g.get("/b"); g.origin.reads() != 2 {
			t.Errorf("%s: another resource is not asked for", name)
		}
		g.pass(time.Second)
		g.origin.says(200, "cake", "Cache-Control: max-age=60")
		if r := g.get("/a"); r.Body.String() != "cake" {
			t.Errorf("%s: a second later %d %s", name, r.Code, r.status())
		}
	}
}

func TestWhatIsNoFailureToTellAgain(t *testing.T) {
	for _, status := range []int{404, 500, 403, 200} {
		g := newRig(t, func(c *Config) { c.NegativeError = time.Second })
		g.origin.says(status, "x", "Cache-Control: max-age=0")
		g.get("/a")
		if g.get("/a"); g.origin.reads() != 2 {
			t.Errorf("%d was told again", status)
		}
	}
	g := newRig(t, func(c *Config) { c.NegativeError, c.PassRefusals = time.Second, true })
	g.origin.says(503, "our own page")
	for range 2 {
		if r := g.get("/a"); r.Code != 503 || r.Body.String() != "our own page" {
			t.Errorf("%d %q", r.Code, r.Body)
		}
	}
	g = newRig(t, nil) // off unless it is set
	g.origin.says(503, "x")
	g.get("/a")
	if g.get("/a"); g.origin.reads() != 2 {
		t.Error("told again without a policy")
	}
}

// A stale response that may be used is, and nobody is asked for it meanwhile.
func TestNoFailureOverAStaleResponse(t *testing.T) { // RFC 5861 §4
	g := newRig(t, func(c *Config) { c.NegativeError = time.Second })
	g.origin.says(200, "cake", "Cache-Control: max-age=10, stale-if-error=60")
	g.get("/a")
	g.pass(11 * time.Second)
	g.origin.set(func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") })
	for range 3 {
		g.expect(g.get("/a"), 200, "cake", "edge-iad; fwd=stale; detail=stale-if-error")
	}
	if n := g.origin.reads(); n != 2 {
		t.Errorf("%d reads, want one that filled and one that failed", n)
	}
}

func TestAPurgeForgetsFailures(t *testing.T) {
	for name, p := range map[string]Purge{"the key": {Keys: []string{"shop.test/a"}}, "a group": {Groups: []string{"g"}}, "all": {All: true}} {
		g := newRig(t, func(c *Config) { c.NegativeError = time.Minute })
		g.origin.says(503, "x")
		g.get("/a")
		g.Purge(p)
		if g.get("/a"); g.origin.reads() != 2 {
			t.Errorf("%s: the failure is still told", name)
		}
	}
}

func TestFailuresAreBounded(t *testing.T) {
	var n failures
	for i := range 2 * maxFailures {
		n.note(fmt.Sprint(i), failure{until: epoch.Add(time.Second)}, epoch)
	}
	if len(n.byKey) != maxFailures {
		t.Errorf("%d remembered", len(n.byKey))
	}
	later := epoch.Add(time.Second)
	n.note("new", failure{until: later.Add(time.Second)}, later)
	if _, ok := n.recent("new", later); !ok || len(n.byKey) != 1 {
		t.Errorf("those that are over take the room: %d", len(n.byKey))
	}
}

// A crowd that comes while the upstream is dead costs it one request.
func TestADeadUpstreamIsNotHammered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, func(c *Config) { c.NegativeError, c.Now = time.Second, time.Now })
		g.origin.set(func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") })
		for range 100 {
			for _, r := range g.crowd(10, "/a")() {
				if r.Code != 502 {
					t.Errorf("%d", r.Code)
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := g.origin.reads(); n > 10 {
			t.Errorf("%d requests in ten seconds", n)
		}
	})
}
