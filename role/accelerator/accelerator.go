// Package accelerator is the role that stands alone: the cache in front of any
// HTTP origin, with no world, no feed and no database.
package accelerator

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"meridian/engine/contentcoding"
	"meridian/engine/httpcache"
	"meridian/engine/upstream"
	"meridian/platform/attempts"
	"meridian/platform/httpserver"
	"meridian/world"
)

// Deps is what an accelerator is handed.
type Deps struct {
	Origins map[string]http.RoundTripper // by URL as the config has it; each sends to the URL's host
	Memory  httpcache.Memory             // for large contents in RAM; nil: none
	Disk    httpcache.Disk               // nil: RAM alone
	Code    contentcoding.Open           // begins to code a text; nil: nothing is coded
	LoopID  string                       // a random text that tells this process from others of the same name
	Now     func() time.Time
	Log     *slog.Logger
}

// Accelerator is a caching reverse proxy. It is an [http.Handler], safe for
// concurrent use.
type Accelerator struct {
	cfg     Config
	deps    Deps
	cache   *httpcache.Cache
	pool    *upstream.Pool
	proxies []netip.Prefix
	loop    string // our member of CDN-Loop
	tries   *attempts.Counter
}

// New makes an accelerator. It refuses a config or dependencies that do not fit.
// Whether an origin answers is no matter: visitors are told with 502.
func New(cfg Config, deps Deps) (*Accelerator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	a := &Accelerator{cfg: cfg, deps: deps, loop: cfg.Name + "; id=" + deps.LoopID, tries: attempts.New(cfg.PurgeTries, maxGuessers)}
	var err error
	if a.proxies, err = cfg.networks(); err != nil {
		return nil, err
	}
	if a.pool, err = a.newPool(); err != nil {
		return nil, err
	}
	a.cache = httpcache.New(httpcache.Config{
		Name: cfg.Name, MaxBytes: cfg.CacheBytes, MaxObjectBytes: cfg.ObjectBytes,
		Memory: deps.Memory, MemoryFrom: cfg.MemoryFrom,
		Disk: deps.Disk, DiskBytes: cfg.DiskBytes, MaxDiskObject: min(cfg.DiskObject, cfg.DiskBytes/minOnDisk),
		FillTimeout: cfg.FillTimeout, HeuristicPercent: cfg.HeuristicPercent, MaxHeuristic: cfg.HeuristicMost,
		NegativeError: cfg.NegativeError, PassRefusals: true, HonourRequest: cfg.HonourRequest, GroupsPerOrigin: cfg.Host == HostVisitor, StripGroups: !cfg.PassGroups, ShowKey: cfg.ShowKey,
		Lifetimes: cfg.Lifetimes, StaleIfError: cfg.StaleIfError, StaleWhileRevalidate: cfg.StaleWhileRevalidate,
		Now: deps.Now, Upstream: a.coded(upstream.NewBound(a.pool, cfg.Misses, cfg.MissWait)), KeyOf: keyOf, Keyed: []string{"Accept-Encoding"}, Alike: alike, Prepare: prepare, PassAmbiguous: true, PassUpgrades: true, Error: a.fail,
	})
	return a, nil
}

// coded has what comes from upstream coded for those who accept that, text that
// everybody may see: see engine/contentcoding.
func (a *Accelerator) coded(from http.RoundTripper) http.RoundTripper {
	if a.deps.Code == nil {
		return from
	}
	return &contentcoding.Transport{Upstream: from, Open: a.deps.Code, MinBytes: a.cfg.CodeFrom, FlushAfter: a.cfg.FlushAfter}
}

// newPool is the origins, in the config's order.
func (a *Accelerator) newPool() (*upstream.Pool, error) {
	cfg := upstream.Config{Now: a.deps.Now, Rest: a.cfg.Rest}
	if a.cfg.HedgeAfter > 0 {
		cfg.Patience = func(*http.Request) upstream.Patience {
			return upstream.Patience{Most: a.cfg.HedgeAfter, Floor: a.cfg.HedgeFloor}
		}
	}
	for _, o := range a.cfg.Origins {
		u, err := ParseOrigin(o)
		if err != nil {
			return nil, err
		}
		t := a.deps.Origins[o]
		if t == nil {
			return nil, world.E(world.CodeInvalid, "accelerator.new", "There is no way to the origin "+o+".")
		}
		cfg.Hops = append(cfg.Hops, upstream.Hop{Name: u.Host, Transport: origin{u, t, a.cfg.Host}})
	}
	return upstream.New(cfg)
}

// origin sends requests to one of the origin's servers.
type origin struct {
	url  *url.URL
	way  http.RoundTripper
	host string
}

// RoundTrip asks the server. A failure is told without what it was asked.
func (o origin) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.WithContext(r.Context()) // the pool may ask another server with the same request
	u := *r.URL
	u.Scheme, u.Host = o.url.Scheme, o.url.Host
	r.URL = &u
	switch o.host {
	case HostVisitor:
	case HostOrigin:
		r.Host = o.url.Host
	default:
		r.Host = o.host
	}
	res, err := o.way.RoundTrip(r)
	if err != nil {
		err = httpserver.UpstreamError("accelerator.origin "+o.url.Host, err)
		if code := world.CodeOf(err); code.Status() > 500 {
			err = world.Because(code, "accelerator.origin "+o.url.Host, "The server behind this cache does not answer. Try again shortly.", err)
		}
		return nil, err
	}
	return res, nil
}

// Run waits for the work that is under way when done is closed.
func (a *Accelerator) Run(done <-chan struct{}) error {
	<-done
	return a.cache.Close()
}

// Stats is the cache's figures.
func (a *Accelerator) Stats() httpcache.Stats { return a.cache.Stats() }

// Origins are the origin's servers and how they fare.
func (a *Accelerator) Origins() upstream.Stats { return a.pool.Stats() }

// ServeHTTP answers a visitor.
func (a *Accelerator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodConnect || r.Method == http.MethodTrace:
		w.Header().Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
		a.fail(w, r, world.E(world.CodeMethod, "accelerator", "A reverse proxy makes no tunnels and tells nobody what a request looked like."))
		return
	case !a.serves(r.Host):
		a.fail(w, r, world.E(world.CodeMisdirected, "accelerator", "This host name is not served here."))
		return
	case a.looped(r.Header):
		a.fail(w, r, world.E(world.CodeBadUpstream, "accelerator", "The request has come back to where it began: the origin's address leads to this cache. Set --origin to the server behind it."))
		return
	case r.ContentLength > a.cfg.BodyBytes:
		a.fail(w, r, world.E(world.CodeTooLarge, "accelerator", "The request's content is larger than is taken here (body_bytes)."))
		return
	}
	a.forward(r)
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = http.MaxBytesReader(w, r.Body, a.cfg.BodyBytes)
	}
	a.cache.ServeHTTP(w, r)
}

// serves reports whether a host, with a port or without, is one of ours.
func (a *Accelerator) serves(host string) bool {
	return len(a.cfg.Hosts) == 0 || slices.ContainsFunc(a.cfg.Hosts, func(h string) bool { return strings.EqualFold(h, bareHost(host)) })
}

func (a *Accelerator) fail(w http.ResponseWriter, r *http.Request, err error) {
	httpserver.WriteError(w, r, a.deps.Log, err)
}
