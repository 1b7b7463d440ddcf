package geodns

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meridian/engine/georoute"
	"meridian/engine/prefixes"
	"meridian/engine/whereabouts"
	"meridian/platform/dnsserver"
	"meridian/world"
)

// Deps is what a name server is handed.
type Deps struct {
	World *world.World
	// Files are the files that the config names.
	Files func(path string) File
	// Database reads a location database in MaxMind's format: every network in it.
	Database func(path string, each func(netip.Prefix, whereabouts.Location)) error
	// Settings is where the config comes from; nil: it does not change.
	Settings Settings
	Health   func() world.HealthView // what the feed says; nil: everything is healthy
	Deaf     func() bool             // whether what comes over UDP is dropped, as a rehearsal has it; nil: never
	Random   io.Reader               // for a cookie key of this run's own
	Now      func() time.Time
	Log      *slog.Logger
	Metrics  prometheus.Registerer
}

// File is a file that may change.
type File interface {
	// Open begins to read it.
	Open() (io.ReadCloser, error)
	// Stamp is another one when the file is another one.
	Stamp() (string, error)
}

// Settings is a config that may change.
type Settings interface {
	// Read is the config as it is now. Errors: it is no good.
	Read() (Config, error)
	// Stamp is another one when the config is another one.
	Stamp() (string, error)
}

// Server is a zone's name server. It is safe for concurrent use.
type Server struct {
	deps    Deps
	started Config // what cannot change while it runs is of this
	dns     *dnsserver.Server
	now     atomic.Pointer[version]

	mu      sync.Mutex // of who makes a version
	routed  world.HealthView
	shedder georoute.Shedder
}

// version is a server's state as one query sees it: of it, only the routing of
// names changes, and that by atomic values. A config makes a new one.
type version struct {
	cfg       Config
	zone      *zone
	places    *prefixes.Table[whereabouts.Place]
	addresses map[string][]netip.Addr
}

// New makes a name server that answers. It refuses, with [world.CodeInvalid], a
// config that does not fit the world, or a zone that no resolver could make
// sense of.
func New(cfg Config, d Deps) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	keys, err := dnsserver.ParseCookieKeys(cfg.CookieKeys)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		keys = make(dnsserver.CookieKeys, 1)
		if _, err := io.ReadFull(d.Random, keys[0][:]); err != nil {
			return nil, world.Because(world.CodeInternal, "geodns.new", "A cookie key could not be made.", err)
		}
	}
	s := &Server{deps: d, started: cfg}
	protocol := cfg.protocol(keys)
	protocol.Deaf = d.Deaf
	if s.dns, err = dnsserver.New(protocol, s, d.Now, d.Metrics); err != nil {
		return nil, err
	}
	return s, s.take(cfg)
}

// Reload reads config and files anew. Queries are answered as before until all is
// there, and still where something is wrong.
func (s *Server) Reload() error {
	cfg := s.now.Load().cfg
	if s.deps.Settings != nil {
		var err error
		if cfg, err = s.deps.Settings.Read(); err != nil {
			return err
		}
		if err := cfg.Validate(); err != nil {
			return err
		}
	}
	return s.take(cfg)
}

// take makes a config the one that is served.
func (s *Server) take(cfg Config) error {
	z, err := newZone(cfg, s.deps.Now())
	if err != nil {
		return err
	}
	v := &version{cfg: cfg, zone: z}
	if v.addresses, err = addressesOf(cfg); err != nil {
		return err
	}
	r := s.router(v)
	if err := r.check(z); err != nil {
		return err
	}
	if v.places, err = whereabouts.Read(s.deps.World, cfg.Sources, s.readers()); err != nil {
		return world.Wrap("geodns.places", err)
	}
	signer, err := s.signer(cfg, z.origin)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.view = s.view()
	s.route(v, r, true)
	s.now.Store(v)
	s.dns.Sign(signer)
	return nil
}

// readers read what tells where clients are.
func (s *Server) readers() whereabouts.Readers {
	return whereabouts.Readers{Database: s.deps.Database, Open: func(path string) (io.ReadCloser, error) { return s.deps.Files(path).Open() }}
}

func (s *Server) router(v *version) router {
	return router{
		world: s.deps.World, addresses: v.addresses, elsewhere: v.cfg.Elsewhere, ttl: seconds(v.cfg.TTL), drained: v.cfg.Drained,
		shed: s.shedder.Share,
	}
}

func (s *Server) view() world.HealthView {
	if s.deps.Health == nil {
		return world.HealthView{}
	}
	return s.deps.Health()
}

// route makes the routing of a version's names: the TTLs always, the plans where
// they may be others.
func (s *Server) route(v *version, r router, plans bool) {
	now := s.deps.Now()
	for _, of := range v.zone.routed {
		if plans {
			of.now.plans.Store(r.table(of, v.places))
		}
		of.now.ttl.Store(r.ttlOf(of, v.cfg, now))
	}
	s.routed = r.view
}

// Refresh follows the health feed. It is cheap where nothing has changed.
func (s *Server) Refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.now.Load()
	r := s.router(v)
	r.view = s.view()
	s.route(v, r, s.observe(r.view) || !sameHealth(r.view, s.routed))
}

// observe takes the loads of a beat of the feed; true: some PoP sheds clients, or
// did until now, so that another rank may come of it.
func (s *Server) observe(view world.HealthView) bool {
	if view.Monitor == s.routed.Monitor && view.Beat == s.routed.Beat {
		return false
	}
	before := s.sheds()
	s.shedder.Observe(georoute.Loads(view, world.TargetPoP))
	return before || s.sheds()
}

func (s *Server) sheds() bool {
	return slices.ContainsFunc(s.deps.World.PoPs, func(p world.PoP) bool { return s.shedder.Share(p.ID) > 0 })
}

// sameHealth reports whether two views send clients to the same places, but for
// loads: see [Server.observe].
func sameHealth(a, b world.HealthView) bool {
	return a.Open == b.Open && slices.EqualFunc(a.Targets, b.Targets, func(x, y world.TargetHealth) bool {
		return x.Target == y.Target && x.State == y.State
	})
}

// signer is made of the keys that a config names; nil: it names none.
func (s *Server) signer(c Config, origin dnsserver.Name) (*dnsserver.Signer, error) {
	var keys []dnsserver.Key
	for _, path := range c.DNSSEC.Keys {
		k, err := s.readKey(path)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, nil
	}
	return dnsserver.NewSigner(origin, keys, c.DNSSEC.Life, keyTTL)
}

// keyTTL is how long the zone's keys are kept, in seconds: an hour, after which a
// new one can be used (RFC 7583).
const keyTTL = 3600

func (s *Server) readKey(path string) (dnsserver.Key, error) {
	path = strings.TrimSuffix(strings.TrimSuffix(path, publicEnding), privateEnding)
	var files [2]io.ReadCloser
	for i, ending := range []string{publicEnding, privateEnding} {
		f, err := s.deps.Files(path + ending).Open()
		if err != nil {
			return dnsserver.Key{}, world.Because(world.CodeInvalid, "geodns.keys", "The key cannot be read: "+path+ending, err)
		}
		defer f.Close()
		files[i] = f
	}
	return dnsserver.ReadKey(files[0], files[1])
}

// Endings of key files.
const (
	publicEnding  = ".key"
	privateEnding = ".private"
)

// Serve answers until ctx ends, on sockets that it closes. It returns the first
// fault that ends one of them.
func (s *Server) Serve(ctx context.Context, on *dnsserver.Sockets) error { return s.dns.Serve(ctx, on) }
