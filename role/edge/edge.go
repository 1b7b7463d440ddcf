// Package edge is the role at a PoP: it answers visitors from its cache and
// asks the nearest healthy region for the rest.
package edge

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"meridian/engine/contentcoding"
	"meridian/engine/hotlink"
	"meridian/engine/httpcache"
	"meridian/engine/imagegrid"
	"meridian/engine/purge"
	"meridian/engine/signedurl"
	"meridian/engine/tier"
	"meridian/engine/upstream"
	"meridian/platform/httpserver"
	"meridian/world"
)

// Deps is what an edge is handed.
type Deps struct {
	World   *world.World
	Shields map[string]http.RoundTripper // by region; each always reaches that region's shield
	Feeds   map[string]purge.Source      // by catalog cluster
	Acks    map[string]purge.Acknowledge // likewise
	Memory  httpcache.Memory             // for large contents in RAM; nil: none
	Store   httpcache.Disk               // opened by the config's disk; nil: none
	Health  func() world.HealthView      // what the monitors say; nil: everything is healthy
	Places  Places                       // for the policy of nearer PoPs; nil: nobody is told of one
	Now     func() time.Time
	Log     *slog.Logger
}

// Edge is one PoP's role.
type Edge struct {
	*tier.Tier
	cfg      Config
	deps     Deps
	home     map[string]*httputil.ReverseProxy // by region
	near     *httputil.ReverseProxy
	nearest  *upstream.Pool
	choose   *chooser
	steering *steering   // nil: nobody is told of a nearer PoP
	hotlinks hotlink.Set // of public pictures
	pictures imagegrid.Policies
	zone     string           // the PoP's; "": it keeps no private picture
	zones    map[string]relay // by zone: the way to its private pictures

	plans   *memo[*wanted]              // see Hit
	accepts *memo[imagegrid.Preference] // likewise: of an Accept
}

// New makes an edge. It refuses a config or dependencies that do not fit.
func New(cfg Config, deps Deps) (*Edge, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	pop, _ := deps.World.PoPByID(cfg.PoP)
	ring, err := signedurl.New(cfg.Private)
	if err != nil {
		return nil, err
	}
	hotlinks, err := hotlink.New(cfg.Hotlinks)
	if err != nil {
		return nil, err
	}
	pictures, err := imagegrid.PoliciesOf(deps.World)
	if err != nil {
		return nil, err
	}
	if deps.Health == nil {
		deps.Health = func() world.HealthView { return world.HealthView{} }
	}
	choose := newChooser(cfg.PoP, cfg.Shields, deps.Health, deps.Log)
	nearest, err := newUpstream(cfg, deps, choose, cfg.Shields)
	if err != nil {
		return nil, err
	}
	e := &Edge{
		cfg: cfg, deps: deps, hotlinks: hotlinks, pictures: pictures, zone: pop.Zone, nearest: nearest, choose: choose, steering: newSteering(cfg, deps), home: map[string]*httputil.ReverseProxy{},
		plans: newMemo[*wanted](memoPlans), accepts: newMemo[imagegrid.Preference](memoAccepts),
	}
	if err := e.reachZones(); err != nil {
		return nil, err
	}
	e.Tier = tier.New(tier.Config{
		Name: "edge-" + cfg.PoP, World: deps.World, Limits: cfg.Limits, Private: ring, StripGroups: true, ShowGroups: showGroups, Upstream: shields{e}, Next: "shield", Feeds: deps.Feeds, Acks: deps.Acks, Memory: deps.Memory, Store: deps.Store,
		Now: deps.Now, Log: deps.Log, Error: e.fail,
	})
	for region, t := range deps.Shields {
		e.home[region] = e.Pass(region, t, e.homeAway)
	}
	e.near = e.Pass("shield", nearest, e.away)
	e.passZones()
	return e, nil
}

// Shields are the regions' shields and how they fare.
func (e *Edge) Shields() upstream.Stats { return e.nearest.Stats() }

// ServeHTTP answers a visitor.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(world.HeaderPoP, e.cfg.PoP)
	w, r = e.asOrigin(w, r)
	dropForeign(r)
	if e.steer(w, r) {
		return
	}
	switch world.RouteOf(r.Method, r.URL.Path) {
	case world.RouteInternal:
		e.fail(w, r, world.E(world.CodeNotFound, "edge", ""))
	case world.RouteImage:
		e.image(w, r)
	case world.RoutePrivate:
		e.private(w, r)
	case world.RouteManifest:
		e.cached(w, r)
	case world.RouteUpload:
		e.upload(w, r)
	case world.RouteMedia, world.RouteOps:
		e.pass(w, r, e.near)
	case world.RouteOpsMain:
		e.toRegion(w, r, e.deps.World.Main)
	case world.RoutePage:
		e.page(w, r)
	default:
		e.toHome(w, r)
	}
}

// dropForeign removes what only tiers may tell one another.
func dropForeign(r *http.Request) {
	for name := range r.Header {
		if isForeign(name) {
			r.Header.Del(name)
		}
	}
	r.Header.Set(world.HeaderClient, truncate(r.RemoteAddr))
}

// isForeign reports whether a field of that name is not a visitor's to send.
func isForeign(name string) bool {
	return strings.HasPrefix(name, "Meridian-") || name == "Forwarded" || strings.HasPrefix(name, "X-Forwarded-")
}

func (e *Edge) page(w http.ResponseWriter, r *http.Request) {
	if _, ok := e.deps.World.MarketByHost(r.Host); !ok {
		e.fail(w, r, world.E(world.CodeNotFound, "edge.page", "No shop is served under this host name."))
		return
	}
	e.cachedAs(w, r, contentcoding.ForPath(r.URL.Path, contentcoding.Of(r.Header["Accept-Encoding"])))
}

// cached serves from the cache what is never coded.
func (e *Edge) cached(w http.ResponseWriter, r *http.Request) {
	e.cachedAs(w, r, contentcoding.Identity)
}

// uncached are the fields that nothing which is cached may depend on.
var uncached = []string{"Cookie", "Authorization", "Accept", "Accept-Encoding", "Accept-Language", "If-Match", "If-Unmodified-Since"}

// cachedAs serves from the cache.
func (e *Edge) cachedAs(w http.ResponseWriter, r *http.Request, class contentcoding.Class) {
	plain(r)
	contentcoding.Demand(r.Header, class)
	e.Tier.ServeHTTP(w, r)
}

// plain drops what no cached response depends on. Of a query only that is kept by
// which pages are told apart; the
// credentials of a visitor are not passed on for what everybody may see. Content
// and conditions that guard a change are dropped (RFC 9110 §13.1.1 leaves them
// to origins): with them a visitor could ask past the cache, again and again.
func plain(r *http.Request) {
	r.URL.RawQuery = world.PageQuery(r.URL.Path, r.URL.RawQuery)
	for _, name := range uncached {
		r.Header.Del(name)
	}
	r.Body, r.ContentLength, r.TransferEncoding = http.NoBody, 0, nil
}

func (e *Edge) toHome(w http.ResponseWriter, r *http.Request) {
	m, ok := e.deps.World.MarketByHost(r.Host)
	if !ok {
		e.fail(w, r, world.E(world.CodeNotFound, "edge.home", "No shop is served under this host name."))
		return
	}
	e.toRegion(w, r, m.HomeRegion)
}

// upload goes to the region that has it, and to no other.
func (e *Edge) upload(w http.ResponseWriter, r *http.Request) {
	id, _ := world.UploadID(r.URL.Path)
	region, ok := e.deps.World.RegionOfMedia(id)
	if !ok {
		e.fail(w, r, world.E(world.CodeNotFound, "edge.upload", "There is no such upload."))
		return
	}
	e.toRegion(w, r, region.ID)
}

// pass hands a request on with its body. A small one has to be here whole
// first: a visitor who sends it slowly then keeps nobody else busy.
func (e *Edge) pass(w http.ResponseWriter, r *http.Request, to http.Handler) {
	r.Body = http.MaxBytesReader(w, r.Body, e.cfg.UploadBytes)
	if r.ContentLength > 0 && r.ContentLength <= e.cfg.WholeBytes {
		body, err := io.ReadAll(r.Body) // it grows with what comes, not with what is declared
		if err == nil && int64(len(body)) != r.ContentLength {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			e.fail(w, r, world.Because(world.CodeInvalid, "edge.body", "The request's content did not arrive whole. Send it again.", err))
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.Header.Del("Expect") // 100-continue has been answered by reading
	}
	to.ServeHTTP(w, r)
}

func (e *Edge) fail(w http.ResponseWriter, r *http.Request, err error) {
	httpserver.WriteError(w, r, e.deps.Log, err)
}

// away answers for a shield that did not.
func (e *Edge) away(w http.ResponseWriter, r *http.Request, err error) {
	e.fail(w, r, httpserver.UpstreamError("edge.pass", err))
}
