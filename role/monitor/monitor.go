// Package monitor is the role that looks: it probes every part of the world from
// its region, agrees with the other regions' monitors on what is well, and tells
// all who ask.
package monitor

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"meridian/engine/health"
	"meridian/engine/pause"
	"meridian/platform/attempts"
	"meridian/platform/operator"
	"meridian/world"
)

// Deps is what a monitor is handed.
type Deps struct {
	World   *world.World
	PoPs    map[string]http.RoundTripper // by PoP: the way from here to its edge
	Shields map[string]http.RoundTripper // by region, the own one too
	CDNs    []CDN                        // outside CDNs that are looked at
	Views   map[string]Views             // by region: the other monitors
	Keeper  Keeper                       // nil: nothing is kept
	Now     func() time.Time
	Log     *slog.Logger
}

// CDN is an outside CDN, as it is looked at.
type CDN struct {
	Name string
	Host string // of the market whose page is asked for; "": of one that is homed in the monitor's region
	Path string // of that page
	Way  http.RoundTripper
}

// Views follows what another monitor tells: it hands take each line, again after
// losses, which it tells lost, until ctx ends, whose error it returns.
type Views func(ctx context.Context, take func(line []byte), lost func(error)) error

// Keeper keeps one small document across restarts.
type Keeper interface {
	// Load is what was saved last; nothing when nothing was.
	Load() ([]byte, error)
	// Save replaces it, whole or not at all.
	Save([]byte) error
}

// Monitor is one region's role. It is safe for concurrent use.
type Monitor struct {
	cfg    Config
	deps   Deps
	key    ed25519.PrivateKey
	ring   map[string]ed25519.PublicKey
	desk   *operator.Desk
	checks []*check
	pages  pictures
	seats  chan struct{} // of followers
	keep   keeping
	lag    lag

	crossOrigin *http.CrossOriginProtection

	mu        sync.Mutex
	board     *health.Board
	detectors map[string]*health.Detector
	views     map[string][]byte // every monitor's newest view, as it was signed
	issue     world.Health
	line      []byte        // the issue, signed
	issued    chan struct{} // closed when the issue is said anew
	said      chan struct{} // closed when the other monitors are to hear something
}

// New makes the role. It fails with invalid for a config or dependencies that do
// not fit, and with whatever the keeper says.
func New(cfg Config, d Deps) (*Monitor, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	key, _ := health.ParsePrivate(cfg.Key) // validated
	ring, _ := health.Ring(cfg.Keys)
	m := &Monitor{
		cfg: cfg, deps: d, key: key, ring: ring, seats: make(chan struct{}, cfg.MaxFollowers), pages: newPictures(),
		desk:      operator.New(operator.Config{Credentials: cfg.credentials(), Try: attempts.New(cfg.BadTokens, cfg.Tracked).Try, Now: d.Now, For: "drains", Password: true}),
		detectors: map[string]*health.Detector{}, views: map[string][]byte{}, issued: make(chan struct{}), said: make(chan struct{}), crossOrigin: http.NewCrossOriginProtection(),
	}
	if _, ok := d.World.RegionByID(cfg.Region); !ok {
		return nil, world.E(world.CodeInvalid, "monitor.new", "region: the world has no such region; use one of its own")
	}
	if err := m.planChecks(); err != nil {
		return nil, err
	}
	kept, err := m.keep.load(d.Keeper)
	if err != nil {
		return nil, err
	}
	m.board = health.NewBoard(health.BoardConfig{
		Monitor: cfg.Region, Monitors: cfg.names(), Fresh: cfg.Fresh, Now: d.Now(), Floor: kept.Number, Orders: kept.Orders,
	})
	for _, c := range m.checks {
		m.detectors[c.target] = health.NewDetector(c.target, cfg.Damping, d.Now())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m, m.speak(true)
}

// Run probes, listens to the other monitors and beats until ctx ends, whose error
// it returns.
func (m *Monitor) Run(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	for i, c := range m.checks {
		all.Go(func() error { return m.watch(ctx, c, m.turn(i)) })
	}
	for region, follow := range m.deps.Views {
		all.Go(func() error {
			var away pause.Outage
			return follow(ctx, func(line []byte) { away.Over(); m.takeView(line) }, func(err error) {
				if away.Failed() && ctx.Err() == nil {
					m.deps.Log.Warn("a monitor's views are lost, following again", "region", region, "err", err)
				}
			})
		})
	}
	all.Go(func() error { return m.beat(ctx) })
	all.Go(func() error { return m.lag.measure(ctx, m.deps.Now) })
	return all.Wait()
}

// beat says the feed again, and the own view, as long as nothing changes.
func (m *Monitor) beat(ctx context.Context) error {
	t := time.NewTimer(pause.Next(m.deps.Now(), world.HealthBeat))
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
			t.Reset(pause.Next(m.deps.Now(), world.HealthBeat))
			m.mu.Lock()
			err := m.speak(true)
			m.mu.Unlock()
			if err != nil {
				return err
			}
		}
	}
}

// speak decides anew and tells who listens what is new; with beat in any case. The
// lock is held. Its errors are of the world's size or of the keeper.
func (m *Monitor) speak(beat bool) error {
	now := m.deps.Now()
	var says []health.Opinion
	for _, c := range m.checks {
		says = append(says, m.detectors[c.target].Opinion())
	}
	m.board.Say(says)
	issue, changed := m.board.Decide(now)
	if changed || beat {
		line, err := health.Sign(m.key, issue)
		if err != nil {
			return world.Wrap("monitor.speak", err)
		}
		m.logChange(issue)
		m.issue, m.line = issue, line
		wake(&m.issued)
	}
	if beat || m.board.News(now) {
		line, err := health.SignView(m.key, m.board.View(now))
		if err != nil {
			return world.Wrap("monitor.speak", err)
		}
		m.views[m.cfg.Region] = line
		wake(&m.said)
	}
	return m.keep.save(m.deps.Keeper, m.board)
}

// wake lets go on who waits for a channel, which is made anew.
func wake(c *chan struct{}) {
	close(*c)
	*c = make(chan struct{})
}

// logChange tells operators' logs what readers may come to see.
func (m *Monitor) logChange(is world.Health) {
	switch was := m.issue; {
	case is.Isolated && !was.Isolated && was.Version.Number != 0: // who begins hears nobody yet
		m.deps.Log.Warn("monitor: cut off from the others", "heard", is.Heard)
	case !is.Isolated && was.Isolated:
		m.deps.Log.Info("monitor: heard by a quorum", "heard", is.Heard)
	}
	for _, t := range is.Targets {
		if was := m.issue.Of(t.Target); was.State != t.State {
			m.deps.Log.Info("monitor: a target's state", "target", t.Target, "state", t.State, "reason", t.Reason, "by", t.By, "version", is.Version.Number)
		}
	}
}

// takeView merges a line that another monitor told. A line that does not hold is
// logged and left out: whoever sent it is not to stop the others' from coming.
func (m *Monitor) takeView(line []byte) {
	if m.knows(line) {
		return
	}
	v, err := health.VerifyView(m.ring, line)
	if err != nil {
		m.deps.Log.Warn("a monitor's view is not taken", "err", err)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	news := m.board.NewsOf(v)
	if m.board.Take(v, m.deps.Now()) {
		m.views[v.Monitor] = append([]byte(nil), line...)
		m.lookWhere(v)
		if news {
			wake(&m.said) // it is relayed; what says nothing new goes with the next beat
		}
	}
	if err := m.speak(false); err != nil {
		m.deps.Log.Error("a view cannot be answered", "err", err)
	}
}

// result counts a probe that has ended.
func (m *Monitor) result(c *check, r world.HealthReason, load int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.detectors[c.target]
	d.SetLoad(load)
	if !d.Take(r, m.deps.Now()) {
		return
	}
	if d.Opinion().Wary {
		time.AfterFunc(m.cfg.RetryEvery, c.rouse)
	}
	if err := m.speak(false); err != nil {
		m.deps.Log.Error("a probe's result cannot be told", "target", c.target, "err", err)
	}
}

// knows is whether a line is one that was taken: relayed views come several times.
func (m *Monitor) knows(line []byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, known := range m.views {
		if bytes.Equal(known, line) {
			return true
		}
	}
	return false
}

// opinion is what is held of a target here.
func (m *Monitor) opinion(target string) health.Opinion {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.detectors[target].Opinion()
}

// drop reads the rest of an answer, so that its connection serves again.
func drop(body io.ReadCloser) {
	_, _ = io.Copy(io.Discard, io.LimitReader(body, 4<<10)) // what is longer is not worth it
	body.Close()
}
