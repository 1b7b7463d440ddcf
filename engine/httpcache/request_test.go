package httpcache

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

// A response of 60 s, aged `after`, and a request with directives.
func TestRequestDirectives(t *testing.T) {
	const (
		hit       = "edge-iad; hit; ttl="
		validated = "; fwd-status=304; stored; ttl=60"
	)
	for _, tc := range []struct {
		name     string
		response string // added to max-age=60
		after    time.Duration
		request  string
		status   string
	}{
		{"RFC 9111 §5.2.1.1: young enough", "", 10, "Cache-Control: max-age=10", hit + "50"},
		{"RFC 9111 §5.2.1.1: too old", "", 10, "Cache-Control: max-age=9", "edge-iad; fwd=request" + validated},
		{"RFC 9111 §5.2.1.1: malformed is zero", "", 10, "Cache-Control: max-age=x", "edge-iad; fwd=request" + validated},
		{"RFC 8246 §2: immutable does not grow old", ", immutable", 10, "Cache-Control: max-age=0", hit + "50"},
		{"RFC 8246 §2: but does when stale", ", immutable", 70, "Cache-Control: max-age=0", "edge-iad; fwd=stale" + validated},
		{"RFC 8246 §2: a forced reload", ", immutable", 10, "Cache-Control: no-cache", "edge-iad; fwd=request" + validated},
		{"RFC 9111 §5.2.1.2: within max-stale", "", 70, "Cache-Control: max-stale=10", hit + "-10; detail=max-stale"},
		{"RFC 9111 §5.2.1.2: beyond", "", 71, "Cache-Control: max-stale=10", "edge-iad; fwd=stale" + validated},
		{"RFC 9111 §5.2.1.2: however stale", "", 999, "Cache-Control: max-stale", hit + "-939; detail=max-stale"},
		{"RFC 9111 §4.2.4: must-revalidate", ", must-revalidate", 70, "Cache-Control: max-stale", "edge-iad; fwd=stale" + validated},
		{"RFC 9111 §4.2.4: proxy-revalidate", ", proxy-revalidate", 70, "Cache-Control: max-stale", "edge-iad; fwd=stale" + validated},
		{"RFC 9111 §4.2.4: s-maxage", ", s-maxage=60", 70, "Cache-Control: max-stale", "edge-iad; fwd=stale" + validated},
		{"RFC 9111 §5.2.1.3: fresh enough", "", 10, "Cache-Control: min-fresh=50", hit + "50"},
		{"RFC 9111 §5.2.1.3: not fresh enough", "", 10, "Cache-Control: min-fresh=51", "edge-iad; fwd=request" + validated},
		{"RFC 9111 §5.2.1.3: without a value", "", 10, "Cache-Control: min-fresh", "edge-iad; fwd=request" + validated},
		{"RFC 9111 §5.2.1.4: no-cache", "", 10, "Cache-Control: no-cache", "edge-iad; fwd=request" + validated},
		{"RFC 9111 §5.4: Pragma", "", 10, "Pragma: no-cache", "edge-iad; fwd=request" + validated},
		{"RFC 9111 §5.2.1.5: no-store, fresh", "", 10, "Cache-Control: no-store", hit + "50"},
		{"RFC 9111 §5.2.1.5: no-store, stale", "", 70, "Cache-Control: no-store", "edge-iad; fwd=bypass; fwd-status=200; detail=no-store"},
		{"RFC 5861 §3: who wants it fresh", ", stale-while-revalidate=60", 70, "Cache-Control: max-age=100", "edge-iad; fwd=stale" + validated},
		{"RFC 9111 §5.2.1.6: no-transform", "", 10, "Cache-Control: no-transform", hit + "50"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := newRig(t, func(c *Config) { c.HonourRequest = true })
			g.origin.set(func(r *http.Request) (*http.Response, error) {
				fields := []string{"Cache-Control: max-age=60" + tc.response, `ETag: "v1"`}
				if r.Header.Get("If-None-Match") != "" {
					return answer(304, "", fields...), nil
				}
				return answer(200, "cake", fields...), nil
			})
			g.get("/a")
			g.pass(tc.after * time.Second)
			g.expect(g.get("/a", tc.request), 200, "cake", tc.status)
		})
	}
}

func TestPragmaGivesWayToCacheControl(t *testing.T) { // RFC 9111 §5.4
	if q := parseRequest(header("Pragma: no-cache", "Cache-Control: max-age=5"), true); q.noCache || q.maxAge != 5*time.Second {
		t.Errorf("%+v", q)
	}
}

func TestWhoRefusesStaleIsToldOfTheError(t *testing.T) { // RFC 9111 §5.2.1.1, §5.2.1.4
	g := newRig(t, func(c *Config) { c.HonourRequest = true })
	g.origin.says(200, "cake", "Cache-Control: max-age=60, stale-if-error=600")
	g.get("/a")
	g.origin.set(func(*http.Request) (*http.Response, error) { return nil, errors.New("down") })
	for _, field := range []string{"no-cache", "max-age=0"} {
		g.pass(time.Second)
		if r := g.get("/a", "Cache-Control: "+field); r.Code != http.StatusBadGateway {
			t.Errorf("%s: %d %s", field, r.Code, r.status())
		}
	}
	g.pass(time.Minute)
	g.expect(g.get("/a"), 200, "cake", "edge-iad; fwd=stale; detail=stale-if-error")
}

func TestNoStoreOfARequestKeepsTheStoreEmpty(t *testing.T) { // RFC 9111 §5.2.1.5
	g := newRig(t, func(c *Config) { c.HonourRequest = true })
	g.origin.says(200, "cake", "Cache-Control: max-age=60")
	g.expect(g.get("/a", "Cache-Control: no-store"), 200, "cake", "edge-iad; fwd=bypass; fwd-status=200; detail=no-store")
	if s := g.Stats(); s.Objects != 0 {
		t.Errorf("stored: %+v", s)
	}
}

// A stale response and an upstream that fails: with an error, or with a 503.
func TestStaleIfErrorOfARequest(t *testing.T) { // RFC 5861 §4
	for _, tc := range []struct {
		name, response, request string
		stale                   bool
	}{
		{"within its time", "max-age=60", "stale-if-error=10", true},
		{"beyond it", "max-age=60", "stale-if-error=9", false},
		{"without it", "max-age=60", "max-age=600", false},
		{"RFC 9111 §4.2.4: must-revalidate", "max-age=60, must-revalidate", "stale-if-error=10", false},
		{"RFC 9111 §5.2.1.4: no-cache", "max-age=60", "stale-if-error=10, no-cache", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := newRig(t, func(c *Config) { c.HonourRequest = true })
			g.origin.says(200, "cake", "Cache-Control: "+tc.response)
			g.get("/a")
			g.pass(70 * time.Second)
			g.origin.says(503, "sick")
			want := http.StatusServiceUnavailable
			if tc.stale {
				want = 200
			}
			if r := g.get("/a", "Cache-Control: "+tc.request); r.Code != want {
				t.Errorf("after a 503: %d %s", r.Code, r.status())
			}
			g.origin.set(func(*http.Request) (*http.Response, error) { return nil, errors.New("down") })
			if !tc.stale {
				want = http.StatusBadGateway
			}
			if r := g.get("/a", "Cache-Control: "+tc.request); r.Code != want {
				t.Errorf("after an error: %d %s", r.Code, r.status())
			}
		})
	}
}
