package accelerator

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meridian/platform/front"
	"meridian/world"
)

// farm is an origin of any number of servers, which all say what was asked.
type farm struct {
	asked  []*http.Request
	header http.Header
	status int
	down   map[string]bool // by host
}

func (f *farm) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.down[r.URL.Host] {
		return nil, errors.New("connection refused")
	}
	f.asked = append(f.asked, r)
	body := fmt.Sprintf("%s %d", r.URL, len(f.asked))
	h := f.header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("Content-Type", "text/plain")
	status := f.status
	if status == 0 {
		status = 200
	}
	return &http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}, nil
}

type rig struct {
	*Accelerator
	origin *farm
	now    time.Time
}

func newRig(t testing.TB, change func(*Config)) *rig {
	t.Helper()
	g := &rig{origin: &farm{header: http.Header{"Cache-Control": {"max-age=60"}}, down: map[string]bool{}}, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	cfg := Default()
	cfg.Listen, cfg.Origins = "tcp:127.0.0.1:0", []string{"http://one.example", "https://two.example:444"}
	if change != nil {
		change(&cfg)
	}
	ways := map[string]http.RoundTripper{}
	for _, o := range cfg.Origins {
		ways[o] = g.origin
	}
	a, err := New(cfg, Deps{Origins: ways, LoopID: "r", Now: func() time.Time { return g.now }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	g.Accelerator = a
	t.Cleanup(func() { a.cache.Close() })
	return g
}

// ask sends "METHOD URL" with field lines.
func (g *rig) ask(line string, fields ...string) *httptest.ResponseRecorder {
	method, url, _ := strings.Cut(line, " ")
	r := httptest.NewRequest(method, url, nil)
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

func (g *rig) last() *http.Request { return g.origin.asked[len(g.origin.asked)-1] }

func TestHostPolicies(t *testing.T) {
	for policy, want := range map[string]string{HostOrigin: "one.example", HostVisitor: "shop.example:8080", "inner.example": "inner.example"} {
		g := newRig(t, func(c *Config) { c.Host = policy })
		g.ask("GET http://shop.example:8080/a?b")
		if r := g.last(); r.Host != want || r.URL.String() != "http://one.example/a?b" {
			t.Errorf("%s: %s asked for %s", policy, r.URL, r.Host)
		}
	}
}

func TestTheOriginIsToldWhoAsks(t *testing.T) {
	proxied := func(c *Config) { c.Proxies = []string{"192.0.2.0/24", "10.0.0.0/8"} } // httptest asks from 192.0.2.1
	said := []string{"X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.1.1.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example", "Forwarded: for=evil", "X-Real-IP: 6.6.6.6", "Meridian-Scheme: gopher"}
	for _, c := range []struct {
		name   string
		change func(*Config)
		method string
		want   map[string]string
	}{
		{"a stranger", nil, "GET", map[string]string{"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "http", "X-Real-Ip": "192.0.2.1", "Forwarded": `for=192.0.2.1;proto=http;host="a.example"`}},
		{"a stranger's POST", nil, "POST", map[string]string{"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "http", "Forwarded": `for=192.0.2.1;proto=http;host="a.example"`}},
		{"a trusted proxy", proxied, "GET", map[string]string{"X-Forwarded-For": "6.6.6.6, 203.0.113.9, 10.1.1.1, 192.0.2.1", "X-Forwarded-Proto": "https", "X-Real-Ip": "203.0.113.9", "Forwarded": `for=192.0.2.1;proto=https;host="a.example"`}},
	} {
		g := newRig(t, c.change)
		g.ask(c.method+" http://a.example/", said...)
		h := g.last().Header
		for name, want := range c.want {
			if got := h.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s: %q, want %q", c.name, name, got, want)
			}
		}
		if h.Get("X-Forwarded-Host") != "a.example" || h.Get("Via") != "1.1 meridian" || h.Get("Cdn-Loop") != "meridian; id=r" || h[schemeField] != nil {
			t.Errorf("%s: %v", c.name, h)
		}
	}
}

func TestSchemesAreKeptApart(t *testing.T) {
	g := newRig(t, nil)
	one, two := g.ask("GET http://a.example:80/").Body.String(), g.ask("GET https://a.example:443/").Body.String()
	if one == two {
		t.Error("https was answered with what http fetched")
	}
	if got := g.ask("GET http://A.example/").Body.String(); got != one {
		t.Errorf("another spelling of the host: %q", got)
	}
}

func TestWhatIsRefused(t *testing.T) {
	g := newRig(t, func(c *Config) { c.Hosts = []string{"a.example"}; c.BodyBytes = 10 })
	for _, c := range []struct {
		line   string
		fields []string
		status int
	}{
		{"GET http://a.example:8080/", nil, 200},
		{"GET http://A.EXAMPLE/", nil, 200},
		{"GET http://b.example/", nil, 421},
		{"TRACE http://a.example/", nil, 405},
		{"GET http://a.example/", []string{"CDN-Loop: other, meridian; id=r"}, 502},
		{"GET http://a.example/", []string{"CDN-Loop: meridian; id=another"}, 200},
		{"OPTIONS http://a.example/", nil, 200},
		{"BREW http://a.example/", nil, 200},
	} {
		if w := g.ask(c.line, c.fields...); w.Code != c.status {
			t.Errorf("%s %v: %d, want %d", c.line, c.fields, w.Code, c.status)
		}
	}
	for size, want := range map[int]int{10: 200, 11: 413} {
		r := httptest.NewRequest("POST", "http://a.example/", strings.NewReader(strings.Repeat("x", size)))
		w := httptest.NewRecorder()
		if g.ServeHTTP(w, r); w.Code != want {
			t.Errorf("%d bytes: %d", size, w.Code)
		}
	}
}

func TestTheNextOriginIsAskedAndAllAwayIsTold(t *testing.T) {
	g := newRig(t, nil)
	g.origin.down["one.example"] = true
	if w := g.ask("GET http://a.example/x"); w.Code != 200 || w.Body.String() != "https://two.example:444/x 1" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	g.origin.down["two.example:444"] = true
	w := g.ask("GET http://a.example/y")
	if w.Code != 502 && w.Code != 503 || !strings.Contains(w.Header().Get("Cache-Status"), "meridian") || strings.Contains(w.Body.String(), "one.example") || w.Code == 502 && !strings.Contains(w.Body.String(), "server behind this cache") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestLifetimes(t *testing.T) {
	for _, c := range []struct {
		name   string
		header http.Header
		change func(*Config)
		after  time.Duration
		hit    bool
		down   bool // the origin, by then
	}{
		{"none of its own", http.Header{}, nil, 0, false, false},
		{"as told", http.Header{}, func(c *Config) { c.Lifetimes = map[int]time.Duration{200: time.Minute} }, 59 * time.Second, true, false},
		{"not for another status", http.Header{}, func(c *Config) { c.Lifetimes = map[int]time.Duration{404: time.Minute} }, 0, false, false},
		{"over", http.Header{}, func(c *Config) { c.Lifetimes = map[int]time.Duration{200: time.Minute} }, 61 * time.Second, false, false},
		{"the origin's own counts", http.Header{"Cache-Control": {"no-store"}}, func(c *Config) { c.Lifetimes = map[int]time.Duration{200: time.Minute} }, 0, false, false},
		{"heuristic", http.Header{"Last-Modified": {"Sun, 22 Nov 2026 02:00:00 GMT"}, "Date": {"Sun, 22 Nov 2026 12:00:00 GMT"}}, func(c *Config) { c.HeuristicPercent = 10 }, 59 * time.Minute, true, false},
		{"stale after an error", http.Header{"Cache-Control": {"max-age=1"}}, func(c *Config) { c.StaleIfError = time.Hour }, 59 * time.Minute, true, true},
		{"not longer", http.Header{"Cache-Control": {"max-age=1"}}, func(c *Config) { c.StaleIfError = time.Hour }, 61 * time.Minute, false, true},
		{"not where it is forbidden", http.Header{"Cache-Control": {"max-age=1, must-revalidate"}}, func(c *Config) { c.StaleIfError = time.Hour }, time.Minute, false, true},
		{"not where it says so itself", http.Header{"Cache-Control": {"max-age=1, stale-if-error=5"}}, func(c *Config) { c.StaleIfError = time.Hour }, time.Minute, false, true},
		{"told, and stale after an error", http.Header{}, func(c *Config) { c.Lifetimes, c.StaleIfError = map[int]time.Duration{200: 1}, time.Hour }, 30 * time.Minute, true, true},
	} {
		g := newRig(t, c.change)
		g.origin.header = c.header
		first := g.ask("GET http://a.example/").Body.String()
		g.now = g.now.Add(c.after)
		g.origin.down["one.example"], g.origin.down["two.example:444"] = c.down, c.down
		if got := g.ask("GET http://a.example/").Body.String() == first; got != c.hit {
			t.Errorf("%s: from the store: %v, want %v", c.name, got, c.hit)
		}
	}
}

func TestTheShortWayAnswersAsTheLongOne(t *testing.T) {
	g := newRig(t, func(c *Config) { c.Hosts = []string{"a.example"} })
	long := g.ask("GET http://a.example/x?y")
	hit := func(host, target string, tls bool, fields ...front.Field) bool {
		a, ok := g.Hit(&front.Request{Method: "GET", Host: []byte(host), Target: []byte(target), TLS: tls, Fields: fields})
		if ok && string(a.Body) != long.Body.String() {
			t.Errorf("%s%s: %q, want %q", host, target, a.Body, long.Body)
		}
		return ok
	}
	if !hit("A.example:80", "/x?y", false) || !hit("a.example", "/x?y", false) {
		t.Error("what is stored is not found")
	}
	for name, found := range map[string]bool{
		"another scheme": hit("a.example", "/x?y", true), "another target": hit("a.example", "/x", false),
		"another host": hit("b.example", "/x?y", false), "a long one": hit("a.example", "/"+strings.Repeat("x", maxKey), false),
		"a loop": hit("a.example", "/x?y", false, front.Field{Name: []byte("cdn-loop"), Value: []byte("x")}),
	} {
		if found {
			t.Errorf("%s is answered", name)
		}
	}
}

func TestConfigAtItsEdges(t *testing.T) {
	good := func() Config {
		c := Default()
		c.Listen, c.Origins = "tcp:127.0.0.1:1", []string{"http://o.example"}
		return c
	}
	if err := good().Validate(); err != nil {
		t.Fatal(err)
	}
	for what, set := range map[string]func(*Config){
		"listen":            func(c *Config) { c.Listen = "" },
		"origins":           func(c *Config) { c.Origins = nil },
		"twice":             func(c *Config) { c.Origins = []string{"http://o.example", "http://O.example/"} },
		"paths":             func(c *Config) { c.Origins = []string{"http://o.example/base"} },
		"credentials":       func(c *Config) { c.Origins = []string{"http://u:p@o.example"} },
		"write https":       func(c *Config) { c.Origins = []string{"o.example"} },
		"name":              func(c *Config) { c.Name = "a b" },
		"host must":         func(c *Config) { c.Host = "a:1" },
		"hosts":             func(c *Config) { c.Hosts = []string{"a/b"} },
		"trusted_proxies":   func(c *Config) { c.Proxies = []string{"10.0.0.1"} },
		"cache_bytes":       func(c *Config) { c.CacheBytes = 1<<20 - 1 },
		"memory_file_from":  func(c *Config) { c.MemoryFrom = -1 },
		"object_bytes":      func(c *Config) { c.ObjectBytes = c.CacheBytes + 1 },
		"disk_bytes":        func(c *Config) { c.DiskDir, c.DiskBytes = "/d", minDisk-1 },
		"disk_object_bytes": func(c *Config) { c.DiskObject = maxDiskObject + 1 },
		"heuristic_percent": func(c *Config) { c.HeuristicPercent = 101 },
		"stale_if_error":    func(c *Config) { c.StaleIfError = -1 },
		"misses":            func(c *Config) { c.Misses = 0 },
		"miss_wait":         func(c *Config) { c.MissWait = 0 },
		"rest":              func(c *Config) { c.Rest = 0 },
		"body_bytes":        func(c *Config) { c.BodyBytes = 0 },
		"purge_token":       func(c *Config) { c.PurgeToken = strings.Repeat("x", minToken-1) },
		"lifetimes":         func(c *Config) { c.Lifetimes = map[int]time.Duration{99: 1} },
		"600":               func(c *Config) { c.Lifetimes = map[int]time.Duration{600: 1} },
	} {
		c := good()
		set(&c)
		if err := c.Validate(); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
