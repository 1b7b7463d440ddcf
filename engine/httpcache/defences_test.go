package httpcache

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// reflects makes the origin repeat fields of the request in what it says, as
// pages do that build links from them.
func (o *origin) reflects(names ...string) {
	o.set(func(r *http.Request) (*http.Response, error) {
		body := r.Method + " " + r.Host + r.URL.RequestURI()
		for _, name := range names {
			body += " " + r.Header.Get(name)
		}
		return answer(200, body, "Cache-Control: max-age=60"), nil
	})
}

// Kettle, "Practical Web Cache Poisoning" (2018): a field that is in no key
// changes what everybody gets.
func TestPoisoningByAnUnkeyedField(t *testing.T) {
	for _, name := range DefaultUnkeyed() {
		g := newRig(t, nil)
		g.origin.reflects(name)
		g.get("/a", name+": evil.test")
		if got := g.get("/a").Body.String(); got != "GET shop.test/a " {
			t.Errorf("%s: the next visitor gets %q", name, got)
		}
	}
}

func TestWhatTheOwnerAddsIsNotTakenForUnkeyed(t *testing.T) {
	g := newRig(t, func(c *Config) { c.Prepare = func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") } })
	g.origin.reflects("X-Forwarded-Proto")
	if got := g.get("/a", "X-Forwarded-Proto: http").Body.String(); got != "GET shop.test/a https" {
		t.Errorf("%q", got)
	}
}

// A cache that folds the case of a host, or drops its port, in its key alone
// hands on the writing of whoever came first.
func TestPoisoningByTheWritingOfAHost(t *testing.T) {
	g := newRig(t, nil)
	g.origin.reflects()
	g.from("SHOP.test", "GET", "/a")
	r := g.from("shop.test", "GET", "/a")
	if r.Body.String() != "GET shop.test/a" || !strings.Contains(r.status(), "hit") {
		t.Errorf("case: %q %s", r.Body, r.status())
	}
	g.from("shop.test:1337", "GET", "/a")
	if r := g.from("shop.test", "GET", "/a"); r.Body.String() != "GET shop.test/a" {
		t.Errorf("port: %q", r.Body)
	}
}

// Two targets must not make one key.
func TestKeyInjection(t *testing.T) {
	g := newRig(t, nil)
	g.origin.reflects()
	for _, host := range []string{"shop.test/a", "shop.test?a", "shop.test#", "a@shop.test", "shop.test\\"} {
		r := asked("GET", "/b")
		r.Host = host
		g.ServeHTTP(httptest.NewRecorder(), r)
	}
	if s := g.Stats(); s.Objects != 0 {
		t.Errorf("%d stored for hosts that are none", s.Objects)
	}
}

// Nguyen, Lo Iacono, Federrath, "Your Cache Has Fallen" (CCS 2019): a request that
// the origin refuses, but the cache takes for an ordinary one. Too large a field,
// a control byte, another method.
func TestDenialByAStoredError(t *testing.T) {
	for _, status := range []int{400, 403, 405, 413, 414, 417, 431, 500, 501, 502} {
		g := newRig(t, nil)
		g.origin.says(status, "refused")
		g.get("/a", "X-Oversized: "+strings.Repeat("a", 9000))
		g.origin.says(200, "cake", "Cache-Control: max-age=60")
		g.pass(DefaultHitForMiss)
		if r := g.get("/a"); r.Body.String() != "cake" {
			t.Errorf("%d: the next visitor gets %d %q", status, r.Code, r.Body)
		}
	}
	g := newRig(t, nil)
	g.origin.set(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("X-Http-Method-Override") != "" {
			return answer(405, "refused", "Cache-Control: max-age=60"), nil
		}
		return answer(200, "cake", "Cache-Control: max-age=60"), nil
	})
	if r := g.get("/a", "X-HTTP-Method-Override: DELETE"); r.Code != 200 {
		t.Errorf("a method override reached the origin: %d", r.Code)
	}
}

// Conditions and ranges of one visitor must not make the answer of another empty,
// cut or refused.
func TestPoisoningByConditionsAndRanges(t *testing.T) {
	for _, field := range []string{
		`If-None-Match: *`, `If-None-Match: "v1"`, "If-Modified-Since: Sun, 01 Jun 2099 12:00:00 GMT", "Range: bytes=0-0",
		"Range: bytes=99-", `If-Match: "x"`, "If-Unmodified-Since: Sun, 01 Jun 1999 12:00:00 GMT",
	} {
		for _, ranges := range []RangePolicy{RangesOfLarge, RangesAsked} {
			g := newRig(t, func(c *Config) { c.Ranges = ranges })
			g.origin.servesRanges("cake", "Cache-Control: max-age=60", `ETag: "v1"`)
			g.get("/a", field)
			if r := g.get("/a"); r.Code != 200 || r.Body.String() != "cake" {
				t.Errorf("%s: the next visitor gets %d %q", field, r.Code, r.Body)
			}
		}
	}
}

// A GET with content: frameworks read parameters from it.
func TestPoisoningByAFatGet(t *testing.T) {
	g := newRig(t, nil)
	g.origin.set(func(r *http.Request) (*http.Response, error) {
		body := "plain"
		if r.Body != nil {
			if b, _ := io.ReadAll(r.Body); len(b) > 0 {
				body = string(b)
			}
		}
		return answer(200, body, "Cache-Control: max-age=60"), nil
	})
	for _, length := range []int64{4, -1} {
		r := asked("GET", "/a")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader("evil")), length
		g.ServeHTTP(httptest.NewRecorder(), r)
		if got := g.get("/a").Body.String(); got != "plain" {
			t.Errorf("length %d: the next visitor gets %q", length, got)
		}
	}
}

// Parameter cloaking: what one server reads as one parameter another reads as two.
// The key is the query as it is sent, so each way of writing stands for itself.
func TestPoisoningByParameterCloaking(t *testing.T) {
	g := newRig(t, nil)
	g.origin.reflects()
	for _, path := range []string{
		"/a", "/a?", "/a?x=1", "/a?x=1&x=2", "/a?x=2&x=1", "/a?x=1;x=2", "/a?x=1%26x=2", "/a?%78=1", "/a?x=1&", "/a?x[]=1", "/a?utm_source=x&x=1",
	} {
		if r := g.get(path); r.Body.String() != "GET shop.test"+path || strings.Contains(r.status(), "hit") {
			t.Errorf("%s: %q %s", path, r.Body, r.status())
		}
	}
}

// confusing are paths that some server takes for /account, or for a picture.
var confusing = []string{
	"/account/x.css", "/account;x.css", "/account%3Bx.css", "/account%2Fx.css", "/account%252Fx.css", "/account%00.css",
	"/account%0A.css", "/account%23.css", "/account%3F.css", "/static/..%2Faccount", "/static/%2e%2e/account",
	"/static/../account", "/account/./x.css", "//account", "/account\\x.css", "/account%5Cx.css", "/ACCOUNT", "/account/",
}

// Gil, "Web Cache Deception" (2017), and Mirheidari et al., "Cached and Confused"
// (USENIX Security 2020): a private page asked for by a path that looks static.
// What is stored is the origin's word alone, never the look of the path, and no
// two paths are taken for one.
func TestDeceptionByPathConfusion(t *testing.T) {
	for _, policy := range []string{"private, max-age=60", "no-store", ""} {
		g := newRig(t, func(c *Config) { c.HeuristicPercent = 10 })
		for _, path := range confusing {
			g.origin.says(200, "the victim's", "Cache-Control: "+policy)
			g.get(path)
			g.origin.says(200, "the attacker's", "Cache-Control: "+policy)
			if r := g.get(path); r.Body.String() != "the attacker's" {
				t.Errorf("%q %s: %q %s", policy, path, r.Body, r.status())
			}
		}
	}
	g := newRig(t, nil)
	g.origin.reflects()
	for _, path := range append([]string{"/account"}, confusing...) {
		r := g.get(path)
		if strings.Contains(r.status(), "hit") && path != "/account%5Cx.css" { // a backslash goes upstream so
			t.Errorf("%s is taken for another path", path)
		}
		if sent := g.origin.last().URL.RequestURI(); !strings.HasSuffix(r.Body.String(), sent) {
			t.Errorf("%s went upstream as %s", path, sent)
		}
	}
}

func TestAmbiguousPathsArePassed(t *testing.T) {
	g := newRig(t, func(c *Config) { c.PassAmbiguous = true })
	g.origin.says(200, "cake", "Cache-Control: max-age=60")
	for _, path := range confusing {
		g.get(path)
		ambiguous := path != "/account/x.css" && path != "/ACCOUNT" && path != "/account/"
		if passed := !strings.Contains(g.get(path).status(), "hit"); passed != ambiguous {
			t.Errorf("%s: passed %v, want %v", path, passed, ambiguous)
		}
	}
	for _, path := range []string{"/", "/a/b.c/..d/e..", "/caf%C3%A9", "/a%20b", "/%7Eme"} {
		g.get(path)
		if r := g.get(path); !strings.Contains(r.status(), "hit") {
			t.Errorf("%s: %s", path, r.status())
		}
	}
}

func FuzzAmbiguousPath(f *testing.F) {
	for _, path := range confusing {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if isAmbiguous(path) {
			return
		}
		for _, sign := range []string{"%2f", "%2F", "/../", "/./", "//", ";", "%00"} {
			if strings.Contains(path, sign) {
				t.Errorf("%q is plain", path)
			}
		}
	})
}

// Connection names a field that is meant for all: a tier's own demand, or what
// keeps a response private.
func TestPoisoningByHopByHopFields(t *testing.T) {
	g := newRig(t, nil)
	g.origin.says(200, "mine", "Connection: cache-control, set-cookie", "Cache-Control: private, max-age=60", "Expires: Mon, 01 Jun 2026 12:00:00 GMT")
	g.get("/a")
	g.origin.says(200, "yours", "Cache-Control: max-age=60")
	if r := g.get("/a"); r.Body.String() != "yours" {
		t.Errorf("a response that hides its privacy was stored: %q", r.Body)
	}
	g.get("/b", "Connection: Meridian-Min-Cursor, X-Drop", "Meridian-Min-Cursor: c1=5.1", "X-Drop: 1")
	if h := g.origin.last().Header; h.Get("Meridian-Min-Cursor") == "" || h.Get("X-Drop") != "" {
		t.Errorf("upstream was sent %v", h)
	}
}

// A cookie set for one visitor must not reach another.
func TestPoisoningBySetCookie(t *testing.T) {
	g := newRig(t, nil)
	g.origin.says(200, "cake", "Cache-Control: max-age=60", "Set-Cookie: session=evil")
	g.get("/a")
	g.origin.says(200, "cake", "Cache-Control: max-age=60")
	if got := g.get("/a").Header().Get("Set-Cookie"); got != "" {
		t.Errorf("the next visitor gets %q", got)
	}
}

// A stored answer to a request with credentials must not reach who has none.
func TestPoisoningByCredentials(t *testing.T) { // RFC 9111 §3.5
	g := newRig(t, nil)
	g.origin.says(200, "secret", "Cache-Control: max-age=60")
	g.get("/a", "Authorization: Basic x")
	g.origin.says(401, "who are you?")
	if r := g.get("/a"); r.Code != 401 {
		t.Errorf("%d %q", r.Code, r.Body)
	}
}

// Range floods cost one read of a block each at most, and memory as the store allows.
func TestDenialByManyRanges(t *testing.T) {
	g := newRig(t, func(c *Config) { c.MaxObjectBytes, c.MaxBytes, c.BlockBytes = 50, 100000, 50 })
	g.origin.servesRanges(strings.Repeat("a", 100), "Cache-Control: max-age=60", `ETag: "v1"`)
	g.get("/a")
	for i := range int64(100) {
		g.get("/a", "Range: "+rangeField(i, i))
	}
	if n := g.origin.reads(); n != 3 {
		t.Errorf("%d upstream reads, want the first and one a block", n)
	}
	many := "bytes=0-0" + strings.Repeat(",99-99", DefaultMaxRanges)
	if r := g.get("/a", "Range: "+many); r.Code != 200 {
		t.Errorf("more than MaxRanges: %d", r.Code)
	}
}

// What is no HTTP never reaches the cache.
func TestControlBytesAreRefused(t *testing.T) {
	g := newRig(t, nil)
	g.origin.says(200, "cake", "Cache-Control: max-age=60")
	server := httptest.NewServer(g.Cache)
	defer server.Close()
	for _, raw := range []string{
		"GET /a\x00b HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n", "GET /a HTTP/1.1\r\nHost: h\r\nX: a\x07b\r\n\r\n",
		"GET /a HTTP/1.1\r\nHost: h/i\r\n\r\n", "GET /a HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", "GET /a HTTP/1.1\r\n\r\n",
		"GET /a HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n", "GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(conn, raw); err != nil {
			t.Error(err)
		}
		got := make([]byte, len("HTTP/1.1 400"))
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != "HTTP/1.1 400" {
			t.Errorf("%q: %q %v", raw, got, err)
		}
		conn.Close()
	}
	if n := g.origin.reads(); n != 0 {
		t.Errorf("%d upstream reads", n)
	}
}
