// Package edge is the role at a PoP: it answers visitors from its cache and
// asks the nearest healthy region for the rest.
package edge

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"meridian/engine/httpcache"
	"meridian/engine/imagegrid"
	"meridian/engine/purge"
	"meridian/platform/httpserver"
	"meridian/world"
)

// Deps is what an edge is handed.
type Deps struct {
	World   *world.World
	Shields map[string]http.RoundTripper // by region; each always reaches that region's shield
	Feeds   map[string]purge.Source      // by catalog cluster
	Now     func() time.Time
	Log     *slog.Logger
}

// Edge is one PoP's role.
type Edge struct {
	cfg     Config
	deps    Deps
	cache   *httpcache.Cache
	feeds   *purge.State
	nearest *upstream
	home    map[string]*httputil.ReverseProxy // by region
	near    *httputil.ReverseProxy
}

// New makes an edge. It refuses a config or dependencies that do not fit.
func New(cfg Config, deps Deps) (*Edge, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	e := &Edge{cfg: cfg, deps: deps, home: map[string]*httputil.ReverseProxy{}}
	clusters := make([]string, 0, len(deps.Feeds))
	for c := range deps.Feeds {
		clusters = append(clusters, c)
	}
	e.feeds = purge.New(cfg.FeedLimit, deps.Now(), clusters...)
	var err error
	if e.nearest, err = newUpstream(cfg, deps); err != nil {
		return nil, err
	}
	e.cache = httpcache.New(httpcache.Config{
		Name: "edge-" + cfg.PoP, MaxBytes: cfg.CacheBytes, MaxObjectBytes: cfg.ObjectBytes, FillTimeout: cfg.FillTimeout,
		StripGroups: true, Now: deps.Now, Upstream: e.nearest, KeyOf: keyOf, Behind: e.behind,
		Prepare: func(r *http.Request) { e.feeds.Demand(r.Header) }, Error: e.fail,
	})
	for region, t := range deps.Shields {
		e.home[region] = e.pass(t)
	}
	e.near = e.pass(e.nearest)
	return e, nil
}

// Run follows the purge feeds until ctx ends.
func (e *Edge) Run(ctx context.Context) error {
	defer e.cache.Close()
	return e.feeds.Run(ctx, e.deps.Feeds, purge.Hooks{
		Now:   e.deps.Now,
		Purge: func(groups []string) { e.cache.Purge(httpcache.Purge{Groups: groups}) },
		Lost: func(cluster string, err error) {
			if ctx.Err() == nil {
				e.deps.Log.Warn("purge feed lost, following again", "cluster", cluster, "err", err)
			}
		},
	})
}

// Stats is the cache's figures.
func (e *Edge) Stats() httpcache.Stats { return e.cache.Stats() }

// ServeHTTP answers a visitor.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(world.HeaderPoP, e.cfg.PoP)
	dropForeign(r)
	switch world.RouteOf(r.Method, r.URL.Path) {
	case world.RouteInternal:
		e.fail(w, r, world.E(world.CodeNotFound, "edge", ""))
	case world.RouteImage:
		e.image(w, r)
	case world.RouteManifest:
		e.cached(w, r)
	case world.RouteMedia:
		r.Body = http.MaxBytesReader(w, r.Body, e.cfg.UploadBytes)
		e.near.ServeHTTP(w, r)
	case world.RoutePage:
		e.page(w, r)
	default:
		e.toHome(w, r)
	}
}

// dropForeign removes what only tiers may tell one another.
func dropForeign(r *http.Request) {
	for name := range r.Header {
		if strings.HasPrefix(name, "Meridian-") || name == "Forwarded" || strings.HasPrefix(name, "X-Forwarded-") {
			r.Header.Del(name)
		}
	}
	r.Header.Set(world.HeaderClient, truncate(r.RemoteAddr))
}

func (e *Edge) image(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		e.fail(w, r, world.E(world.CodeMethod, "edge.image", "A picture can only be read: use GET."))
		return
	}
	img, err := imagegrid.Parse(r.URL.Path)
	if err == nil {
		err = imagegrid.Default().Allowed(img.Width, img.Height)
	}
	if err != nil {
		e.fail(w, r, err)
		return
	}
	if img.Format == imagegrid.Auto {
		// The visitor's caches must know that Accept chose; ours need not.
		w = &varying{ResponseWriter: w, field: "Accept"}
		img.Format = imagegrid.Negotiate(strings.Join(r.Header.Values("Accept"), ","))
	}
	r.URL.Path, r.URL.RawPath = img.String(), ""
	e.cached(w, r)
}

func (e *Edge) page(w http.ResponseWriter, r *http.Request) {
	if _, ok := e.deps.World.MarketByHost(r.Host); !ok {
		e.fail(w, r, world.E(world.CodeNotFound, "edge.page", "No shop is served under this host name."))
		return
	}
	e.cached(w, r)
}

// cached serves from the cache. Queries are no part of a cached response; the
// credentials of a visitor are not passed on for what everybody may see.
func (e *Edge) cached(w http.ResponseWriter, r *http.Request) {
	r.URL.RawQuery = ""
	for _, name := range []string{"Cookie", "Authorization", "Accept", "Accept-Encoding", "Accept-Language"} {
		r.Header.Del(name)
	}
	e.cache.ServeHTTP(w, r)
}

func (e *Edge) toHome(w http.ResponseWriter, r *http.Request) {
	m, ok := e.deps.World.MarketByHost(r.Host)
	if !ok {
		e.fail(w, r, world.E(world.CodeNotFound, "edge.home", "No shop is served under this host name."))
		return
	}
	proxy := e.home[m.HomeRegion]
	if proxy == nil {
		e.fail(w, r, world.E(world.CodeUnavailable, "edge.home", "The shop's region is not reached from here."))
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, e.cfg.UploadBytes)
	proxy.ServeHTTP(w, r)
}

// behind reports whether the cache may not answer: a visitor demands nothing,
// but a page of a market whose feed is lost may have been purged unheard.
func (e *Edge) behind(r *http.Request) bool {
	if world.RouteOf(r.Method, r.URL.Path) != world.RoutePage {
		return false
	}
	m, ok := e.deps.World.MarketByHost(r.Host)
	return ok && e.feeds.Lost(world.CatalogCluster(m.HomeRegion), e.deps.Now())
}

// keyOf is the cache key of DESIGN.md §4: never a signature, an expiry, a raw
// header or a query.
func keyOf(r *http.Request) (string, bool) {
	switch world.RouteOf(http.MethodGet, r.URL.Path) {
	case world.RouteImage:
		img, err := imagegrid.Parse(r.URL.Path)
		return "img " + img.Key(), err == nil
	case world.RouteManifest:
		return "manifest " + r.URL.Path, true
	}
	return "page " + strings.ToLower(r.Host) + " " + r.URL.Path, true
}

func (e *Edge) fail(w http.ResponseWriter, r *http.Request, err error) {
	httpserver.WriteError(w, r, e.deps.Log, err)
}

func (e *Edge) pass(t http.RoundTripper) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport: t,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "http", p.In.Host, p.In.Host
			e.feeds.Demand(p.Out.Header)
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			e.fail(w, r, httpserver.UpstreamError("edge.pass", err))
		},
		ErrorLog: slog.NewLogLogger(e.deps.Log.Handler(), slog.LevelDebug),
	}
}
