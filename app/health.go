package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meridian/adapter/wire"
	"meridian/engine/health"
	"meridian/engine/pause"
	"meridian/engine/tier"
	"meridian/platform/netaddr"
	"meridian/world"
)

// HealthFeed is how a section follows the regions' monitors. It holds no private
// key: who follows cannot speak for a monitor.
type HealthFeed struct {
	Keys        []health.Key  `yaml:"keys" doc:"the monitors' public keys; none: no feed is followed, and everything counts as healthy"`
	FeedKey     string        `yaml:"feed_key" doc:"bearer key of the health feeds" secret:"true"`
	Monitor     string        `yaml:"monitor" doc:"address of the own region's monitor; the others are reached through their regions' shields. None at a PoP"`
	FrozenAfter time.Duration `yaml:"frozen_after" doc:"without a word of any monitor for so long, what they said last is called frozen"`
	OpenAfter   time.Duration `yaml:"open_after" doc:"and after so long nothing counts as down any more; drains hold on"`
}

// DefaultHealthFeed follows nobody yet.
func DefaultHealthFeed() HealthFeed {
	return HealthFeed{FrozenAfter: health.DefaultFrozenAfter, OpenAfter: health.DefaultOpenAfter}
}

func (f HealthFeed) validate() error {
	bad := func(m string) error { return world.E(world.CodeInvalid, "health", "health: "+m) }
	switch {
	case f.FrozenAfter < 2*world.HealthBeat:
		return bad(fmt.Sprintf("frozen_after must be at least %v, two beats of the feed", 2*world.HealthBeat))
	case f.OpenAfter < f.FrozenAfter:
		return bad("open_after must not be below frozen_after")
	case len(f.Keys) > 0 && f.FeedKey == "":
		return bad("feed_key must be set where keys are")
	}
	return nil
}

// HealthFollower follows monitors until it is stopped.
type HealthFollower struct {
	*health.Follower
	cancel context.CancelFunc
	all    sync.WaitGroup
	users  int // see [Process.following]
}

// Stop ends the following; the last view stays, and ages.
func (f *HealthFollower) Stop() {
	f.cancel()
	f.all.Wait()
}

// FollowHealth begins to follow the monitors of several regions, own if it is not
// "" and those behind the shields, nearest first. A region without a public key is
// left out.
func (p *Process) FollowHealth(feed HealthFeed, own string, shields []tier.Shield, log *slog.Logger) (*HealthFollower, error) {
	if err := feed.validate(); err != nil {
		return nil, err
	}
	keys, err := health.Ring(feed.Keys)
	if err != nil {
		return nil, err
	}
	ways := map[string]http.RoundTripper{}
	var monitors []string
	add := func(region, address string) {
		if _, known := keys[region]; known && ways[region] == nil && address != "" {
			ways[region] = netaddr.Transport(address, streams())
			monitors = append(monitors, region)
		}
	}
	add(own, feed.Monitor)
	for _, s := range shields {
		add(s.Region, s.Address)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &HealthFollower{cancel: cancel, Follower: health.NewFollower(health.FollowerConfig{
		Monitors: monitors, FrozenAfter: feed.FrozenAfter, OpenAfter: feed.OpenAfter, Now: now,
	})}
	verify := func(line []byte) (world.Health, error) { return p.issues.Verify(keys, line) }
	for _, region := range monitors {
		client := wire.NewHealthClient(region, ways[region], feed.FeedKey, verify, 0)
		f.all.Go(func() {
			var away pause.Outage
			_ = wire.FollowHealth(ctx, client, wire.DefaultBackoff(), func(h world.Health) { away.Over(); f.Take(h) }, func(err error) {
				if away.Failed() && ctx.Err() == nil {
					log.Warn("health feed lost, following again", "monitor", region, "err", err)
				}
			})
		})
	}
	return f, nil
}

// health is the view of the place that a section is for, nil where it follows
// nobody. The roles of one place in one process share it; stop gives it back.
func (m *machine) health(feed HealthFeed, shields []tier.Shield) (view func() world.HealthView, stop func(), err error) {
	if err := feed.validate(); err != nil || len(feed.Keys) == 0 {
		return nil, func() {}, err
	}
	place := m.file.Place
	m.followingMu.Lock()
	defer m.followingMu.Unlock()
	f := m.following[place]
	if f == nil {
		if f, err = m.FollowHealth(feed, place, shields, m.tel.Log); err != nil {
			return nil, nil, err
		}
		if m.following == nil {
			m.following = map[string]*HealthFollower{}
		}
		m.following[place] = f
	}
	f.users++
	m.healthMetrics(f)
	return f.View, sync.OnceFunc(func() { m.letGo(place, f) }), nil
}

// letGo ends a following with the last of its users.
func (p *Process) letGo(place string, f *HealthFollower) {
	p.followingMu.Lock()
	defer p.followingMu.Unlock()
	if f.users--; f.users == 0 {
		delete(p.following, place)
		f.Stop()
	}
}

// healthMetrics reports how a place hears the monitors.
func (m *machine) healthMetrics(f *HealthFollower) {
	gauge := func(name, help string, of func(world.HealthView) float64) {
		m.tel.Metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return of(f.View()) }))
	}
	is := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	gauge("meridian_health_feed_age_seconds", "Time since a monitor last said what is gone by here.", func(v world.HealthView) float64 { return v.Age.Seconds() })
	gauge("meridian_health_feed_frozen", "1 while no monitor has been heard for longer than the bound.", func(v world.HealthView) float64 { return is(v.Frozen) })
	gauge("meridian_health_feed_open", "1 while nothing counts as down any more, because nobody has been heard for so long.", func(v world.HealthView) float64 { return is(v.Open) })
	gauge("meridian_health_feed_version", "Number of the issue that is gone by.", func(v world.HealthView) float64 { return float64(v.Version.Number) })
}
