package accelerator

import (
	"fmt"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"meridian/platform/front"
)

// asFront is a request with field lines as a front has it.
func asFront(method, target string, fields ...string) *front.Request {
	r := &front.Request{Method: method, Host: []byte("a.example"), Target: []byte(target)}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		name = strings.ToLower(name)
		r.Fields = append(r.Fields, front.Field{Name: []byte(name), Value: []byte(value)})
		r.Conditional = r.Conditional || name == "if-none-match" || name == "if-modified-since"
	}
	return r
}

// headLines is a head's status line and fields, in one order.
func headLines(h *front.Head) string {
	first, rest, _ := strings.Cut(h.HTTP1(), "\r\n")
	lines := strings.Split(strings.TrimSuffix(rest, "\r\n\r\n"), "\r\n")
	slices.Sort(lines)
	return first + "\n" + strings.Join(lines, "\n")
}

// Whatever varies, and whatever condition is put: the short way answers as the
// long one, or leaves it alone.
func TestVariantsAndConditionsByBothWays(t *testing.T) {
	g := newRig(t, nil)
	say := func(vary string, more ...string) {
		g.origin.header = http.Header{"Cache-Control": {"max-age=60"}, "Vary": {vary}, "Date": {"Sun, 22 Nov 2026 12:00:00 GMT"}}
		for i := 0; i+1 < len(more); i += 2 {
			g.origin.header[more[i]] = []string{more[i+1]}
		}
	}
	fields := [][]string{
		nil, {"Accept-Language: de"}, {"accept-language: DE,,"}, {"Accept-Language: de", "Accept-Language: fr"}, {"Theme: dark"}, {"Theme: " + strings.Repeat("x", 2000)},
		{"Accept-Encoding: br", "Accept-Language: de"}, {"X-Real-IP: 6.6.6.6"}, {"X-Forwarded-Proto: https"}, {"Cookie: a"}, {"Cookie: a", "Cookie: b"},
	}
	conditions := [][]string{
		nil, {`If-None-Match: "a"`}, {`If-None-Match: "b",, W/"a"`}, {`If-None-Match: "b"`}, {`If-None-Match: "b"`, `If-None-Match: "a"`}, {"If-None-Match: *"}, {"If-None-Match: "},
		{"If-Modified-Since: Sun, 22 Nov 2026 11:00:00 GMT"}, {"If-Modified-Since: Sun, 22 Nov 2026 10:59:59 GMT"}, {"If-Modified-Since: Sunday, 22-Nov-26 11:00:00 GMT"}, {"If-Modified-Since: now"},
		{"If-Modified-Since: Sun, 22 Nov 2026 11:00:00 GMT", "If-Modified-Since: Sun, 22 Nov 2026 11:00:00 GMT"}, {`If-None-Match: "b"`, "If-Modified-Since: Sun, 22 Nov 2026 11:00:00 GMT"},
	}
	var targets []string
	for i, vary := range []string{"Accept-Encoding", "Accept-Language", "Theme, Accept-Encoding, Accept-Language", "X-Real-IP", "X-Forwarded-Proto, Forwarded, CDN-Loop", "Cookie", "X-Request-Id"} {
		for j, validators := range [][]string{{"Etag", `"a"`, "Last-Modified", "Sun, 22 Nov 2026 11:00:00 GMT"}, {"Last-Modified", "Sun, 22 Nov 2026 11:00:00 GMT"}, {"Etag", `W/"a"`}, nil} {
			target := fmt.Sprintf("/%d/%d", i, j)
			targets = append(targets, target)
			say(vary, validators...)
			for _, f := range fields {
				g.ask("GET http://a.example"+target, f...)
			}
		}
	}
	g.now = g.now.Add(5 * time.Second)
	found := map[int]int{}
	for _, target := range targets {
		for i, f := range fields {
			for j, c := range conditions {
				method, all := []string{"GET", "HEAD"}[(i+j)%2], slices.Concat(f, c)
				long := g.ask(method+" http://a.example"+target, all...)
				a, ok := g.Hit(asFront(method, target, all...))
				if !ok {
					continue
				}
				found[long.Code]++
				want := fmt.Sprintf("HTTP/1.1 %d %s", long.Code, http.StatusText(long.Code))
				for _, name := range slices.Sorted(maps.Keys(long.Header())) {
					for _, v := range long.Header()[name] {
						want += "\n" + textproto.CanonicalMIMEHeaderKey(name) + ": " + v
					}
				}
				body := string(a.Body)
				if method == "HEAD" {
					body = ""
				}
				if got := headLines(a.Head); got != want || body != long.Body.String() {
					t.Errorf("%s %s %q:\n%s\n%q\nthe long way:\n%s\n%q", method, target, all, got, a.Body, want, long.Body)
				}
				if long.Code == http.StatusNotModified && (a.Body != nil || a.File != nil || a.Release != nil) {
					t.Errorf("%s %s %q: a 304 with content", method, target, all)
				}
			}
		}
	}
	if found[200] < 500 || found[304] < 500 {
		t.Errorf("too few were found to tell: %v", found)
	}
}

func TestWhatTheShortWayCannotTellOfAVariant(t *testing.T) {
	for _, vary := range []string{"Forwarded", "X-Forwarded-For", "X-Real-IP", "CDN-Loop", "Meridian-Scheme", "X-Request-Id"} {
		g := newRig(t, nil)
		g.origin.header["Vary"] = []string{vary}
		g.ask("GET http://a.example/")
		if _, ok := g.Hit(asFront("GET", "/")); ok {
			t.Errorf("what varies by %s is found", vary)
		}
	}
}

func TestAHitAllocatesNothing(t *testing.T) {
	g := newRig(t, func(c *Config) { c.Hosts = []string{"b.example", "a.example"} })
	g.origin.header = http.Header{"Cache-Control": {"max-age=60"}, "Vary": {"Accept-Encoding, Accept-Language, User-Agent"}, "Etag": {`"a"`}, "Last-Modified": {"Sun, 22 Nov 2026 11:00:00 GMT"}}
	agent := "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
	g.ask("GET http://a.example/", agent, "Accept-Language: de-DE, en;q=0.5", "Accept-Encoding: gzip, br")
	for _, more := range [][]string{
		nil, {`If-None-Match: "x", W/"a"`}, {`If-None-Match: "x"`, `If-None-Match: "a"`}, {`If-None-Match: "x"`},
		{"If-Modified-Since: Sun, 22 Nov 2026 11:00:00 GMT"}, {"If-Modified-Since: Sun, 22 Nov 2026 10:00:00 GMT"},
	} {
		r := asFront("GET", "/", slices.Concat([]string{agent, "Accept-Language: de-de", "Accept-Encoding: gzip, br", "Accept-Language: en; q=0.5"}, more)...)
		if n := testing.AllocsPerRun(100, func() {
			if _, ok := g.Hit(r); !ok {
				t.Fatalf("%q: no hit", more)
			}
		}); n > 0 {
			t.Errorf("%q: %v allocations", more, n)
		}
	}
}
