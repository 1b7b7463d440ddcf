package httpcache

import (
	"strings"
	"testing"
	"time"
)

// A response of 60 s with fields, 70 s old, and what a HEAD then says of it.
func TestFreshenedByHead(t *testing.T) { // RFC 9111 §4.3.5
	for _, tc := range []struct {
		name   string
		status int
		says   []string
		then   string // Cache-Status of the GET after it
		field  string // X-A there
	}{
		{"the same", 200, []string{`ETag: "v1"`, "X-A: new"}, "hit; ttl=60", "new"},
		{"the same, with a length", 200, []string{`ETag: "v1"`, "Content-Length: 4"}, "hit; ttl=60", "old"},
		{"nothing said of it", 200, nil, "hit; ttl=60", "old"},
		{"a new lifetime", 200, []string{`ETag: "v1"`, "Cache-Control: max-age=600"}, "hit; ttl=600", "old"},
		{"another validator", 200, []string{`ETag: "v2"`}, "fwd=stale", ""},
		{"another date", 200, []string{"Last-Modified: Sun, 01 Jun 2025 11:00:00 GMT"}, "fwd=stale", ""},
		{"another length", 200, []string{`ETag: "v1"`, "Content-Length: 5"}, "fwd=stale", ""},
		{"no longer to be stored", 200, []string{`ETag: "v1"`, "Cache-Control: no-store"}, "fwd=uri-miss", ""},
		{"an error says nothing", 500, nil, "fwd=stale", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := newRig(t, func(c *Config) { c.ForwardHead = true })
			g.origin.says(200, "cake", "Cache-Control: max-age=60", `ETag: "v1"`, "Last-Modified: Sun, 01 Jun 2025 10:00:00 GMT", "X-A: old")
			g.get("/a")
			g.pass(70 * time.Second)
			g.origin.says(tc.status, "", tc.says...)
			r := g.do(t.Context(), "HEAD", "/a")
			if g.origin.last().Method != "HEAD" || !strings.Contains(r.status(), "fwd=stale; fwd-status=") {
				t.Errorf("the HEAD: %s upstream, %s", g.origin.last().Method, r.status())
			}
			g.origin.says(200, "tart", "Cache-Control: max-age=60")
			if r := g.get("/a"); !strings.Contains(r.status(), tc.then) || r.Header().Get("X-A") != tc.field {
				t.Errorf("then: %s, X-A %q", r.status(), r.Header().Get("X-A"))
			}
		})
	}
}

func TestAFreshResponseThatAHeadContradictsIsStale(t *testing.T) { // RFC 9111 §4.3.5
	g := newRig(t, func(c *Config) { c.ForwardHead, c.HonourRequest = true, true })
	g.origin.says(200, "cake", "Cache-Control: max-age=60", `ETag: "v1"`)
	g.get("/a")
	g.origin.says(200, "", `ETag: "v2"`)
	g.do(t.Context(), "HEAD", "/a", "Cache-Control: no-cache")
	g.origin.says(200, "tart", "Cache-Control: max-age=60", `ETag: "v2"`)
	if r := g.get("/a"); r.Body.String() != "tart" {
		t.Errorf("%q %s", r.Body, r.status())
	}
}

func TestAHeadDoesNotBringBackWhatWasPurged(t *testing.T) {
	for _, soft := range []bool{false, true} {
		g := newRig(t, func(c *Config) { c.ForwardHead = true })
		g.origin.says(200, "cake", "Cache-Control: max-age=60", `ETag: "v1"`, "Surrogate-Key: g")
		g.get("/a")
		g.pass(70 * time.Second)
		read := g.beginHead(asked("HEAD", "/a"))
		g.Purge(Purge{Groups: []string{"g"}, Soft: soft})
		g.freshen(read, answer(200, "", `ETag: "v1"`, "Cache-Control: max-age=60"))
		g.endHead(read)
		if r := g.get("/a"); strings.Contains(r.status(), "hit") {
			t.Errorf("soft %v: %s", soft, r.status())
		}
	}
}

func TestAHeadMissFillsUnlessForwarded(t *testing.T) { // RFC 9110 §9.3.2
	for forward, want := range map[bool]string{false: "GET", true: "HEAD"} {
		g := newRig(t, func(c *Config) { c.ForwardHead = forward })
		g.origin.says(200, "", "Cache-Control: max-age=60")
		g.do(t.Context(), "HEAD", "/a")
		if got := g.origin.last().Method; got != want {
			t.Errorf("ForwardHead %v: %s upstream, want %s", forward, got, want)
		}
	}
}
