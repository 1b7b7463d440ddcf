package drill

import (
	"context"
	"slices"
	"sync"
	"time"

	"meridian/world"
)

// watchEvery is how often the drill looks at what monitors say.
const watchEvery = 100 * time.Millisecond

// watch follows what the health feed says in a drill.
type watch struct {
	view func() world.HealthView // nil: nobody says anything

	mu       sync.Mutex
	since    time.Time
	bad      map[string]time.Time // when a target was first not healthy since then
	changes  map[string]int       // how often its state changed since then
	last     map[string]world.HealthState
	frozen   time.Time
	isolated time.Time
}

func newWatch(t *Target) *watch {
	return &watch{view: t.health, bad: map[string]time.Time{}, changes: map[string]int{}, last: map[string]world.HealthState{}}
}

// from forgets what was before.
func (w *watch) from(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since = at
	clear(w.bad)
	clear(w.changes)
	w.frozen, w.isolated = time.Time{}, time.Time{}
}

func (w *watch) run(ctx context.Context) {
	if w.view == nil {
		return
	}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			w.look(w.view(), now)
		}
	}
}

func (w *watch) look(v world.HealthView, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v.Frozen && w.frozen.IsZero() {
		w.frozen = now
	}
	for _, t := range v.Targets {
		state := v.Of(t.Target).State
		if before, seen := w.last[t.Target]; seen && before != state {
			w.changes[t.Target]++
		}
		w.last[t.Target] = state
		if state != world.Healthy && w.bad[t.Target].IsZero() {
			w.bad[t.Target] = now
		}
	}
}

// watches reports whether there are monitors to listen to.
func (w *watch) watches() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.view != nil && len(w.last) > 0
}

// detected is when all of targets had been named; zero when not all were.
func (w *watch) detected(targets []string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	var last time.Time
	for _, t := range targets {
		at := w.bad[t]
		if at.IsZero() {
			return time.Time{}
		}
		if at.After(last) {
			last = at
		}
	}
	return last
}

// others are targets that were named and none of expected.
func (w *watch) others(expected []string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for t := range w.bad {
		if !slices.Contains(expected, t) {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return out
}

// flaps is how often a target's state changed.
func (w *watch) flaps(target string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changes[target]
}

// frozenAt is when the feed was first noticed to be frozen; zero: it was not.
func (w *watch) frozenAt() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.frozen
}
