package shield

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	yaml "go.yaml.in/yaml/v3"

	"meridian/engine/contentcoding"
	"meridian/engine/keyring"
	"meridian/engine/purge"
	"meridian/engine/tier"
	"meridian/test/tiertest"
	"meridian/world"
)

var t0 = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const (
	cluster = "catalog-home"
	picture = "/img/sweet-crumbs/1000000000000000/v1/"
)

func goodConfig() Config {
	c := Default()
	c.Listen, c.Region, c.FeedKey = "unix:/x", "eu-central", "k"
	c.Private.Keys = []keyring.Key{tiertest.SigningKey}
	c.Media, c.Shop, c.Owner, c.Ops = "unix:/m", "unix:/s", "unix:/o", "unix:/p"
	return c
}

type fixture struct {
	*Shield
	media, shop, owner, ops, monitor *tiertest.Upstream
	now                              time.Time
}

// newFixture is a shield before three roles; the market de is homed in "home".
func newFixture(t *testing.T, feeds map[string]purge.Source, change ...func(*Config)) *fixture {
	t.Helper()
	f := &fixture{now: t0, media: tiertest.NewUpstream(tiertest.Says("media")), shop: tiertest.NewUpstream(tiertest.Says("shop")), owner: tiertest.NewUpstream(tiertest.Says("owner")), ops: tiertest.NewUpstream(tiertest.Says("ops")), monitor: tiertest.NewUpstream(tiertest.Says("monitor"))}
	cfg := goodConfig()
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(cfg, Deps{
		World: &world.World{
			Markets: []world.Market{{ID: "de", Host: "de.localhost", HomeRegion: "home"}},
			Regions: []world.Region{{ID: "eu-central", Zone: "europe", Number: 2}, {ID: "us-east", Zone: "us", Number: 4}},
		},
		Media: f.media, Shop: f.shop, Owner: f.owner, Ops: f.ops, Monitor: f.monitor, Feeds: feeds,
		Now: func() time.Time { return f.now }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	f.Shield = s
	return f
}

func request(method, path, body string, headers ...string) *http.Request {
	var b io.Reader
	if body != "" {
		b = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, "http://de.localhost:8080"+path, b)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func (f *fixture) do(method, path string, headers ...string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.ServeHTTP(w, request(method, path, "", headers...))
	return w
}

// follow runs the shield's feeds until the test ends.
func (f *fixture) follow(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); f.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ran })
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

func purgeOf(cursor, group string) world.Event {
	return world.Event{Kind: world.EventPurge, Cursor: cursor, Groups: []string{group}, Position: world.Position{Cluster: cluster, Epoch: 1, LSN: 9}}
}

func TestEachPathGoesToItsRole(t *testing.T) {
	f := newFixture(t, nil)
	for _, c := range []struct{ method, path, role string }{
		{"GET", "/", "shop"}, {"HEAD", "/", "shop"}, {"GET", "/p/brezel", "shop"}, {"GET", "/de-DE/p/brezel", "shop"},
		{"GET", "/assets/abc/site.css", "shop"}, {"GET", "/cart", "shop"}, {"POST", "/cart", "shop"}, {"GET", "/de-DE/checkout", "shop"},
		{"POST", "/p/brezel", "shop"}, {"GET", "/-/feed?after=now", "shop"},
		{"GET", picture + "webp/640x0", "media"}, {"GET", picture + "auto/640x0", "media"}, {"GET", "/media/sweet-crumbs", "media"},
		{"PUT", "/media/sweet-crumbs?name=a.jpg", "media"}, {"GET", "/media/sweet-crumbs/1000000000000000/manifest", "media"},
		{"GET", "/-/media/originals/ab", "media"}, {"PUT", "/-/media/originals/ab", "media"},
		{"POST", "/purges", "ops"}, {"GET", "/purges", "ops"}, {"GET", "/purges/1000000000000000", "ops"}, {"POST", "/-/purges", "ops"}, {"POST", "/-/feed/acks", "ops"},
		{"GET", "/owner", "owner"}, {"POST", "/owner/prices", "owner"},
	} {
		w := f.do(c.method, c.path)
		if c.method != "HEAD" && w.Body.String() != c.role || w.Code != 200 {
			t.Errorf("%s %s: %d by %q, want %s", c.method, c.path, w.Code, w.Body, c.role)
		}
	}
	if r := f.owner.Last(); r.Host != "de.localhost:8080" {
		t.Errorf("the role was asked under host %q", r.Host)
	}
}

func TestOtherInternalPathsAreNotThere(t *testing.T) {
	f := newFixture(t, nil)
	for _, p := range []string{"/-", "/-/", "/-/feeds", "/-/feed/x", "/-/media", "/-/purges/x", "/-/feed/acks/x", "/-/admin", "/-/shop/x"} {
		if w := f.do("GET", p, "Authorization", "Bearer k"); w.Code != 404 {
			t.Errorf("%s: %d", p, w.Code)
		}
	}
	if f.shop.Count()+f.media.Count()+f.owner.Count()+f.ops.Count() != 0 {
		t.Error("an unknown internal path went to a role")
	}
}

func TestTwoEdgesOneRead(t *testing.T) {
	f := newFixture(t, nil)
	f.shop.Will(tiertest.Says("page", "Surrogate-Key", "de/pages"))
	for _, path := range []string{"/p/brezel", picture + "avif/640x0"} {
		f.do("GET", path, "X-Request-Id", "edge-one-1")
		w := f.do("GET", path, "X-Request-Id", "edge-two-2")
		if got := w.Header().Get("Cache-Status"); !strings.Contains(got, "shield-eu-central; hit") {
			t.Errorf("%s for the second edge: %q", path, got)
		}
	}
	if f.shop.Count() != 1 || f.media.Count() != 1 {
		t.Errorf("shop was read %d times, media %d", f.shop.Count(), f.media.Count())
	}
	if got := f.do("GET", "/p/brezel").Header().Get("Surrogate-Key"); got != "de/pages" {
		t.Errorf("groups %q: an edge could not purge this", got)
	}
	r := request("GET", "/p/brezel", "")
	r.Host = "DE.LOCALHOST:8080"
	f.ServeHTTP(httptest.NewRecorder(), r)
	if f.shop.Count() != 1 {
		t.Error("the case of the host made another cache entry")
	}
}

func TestAutoIsNotKept(t *testing.T) {
	f := newFixture(t, nil)
	f.do("GET", picture+"auto/640x0")
	f.do("GET", picture+"auto/640x0")
	if f.media.Count() != 2 {
		t.Errorf("media was asked %d times: a negotiated answer was kept", f.media.Count())
	}
}

func TestManyWaitForOneRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		open := make(chan struct{})
		f.shop.Will(func(r *http.Request) (*http.Response, error) { <-open; return tiertest.Says("page")(r) })
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if w := f.do("GET", "/p/brezel"); w.Code != 200 || w.Body.String() != "page" {
					t.Errorf("%d %s", w.Code, w.Body)
				}
			})
		}
		synctest.Wait()
		close(open)
		all.Wait()
		if f.shop.Count() != 1 {
			t.Errorf("%d reads for 50 who waited", f.shop.Count())
		}
	})
}

// Another region's media reads a picture through as an edge does: whoever comes
// first, both share one read of ours.
func TestAnotherRegionSharesTheEdgesRead(t *testing.T) {
	for _, first := range []string{"de.localhost", "home"} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, nil)
			open := make(chan struct{})
			f.media.Will(func(r *http.Request) (*http.Response, error) {
				<-open
				return tiertest.Says("picture", "ETag", `"p"`)(r)
			})
			var all sync.WaitGroup
			ask := func(host string) {
				all.Go(func() {
					r := request("GET", picture+"webp/640x0", "")
					r.Host = host
					if host != "home" {
						r.Header.Set(world.HeaderClient, "192.0.2.0")
						r.Header.Set(world.HeaderMinCursor, cluster+"=0.0")
					}
					w := httptest.NewRecorder()
					f.ServeHTTP(w, r)
					if w.Code != 200 || w.Body.String() != "picture" || w.Header().Get("ETag") != `"p"` {
						t.Errorf("%s: %d %s", host, w.Code, w.Body)
					}
				})
				synctest.Wait()
			}
			ask(first)
			ask("home")
			ask("de.localhost")
			close(open)
			all.Wait()
			if f.media.Count() != 1 {
				t.Errorf("%s first: %d reads", first, f.media.Count())
			}
		})
	}
}

func TestBehindTheAskersCursor(t *testing.T) {
	events, taken := make(chan world.Event), make(chan struct{})
	f := newFixture(t, map[string]purge.Source{cluster: source(events, taken)})
	f.follow(t)
	events <- purgeOf("7.1", "other")
	<-taken
	f.do("GET", "/p/brezel")
	ask := func(cursor string) string {
		return f.do("GET", "/p/brezel", world.HeaderMinCursor, cursor).Header().Get("Cache-Status")
	}
	for _, reached := range []string{cluster + "=7.1", cluster + "=6.9", "catalog-elsewhere=9.9"} {
		if got := ask(reached); !strings.Contains(got, "; hit") {
			t.Errorf("demand %s: %q", reached, got)
		}
	}
	if got := ask(cluster + "=7.2"); !strings.Contains(got, "fwd=bypass") || !strings.Contains(got, "detail=behind") {
		t.Errorf("a newer demand: %q", got)
	}
	if up := f.shop.Last(); up.Header.Get(world.HeaderMinCursor) != cluster+"=7.2" || up.Header.Get(world.HeaderMinPosition) != cluster+"@1:0/9" {
		t.Errorf("the shop was asked for %q, %q", up.Header.Get(world.HeaderMinCursor), up.Header.Get(world.HeaderMinPosition))
	}
	if got := ask("not a cursor"); strings.Contains(got, "; hit") {
		t.Errorf("an unreadable demand was answered from the cache: %q", got)
	}
	events <- purgeOf("7.2", "other")
	<-taken
	if got := ask(cluster + "=7.2"); !strings.Contains(got, "; hit") {
		t.Errorf("after the feed has come: %q", got)
	}
}

// begun is a shield that follows a feed, by what is put in events, after its hello.
func begun(t *testing.T) (f *fixture, events chan<- world.Event, taken <-chan struct{}) {
	t.Helper()
	put, took := make(chan world.Event), make(chan struct{})
	f = newFixture(t, map[string]purge.Source{cluster: source(put, took)})
	f.follow(t)
	put <- world.Event{Kind: world.EventHello, Cursor: "1.0"}
	<-took
	return f, put, took
}

func TestPurgeAndWhatFollowsIt(t *testing.T) {
	f, events, taken := begun(t)
	f.shop.Will(tiertest.Says("3,50 €", "Surrogate-Key", "de/p/brezel"))
	f.do("GET", "/p/brezel")
	f.shop.Will(tiertest.Says("3,90 €", "Surrogate-Key", "de/p/brezel"))
	if w := f.do("GET", "/p/brezel"); w.Body.String() != "3,50 €" {
		t.Fatalf("before the purge: %s", w.Body)
	}
	events <- purgeOf("7.1", "de/p/brezel")
	<-taken
	if w := f.do("GET", "/p/brezel"); w.Body.String() != "3,90 €" {
		t.Errorf("after the purge: %s", w.Body)
	}
	// What is never cached must demand the position too: a cart shows prices.
	f.do("GET", "/cart")
	if up := f.shop.Last(); up.URL.Path != "/cart" || up.Header.Get(world.HeaderMinPosition) != cluster+"@1:0/9" {
		t.Errorf("%s demanded %q", up.URL.Path, up.Header.Get(world.HeaderMinPosition))
	}
}

func TestALostFeedMakesUnsure(t *testing.T) {
	f, _, _ := begun(t)
	f.shop.Will(tiertest.Says("x", "Cache-Control", "public, max-age=3600"))
	f.media.Will(tiertest.Says("x", "Cache-Control", "public, max-age=3600"))
	status := func(path string) string { return f.do("GET", path).Header().Get("Cache-Status") }
	paths := []string{"/p/brezel", picture + "webp/640x0"}
	for _, path := range paths {
		status(path)
	}
	f.now = f.now.Add(Default().FeedLimit)
	for _, path := range paths {
		if got := status(path); !strings.Contains(got, "; hit") {
			t.Errorf("%s at the limit: %q", path, got)
		}
	}
	f.now = f.now.Add(1)
	for _, path := range paths {
		if got := status(path); !strings.Contains(got, "fwd=stale") || !strings.Contains(got, "detail=feed-lost") {
			t.Errorf("%s past the limit: %q", path, got)
		}
	}
	if f.shop.Count() != 2 || f.media.Count() != 2 {
		t.Errorf("%d and %d reads", f.shop.Count(), f.media.Count())
	}
}

func TestWhatIsPersonalIsNeverKept(t *testing.T) {
	f := newFixture(t, nil)
	for _, c := range []struct {
		path string
		role *tiertest.Upstream
	}{{"/cart", f.shop}, {"/orders/1", f.shop}, {"/owner/orders", f.owner}, {"/media/sweet-crumbs", f.media}, {"/-/media/originals/a", f.media}} {
		before := c.role.Count()
		f.do("GET", c.path, "Cookie", "cart=mine")
		f.do("GET", c.path, "Cookie", "cart=mine")
		up := c.role.Last()
		if c.role.Count() != before+2 || up.Header.Get("Cookie") != "cart=mine" {
			t.Errorf("%s: %d reads, cookie %q", c.path, c.role.Count()-before, up.Header.Get("Cookie"))
		}
	}
}

func TestBodyLimit(t *testing.T) {
	f := newFixture(t, nil, func(c *Config) { c.BodyBytes = 10 })
	for n, want := range map[int]int{10: 200, 11: 413} {
		for _, path := range []string{"/cart", "/media/sweet-crumbs", "/-/media/originals/a", "/owner/x"} {
			w := httptest.NewRecorder()
			f.ServeHTTP(w, request("POST", path, strings.Repeat("x", n)))
			if w.Code != want {
				t.Errorf("%d bytes to %s: %d, want %d", n, path, w.Code, want)
			}
		}
	}
	if body := f.shop.LastBody(); body != strings.Repeat("x", 10) {
		t.Errorf("the role was sent %q", body)
	}
}

// shopFields are what the shop sends with a catalogue page: role/shop/headers.go.
var shopFields = []string{"Cache-Control", "public, max-age=0, must-revalidate", "CDN-Cache-Control", "max-age=300, stale-if-error=86400"}

func TestRoleAway(t *testing.T) {
	f := newFixture(t, nil)
	f.shop.Will(tiertest.Says("kept", shopFields...))
	f.do("GET", "/kept")
	f.shop.Will(tiertest.Refuses)
	for _, past := range []time.Duration{1, 86400*time.Second - 1} {
		f.now = t0.Add(300*time.Second + past)
		w := f.do("GET", "/kept")
		if w.Code != 200 || w.Body.String() != "kept" {
			t.Errorf("what is kept was not served stale after %v: %d %s", past, w.Code, w.Body)
		}
		if got := w.Header().Get("CDN-Cache-Control"); got != shopFields[3] {
			t.Errorf("an edge is told %q", got)
		}
	}
	f.now = t0.Add(86700 * time.Second)
	if w := f.do("GET", "/kept"); w.Code != 502 {
		t.Errorf("a day past its time: %d", w.Code)
	}
	for _, path := range []string{"/other", "/cart"} {
		if w := f.do("GET", path); w.Code != 502 || w.Header().Get("Content-Type") != "application/problem+json" || strings.Contains(w.Body.String(), "refused") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	f.shop.Will(func(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded })
	if w := f.do("GET", "/cart"); w.Code != 504 {
		t.Errorf("too slow: %d", w.Code)
	}
}

func TestConfigIsChecked(t *testing.T) {
	if err := goodConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Config){
		"listen": func(c *Config) { c.Listen = "" }, "region": func(c *Config) { c.Region = "" }, "feed_key": func(c *Config) { c.FeedKey = "" },
		"media": func(c *Config) { c.Media = "" }, "shop": func(c *Config) { c.Shop = "" }, "owner": func(c *Config) { c.Owner = "" }, "ops": func(c *Config) { c.Ops = "" },
		"cache_bytes": func(c *Config) { c.CacheBytes = 1<<20 - 1 }, "object_bytes": func(c *Config) { c.ObjectBytes = c.CacheBytes + 1 },
		"role_timeout": func(c *Config) { c.RoleTimeout = 0 }, "fill_timeout": func(c *Config) { c.FillTimeout = 0 }, "feed_limit": func(c *Config) { c.FeedLimit = 0 },
		"body_bytes": func(c *Config) { c.BodyBytes = 0 }, "peers": func(c *Config) { c.Peers = []tier.Shield{{Region: "us-east"}} },
	} {
		bad := goodConfig()
		spoil(&bad)
		if err := bad.Validate(); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := New(bad, Deps{}); err == nil {
			t.Errorf("a shield was made with a bad %s", name)
		}
	}
}

// The snippet in the README is a config that a shield takes.
func TestReadmeSnippet(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```yaml\n")
	snippet, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the README has no snippet")
	}
	cfg := Default()
	d := yaml.NewDecoder(strings.NewReader(snippet))
	d.KnownFields(true)
	if err := d.Decode(&cfg); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
}

// capitals is a coding for this test.
type capitals struct{ to io.Writer }

func (c capitals) Write(p []byte) (int, error) { return c.to.Write(bytes.ToUpper(p)) }
func (capitals) Flush() error                  { return nil }
func (capitals) Close() error                  { return nil }
func (capitals) Release()                      {}

func TestPagesAreCodedOnceAndPicturesNever(t *testing.T) {
	shop := tiertest.NewUpstream(tiertest.Says(strings.Repeat("brezel ", 200)))
	media := tiertest.NewUpstream(tiertest.Says(strings.Repeat("pixels ", 200)))
	coded := 0
	s, err := New(goodConfig(), Deps{
		World: &world.World{Markets: []world.Market{{ID: "de", Host: "de.localhost", HomeRegion: "home"}}},
		Media: media, Shop: shop, Owner: shop, Now: func() time.Time { return t0 }, Log: slog.New(slog.DiscardHandler),
		Code: func(_ contentcoding.Class, to io.Writer) (contentcoding.Encoder, bool) {
			coded++
			return capitals{to}, true
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 3 {
		for _, path := range []string{"/p/brezel", picture + "webp/640x0"} {
			r := httptest.NewRequest("GET", "http://de.localhost"+path, nil)
			r.Header.Set("Accept-Encoding", "br")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if page := path == "/p/brezel"; page != (w.Header().Get("Content-Encoding") == "br") || page != strings.HasPrefix(w.Body.String(), "BREZEL") {
				t.Fatalf("%s: %v", path, w.Header())
			}
		}
	}
	if asked := shop.Last(); coded != 1 || shop.Count() != 1 || media.Count() != 1 || asked.Header.Get("Accept-Encoding") != "identity" {
		t.Errorf("coded %d times; the shop was asked %d times, the last for %q", coded, shop.Count(), asked.Header.Get("Accept-Encoding"))
	}
}
