package httpcache

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

func TestHitCarriesAgeAndStatus(t *testing.T) { // RFC 9111 §5.1, RFC 9211
	g := newRig(t, nil)
	g.origin.says(200, "cake", "Cache-Control: max-age=300", "Content-Type: text/plain", "Age: 10",
		"Cache-Status: shield; hit; ttl=290")
	g.expect(g.get("/a"), 200, "cake", "shield; hit; ttl=290, edge-iad; fwd=uri-miss; fwd-status=200; stored; ttl=290")
	g.pass(3 * time.Second)
	r := g.get("/a")
	g.expect(r, 200, "cake", "shield; hit; ttl=290, edge-iad; hit; ttl=287")
	if r.Header().Get("Age") != "13" || r.Header().Get("Content-Length") != "4" || r.Header().Get("Date") == "" {
		t.Errorf("fields: %v", r.Header())
	}
	g.pass(288 * time.Second)
	g.origin.says(200, "pie", "Cache-Control: max-age=300")
	g.expect(g.get("/a"), 200, "pie", "edge-iad; fwd=stale; fwd-status=200; stored; ttl=300")
	if n := g.origin.reads(); n != 2 {
		t.Errorf("%d upstream reads, want 2", n)
	}
}

func TestHeadIsServedFromAStoredGet(t *testing.T) { // RFC 9111 §4, RFC 9110 §9.3.2
	g := newRig(t, nil)
	g.origin.says(200, "cake", "Cache-Control: max-age=300")
	r := g.do(context.Background(), "HEAD", "/a")
	g.expect(r, 200, "", "edge-iad; fwd=uri-miss; fwd-status=200; stored; ttl=300")
	if r.Header().Get("Content-Length") != "4" || g.origin.last().Method != "GET" {
		t.Errorf("a HEAD miss fills with GET: %v %s", r.Header(), g.origin.last().Method)
	}
	_ = g.Close()
	g.expect(g.do(context.Background(), "HEAD", "/a"), 200, "", "edge-iad; hit; ttl=300")
	g.expect(g.get("/a"), 200, "cake", "edge-iad; hit; ttl=300")
}

func TestRequestDirectivesAreIgnoredButOnlyIfCached(t *testing.T) { // RFC 9111 §5.2.1
	g := newRig(t, nil)
	g.origin.says(200, "cake", "Cache-Control: max-age=300")
	r := g.get("/a", "Cache-Control: only-if-cached")
	if r.Code != 504 || r.status() != "edge-iad; detail=only-if-cached" || g.origin.reads() != 0 {
		t.Errorf("§5.2.1.7: %d %s", r.Code, r.status())
	}
	g.get("/a")
	for _, f := range []string{"Cache-Control: no-cache", "Cache-Control: max-age=0, no-store", "Pragma: no-cache", "Cache-Control: only-if-cached"} {
		g.expect(g.get("/a", f), 200, "cake", "edge-iad; hit; ttl=300")
	}
}

func TestVaryKeepsOneResponseAVariant(t *testing.T) { // RFC 9111 §4.1
	g := newRig(t, func(c *Config) { c.MaxVariants = 2 })
	g.origin.set(func(r *http.Request) (*http.Response, error) {
		return answer(200, strings.Join(r.Header["Accept-Language"], "+"), "Cache-Control: max-age=300", "Vary: accept-language"), nil
	})
	for _, lang := range []string{"de", "en", "de", "en"} {
		if r := g.get("/a", "Accept-Language: "+lang); r.Body.String() != lang {
			t.Errorf("%s was given %s", lang, r.Body.String())
		}
	}
	if n := g.origin.reads(); n != 2 {
		t.Errorf("%d upstream reads, want one a variant", n)
	}
	g.get("/a") // an absent field is a value of its own; the oldest variant gives way
	if s := g.Stats(); s.Objects != 2 {
		t.Errorf("%d variants stored, the limit is 2", s.Objects)
	}
	g.expect(g.get("/a", "Accept-Language: en"), 200, "en", "edge-iad; hit; ttl=300")
	g.expect(g.get("/a", "Accept-Language: de"), 200, "de", "edge-iad; fwd=vary-miss; fwd-status=200; stored; ttl=300")
	// Who has the field removed on the way up must not fill the variant of others.
	g.get("/b", "Accept-Language: fr", "Connection: accept-language")
	g.expect(g.get("/b", "Accept-Language: fr"), 200, "fr", "edge-iad; fwd=vary-miss; fwd-status=200; stored; ttl=300")
}

func TestHopByHopFieldsStayHere(t *testing.T) { // RFC 9110 §7.6.1
	g := newRig(t, func(c *Config) {
		c.Prepare = func(r *http.Request) { r.Header.Set("Meridian-Min-Position", "us:7") }
	})
	g.origin.says(200, "cake", "Cache-Control: max-age=300", "Connection: x-hop", "X-Hop: 1", "Keep-Alive: 5", "X-End: 1")
	for range 2 {
		r := g.get("/a", "Connection: X-Mine, Meridian-Min-Position", "X-Mine: 1", "TE: trailers", "Meridian-Min-Position: us:1")
		if h := r.Header(); h.Get("X-Hop") != "" || h.Get("Keep-Alive") != "" || h.Get("Connection") != "" || h.Get("X-End") != "1" {
			t.Errorf("sent on: %v", h)
		}
	}
	up := g.origin.last()
	if up.Header.Get("X-Mine") != "" || up.Header.Get("Te") != "" || up.Header.Get("Connection") != "" {
		t.Errorf("sent up: %v", up.Header)
	}
	if up.Header.Get("Via") != "1.1 edge-iad" || up.Header.Get("Meridian-Min-Position") != "us:7" || up.Host != "shop.test" {
		t.Errorf("the owner has the last touch: %v", up.Header)
	}
}

func TestMinimumPositionIsPassedOn(t *testing.T) {
	g := newRig(t, nil)
	g.origin.says(200, "cake", "Cache-Control: max-age=300")
	g.get("/a", "Meridian-Min-Position: us:41")
	if got := g.origin.last().Header.Get("Meridian-Min-Position"); got != "us:41" {
		t.Errorf("the position went up as %q", got)
	}
}

func TestUnsafeSuccessInvalidates(t *testing.T) { // RFC 9111 §4.4
	for _, tc := range []struct {
		method string
		status int
		gone   bool
	}{{"POST", 200, true}, {"PUT", 303, true}, {"DELETE", 204, true}, {"PATCH", 409, false}, {"POST", 500, false}, {"OPTIONS", 200, false}} {
		g := newRig(t, nil)
		g.origin.set(func(r *http.Request) (*http.Response, error) {
			if r.Method == "GET" {
				return answer(200, "cake", "Cache-Control: max-age=300"), nil
			}
			return answer(tc.status, ""), nil
		})
		g.get("/a")
		if r := g.do(context.Background(), tc.method, "/a"); r.Code != tc.status || !strings.HasPrefix(r.status(), "edge-iad; fwd=method; fwd-status=") {
			t.Errorf("%s passed as %d %s", tc.method, r.Code, r.status())
		}
		if gone := g.Stats().Objects == 0; gone != tc.gone {
			t.Errorf("%s %d: gone is %v, want %v", tc.method, tc.status, gone, tc.gone)
		}
	}
}

func TestPassWithoutKey(t *testing.T) {
	g := newRig(t, func(c *Config) {
		c.KeyOf = func(r *http.Request) (string, bool) { return r.URL.Path, r.URL.Path != "/cart" }
		c.StripGroups = true
	})
	g.origin.says(200, "mine", "Cache-Control: max-age=300", "Surrogate-Key: cart")
	for range 2 {
		r := g.get("/cart?x=1;2", "Range: bytes=0-1", "X-Forwarded-For: 192.0.2.1")
		g.expect(r, 200, "mine", "edge-iad; fwd=bypass; fwd-status=200")
		if r.Header().Get("Surrogate-Key") != "" {
			t.Error("groups reach the visitor")
		}
	}
	up := g.origin.last()
	if up.Header.Get("Range") == "" || up.URL.RawQuery != "x=1;2" || up.Header.Get("X-Forwarded-For") != "192.0.2.1" || g.Stats().Objects != 0 {
		t.Errorf("a pass changes nothing: %s %v", up.URL, up.Header)
	}
	g.get("/a", `If-Match: "v1"`) // RFC 9111 §4.3.2: for the origin to judge
	if g.origin.last().Header.Get("If-Match") == "" || g.Stats().Objects != 0 {
		t.Error("If-Match did not reach the origin")
	}
}

func TestConditionsAndRangesFromTheStore(t *testing.T) {
	g := newRig(t, nil)
	g.origin.says(200, "0123456789", "Cache-Control: max-age=300", `ETag: "v1"`, "Content-Type: text/plain",
		"Last-Modified: Sun, 01 Jun 2025 11:00:00 GMT", "Date: Sun, 01 Jun 2025 12:00:00 GMT", "Vary: Accept")
	g.expect(g.get("/a", "Range: bytes=2-4"), 206, "234", "edge-iad; fwd=uri-miss; fwd-status=200; stored; ttl=300")
	if g.origin.last().Header.Get("Range") != "" {
		t.Error("a fill asks for the whole")
	}
	r := g.get("/a", `If-None-Match: W/"v1"`, "Range: bytes=0-1") // RFC 9110 §15.4.5
	g.expect(r, 304, "", "edge-iad; hit; ttl=300")
	for _, name := range []string{"Etag", "Cache-Control", "Date", "Vary"} {
		if r.Header().Get(name) == "" {
			t.Errorf("a 304 carries %s", name)
		}
	}
	for _, name := range []string{"Content-Length", "Content-Type", "Last-Modified"} {
		if r.Header().Get(name) != "" {
			t.Errorf("a 304 does not carry %s", name)
		}
	}
	for _, tc := range []struct {
		name         string
		fields       []string
		status       int
		body, ranged string
	}{
		{"RFC 9110 §15.3.7", []string{"Range: bytes=-3"}, 206, "789", "bytes 7-9/10"},
		{"RFC 9110 §15.5.17", []string{"Range: bytes=10-"}, 416, "", "bytes */10"},
		{"RFC 9110 §15.3.7.2: with a small gap", []string{"Range: bytes=0-1,4-5"}, 206, "012345", "bytes 0-5/10"},
		{"RFC 9110 §13.1.5: holds", []string{"Range: bytes=0-0", `If-Range: "v1"`}, 206, "0", "bytes 0-0/10"},
		{"RFC 9110 §13.1.5: does not", []string{"Range: bytes=0-0", `If-Range: "v0"`}, 200, "0123456789", ""},
	} {
		r := g.get("/a", tc.fields...)
		if r.Code != tc.status || r.Body.String() != tc.body || r.Header().Get("Content-Range") != tc.ranged {
			t.Errorf("%s: %d %q %q", tc.name, r.Code, r.Body.String(), r.Header().Get("Content-Range"))
		}
	}
	if n := g.origin.reads(); n != 1 {
		t.Errorf("%d upstream reads, want 1", n)
	}
}

func TestValidation(t *testing.T) { // RFC 9111 §4.3
	g := newRig(t, func(c *Config) { c.StripGroups = true })
	g.origin.says(200, "cake", "Cache-Control: max-age=10", `ETag: "v1"`, "Last-Modified: Sun, 01 Jun 2025 11:00:00 GMT",
		"X-Old: 1", "Content-Type: text/plain", "Surrogate-Key: g")
	g.get("/a")
	g.pass(20 * time.Second)
	g.origin.says(304, "", "Cache-Control: max-age=60", `ETag: "v1"`, "X-New: 1", "Content-Type: text/html", "Age: 5")
	r := g.get("/a", "If-None-Match: \"mine\"")
	g.expect(r, 200, "cake", "edge-iad; fwd=stale; fwd-status=304; stored; ttl=55")
	up := g.origin.last().Header
	if up.Get("If-None-Match") != `"v1"` || up.Get("If-Modified-Since") != "Sun, 01 Jun 2025 11:00:00 GMT" {
		t.Errorf("§4.3.1: the store's validators are sent: %v", up)
	}
	if h := r.Header(); h.Get("X-Old") != "1" || h.Get("X-New") != "1" || h.Get("Content-Type") != "text/html" ||
		h.Get("Content-Length") != "4" || h.Get("Age") != "5" || h.Get("Surrogate-Key") != "" {
		t.Errorf("§3.2: fields after a 304: %v", h)
	}
	g.expect(g.get("/a"), 200, "cake", "edge-iad; hit; ttl=55")
	if n := g.Purge(Purge{Groups: []string{"g"}}); n != 1 {
		t.Errorf("a validation lost the group: %d purged", n)
	}
}

func TestValidationThatSpeaksOfAnother(t *testing.T) { // RFC 9111 §4.3.4
	g := newRig(t, nil)
	g.origin.says(200, "old", "Cache-Control: max-age=10", `ETag: "v1"`)
	g.get("/a")
	g.pass(20 * time.Second)
	g.origin.set(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("If-None-Match") != "" {
			return answer(304, "", `ETag: "v9"`), nil
		}
		return answer(200, "new", "Cache-Control: max-age=10", `ETag: "v9"`), nil
	})
	g.expect(g.get("/a"), 200, "new", "edge-iad; fwd=stale; fwd-status=200; stored; ttl=10")
}

func TestNoCacheIsValidatedEachTime(t *testing.T) { // RFC 9111 §5.2.2.4
	g := newRig(t, nil)
	g.origin.says(200, "cake", "Cache-Control: no-cache, max-age=60, stale-if-error=60", `ETag: "v1"`)
	g.get("/a")
	g.origin.says(304, "")
	for range 2 {
		g.expect(g.get("/a"), 200, "cake", "edge-iad; fwd=stale; fwd-status=304; stored; ttl=60")
	}
	g.origin.set(func(*http.Request) (*http.Response, error) { return nil, errors.New("down") })
	if r := g.get("/a"); r.Code != 502 {
		t.Errorf("without a validation it was used: %d", r.Code)
	}
}

func TestFullResponseReplacesOrRemoves(t *testing.T) { // RFC 9111 §4.3.3
	g := newRig(t, nil)
	g.origin.says(200, "cake", "Cache-Control: max-age=10, stale-if-error=600", `ETag: "v1"`)
	g.get("/a")
	g.pass(20 * time.Second)
	g.origin.says(200, "mine", "Cache-Control: private")
	g.expect(g.get("/a"), 200, "mine", "edge-iad; fwd=stale; fwd-status=200; detail=private")
	if s := g.Stats(); s.Objects != 0 {
		t.Errorf("what upstream took back is still stored: %+v", s)
	}
}

func TestStaleWhileRevalidate(t *testing.T) { // RFC 5861 §3
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		g.origin.says(200, "old", "Cache-Control: max-age=10, stale-while-revalidate=30")
		g.get("/a")
		g.pass(15 * time.Second)
		gate := make(chan struct{})
		g.origin.set(func(*http.Request) (*http.Response, error) {
			<-gate
			return answer(200, "new", "Cache-Control: max-age=10"), nil
		})
		for range 3 { // one validation a key, however many ask
			g.expect(g.get("/a"), 200, "old", "edge-iad; hit; ttl=-5; detail=stale-while-revalidate")
		}
		close(gate)
		synctest.Wait()
		if n := g.origin.reads(); n != 2 {
			t.Errorf("%d upstream reads, want 2", n)
		}
		g.expect(g.get("/a"), 200, "new", "edge-iad; hit; ttl=10")
	})
}

func TestStaleIfError(t *testing.T) { // RFC 5861 §4
	g := newRig(t, nil)
	g.origin.says(200, "old", "Cache-Control: max-age=10, stale-if-error=30")
	g.get("/a")
	g.pass(15 * time.Second)
	g.origin.set(func(*http.Request) (*http.Response, error) { return nil, errors.New("down") })
	g.expect(g.get("/a"), 200, "old", "edge-iad; fwd=stale; detail=stale-if-error")
	g.origin.says(503, "oops")
	g.expect(g.get("/a"), 200, "old", "edge-iad; fwd=stale; fwd-status=503; detail=stale-if-error")
	g.pass(25 * time.Second) // exactly at the end of the window
	g.expect(g.get("/a"), 503, "oops", "edge-iad; fwd=stale; fwd-status=503; detail=no-freshness")
}

func TestUpstreamFailures(t *testing.T) {
	for _, tc := range []struct {
		err    error
		status int
		code   string
	}{
		{errors.New("refused"), 502, "bad_upstream"},
		{context.DeadlineExceeded, 504, "timeout"},
		{world.E(world.CodeUnavailable, "shield", "no shield is healthy"), 503, "unavailable"},
	} {
		g := newRig(t, nil)
		g.origin.set(func(*http.Request) (*http.Response, error) { return nil, tc.err })
		r := g.get("/a")
		if r.Code != tc.status || r.Header().Get("Content-Type") != "application/problem+json" ||
			!strings.Contains(r.Body.String(), `"code":"`+tc.code+`"`) || r.status() != "edge-iad; fwd=uri-miss; detail="+tc.code {
			t.Errorf("%v: %d %s\n%s", tc.err, r.Code, r.status(), r.Body)
		}
		if r := g.do(context.Background(), "POST", "/a"); r.Code != tc.status {
			t.Errorf("%v passed: %d", tc.err, r.Code)
		}
		if s := g.Stats(); s.Objects != 0 {
			t.Errorf("an error was stored: %+v", s)
		}
	}
}

func TestBehindDoesNotUseTheStore(t *testing.T) {
	g := newRig(t, func(c *Config) {
		c.Behind = func(r *http.Request) bool { return r.Header.Get("Meridian-Min-Position") == "us:9" }
	})
	g.origin.says(200, "old", "Cache-Control: max-age=300", `ETag: "v1"`)
	g.get("/a")
	g.origin.says(200, "new", "Cache-Control: max-age=300", `ETag: "v2"`)
	g.expect(g.get("/a", "Meridian-Min-Position: us:9"), 200, "new",
		"edge-iad; fwd=bypass; fwd-status=200; stored; ttl=300; detail=behind")
	g.expect(g.get("/a", "Meridian-Min-Position: us:8"), 200, "new", "edge-iad; hit; ttl=300")
	if r := g.get("/a", "Meridian-Min-Position: us:9", "Cache-Control: only-if-cached"); r.Code != 504 {
		t.Errorf("only-if-cached while behind: %d", r.Code)
	}
	g.origin.set(func(*http.Request) (*http.Response, error) {
		g.Purge(Purge{Keys: []string{"shop.test/a"}})
		return answer(200, "newer", "Cache-Control: max-age=300"), nil
	})
	g.expect(g.get("/a", "Meridian-Min-Position: us:9"), 200, "newer", "edge-iad; fwd=bypass; fwd-status=200; detail=behind")
	if s := g.Stats(); s.Objects != 0 {
		t.Error("a purge came between, and it was stored")
	}
}

func TestGroupsAreKeptForAnotherTierAndPurged(t *testing.T) {
	g := newRig(t, func(c *Config) { c.ShowKey = true })
	g.origin.set(func(r *http.Request) (*http.Response, error) {
		return answer(200, r.URL.Path, "Cache-Control: max-age=300", "Surrogate-Key: all", `Cache-Groups: "p`+r.URL.Path+`"`), nil
	})
	for _, p := range []string{"/1", "/2", "/3"} {
		if r := g.get(p); r.Header().Get("Surrogate-Key") != "all" || r.Header().Get("Cache-Groups") != `"p`+p+`"` {
			t.Errorf("groups towards another tier: %v", r.Header())
		}
	}
	if !strings.Contains(g.get("/1").status(), `key="shop.test/1"`) {
		t.Error("the key is shown where it is asked for")
	}
	if n := g.Purge(Purge{Groups: []string{"p/1", "none"}, Keys: []string{"shop.test/2"}}); n != 2 {
		t.Errorf("%d purged, want 2", n)
	}
	if n := g.Purge(Purge{Groups: []string{"all"}}); n != 1 {
		t.Errorf("%d purged, want 1", n)
	}
	if s := g.Stats(); s.Objects != 0 || s.Bytes != 0 || s.Groups != 0 {
		t.Errorf("left behind: %+v", s)
	}
	g.get("/1")
	if n := g.Purge(Purge{All: true}); n != 1 || g.Stats().Bytes != 0 {
		t.Errorf("purge of all: %d, %+v", n, g.Stats())
	}
}

// What a visitor sees over a real connection when the upstream dies in mid-body.
func TestADeathIsSeenOnTheWire(t *testing.T) {
	for _, key := range []bool{true, false} { // filled, and passed
		die := make(chan struct{})
		up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "max-age=300")
			_, _ = w.Write([]byte("half"))
			_ = http.NewResponseController(w).Flush()
			<-die
			panic(http.ErrAbortHandler)
		}))
		defer up.Close()
		transport := &http.Transport{DisableCompression: true}
		defer transport.CloseIdleConnections()
		g := newRig(t, func(c *Config) {
			c.Upstream = transport
			c.Prepare = func(r *http.Request) { r.URL.Host = up.Listener.Addr().String() }
			c.KeyOf = func(r *http.Request) (string, bool) { return r.URL.Path, key }
		})
		front := httptest.NewServer(g.Cache)
		defer front.Close()
		resp, err := http.Get(front.URL + "/a")
		if err != nil {
			t.Fatal(err)
		}
		half := make([]byte, 4)
		if _, err := io.ReadFull(resp.Body, half); err != nil { // it streams: the rest is not waited for
			t.Errorf("the first half: %q %v", half, err)
		}
		close(die)
		rest, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil {
			t.Errorf("%q passed for the whole (filled: %v)", append(half, rest...), key)
		}
		if n := g.Stats().Objects; n != 0 {
			t.Errorf("half a response is stored")
		}
	}
}
