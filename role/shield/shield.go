// Package shield is the role at a region's door: the second cache tier, before
// the region's own roles.
package shield

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"meridian/engine/contentcoding"
	"meridian/engine/httpcache"
	"meridian/engine/purge"
	"meridian/engine/signedurl"
	"meridian/engine/tier"
	"meridian/engine/upstream"
	"meridian/platform/httpserver"
	"meridian/world"
)

// Deps is what a shield is handed.
type Deps struct {
	World   *world.World
	Media   http.RoundTripper // the region's roles; each always reaches its role
	Shop    http.RoundTripper
	Owner   http.RoundTripper
	Ops     http.RoundTripper
	Monitor http.RoundTripper            // nil: there is none
	Code    contentcoding.Open           // begins to code a page; nil: nothing is coded
	Feeds   map[string]purge.Source      // by catalog cluster
	Acks    map[string]purge.Acknowledge // likewise
	Memory  httpcache.Memory             // for large contents in RAM; nil: none
	Store   httpcache.Disk               // opened by the config's disk; nil: none
	Now     func() time.Time
	Log     *slog.Logger
}

// Shield is one region's role.
type Shield struct {
	*tier.Tier
	cfg                 Config
	deps                Deps
	zone                string            // the region's
	pages               http.RoundTripper // the shop, its text coded
	mediaPool, shopPool *upstream.Pool    // what the cache is filled from
	media               *httputil.ReverseProxy
	shop                *httputil.ReverseProxy
	owner               *httputil.ReverseProxy
	ops                 *httputil.ReverseProxy
	monitor             *httputil.ReverseProxy // nil without one
}

// New makes a shield. It refuses a config that does not fit.
func New(cfg Config, deps Deps) (*Shield, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	region, _ := deps.World.RegionByID(cfg.Region)
	ring, err := signedurl.New(cfg.Private)
	if err != nil {
		return nil, err
	}
	s := &Shield{cfg: cfg, deps: deps, zone: region.Zone}
	if s.mediaPool, err = s.oneRole("media", deps.Media); err != nil {
		return nil, err
	}
	if s.shopPool, err = s.oneRole("shop", deps.Shop); err != nil {
		return nil, err
	}
	s.pages = s.shopPool
	if deps.Code != nil {
		s.pages = &contentcoding.Transport{Upstream: s.shopPool, Open: deps.Code, MinBytes: cfg.CodeFrom, FlushAfter: cfg.FlushAfter}
	}
	s.Tier = tier.New(tier.Config{
		Name: "shield-" + cfg.Region, World: deps.World, Limits: cfg.Limits, Upstream: roles{s}, Next: "role", Private: ring, Feeds: deps.Feeds, Acks: deps.Acks, Memory: deps.Memory, Store: deps.Store,
		Now: deps.Now, Log: deps.Log, Error: s.fail,
	})
	s.media, s.shop = s.Pass("media", deps.Media, s.away), s.Pass("shop", deps.Shop, s.away)
	s.owner, s.ops = s.Pass("owner", deps.Owner, s.away), s.Pass("ops", deps.Ops, s.away)
	if deps.Monitor != nil {
		s.monitor = s.Pass("monitor", deps.Monitor, s.away)
	}
	return s, nil
}

// ServeHTTP answers an edge, or a role of another region.
func (s *Shield) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, s.cfg.BodyBytes)
	switch world.RouteOf(r.Method, r.URL.Path) {
	case world.RouteImage, world.RouteManifest, world.RoutePage:
		s.Tier.ServeHTTP(w, r)
	case world.RoutePrivate:
		s.private(w, r)
	case world.RouteMedia, world.RouteUpload:
		s.media.ServeHTTP(w, r)
	case world.RouteOwner:
		s.owner.ServeHTTP(w, r)
	case world.RouteOps, world.RouteOpsMain:
		s.operators(w, r)
	case world.RouteInternal:
		s.internal(w, r)
	default:
		s.shop.ServeHTTP(w, r)
	}
}

// operators passes on what operators ask for.
func (s *Shield) operators(w http.ResponseWriter, r *http.Request) {
	switch {
	case !world.IsHealthPath(r.URL.Path):
		s.ops.ServeHTTP(w, r)
	case s.monitor != nil:
		s.monitor.ServeHTTP(w, r)
	default:
		s.fail(w, r, world.E(world.CodeNotFound, "shield.health", "This region has no monitor."))
	}
}

// private answers with a picture of this region's zone. One of another zone has
// no business here: edges ask its own.
func (s *Shield) private(w http.ResponseWriter, r *http.Request) {
	img, _, err := s.Admit(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if of, ok := s.deps.World.RegionOfMedia(img.MediaID); !ok || of.Zone != s.zone {
		s.fail(w, r, world.E(world.CodeMisdirected, "shield.private", "This picture is kept in another zone. Ask a region there."))
		return
	}
	s.Tier.ServeHTTP(w, r)
}

// internal passes what roles of other regions ask. The role demands the key.
func (s *Shield) internal(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, world.InternalPrefix+"media/"):
		s.media.ServeHTTP(w, r)
	case r.URL.Path == world.AcksPath, r.URL.Path == world.PeerPurgesPath:
		s.ops.ServeHTTP(w, r)
	case r.URL.Path == world.FeedPath:
		s.stream(w, r, s.shop)
	case strings.HasPrefix(r.URL.Path, monitorPrefix) && s.monitor != nil:
		s.stream(w, r, s.monitor)
	default:
		s.fail(w, r, world.E(world.CodeNotFound, "shield", ""))
	}
}

// monitorPrefix begins what a region's monitor says: to who follows it, and to the
// other monitors.
const monitorPrefix = world.InternalPrefix + "health/"

// stream passes what has no end: the listener's limit of time does not hold for it.
func (s *Shield) stream(w http.ResponseWriter, r *http.Request, to http.Handler) {
	if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		s.fail(w, r, world.Wrap("shield.feed", err))
		return
	}
	r, done := httpserver.Endless(r)
	defer done()
	to.ServeHTTP(w, r)
}

// oneRole is the way to a role that the cache is filled from. There is one of each:
// no second try, but while it is silent one request at a time waits for it, and
// the others are told at once that they must use what they have.
func (s *Shield) oneRole(name string, way http.RoundTripper) (*upstream.Pool, error) {
	return upstream.New(upstream.Config{Hops: []upstream.Hop{{Name: name, Transport: way}}, Now: s.deps.Now, Rest: s.cfg.Rest})
}

// MediaRole is how the region's media role fares.
func (s *Shield) MediaRole() upstream.Stats { return s.mediaPool.Stats() }

// ShopRole is how the region's shop role fares.
func (s *Shield) ShopRole() upstream.Stats { return s.shopPool.Stats() }

// roles is the cache's upstream: the role that answers for the path.
type roles struct{ s *Shield }

// RoundTrip asks the role.
func (u roles) RoundTrip(r *http.Request) (*http.Response, error) {
	if world.RouteOf(r.Method, r.URL.Path) == world.RoutePage {
		return u.s.pages.RoundTrip(r)
	}
	return u.s.mediaPool.RoundTrip(r)
}

func (s *Shield) fail(w http.ResponseWriter, r *http.Request, err error) {
	httpserver.WriteError(w, r, s.deps.Log, err)
}

// away answers for a role that did not.
func (s *Shield) away(w http.ResponseWriter, r *http.Request, err error) {
	s.fail(w, r, httpserver.UpstreamError("shield.role", err))
}
