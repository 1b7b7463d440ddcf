// Package shield is the role at a region's door: the second cache tier, before
// the region's own media, shop and owner roles.
package shield

import (
	"context"
	"errors"
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

// Deps is what a shield is handed.
type Deps struct {
	World *world.World
	Media http.RoundTripper // the region's roles; each always reaches its role
	Shop  http.RoundTripper
	Owner http.RoundTripper
	Feeds map[string]purge.Source // by catalog cluster
	Now   func() time.Time
	Log   *slog.Logger
}

// Shield is one region's role.
type Shield struct {
	cfg   Config
	deps  Deps
	cache *httpcache.Cache
	feeds *purge.State
	media *httputil.ReverseProxy
	shop  *httputil.ReverseProxy
	owner *httputil.ReverseProxy
}

// New makes a shield. It refuses a config that does not fit.
func New(cfg Config, deps Deps) (*Shield, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Shield{cfg: cfg, deps: deps}
	clusters := make([]string, 0, len(deps.Feeds))
	for c := range deps.Feeds {
		clusters = append(clusters, c)
	}
	s.feeds = purge.New(cfg.FeedLimit, deps.Now(), clusters...)
	s.cache = httpcache.New(httpcache.Config{
		Name: "shield-" + cfg.Region, MaxBytes: cfg.CacheBytes, MaxObjectBytes: cfg.ObjectBytes, FillTimeout: cfg.FillTimeout,
		Now: deps.Now, Upstream: roles{s}, KeyOf: keyOf, Behind: s.behind, Error: s.fail,
		Prepare: func(r *http.Request) { s.feeds.Demand(r.Header) },
	})
	s.media, s.shop, s.owner = s.pass(deps.Media), s.pass(deps.Shop), s.pass(deps.Owner)
	return s, nil
}

// Run follows the purge feeds until ctx ends.
func (s *Shield) Run(ctx context.Context) error {
	defer s.cache.Close()
	return s.feeds.Run(ctx, s.deps.Feeds, purge.Hooks{
		Now:   s.deps.Now,
		Purge: func(groups []string) { s.cache.Purge(httpcache.Purge{Groups: groups}) },
		Lost: func(cluster string, err error) {
			if ctx.Err() == nil {
				s.deps.Log.Warn("purge feed lost, following again", "cluster", cluster, "err", err)
			}
		},
	})
}

// Stats is the cache's figures.
func (s *Shield) Stats() httpcache.Stats { return s.cache.Stats() }

// ServeHTTP answers an edge, or a role of another region.
func (s *Shield) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, s.cfg.BodyBytes)
	switch world.RouteOf(r.Method, r.URL.Path) {
	case world.RouteImage, world.RouteManifest, world.RoutePage:
		s.cache.ServeHTTP(w, r)
	case world.RouteMedia:
		s.media.ServeHTTP(w, r)
	case world.RouteOwner:
		s.owner.ServeHTTP(w, r)
	case world.RouteInternal:
		s.internal(w, r)
	default:
		s.shop.ServeHTTP(w, r)
	}
}

// internal passes what roles of other regions ask. The role demands the key;
// a stream has no end, so the listener's limit of time does not hold for it.
func (s *Shield) internal(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, world.InternalPrefix+"media/"):
		s.media.ServeHTTP(w, r)
	case r.URL.Path == world.FeedPath:
		if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
			s.fail(w, r, world.Wrap("shield.feed", err))
			return
		}
		s.shop.ServeHTTP(w, r)
	default:
		s.fail(w, r, world.E(world.CodeNotFound, "shield", ""))
	}
}

// behind reports whether the cache may not answer: an edge has taken a purge
// that has not come here yet, or the feed that would bring one is lost.
func (s *Shield) behind(r *http.Request) bool {
	if s.feeds.Behind(r.Header) {
		return true
	}
	if world.RouteOf(r.Method, r.URL.Path) != world.RoutePage {
		return false
	}
	m, ok := s.deps.World.MarketByHost(r.Host)
	return ok && s.feeds.Lost(world.CatalogCluster(m.HomeRegion), s.deps.Now())
}

// keyOf is the cache key of DESIGN.md §4. Edges ask for exact formats only;
// another asker's "auto" is negotiated by the role and not kept.
func keyOf(r *http.Request) (string, bool) {
	switch world.RouteOf(http.MethodGet, r.URL.Path) {
	case world.RouteImage:
		img, err := imagegrid.Parse(r.URL.Path)
		if err != nil || img.Format == imagegrid.Auto {
			return "", false
		}
		return "img " + img.Key(), true
	case world.RouteManifest:
		return "manifest " + r.URL.Path, true
	}
	return "page " + strings.ToLower(r.Host) + " " + r.URL.Path, true
}

// roles is the cache's upstream: the role that answers for the path.
type roles struct{ s *Shield }

// RoundTrip asks the role.
func (u roles) RoundTrip(r *http.Request) (*http.Response, error) {
	if world.RouteOf(r.Method, r.URL.Path) == world.RoutePage {
		return u.s.deps.Shop.RoundTrip(r)
	}
	return u.s.deps.Media.RoundTrip(r)
}

func (s *Shield) fail(w http.ResponseWriter, r *http.Request, err error) {
	httpserver.WriteError(w, r, s.deps.Log, err)
}

func (s *Shield) pass(t http.RoundTripper) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport:     t,
		FlushInterval: -1, // a feed's line must not wait for the next
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "http", p.In.Host, p.In.Host
			s.feeds.Demand(p.Out.Header)
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			s.fail(w, r, httpserver.UpstreamError("shield.role", err))
		},
		ErrorLog: slog.NewLogLogger(s.deps.Log.Handler(), slog.LevelDebug),
	}
}
