package httpcache

import (
	"net/http/httptest"
	"testing"
	"time"
)

// from asks a host of its own.
func (g *rig) from(host, method, path string, fields ...string) result {
	r := httptest.NewRequest(method, "http://"+host+path, nil)
	r.Header = header(fields...)
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return result{ResponseRecorder: w}
}

func TestCookiePolicies(t *testing.T) { // RFC 9111 §7.3
	for _, tc := range []struct {
		name   string
		policy CookiePolicy
		hit    bool
		second string // what the next is given
	}{
		{"refused", CookiesRefused, false, "a=b"},
		{"withheld", CookiesWithheld, true, ""},
		{"stored", CookiesStored, true, "a=b"},
	} {
		g := newRig(t, func(c *Config) { c.Cookies = tc.policy })
		g.origin.says(200, "cake", "Cache-Control: max-age=60", "Set-Cookie: a=b")
		if got := g.get("/a").Header().Get("Set-Cookie"); got != "a=b" {
			t.Errorf("%s: who fetched it got %q", tc.name, got)
		}
		r := g.get("/a")
		if got := r.Header().Get("Set-Cookie"); got != tc.second || (r.status() == "edge-iad; hit; ttl=60") != tc.hit {
			t.Errorf("%s: the next got %q, %s", tc.name, got, r.status())
		}
	}
}

// RFC 9213 §2.2: the first field of the list that counts; RFC 9213 §2.1: a
// malformed one does not.
func TestTargetedFields(t *testing.T) {
	list := []string{"Bakery-Cache-Control", fieldTargeted, fieldSurrogate}
	for _, tc := range []struct {
		name   string
		fields []string
		life   time.Duration
		swr    time.Duration
	}{
		{"the first of the list", []string{"CDN-Cache-Control: max-age=2", "Bakery-Cache-Control: max-age=1", "Cache-Control: max-age=9"}, time.Second, 0},
		{"the next where the first is malformed", []string{"CDN-Cache-Control: max-age=2", "Bakery-Cache-Control: max-age=1,,", "Cache-Control: max-age=9"}, 2 * time.Second, 0},
		{"the next where the first is empty", []string{"CDN-Cache-Control: max-age=2", "Bakery-Cache-Control: "}, 2 * time.Second, 0},
		{"stale-while-revalidate in one", []string{"CDN-Cache-Control: max-age=2, stale-while-revalidate=5"}, 2 * time.Second, 5 * time.Second},
		{"RFC 9651 §4.2: lines are one field", []string{"CDN-Cache-Control: max-age=2", "CDN-Cache-Control: stale-while-revalidate=5"}, 2 * time.Second, 5 * time.Second},
		{"RFC 9651 §4.2.2: the last of two members", []string{"CDN-Cache-Control: max-age=9, max-age=2"}, 2 * time.Second, 0},
		{"RFC 9213 §2.1: a Decimal is no delta", []string{"CDN-Cache-Control: max-age=2.0"}, 0, 0},
		{"RFC 9213 §2.1: nor is a negative Integer", []string{"CDN-Cache-Control: max-age=-2"}, 0, 0},
		{"RFC 9213 §2.1: parameters do not count", []string{"CDN-Cache-Control: max-age=2;x=1"}, 2 * time.Second, 0},
		{"Surrogate-Control", []string{"Surrogate-Control: max-age=3", "Cache-Control: no-store"}, 3 * time.Second, 0},
		{"Surrogate-Control, and some time stale", []string{"Surrogate-Control: max-age=3+4"}, 3 * time.Second, 4 * time.Second},
		{"Surrogate-Control for another", []string{"Surrogate-Control: max-age=3;abc", "Cache-Control: max-age=9"}, 9 * time.Second, 0},
		{"Surrogate-Control that says nothing of caching", []string{`Surrogate-Control: content="ESI/1.0"`, "Cache-Control: max-age=9"}, 9 * time.Second, 0},
	} {
		x := exchangeOf(200, nil, tc.fields)
		x.policy.TargetedFields = list
		if h, _ := newHead(x); h.life != tc.life || h.swr != tc.swr {
			t.Errorf("%s: fresh for %v, then %v; want %v, %v", tc.name, h.life, h.swr, tc.life, tc.swr)
		}
	}
	x := exchangeOf(200, nil, []string{"Surrogate-Control: no-store-remote", "Cache-Control: max-age=9"})
	x.policy.TargetedFields = list
	if _, why := newHead(x); why != "no-store" {
		t.Errorf("no-store-remote: %q", why)
	}
}

func TestGroupsOfOneOrigin(t *testing.T) { // RFC 9875 §2.2.1
	for _, perOrigin := range []bool{false, true} {
		g := newRig(t, func(c *Config) { c.GroupsPerOrigin = perOrigin })
		g.origin.says(200, "cake", "Cache-Control: max-age=60", `Cache-Groups: "cakes"`)
		get := func(host string) string { return g.from(host, "GET", "/a").status() }
		get("a.test")
		get("b.test")
		g.origin.says(200, "", `Cache-Group-Invalidation: "cakes"`)
		g.from("A.test:80", "POST", "/order")
		g.origin.says(200, "cake", "Cache-Control: max-age=60", `Cache-Groups: "cakes"`)
		if got := get("a.test"); got == "edge-iad; hit; ttl=60" {
			t.Errorf("per origin %v: the origin's own is still stored", perOrigin)
		}
		if got := get("b.test") == "edge-iad; hit; ttl=60"; got != perOrigin {
			t.Errorf("per origin %v: another's was left: %v", perOrigin, got)
		}
		if perOrigin {
			if n := g.Purge(Purge{Groups: []string{GroupOf("http://b.test", "cakes")}}); n != 1 {
				t.Errorf("a purge by GroupOf removed %d", n)
			}
			if n := g.Purge(Purge{Groups: []string{"cakes"}}); n != 1 {
				t.Errorf("a purge by the plain name removed %d", n)
			}
		}
	}
}

func TestFieldsOfA304(t *testing.T) { // RFC 9111 §3.2
	stored := header("Content-Type: text/plain", "Content-Encoding: br", "Content-Length: 4", "X-A: old", "X-Kept: 1")
	out := updated(stored, header("Content-Type: text/html", "Content-Encoding: gzip", "Content-Length: 9", "Content-Range: bytes 0-1/4", "X-A: new"))
	for name, want := range map[string]string{
		"Content-Type": "text/html", "Content-Encoding": "br", "Content-Length": "4", "Content-Range": "", "X-A": "new", "X-Kept": "1",
	} {
		if got := out.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestConnectionNamesFields(t *testing.T) { // RFC 9110 §7.6.1
	h := header("Connection: close, X-Hop, cache-control, Vary", "X-Hop: 1", "Cache-Control: private", "Vary: Cookie",
		"Keep-Alive: 5", "Proxy-Authenticate: Basic", "Proxy-Authentication-Info: x", "Transfer-Encoding: gzip", "Trailer: X", "X-End: 1")
	removeHopByHop(h)
	for name, want := range map[string]bool{
		"X-Hop": false, "Connection": false, "Keep-Alive": false, "Proxy-Authenticate": false, "Proxy-Authentication-Info": false,
		"Transfer-Encoding": false, "Trailer": false, "X-End": true, "Cache-Control": true, "Vary": true,
	} {
		if _, got := h[name]; got != want {
			t.Errorf("%s is kept: %v, want %v", name, got, want)
		}
	}
}
