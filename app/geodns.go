package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"

	"meridian/engine/tier"
	"meridian/platform/dnsserver"
	"meridian/platform/lifecycle"
	"meridian/role/geodns"
	"meridian/world"
)

// GeoDNS is the section of role geodns.
type GeoDNS struct {
	geodns.Config `yaml:",inline"`
	Shields       []tier.Shield `yaml:"shields" doc:"the regions' shields, nearest first: the way to their monitors"`
	Health        HealthFeed    `yaml:"health"`
}

// ExplainDNS tells what a name server of this config answers a client by a view of
// health, with some PoPs and providers ("fra", "cdn/other") taken for lost.
func ExplainDNS(f *File, name string, client netip.Addr, health world.HealthView, lost []string) (geodns.Explanation, error) {
	const op = "dns.test"
	if f.GeoDNS == nil {
		return geodns.Explanation{}, world.E(world.CodeInvalid, op, "The config file has no section geodns: add one, as docs/config.md lists it.")
	}
	w, err := ReadWorld(f.World)
	if err != nil {
		return geodns.Explanation{}, err
	}
	if health.Targets, err = supposed(w, health.Targets, lost); err != nil {
		return geodns.Explanation{}, err
	}
	d := geoDNSDeps(w)
	cfg, err := f.geoDNS(w)
	if err != nil {
		return geodns.Explanation{}, err
	}
	d.Health, d.Log = func() world.HealthView { return health }, slog.New(slog.DiscardHandler)
	role, err := geodns.New(cfg, d)
	if err != nil {
		return geodns.Explanation{}, err
	}
	return role.Explain(name, client)
}

// supposed are targets of which some are taken for down.
func supposed(w *world.World, is []world.TargetHealth, lost []string) ([]world.TargetHealth, error) {
	out := slices.Clone(is)
	for _, name := range lost {
		target := name
		if _, ok := w.PoPByID(name); ok {
			target = world.Target(world.TargetPoP, name)
		} else if _, _, ok := world.SplitTarget(name); !ok {
			return nil, world.E(world.CodeInvalid, "dns.test", fmt.Sprintf("%.40q is no PoP of the world, and no cdn/NAME.", name))
		}
		out = slices.DeleteFunc(out, func(t world.TargetHealth) bool { return t.Target == target })
		out = append(out, world.TargetHealth{Target: target, State: world.Down, Reason: world.ReasonTimeout})
	}
	slices.SortFunc(out, func(a, b world.TargetHealth) int { return strings.Compare(a.Target, b.Target) })
	return out, nil
}

func startGeoDNS(ctx context.Context, m *machine) (lifecycle.Running, error) {
	s := m.file.GeoDNS
	cfg, err := m.file.geoDNS(m.World)
	if err != nil {
		return nil, err
	}
	d := geoDNSDeps(m.World)
	d.Log, d.Metrics, d.Now = m.tel.Log, m.tel.Metrics, m.now
	d.Deaf = func() bool { return m.trouble.is().NoUDP }
	if m.file.path != "" {
		d.Settings = geoDNSFile{pathOf(m.file.path), m.World}
	}
	view, leave, err := m.health(s.Health, s.Shields)
	if err != nil {
		return nil, err
	}
	d.Health = view
	role, err := geodns.New(cfg, d)
	if err != nil {
		leave()
		return nil, err
	}
	sockets, err := dnsserver.Listen(ctx, s.Listen, openDatagrams)
	if err != nil {
		leave()
		return nil, err
	}
	return runOn(working(func(ctx context.Context) error { return role.Serve(ctx, sockets) }), role.Run, leave), nil
}

func geoDNSDeps(w *world.World) geodns.Deps {
	return geodns.Deps{
		World: w, Random: random, Now: now,
		Files:    func(path string) geodns.File { return pathOf(path) },
		Database: placeReaders.Database,
	}
}

// geoDNS is the section, with what the machine's other sections say for it.
func (f *File) geoDNS(w *world.World) (geodns.Config, error) {
	if err := checkCDNs(w, f.CDNs); err != nil {
		return geodns.Config{}, err
	}
	cfg := f.GeoDNS.Config
	cfg.Sources = f.Location
	return cfg, cfg.SendTo(targets(f.CDNs))
}

// geoDNSFile is the section of a config file, which may change.
type geoDNSFile struct {
	pathOf
	world *world.World
}

// Read is the section as it is now.
func (f geoDNSFile) Read() (geodns.Config, error) {
	file, err := ReadFile(string(f.pathOf))
	if err != nil {
		return geodns.Config{}, err
	}
	if file.GeoDNS == nil {
		return geodns.Config{}, world.E(world.CodeInvalid, "geodns.config", "The config file has no section geodns any more.")
	}
	return file.geoDNS(f.world)
}

// worker is work that runs until it fails or is stopped.
type worker struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

func working(work func(context.Context) error) *worker {
	ctx, cancel := context.WithCancel(context.Background())
	w := &worker{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		w.err = work(ctx)
	}()
	return w
}

func (w *worker) Stop(ctx context.Context) error {
	w.cancel()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Kill ends the work at once.
func (w *worker) Kill() {
	w.cancel()
	<-w.done
}

func (w *worker) Done() <-chan struct{} { return w.done }

func (w *worker) Err() error {
	<-w.done
	return w.err
}
