package httpcache

import (
	"testing"
	"time"
)

func TestHeuristicFreshness(t *testing.T) { // RFC 9111 §4.2.2
	const (
		date = "Date: Sun, 01 Jun 2025 12:00:00 GMT"
		old  = "Last-Modified: Sun, 01 Jun 2025 10:20:00 GMT" // 100 minutes
	)
	for _, tc := range []struct {
		name    string
		percent int
		status  int
		fields  []string
		life    time.Duration
		why     string
	}{
		{"a tenth", 10, 200, []string{old}, 10 * time.Minute, ""},
		{"no policy", 0, 200, []string{old}, 0, "no-freshness"},
		{"nothing to guess from", 10, 200, []string{`ETag: "a"`}, 0, "no-freshness"},
		{"never over the limit", 10, 200, []string{"Last-Modified: Sun, 01 Jun 2014 10:20:00 GMT"}, time.Hour, ""},
		{"older than a duration can hold", 100, 200, []string{"Last-Modified: Sun, 01 Jun 1600 10:20:00 GMT"}, time.Hour, ""},
		{"changed in the future", 10, 200, []string{"Last-Modified: Sun, 01 Jun 2025 12:30:00 GMT"}, 0, ""},
		{"explicit freshness rules", 10, 200, []string{old, "Cache-Control: max-age=5"}, 5 * time.Second, ""},
		{"a malformed one is explicit", 10, 200, []string{old, "Expires: soon"}, 0, ""},
		{"of a targeted field too", 10, 200, []string{old, "CDN-Cache-Control: public"}, 10 * time.Minute, ""},
		{"RFC 9110 §15.1: 404", 10, 404, []string{old}, 10 * time.Minute, ""},
		{"RFC 9110 §15.1: 302 is not", 10, 302, []string{old}, 0, "no-freshness"},
		{"RFC 9111 §5.2.2.9: public", 10, 302, []string{old, "Cache-Control: public"}, 10 * time.Minute, ""},
		{"RFC 9111 §5.2.2.5: no-store", 10, 200, []string{old, "Cache-Control: no-store"}, 10 * time.Minute, "no-store"},
	} {
		x := exchangeOf(tc.status, nil, append([]string{date}, tc.fields...))
		x.policy.HeuristicPercent, x.policy.MaxHeuristic = tc.percent, time.Hour
		if h, why := newHead(x); h.life != tc.life || why != tc.why {
			t.Errorf("%s: fresh for %v, not stored for %q; want %v %q", tc.name, h.life, why, tc.life, tc.why)
		}
	}
}

func TestHeuristicFreshnessIsUsed(t *testing.T) { // RFC 9111 §4.2.2
	g := newRig(t, func(c *Config) { c.HeuristicPercent = 10 })
	g.origin.says(200, "cake", "Last-Modified: Sun, 01 Jun 2025 10:20:00 GMT")
	g.expect(g.get("/a"), 200, "cake", "edge-iad; fwd=uri-miss; fwd-status=200; stored; ttl=600")
	g.pass(599 * time.Second)
	g.expect(g.get("/a"), 200, "cake", "edge-iad; hit; ttl=1")
}
