package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"meridian/adapter/coding"
	"meridian/adapter/memfile"
	"meridian/adapter/postgres"
	"meridian/adapter/segment"
	"meridian/adapter/vips"
	"meridian/adapter/wire"
	"meridian/engine/health"
	"meridian/engine/httpcache"
	"meridian/engine/purge"
	"meridian/engine/tier"
	"meridian/engine/upstream"
	"meridian/platform/httpserver"
	"meridian/platform/lifecycle"
	"meridian/platform/load"
	"meridian/platform/netaddr"
	"meridian/platform/telemetry"
	"meridian/role/edge"
	"meridian/role/shield"
	"meridian/world"
)

// Process is what the instances of one process share.
type Process struct {
	World *world.World
	Root  *telemetry.Root
	Probe []string // a program that decodes uploads, as probe.New takes it; none: they are decoded in this process

	Rehearsal *Rehearsal // the troubles that are rehearsed; nil: none ever

	vipsOnce sync.Once
	vips     *vips.Engine
	vipsErr  error

	followingMu sync.Mutex
	following   map[string]*HealthFollower // by place
	issues      health.Reader              // of all followers here
}

// machine is one file within a process: the instances at one place.
type machine struct {
	*Process
	file *File
	tel  *telemetry.Telemetry // of the instance that is being started

	trouble *trouble // of the place
}

// Components are the instances that a file's roles make, named role@place,
// for a lifecycle group. A role that the group lacks is not waited for: it may
// run elsewhere.
func (p *Process) Components(f *File, roles []string, inGroup []string) []lifecycle.Component {
	var out []lifecycle.Component
	for _, r := range Roles() {
		if !slices.Contains(roles, r.Name) || !r.has(f) {
			continue
		}
		c := lifecycle.Component{Name: r.Name + "@" + f.Place}
		for _, need := range inGroup {
			for _, n := range r.Needs {
				if need == n+"@"+f.Place || r.Name == "edge" && len(need) > len(n) && need[:len(n)+1] == n+"@" {
					c.Needs = append(c.Needs, need)
				}
			}
		}
		c.Start = func(ctx context.Context) (lifecycle.Running, error) {
			m := &machine{Process: p, file: f, tel: p.Root.Instance(r.Name, f.Place), trouble: p.Rehearsal.at(f.Place)}
			run, err := r.start(ctx, m)
			return run, world.Wrap("start "+r.Name+"@"+f.Place, err)
		}
		out = append(out, c)
	}
	return out
}

// instance is a started role: its listener, its background work and what it
// has opened.
type instance struct {
	server lifecycle.Running
	cancel context.CancelFunc
	asked  atomic.Bool // Stop was called: from then on an end is no failure
	done   chan struct{}
	err    error
	close  []func()
}

// run serves a role's handler and its background work until either fails or
// Stop is called. What close names is closed after both, the last first.
func (m *machine) run(ctx context.Context, listen string, limits httpserver.Limits, h http.Handler, work func(context.Context) error, closers ...func()) (lifecycle.Running, error) {
	ln, err := netaddr.Listen(ctx, listen)
	if err != nil {
		return nil, err
	}
	return runOn(httpserver.Serve(ln, m.tel.HTTP(h, now), m.tel.Log, limits), work, closers...), nil
}

// runOn is run on a server that is there already.
func runOn(server lifecycle.Running, work func(context.Context) error, closers ...func()) *instance {
	background, cancel := context.WithCancel(context.Background())
	i := &instance{server: server, cancel: cancel, done: make(chan struct{}), close: closers}
	worked := make(chan error, 1)
	go func() { worked <- work(background) }()
	go i.watch(worked)
	return i
}

func (i *instance) watch(worked <-chan error) {
	defer close(i.done)
	var err error
	ended := false
	select {
	case err = <-worked:
		ended = true
	case <-i.server.Done():
		err = i.server.Err()
	}
	if err == nil && !i.asked.Load() {
		err = world.E(world.CodeInternal, "role", "It ended by itself.")
	}
	i.cancel()
	stop, cancel := context.WithTimeout(context.Background(), lifecycle.DefaultStopTimeout)
	defer cancel()
	err = errors.Join(err, i.server.Stop(stop))
	if !ended {
		err = errors.Join(err, <-worked)
	}
	for _, c := range slices.Backward(i.close) {
		c()
	}
	i.err = err
}

// Stop lets running requests finish, then ends the background work.
func (i *instance) Stop(ctx context.Context) error {
	i.asked.Store(true)
	err := i.server.Stop(ctx)
	i.cancel()
	select {
	case <-i.done:
	case <-ctx.Done():
		return world.Because(world.CodeTimeout, "role.stop", "", ctx.Err())
	}
	if errors.Is(i.err, context.Canceled) {
		return err
	}
	return errors.Join(err, i.err)
}

// Kill closes the listener and every connection at once and gives up the
// background work. What the instance has opened is closed a moment later.
func (i *instance) Kill() {
	i.asked.Store(true)
	i.cancel()
	lifecycle.Kill(i.server)
}

// Done is closed when the instance has ended.
func (i *instance) Done() <-chan struct{} { return i.done }

// Err is why it ended.
func (i *instance) Err() error { return i.err }

// transports are ways to other places, by region, their connections counted in open; nil: nowhere.
func transports(peers []tier.Shield, o netaddr.TransportOptions, open connections) map[string]http.RoundTripper {
	out := map[string]http.RoundTripper{}
	for _, p := range peers {
		out[p.Region] = netaddr.Transport(p.Address, open.counting(o, p.Region))
	}
	return out
}

// feeds follow regions' purge feeds through transports, by catalog cluster. A
// stream has no end, so its header may take as long as a connection does and
// its body for ever.
func feeds(ways map[string]http.RoundTripper, key string) map[string]purge.Source {
	out := map[string]purge.Source{}
	for region, t := range ways {
		out[world.CatalogCluster(region)] = followed(wire.NewFeedClient(region, t, key, 0))
	}
	return out
}

// followed keeps following a feed across lost connections.
func followed(feed wire.Source) purge.Source {
	return func(ctx context.Context, after string, emit func(world.Event) error, lost func(error)) error {
		return wire.Follow(ctx, feed, after, wire.DefaultBackoff(), emit, lost)
	}
}

// beside does works at once, until one of them fails.
func beside(works ...func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		g, ctx := errgroup.WithContext(ctx)
		for _, work := range works {
			g.Go(func() error { return work(ctx) })
		}
		return g.Wait()
	}
}

// acks tell regions, over transports, how far a tier has taken their feeds, by
// catalog cluster.
func acks(ways map[string]http.RoundTripper, key, tier string) map[string]purge.Acknowledge {
	out := map[string]purge.Acknowledge{}
	for region, t := range ways {
		out[world.CatalogCluster(region)] = wire.NewAck(region, t, key, tier)
	}
	return out
}

// clusters opens the databases of a section.
func (m *machine) clusters(ctx context.Context, role string, list []Database) ([]*postgres.Cluster, func(), error) {
	var open []*postgres.Cluster
	closeAll := func() {
		for _, c := range open {
			c.Close()
		}
	}
	for _, d := range list {
		c, err := postgres.Open(ctx, world.CatalogCluster(d.Region), d.Region, d.Primary, d.Conn, "meridian-"+role)
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		open = append(open, c)
	}
	return open, closeAll, nil
}

// own is the cluster of a list that is homed in the machine's region.
func own(list []*postgres.Cluster, region string) (*postgres.Cluster, error) {
	for _, c := range list {
		if c.Region == region && c.Primary {
			return c, nil
		}
	}
	return nil, world.E(world.CodeInvalid, "config", fmt.Sprintf("catalogs must hold the primary of region %s.", region))
}

// Pictures is libvips, which is started once a process. An error is a world.Error
// of code internal.
func (p *Process) Pictures() (*vips.Engine, error) {
	p.vipsOnce.Do(func() {
		p.vips, p.vipsErr = vips.Start(vips.Options{Log: func(domain, message string) { p.Root.Log.Debug("libvips", "domain", domain, "message", message) }})
	})
	return p.vips, p.vipsErr
}

// disk opens a tier's disk cache, nil where none is wanted. A disk that fails
// must not keep a tier from its work: it is reported, and the tier has RAM only.
func (m *machine) disk(d tier.Disk) (httpcache.Disk, error) {
	if d.Dir == "" {
		return nil, nil
	}
	log, err := segment.Open(segment.Config{
		Dir: d.Dir, Bytes: d.Bytes, SegmentBytes: d.SegmentBytes,
		Report: func(err error) { m.tel.Log.Error("the disk cache fails", "dir", d.Dir, "err", err) },
	})
	switch {
	case err == nil:
		return log, nil
	case world.Is(err, world.CodeUnavailable):
		m.tel.Log.Error("no disk cache", "dir", d.Dir, "err", err)
		return nil, nil
	}
	return nil, err
}

// memory is where a cache in RAM of so many bytes keeps its large contents, nil
// where that is not wanted or the system has no such thing: it can go on without.
func (m *machine) memory(from, cacheBytes int64) httpcache.Memory {
	if from <= 0 {
		return nil
	}
	memory, err := memfile.New(cacheBytes)
	if err != nil {
		m.tel.Log.Info("large contents are copied when they are sent", "err", err)
		return nil
	}
	m.memoryMetrics(memory.Stats)
	return memory
}

func startEdge(ctx context.Context, m *machine) (lifecycle.Running, error) {
	s := m.file.Edge
	o := netaddr.DefaultTransportOptions()
	o.Header = s.UpstreamTimeout
	store, err := m.disk(s.Disk)
	if err != nil {
		return nil, err
	}
	var places *clientPlaces
	if s.Nearer.Answer != "" {
		if places, err = m.places(); err != nil {
			return nil, err
		}
	}
	view, unfollow, err := m.health(s.Health, s.Shields)
	if err != nil {
		return nil, err
	}
	run, err := m.edgeOver(ctx, s, o, store, places, view, unfollow)
	if err != nil {
		unfollow()
	}
	return run, err
}

func (m *machine) edgeOver(ctx context.Context, s *Edge, o netaddr.TransportOptions, store httpcache.Disk, places *clientPlaces, view func() world.HealthView, unfollow func()) (lifecycle.Running, error) {
	cdns, err := m.cdns()
	if err != nil {
		return nil, err
	}
	cfg := s.Config
	cfg.Providers = comers(cdns)
	open := connections{}
	shields := transports(s.Shields, o, open)
	deps := edge.Deps{
		World: m.World, Shields: shields, Feeds: feeds(transports(s.Shields, streams(), open), s.FeedKey), Memory: m.memory(s.MemoryFrom, s.CacheBytes), Store: store,
		Acks: acks(shields, s.FeedKey, world.EdgeTier(s.PoP)), Health: view, Now: m.now, Log: m.tel.Log,
	}
	if places != nil {
		deps.Places = places.Now
	}
	e, err := edge.New(cfg, deps)
	if err != nil {
		return nil, err
	}
	m.cacheMetrics(e.Stats)
	m.upstreamMetrics(upstreams{pools: map[string]func() upstream.Stats{"shields": e.Shields}, open: open})
	m.tel.SampleAccess(s.AccessEvery)
	seats := m.seats(s.HTTP)
	told := load.Teller{Meter: load.New(s.HTTP.WithDefaults().Capacity), Target: world.Target(world.TargetPoP, s.PoP), Key: s.Health.FeedKey, Also: seats.Percent}
	v, err := m.open(ctx, s.Listen, s.HTTP, seats, s.TLS, e, told.Handler(e))
	if err != nil {
		return nil, err
	}
	work := e.Run
	if places != nil {
		work = beside(e.Run, places.follow)
	}
	run := runOn(v, work, unfollow)
	waitFeeds(ctx, e.Ready(), nil)
	return run, nil
}

func startShield(ctx context.Context, m *machine) (lifecycle.Running, error) {
	s := m.file.Shield
	o := netaddr.DefaultTransportOptions()
	o.Header = s.RoleTimeout
	open := connections{}
	to := func(role, addr string) http.RoundTripper { return netaddr.Transport(addr, open.counting(o, role)) }
	ways := transports(s.Peers, streams(), open)
	ways[s.Region] = netaddr.Transport(s.Shop, open.counting(streams(), "shop"))
	ops, doors := to("ops", s.Ops), transports(s.Peers, o, open)
	doors[s.Region] = ops
	encoders, err := coding.New(s.Settings)
	if err != nil {
		return nil, err
	}
	store, err := m.disk(s.Disk)
	if err != nil {
		return nil, err
	}
	var monitor http.RoundTripper
	if s.Monitor != "" {
		monitor = to("monitor", s.Monitor)
	}
	sh, err := shield.New(s.Config, shield.Deps{
		World: m.World, Media: to("media", s.Media), Shop: to("shop", s.Shop), Owner: to("owner", s.Owner), Ops: ops, Monitor: monitor,
		Code: encoders.Open, Memory: m.memory(s.MemoryFrom, s.CacheBytes), Store: store, Feeds: feeds(ways, s.FeedKey), Acks: acks(doors, s.FeedKey, world.ShieldTier(s.Region)), Now: m.now, Log: m.tel.Log,
	})
	if err != nil {
		return nil, err
	}
	m.cacheMetrics(sh.Stats)
	m.upstreamMetrics(upstreams{pools: map[string]func() upstream.Stats{"media": sh.MediaRole, "shop": sh.ShopRole}, open: open})
	run, err := m.run(ctx, s.Listen, s.HTTP, inRegion(world.TargetShield, s.Region, s.HTTP, sh), sh.Run)
	waitFeeds(ctx, sh.Ready(), err)
	return run, err
}

// inRegion has a role behind a region's door tell its load to every monitor that
// asks: nobody else comes there with a probe.
func inRegion(kind, region string, l httpserver.Limits, h http.Handler) http.Handler {
	return load.Teller{Meter: load.New(l.WithDefaults().Capacity), Target: world.Target(kind, region)}.Handler(h)
}

// feedsWait is how long a tier that starts waits to hear its feeds. It answers
// meanwhile, and without a region that is away it starts all the same.
const feedsWait = 3 * time.Second

// waitFeeds lets a tier be called ready only when its cache keeps what it is
// given. A tier that did not start has nothing to wait for.
func waitFeeds(ctx context.Context, ready <-chan struct{}, startErr error) {
	if startErr != nil {
		return
	}
	t := time.NewTimer(feedsWait)
	defer t.Stop()
	select {
	case <-ready:
	case <-t.C:
	case <-ctx.Done():
	}
}

// streams are the limits of a connection that carries a feed.
func streams() netaddr.TransportOptions {
	o := netaddr.DefaultTransportOptions()
	o.IdleConns = -1
	return o
}

var random = rand.Reader
