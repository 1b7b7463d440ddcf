// Package tier ties a cache to its purge feeds: the half of a request's way
// that edge and shield have in common, with what each demands of the next.
package tier

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"time"

	"meridian/engine/contentcoding"
	"meridian/engine/httpcache"
	"meridian/engine/imagegrid"
	"meridian/engine/purge"
	"meridian/engine/signedurl"
	"meridian/engine/upstream"
	"meridian/world"
)

// Config is what a tier is made of. All but Private, StripGroups, Memory, Store and
// Acks is required.
type Config struct {
	Name  string // its member of Cache-Status: "edge-iad"
	World *world.World
	Limits
	Private     *signedurl.Ring          // nil: no private picture is given
	StripGroups bool                     // keep groups from who asks
	ShowGroups  func(*http.Request) bool // who sees them all the same; nil: nobody
	Memory      httpcache.Memory         // for contents of [Limits].MemoryFrom bytes and more; nil: none
	Store       httpcache.Disk           // opened by [Limits].Disk; nil: none. The tier closes it
	Upstream    http.RoundTripper
	Next        string                       // name of what Upstream reaches, for URLs: see [Tier.Pass]
	Feeds       map[string]purge.Source      // by catalog cluster
	Acks        map[string]purge.Acknowledge // by catalog cluster: who is told how far its feed was taken
	Now         func() time.Time
	Log         *slog.Logger
	Error       func(http.ResponseWriter, *http.Request, error)
}

// Tier is a cache with its feeds. It is safe for concurrent use.
type Tier struct {
	cfg   Config
	cache *httpcache.Cache
	feeds *purge.State
}

// New makes a tier.
func New(cfg Config) *Tier {
	t := &Tier{cfg: cfg, feeds: purge.New(cfg.FeedLimit, slices.Sorted(maps.Keys(cfg.Feeds))...)}
	t.cache = httpcache.New(httpcache.Config{
		Name: cfg.Name, MaxBytes: cfg.CacheBytes, MaxObjectBytes: cfg.ObjectBytes, FillTimeout: cfg.FillTimeout, StallTimeout: cfg.StallTimeout, StaleWait: cfg.StaleWait, NegativeError: cfg.NegativeError, NegativeStatus: cfg.NegativeStatus,
		StripGroups: cfg.StripGroups, ShowGroups: cfg.ShowGroups, Now: cfg.Now, Upstream: upstream.NewBound(cfg.Upstream, cfg.Misses, cfg.MissWait), KeyOf: t.keyOf, Behind: func(r *http.Request) bool { return t.feeds.Behind(r.Header) }, Unsure: t.unsure, Error: cfg.Error,
		Memory: cfg.Memory, MemoryFrom: cfg.MemoryFrom, Disk: cfg.Store, DiskBytes: cfg.Disk.Bytes, MaxDiskObject: cfg.Disk.ObjectBytes, Prepare: func(r *http.Request) { t.address(r, cfg.Next) },
		Keyed: []string{"Accept-Encoding"}, Alike: contentcoding.AllKeys,
	})
	t.feeds.Resume(t.cache.Cursors())
	return t
}

// Run follows the purge feeds until ctx ends.
func (t *Tier) Run(ctx context.Context) error {
	defer t.cache.Close()
	return t.feeds.Run(ctx, t.cfg.Feeds, purge.Hooks{
		Now:  t.cfg.Now,
		Acks: t.cfg.Acks, AckEvery: t.cfg.AckEvery,
		Purge: t.forget,
		Taken: t.cache.KeepCursor,
		All:   func() { t.cache.Purge(httpcache.Purge{All: true}) },
		Lost: func(cluster string, err error) {
			if ctx.Err() == nil {
				t.cfg.Log.Warn("purge feed lost, following again", "cluster", cluster, "err", err)
			}
		},
	})
}

// forget carries out a purge: the names that it gives in this tier's keys.
func (t *Tier) forget(p world.Purge) {
	t.cache.Purge(httpcache.Purge{Groups: world.WithPages(p.Groups), Keys: t.keysOf(p.URLs), All: p.All, Soft: p.Soft})
}

// keysOf are the cache keys of URLs. One that is never cached here has none.
func (t *Tier) keysOf(urls []string) []string {
	var keys []string
	for _, text := range urls {
		u, err := world.ParsePurgeURL(text)
		if err != nil {
			continue
		}
		for _, u := range eachFormat(u) {
			if key, ok := t.keyOf(&http.Request{Method: http.MethodGet, URL: u, Host: u.Host}); ok {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// eachFormat is a URL, or for a picture whose format is negotiated the URL of
// each format that may have been chosen.
func eachFormat(u *url.URL) []*url.URL {
	img, err := imagegrid.Parse(u.Path)
	if err != nil || img.Format != imagegrid.Auto {
		return []*url.URL{u}
	}
	var out []*url.URL
	for _, f := range imagegrid.Formats() {
		img.Format = f
		v := *u
		v.Path, v.RawPath = img.String(), ""
		out = append(out, &v)
	}
	return out
}

// Ready is closed once every feed has been heard: from then on nothing is
// forgotten but by a purge.
func (t *Tier) Ready() <-chan struct{} { return t.feeds.Ready() }

// Stats is the cache's figures.
func (t *Tier) Stats() httpcache.Stats { return t.cache.Stats() }

// ServeHTTP answers from the cache, or fills it.
func (t *Tier) ServeHTTP(w http.ResponseWriter, r *http.Request) { t.cache.ServeHTTP(w, r) }

// Close waits for fills that are under way. [Tier.Run] does it at its end.
func (t *Tier) Close() error { return t.cache.Close() }

// Pass hands requests on as they are, past the cache, with this tier's
// demands. name is what to reaches, for URLs: a transport keeps its connections
// by it, while Host goes on naming the market. fail answers when the next does not.
func (t *Tier) Pass(name string, to http.RoundTripper, fail func(http.ResponseWriter, *http.Request, error)) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport:     to,
		FlushInterval: -1, // a feed's line must not wait for the next
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.Host = p.In.Host
			if who := p.In.Header.Get(world.HeaderClient); who != "" { // a visitor's Connection field may have named it
				p.Out.Header.Set(world.HeaderClient, who)
			}
			t.address(p.Out, name)
		},
		ErrorHandler: fail,
		ErrorLog:     slog.NewLogLogger(t.cfg.Log.Handler(), slog.LevelDebug),
	}
}

// address gives an upstream request its way and this tier's demands. The URL
// never has a visitor's Host: each would get connections of its own.
func (t *Tier) address(out *http.Request, next string) {
	out.URL.Scheme, out.URL.Host = "http", next
	t.feeds.Demand(out.Header)
	t.vouch(out)
}

// keyOf is the cache key of DESIGN.md §4: never a signature, an expiry or a raw
// header, and of a query only what pages are told apart by ([world.PageQuery]). A page's host is its market's, however it was written.
// Paths count as they were written: %2F is not a slash to who answers.
// A picture whose format is still to be negotiated has no key. Pages and their
// assets have a key for each content coding.
func (t *Tier) keyOf(r *http.Request) (string, bool) {
	switch world.RouteOf(http.MethodGet, r.URL.Path) {
	case world.RouteImage, world.RoutePrivate:
		img, err := imagegrid.Parse(r.URL.Path)
		switch {
		case err != nil || img.Format == imagegrid.Auto:
			return "", false
		case img.Private:
			return "private " + img.Key(), true
		}
		return "img " + img.Key(), true
	case world.RouteManifest:
		return "manifest " + r.URL.EscapedPath(), true
	}
	m, ok := t.cfg.World.MarketByHost(r.Host)
	path := r.URL.EscapedPath()
	class := contentcoding.ForPath(path, contentcoding.Of(r.Header["Accept-Encoding"]))
	key := "page " + m.ID + " " + path
	if query := world.PageQuery(r.URL.Path, r.URL.RawQuery); query != "" {
		key += "?" + query // a path as it was written has no question mark
	}
	return contentcoding.AppendKey(key, class), ok
}
