package httpcache

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

func TestLifetimesByPolicy(t *testing.T) { // RFC 9111 §4.2.2
	for _, tc := range []struct {
		name   string
		status int
		fields []string
		life   time.Duration
		why    string
	}{
		{"says nothing", 200, nil, time.Minute, ""},
		{"a failure, too", 503, nil, time.Second, ""},
		{"none for its status", 302, nil, 0, "no-freshness"},
		{"Cache-Control", 200, []string{"Cache-Control: public"}, 0, "no-freshness"},
		{"Expires", 200, []string{"Expires: Sun, 01 Jun 2025 12:00:05 GMT"}, 5 * time.Second, ""},
		{"Pragma", 200, []string{"Pragma: no-cache"}, 0, "no-freshness"},
		{"a targeted field", 200, []string{"CDN-Cache-Control: max-age=7"}, 7 * time.Second, ""},
		{"a targeted field without a lifetime", 200, []string{"CDN-Cache-Control: public"}, 0, "no-freshness"},
		{"a cookie", 200, []string{"Set-Cookie: a=b"}, time.Minute, "set-cookie"},
	} {
		x := exchangeOf(tc.status, nil, append([]string{"Date: Sun, 01 Jun 2025 12:00:00 GMT"}, tc.fields...))
		x.policy.TargetedFields = []string{fieldTargeted}
		x.policy.Lifetimes = map[int]time.Duration{200: time.Minute, 503: time.Second}
		if h, why := newHead(x); h.life != tc.life || why != tc.why {
			t.Errorf("%s: fresh for %v, not stored for %q; want %v %q", tc.name, h.life, why, tc.life, tc.why)
		}
	}
}

func TestStaleUseByPolicy(t *testing.T) { // RFC 5861
	for _, tc := range []struct {
		field    string
		swr, sie time.Duration
	}{
		{"Cache-Control: max-age=1", 3 * time.Second, time.Minute},
		{"CDN-Cache-Control: max-age=1", 3 * time.Second, time.Minute},
		{"Expires: Sun, 01 Jun 2025 12:00:05 GMT", 3 * time.Second, time.Minute},
		{"Cache-Control: max-age=1, stale-if-error=5", 3 * time.Second, 5 * time.Second},
		{"Cache-Control: max-age=1, stale-if-error=0, stale-while-revalidate=9", 9 * time.Second, 0},
		{"Cache-Control: max-age=1, must-revalidate", 0, 0},
		{"Cache-Control: s-maxage=1", 0, 0},
		{"Cache-Control: no-cache", 0, 0},
	} {
		x := exchangeOf(200, nil, []string{"Date: Sun, 01 Jun 2025 12:00:00 GMT", tc.field})
		x.policy.TargetedFields = []string{fieldTargeted}
		x.policy.StaleWhileRevalidate, x.policy.StaleIfError = 3*time.Second, time.Minute
		if h, _ := newHead(x); h.swr != tc.swr || h.sie != tc.sie {
			t.Errorf("%s: %v and %v, want %v and %v", tc.field, h.swr, h.sie, tc.swr, tc.sie)
		}
	}
}

// What the policy says outlives a validation, and nobody is told of it.
func TestThePolicyIsTheCachesOwn(t *testing.T) {
	g := newRig(t, func(c *Config) {
		c.Lifetimes, c.StaleIfError = map[int]time.Duration{200: 10 * time.Second}, time.Minute
	})
	g.origin.says(200, "cake", `ETag: "a"`)
	g.get("/a")
	g.pass(11 * time.Second)
	g.origin.says(304, "", `ETag: "a"`)
	g.expect(g.get("/a"), 200, "cake", "edge-iad; fwd=stale; fwd-status=304; stored; ttl=10")
	g.pass(11 * time.Second)
	g.origin.set(func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") })
	r := g.get("/a")
	g.expect(r, 200, "cake", "edge-iad; fwd=stale; detail=stale-if-error")
	for name := range r.Header() {
		switch name {
		case "Etag", "Date", "Age", "Content-Length", "Cache-Status":
		default:
			t.Errorf("%s: %s was sent", name, r.Header().Get(name))
		}
	}
}
