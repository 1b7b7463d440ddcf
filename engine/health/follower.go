package health

import (
	"slices"
	"sync"
	"time"

	"meridian/world"
)

// Defaults of [FollowerConfig].
const (
	DefaultFrozenAfter = 4 * world.HealthBeat
	DefaultOpenAfter   = time.Minute
)

// FollowerConfig is what a follower is made of. Now is required.
type FollowerConfig struct {
	// Monitors are the regions whose monitors are believed, the nearest first: of
	// several that say the same, the first one's loads are held.
	Monitors []string
	// FrozenAfter is how long nothing may be heard before the view is frozen;
	// OpenAfter how long before it fails open. 0: the default; OpenAfter is never
	// below FrozenAfter.
	FrozenAfter, OpenAfter time.Duration
	Now                    func() time.Time
}

// Follower makes one view of several monitors' feeds: it holds one issue, whole,
// the latest by its version. It never mixes two, and knows by its own clock how
// long ago it last heard that the issue still holds. Safe for concurrent use.
type Follower struct {
	cfg FollowerConfig

	mu      sync.Mutex
	heard   map[voice]sign
	held    world.Health
	has     bool
	alive   time.Time // when the held issue was last said
	changed chan struct{}
}

// voice is a monitor as it speaks for a quorum, or cut off for itself alone: what
// it says as one is no measure of what it says as the other.
type voice struct {
	monitor  string
	isolated bool
}

func voiceOf(h world.Health) voice { return voice{h.Monitor, h.Isolated} }

// sign is a voice's last issue, of those that were not told again.
type sign struct {
	version world.HealthVersion
	beat    uint64
	at      time.Time
}

// NewFollower makes a follower that has heard nothing: its view has everything
// healthy, and its age counts from now.
func NewFollower(cfg FollowerConfig) *Follower {
	if cfg.FrozenAfter <= 0 {
		cfg.FrozenAfter = DefaultFrozenAfter
	}
	if cfg.OpenAfter <= 0 {
		cfg.OpenAfter = DefaultOpenAfter
	}
	cfg.OpenAfter = max(cfg.OpenAfter, cfg.FrozenAfter)
	return &Follower{cfg: cfg, heard: map[voice]sign{}, alive: cfg.Now(), changed: make(chan struct{})}
}

// Take hears an issue whose signature was verified as its monitor's. It is true
// if the issue counts: it is held now, or says that what is held still holds.
//
// A later version replaces an earlier one; an earlier one counts only once the
// held one is frozen. An isolated monitor's issue is held only where nothing
// that was agreed on is, and never says that something agreed on still holds.
// What a monitor has said before, or before that, does not count again.
func (f *Follower) Take(h world.Health) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.cfg.Now()
	frozen := f.has && f.frozen(now)
	if !slices.Contains(f.cfg.Monitors, h.Monitor) || !f.fresh(h, frozen) {
		return false
	}
	before, had := f.held, f.has
	switch order := h.Version.Compare(f.held.Version); {
	case !f.has, f.held.Isolated && !h.Isolated:
		f.hold(h)
	case h.Isolated && !f.held.Isolated:
		return false
	case order > 0, order < 0 && frozen:
		f.hold(h)
	case order < 0:
		return false
	case f.leads(h.Monitor, now):
		f.hold(h)
	}
	f.heard[voiceOf(h)] = sign{h.Version, h.Beat, now}
	f.alive = now
	if !had || frozen || differ(before, f.held) {
		close(f.changed)
		f.changed = make(chan struct{})
	}
	return true
}

// fresh reports whether a monitor says something that it has not said. One that
// began again counts its beats anew: that shows once nothing else is heard.
func (f *Follower) fresh(h world.Health, frozen bool) bool {
	last, ok := f.heard[voiceOf(h)]
	if !ok || frozen && (h.Version != last.version || h.Beat != last.beat) {
		return true
	}
	if order := h.Version.Compare(last.version); order != 0 {
		return order > 0
	}
	return h.Beat > last.beat
}

// leads reports whether a monitor that says what is held is the one to hold it
// from: it comes before the one whose issue that is, or that one has fallen silent.
func (f *Follower) leads(monitor string, now time.Time) bool {
	place := func(m string) int { return slices.Index(f.cfg.Monitors, m) }
	return place(monitor) <= place(f.held.Monitor) || now.Sub(f.heard[voiceOf(f.held)].at) >= f.cfg.FrozenAfter
}

func (f *Follower) hold(h world.Health) { f.held, f.has = h, true }

func (f *Follower) frozen(now time.Time) bool { return now.Sub(f.alive) >= f.cfg.FrozenAfter }

// differ reports whether two issues say something else of any target.
func differ(a, b world.Health) bool {
	return a.Version != b.Version || a.Isolated != b.Isolated ||
		!slices.EqualFunc(a.Targets, b.Targets, func(x, y world.TargetHealth) bool {
			return x.Target == y.Target && x.State == y.State && x.Reason == y.Reason && x.Load == y.Load
		})
}

// View is what to go by now. Its targets are shared: they are not to be changed.
func (f *Follower) View() world.HealthView {
	f.mu.Lock()
	defer f.mu.Unlock()
	age := f.cfg.Now().Sub(f.alive)
	return world.HealthView{Health: f.held, Age: age, Frozen: age >= f.cfg.FrozenAfter, Open: age >= f.cfg.OpenAfter}
}

// Changed is closed when the next issue comes that says something new. That the
// view freezes, or opens, is the clock's doing: [Follower.View] tells it.
func (f *Follower) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}
