package edge

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"meridian/engine/keyring"
	"meridian/engine/purge"
	"meridian/engine/tier"
	"meridian/test/tiertest"
	"meridian/world"
)

var t0 = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

type fixture struct {
	*Edge
	near, home *tiertest.Upstream
	health     world.HealthView
	clock      sync.RWMutex // held to change now while a server runs
	now        time.Time
}

// newFixture is an edge whose nearest region is "near"; the market de is homed in "home".
func newFixture(t *testing.T, feeds map[string]purge.Source, change ...func(*Config)) *fixture {
	t.Helper()
	f := &fixture{near: tiertest.NewUpstream(tiertest.Says("near")), home: tiertest.NewUpstream(tiertest.Says("home")), now: t0}
	cfg := Default()
	cfg.Listen, cfg.PoP, cfg.FeedKey = "unix:/x", "nrt", "k"
	cfg.Shields = []tier.Shield{{Region: "near", Address: "unix:/n"}, {Region: "home", Address: "unix:/h"}}
	cfg.Private.Keys = []keyring.Key{tiertest.SigningKey}
	for _, c := range change {
		c(&cfg)
	}
	e, err := New(cfg, Deps{
		World: &world.World{
			Markets: []world.Market{{ID: "de", Host: "de.localhost", HomeRegion: "home"}},
			Regions: []world.Region{{ID: "near", Zone: "asia", Number: 3}, {ID: "home", Zone: "europe", Number: 2}},
			PoPs:    []world.PoP{{ID: "nrt", Zone: "asia"}},
		},
		Shields: map[string]http.RoundTripper{"near": f.near, "home": f.home}, Feeds: feeds,
		Health: func() world.HealthView { return f.health }, Now: f.time, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	f.Edge = e
	return f
}

func (f *fixture) time() time.Time {
	f.clock.RLock()
	defer f.clock.RUnlock()
	return f.now
}

// turn sets the clock while the edge may be at work.
func (f *fixture) turn(to time.Time) {
	f.clock.Lock()
	defer f.clock.Unlock()
	f.now = to
}

func (f *fixture) do(method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://de.localhost:8080"+path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

const picture = "/img/sweet-crumbs/1000000000000000/v1/"

func TestAutoSharesTheExactFormatsEntry(t *testing.T) {
	f := newFixture(t, nil)
	first := f.do("GET", picture+"auto/640x0", "Accept", "image/avif,image/webp,*/*")
	if got := f.near.Last().URL.Path; got != picture+"avif/640x0" {
		t.Errorf("the shield was asked for %s", got)
	}
	if !strings.Contains(first.Header().Get("Vary"), "Accept") {
		t.Errorf("Vary %q: a browser's cache would mix up formats", first.Header().Get("Vary"))
	}
	second := f.do("GET", picture+"avif/640x0")
	if f.near.Count() != 1 || !strings.Contains(second.Header().Get("Cache-Status"), "edge-nrt; hit") {
		t.Errorf("%d reads upstream, %q", f.near.Count(), second.Header().Get("Cache-Status"))
	}
	if second.Header().Get("Vary") != "" {
		t.Errorf("an exact format varies by %q", second.Header().Get("Vary"))
	}
	f.do("GET", picture+"auto/640x0", "Accept", "*/*")
	if got := f.near.Last().URL.Path; got != picture+"jpeg/640x0" {
		t.Errorf("for */* the shield was asked for %s", got)
	}
}

func TestSizeOffTheGridNamesTheNearest(t *testing.T) {
	f := newFixture(t, nil)
	w := f.do("GET", picture+"webp/650x0")
	if w.Code != 400 || !strings.Contains(w.Body.String(), "640x0") || f.near.Count() != 0 {
		t.Errorf("%d %s, %d reads upstream", w.Code, w.Body, f.near.Count())
	}
	if w := f.do("POST", picture+"webp/640x0"); w.Code != 405 {
		t.Errorf("POST of a picture: %d", w.Code)
	}
}

func TestInternalPathsAreNotThere(t *testing.T) {
	f := newFixture(t, nil)
	for _, p := range []string{"/-/feed", "/-/media/originals/x", "/-"} {
		if w := f.do("GET", p, "Authorization", "Bearer k"); w.Code != 404 {
			t.Errorf("%s: %d", p, w.Code)
		}
	}
	if f.near.Count()+f.home.Count() != 0 {
		t.Error("an internal path went upstream")
	}
}

func TestWhatAVisitorMayNotSayIsDropped(t *testing.T) {
	f := newFixture(t, nil)
	f.do("GET", "/?utm=1", "Meridian-Min-Position", "a@1:0/1", "Meridian-Min-Cursor", "a=9.9", "Cookie", "cart=secret", "Authorization", "Bearer x", "X-Forwarded-For", "1.2.3.4")
	up := f.near.Last()
	for _, h := range []string{"Meridian-Min-Position", "Meridian-Min-Cursor", "Cookie", "Authorization", "X-Forwarded-For"} {
		if v := up.Header.Get(h); v != "" {
			t.Errorf("%s: %q went upstream", h, v)
		}
	}
	if got := up.Header.Get(world.HeaderClient); got != "192.0.2.0/24" {
		t.Errorf("client %q", got)
	}
	if up.URL.RawQuery != "" {
		t.Errorf("the query %q went upstream", up.URL.RawQuery)
	}
	if f.do("GET", "/?utm=2"); f.near.Count() != 1 {
		t.Error("a query made another cache entry")
	}
	for _, target := range []string{"/search?utm=1&q=plum%20cake", "/search?q=+plum++cake&utm=2"} {
		f.do("GET", target)
		if up := f.near.Last(); f.near.Count() != 2 || up.URL.RawQuery != "q=plum+cake" {
			t.Errorf("%s: asked upstream %d times, last for %q", target, f.near.Count(), up.URL.RawQuery)
		}
	}
	for _, target := range []string{"/api/v1/products?utm=1&q=cake&limit=5", "/api/v1/products?limit=5&q=+cake"} {
		f.do("GET", target, "Authorization", "Bearer x")
		if up := f.near.Last(); f.near.Count() != 3 || up.URL.RequestURI() != "/api/v1/products?limit=5&q=cake" || up.Header.Get("Authorization") != "" {
			t.Errorf("%s: asked upstream %d times, last for %q", target, f.near.Count(), up.URL)
		}
	}
	for i, target := range []string{"/search?q=bread", "/api/v1/products?q=bread&limit=5", "/api/v1/products", "/?after=x", "/"} {
		f.do("GET", target)
		if f.do("GET", target); f.near.Count() != 4+min(i, 3) { // what was asked by another query is no answer, and "/" is stored
			t.Errorf("%s: asked upstream %d times", target, f.near.Count())
		}
	}
	if f.do("GET", "/hi-in/api/v1/orders/abc", "Authorization", "Bearer x"); f.near.Count() != 7 || f.home.Last().Header.Get("Authorization") != "Bearer x" {
		t.Error("an order's own token does not reach its home region")
	}
}

// Connection names fields of one connection, to be removed (RFC 9110 §7.6.1).
// What the edge says of a visitor is not the visitor's to remove: attempts to
// sign in are counted by it.
func TestAVisitorCannotTakeTheClientAway(t *testing.T) {
	f := newFixture(t, nil)
	for _, path := range []string{"/owner/sign-in", "/"} {
		f.do("POST", path, "Connection", "Meridian-Client, X-Own", "X-Own", "1")
		up := f.home.Last().Header
		if up.Get(world.HeaderClient) != "192.0.2.0/24" || up.Get("X-Own") != "" {
			t.Errorf("%s: client %q, X-Own %q", path, up.Get(world.HeaderClient), up.Get("X-Own"))
		}
	}
}

// Conditions that guard a change (RFC 9110 §13.1.1, §13.1.4) and content mean
// nothing to a page that everybody shares, and must not lead past the cache.
func TestNothingThatAVisitorSaysLeadsPastTheCache(t *testing.T) {
	f := newFixture(t, nil)
	f.do("GET", "/")
	f.do("GET", "/", "If-Match", `"x"`)
	f.do("GET", "/", "If-Unmodified-Since", "Sun, 22 Nov 2026 00:00:00 GMT")
	r := httptest.NewRequest("GET", "http://de.localhost/", strings.NewReader("content"))
	f.ServeHTTP(httptest.NewRecorder(), r)
	if f.near.Count() != 1 {
		t.Errorf("%d reads upstream, want 1", f.near.Count())
	}
}

func TestNextShieldWhenTheNearestFails(t *testing.T) {
	f := newFixture(t, nil)
	f.near.Will(tiertest.Refuses)
	if w := f.do("GET", "/a"); w.Code != 200 || w.Body.String() != "home" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	f.do("GET", "/b")
	if f.near.Count() != 1 {
		t.Errorf("the nearest was asked %d times although it rests", f.near.Count())
	}
	f.near.Will(tiertest.Says("near"))
	f.now = f.now.Add(3 * time.Second)
	if w := f.do("GET", "/c"); w.Body.String() != "near" {
		t.Error("the nearest is not asked again after its rest")
	}
}

func TestAShieldThatGoesOnFailingIsTriedMoreSeldom(t *testing.T) {
	f := newFixture(t, nil)
	f.near.Will(tiertest.Refuses)
	var asked []int
	for second := range 70 {
		f.now = t0.Add(time.Duration(second) * time.Second)
		before := f.near.Count()
		f.do("GET", "/p"+strconv.Itoa(second))
		if f.near.Count() > before {
			asked = append(asked, second)
		}
	}
	want := []int{0, 2, 6, 14, 30, 62} // rests of 2, 4, 8, 16, 32, 32 s
	if !slices.Equal(asked, want) {
		t.Errorf("asked after %v seconds, want %v", asked, want)
	}
}

func TestABodyIsSentOnce(t *testing.T) {
	f := newFixture(t, nil)
	f.near.Will(tiertest.Refuses)
	r := httptest.NewRequest("PUT", "/media/sweet-crumbs?name=a", strings.NewReader("picture"))
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	if w.Code != 502 || f.home.Count() != 0 {
		t.Errorf("%d; the next shield got %d requests", w.Code, f.home.Count())
	}
}

func TestHomePathsGoHome(t *testing.T) {
	f := newFixture(t, nil)
	f.home.Will(tiertest.Says("cart", "Cache-Control", "private, no-store"))
	for _, c := range [][2]string{{"GET", "/cart"}, {"POST", "/cart"}, {"GET", "/owner/"}, {"POST", "/p/brezel"}, {"GET", "/orders/x?saved=1"}} {
		if w := f.do(c[0], c[1], "Cookie", "cart=mine"); w.Code != 200 || w.Body.String() != "cart" {
			t.Errorf("%v: %d %s", c, w.Code, w.Body)
		}
		if f.home.Last().Header.Get("Cookie") != "cart=mine" {
			t.Errorf("%v: the cart's cookie was lost", c)
		}
	}
	if f.near.Count() != 0 || f.home.Last().URL.RawQuery != "saved=1" {
		t.Errorf("near was asked %d times; query %q", f.near.Count(), f.home.Last().URL.RawQuery)
	}
}

func TestOperatorsWriteForAllRegionsInTheMainOne(t *testing.T) {
	f := newFixture(t, nil)
	f.near.Will(tiertest.Says("near"))
	f.home.Will(tiertest.Says("home"))
	for _, c := range []struct{ main, method, want string }{{"home", "GET", "near"}, {"home", "POST", "home"}, {"near", "POST", "near"}} {
		f.deps.World.Main = c.main
		if w := f.do(c.method, world.RatesPath, "Authorization", "Bearer x"); w.Body.String() != c.want {
			t.Errorf("%s with %s as main went to %q, want %q", c.method, c.main, w.Body, c.want)
		}
	}
}

func TestAnUploadGoesOnInTheRegionThatHasIt(t *testing.T) {
	f := newFixture(t, nil)
	f.near.Will(tiertest.Says("near"))
	f.home.Will(tiertest.Says("home"))
	for path, want := range map[string]string{
		"/media/crumbs/tus/": "near", "/media/crumbs/tus/3000000000000000": "near", "/media/crumbs/tus/2000000000000000": "home",
	} {
		if w := f.do("PATCH", path, "Upload-Offset", "7"); w.Body.String() != want {
			t.Errorf("%s went to %q, want %q", path, w.Body, want)
		}
	}
	f.home.Will(tiertest.Refuses)
	if w := f.do("PATCH", "/media/crumbs/tus/2000000000000000"); w.Code != 502 || f.near.Count() != 2 {
		t.Errorf("while its region is away: %d, near was asked %d times", w.Code, f.near.Count())
	}
	if w := f.do("PATCH", "/media/crumbs/tus/z000000000000000"); w.Code != 404 {
		t.Errorf("of no region: %d", w.Code)
	}
}

func TestForeignHostIsRefused(t *testing.T) {
	f := newFixture(t, nil)
	for _, path := range []string{"/", "/cart"} {
		r := httptest.NewRequest("GET", "http://evil.example"+path, nil)
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if w.Code != 404 || f.near.Count()+f.home.Count() != 0 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// source is a feed that emits what is sent to it.
func source(events <-chan world.Event, taken chan<- struct{}) purge.Source {
	return func(ctx context.Context, _ string, emit func(world.Event) error, _ func(error)) error {
		for {
			select {
			case e := <-events:
				if err := emit(e); err != nil {
					return err
				}
				taken <- struct{}{}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// followed is an edge that follows a feed, by what is put in events; of each it
// says when it has taken it.
func followed(t *testing.T) (f *fixture, events chan<- world.Event, taken <-chan struct{}) {
	t.Helper()
	put, took := make(chan world.Event), make(chan struct{})
	f = newFixture(t, map[string]purge.Source{"catalog-home": source(put, took)})
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); f.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ran })
	return f, put, took
}

// begun is followed after the feed's hello.
func begun(t *testing.T) (f *fixture, events chan<- world.Event, taken <-chan struct{}) {
	t.Helper()
	f, events, taken = followed(t)
	events <- world.Event{Kind: world.EventHello, Cursor: "1.0"}
	<-taken
	return f, events, taken
}

func TestPurgeAndWhatFollowsIt(t *testing.T) {
	f, events, taken := begun(t)

	f.near.Will(tiertest.Says("3,50 €", "Surrogate-Key", "de/p/brezel"))
	f.do("GET", "/p/brezel")
	f.near.Will(tiertest.Says("3,90 €", "Surrogate-Key", "de/p/brezel"))
	if w := f.do("GET", "/p/brezel"); w.Body.String() != "3,50 €" || w.Header().Get("Surrogate-Key") != "" {
		t.Fatalf("%s, groups shown: %q", w.Body, w.Header().Get("Surrogate-Key"))
	}
	events <- world.Event{Kind: world.EventPurge, Cursor: "7.1", Groups: []string{"de/p/brezel"}, Position: world.Position{Cluster: "catalog-home", Epoch: 1, LSN: 9}}
	<-taken
	if w := f.do("GET", "/p/brezel"); w.Body.String() != "3,90 €" {
		t.Errorf("after the purge: %s", w.Body)
	}
	h := f.near.Last().Header
	if h.Get(world.HeaderMinCursor) != "catalog-home=7.1" || h.Get(world.HeaderMinPosition) != "catalog-home@1:0/9" {
		t.Errorf("the re-fill demanded %q, %q", h.Get(world.HeaderMinCursor), h.Get(world.HeaderMinPosition))
	}
}

// The feed begins with what comes next: a price that changed before, when the
// page was already here, is never told. Until it begins nobody can say how new an
// answer must be, so what is given is said to be unsure.
func TestWhatCameBeforeTheFeedIsForgotten(t *testing.T) {
	f, events, taken := followed(t)

	f.near.Will(tiertest.Says("3,50 €", "Surrogate-Key", "de/p/brezel"))
	for range 2 {
		if got := f.do("GET", "/p/brezel").Header().Get("Cache-Status"); strings.Contains(got, "; hit") || !strings.Contains(got, "detail=feed-lost") {
			t.Errorf("before the feed has begun: %q", got)
		}
	}
	f.near.Will(tiertest.Says("3,90 €", "Surrogate-Key", "de/p/brezel"))
	events <- world.Event{Kind: world.EventHello, Cursor: "8.0", Position: world.Position{Cluster: "catalog-home", Epoch: 1, LSN: 9}}
	<-taken
	if w := f.do("GET", "/p/brezel"); w.Body.String() != "3,90 €" {
		t.Errorf("after the feed's begin: %s", w.Body)
	}
}

// A database that was set up anew, or put back to an older state, writes other
// events under cursors that its caches have passed: what was stored under the
// history of before is asked for anew, and demanded of it no more.
func TestAnotherHistoryOfTheFeed(t *testing.T) {
	f, events, taken := followed(t)
	at := func(lsn uint64) world.Position {
		return world.Position{Cluster: "catalog-home", Epoch: 1, LSN: lsn}
	}
	events <- world.Event{Kind: world.EventHello, Cursor: "900.0.a1", Position: at(900)}
	<-taken
	f.near.Will(tiertest.Says("3,90 €", "Surrogate-Key", "de/p/brezel"))
	f.do("GET", "/p/brezel")
	f.near.Will(tiertest.Says("3,50 €", "Surrogate-Key", "de/p/brezel"))
	events <- world.Event{Kind: world.EventHello, Cursor: "901.0.a1", Position: at(901)}
	<-taken
	if w := f.do("GET", "/p/brezel"); w.Body.String() != "3,90 €" {
		t.Errorf("the same history: %s", w.Body)
	}
	events <- world.Event{Kind: world.EventHello, Cursor: "905.0.b2", Position: at(7)}
	<-taken
	if w := f.do("GET", "/p/brezel"); w.Body.String() != "3,50 €" {
		t.Errorf("another history: %s", w.Body)
	}
	h := f.near.Last().Header
	if h.Get(world.HeaderMinCursor) != "catalog-home=905.0.b2" || h.Get(world.HeaderMinPosition) != "catalog-home@1:0/7" {
		t.Errorf("it demands %q, %q", h.Get(world.HeaderMinCursor), h.Get(world.HeaderMinPosition))
	}
}

// What a lost feed governs is validated, and goes on being served while nobody
// can say whether it is still good.
func TestALostFeedMakesUnsure(t *testing.T) {
	f, _, _ := begun(t)
	const manifest = "/media/sweet-crumbs/1000000000000000/manifest"
	paths := []string{"/p/brezel", picture + "webp/640x0", manifest}
	f.near.Will(tiertest.Says("x", "Cache-Control", "public, max-age=3600, stale-if-error=3600"))
	for _, path := range paths {
		f.do("GET", path)
	}
	f.now = f.now.Add(Default().FeedLimit)
	for _, path := range paths {
		if w := f.do("GET", path); !strings.Contains(w.Header().Get("Cache-Status"), "; hit") {
			t.Errorf("%s at the limit: %q", path, w.Header().Get("Cache-Status"))
		}
	}
	f.now = f.now.Add(1)
	for i, path := range paths {
		w := f.do("GET", path)
		if f.near.Count() != 4+i || !strings.Contains(w.Header().Get("Cache-Status"), "fwd=stale") || !strings.Contains(w.Header().Get("Cache-Status"), "detail=feed-lost") {
			t.Errorf("%s: %d reads upstream, %q", path, f.near.Count(), w.Header().Get("Cache-Status"))
		}
	}
	f.near.Will(tiertest.Refuses)
	f.home.Will(tiertest.Refuses)
	for _, path := range paths {
		if w := f.do("GET", path); w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Status"), "detail=stale-if-error") {
			t.Errorf("%s while all are away: %d, %q", path, w.Code, w.Header().Get("Cache-Status"))
		}
	}
}

// shopFields are what the shop sends with a catalogue page: role/shop/headers.go.
var shopFields = []string{"Cache-Control", "public, max-age=0, must-revalidate", "CDN-Cache-Control", "max-age=300, stale-if-error=86400"}

func TestAllAway(t *testing.T) {
	f := newFixture(t, nil)
	f.near.Will(tiertest.Says("kept", shopFields...))
	f.do("GET", "/kept")
	f.now = f.now.Add(300*time.Second - 1)
	if w := f.do("GET", "/kept"); f.near.Count() != 1 || w.Header().Get("Cache-Control") != shopFields[1] {
		t.Errorf("%d reads in the page's time, browsers are told %q", f.near.Count(), w.Header().Get("Cache-Control"))
	}
	f.near.Will(tiertest.Refuses)
	f.home.Will(tiertest.Refuses)
	for _, past := range []time.Duration{1, 86400*time.Second - 1} {
		f.now = t0.Add(300*time.Second + past)
		if w := f.do("GET", "/kept"); w.Code != 200 || w.Body.String() != "kept" {
			t.Errorf("what is kept was not served stale after %v: %d %s", past, w.Code, w.Body)
		}
	}
	f.now = t0.Add(86700 * time.Second)
	if w := f.do("GET", "/kept"); w.Code != 502 {
		t.Errorf("a day past its time: %d", w.Code)
	}
	w := f.do("GET", "/other")
	if w.Code != 502 || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s", w.Code, w.Header().Get("Content-Type"))
	}
}

func TestConfigIsChecked(t *testing.T) {
	good := Default()
	good.Listen, good.PoP, good.FeedKey, good.Shields = "unix:/x", "iad", "k", []tier.Shield{{Region: "r", Address: "unix:/r"}}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Config){
		"pop": func(c *Config) { c.PoP = "" }, "shields": func(c *Config) { c.Shields = nil }, "key": func(c *Config) { c.FeedKey = "" },
		"cache": func(c *Config) { c.CacheBytes = 1<<20 - 1 }, "object": func(c *Config) { c.ObjectBytes = c.CacheBytes + 1 },
		"timeout": func(c *Config) { c.UpstreamTimeout = 0 }, "upload": func(c *Config) { c.UploadBytes = 0 },
		"hedge": func(c *Config) { c.HedgeAfter = 0 }, "hedge of a picture": func(c *Config) { c.HedgeAfterPicture = 0 },
		"whole": func(c *Config) { c.WholeBytes = -1 }, "whole above upload": func(c *Config) { c.WholeBytes = c.UploadBytes + 1 }, "shield": func(c *Config) { c.Shields[0].Address = "" },
	} {
		bad := good
		bad.Shields = append([]tier.Shield{}, good.Shields...)
		spoil(&bad)
		if !world.Is(bad.Validate(), world.CodeInvalid) {
			t.Errorf("%s was let through", name)
		}
	}
}

func TestTruncate(t *testing.T) {
	for in, want := range map[string]string{"203.0.113.77:5": "203.0.113.0/24", "[2001:db8:1:2::3]:5": "2001:db8:1::/48", "[::ffff:203.0.113.77]:5": "203.0.113.0/24", "@": ""} {
		if got := truncate(in); got != want {
			t.Errorf("%s: %q", in, got)
		}
	}
}

// Thousands of ways to write Accept-Encoding are four stored responses at the
// most, and the shield is told which is wanted.
func TestOneStoredPageACoding(t *testing.T) {
	f := newFixture(t, nil)
	for _, c := range []struct{ accept, asked string }{
		{"gzip, deflate, br, zstd", "br"}, {"br;q=1.0, gzip;q=0.8, *;q=0.1", "br"}, {"gzip", "gzip"}, {"GZIP, deflate", "gzip"}, {"deflate", "identity"},
	} {
		f.do("GET", "/p/brezel", "Accept-Encoding", c.accept)
		if got := f.near.Last().Header.Get("Accept-Encoding"); got != c.asked {
			t.Errorf("%q: the shield was asked for %q", c.accept, got)
		}
	}
	if n := f.near.Count(); n != 3 {
		t.Errorf("%d reads for three codings", n)
	}
	for _, accept := range []string{"gzip", "br"} { // one response, whoever asks
		f.do("GET", picture+"avif/640x0", "Accept-Encoding", accept)
		f.do("GET", "/assets/0/a.woff2", "Accept-Encoding", accept)
	}
	if n := f.near.Count(); n != 5 {
		t.Errorf("%d reads: what is compressed already was read for each coding", n-3)
	}
}
