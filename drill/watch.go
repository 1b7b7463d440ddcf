package drill

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"meridian/world"
)

// watchEvery is how often the drill looks at what monitors say.
const watchEvery = 100 * time.Millisecond

// watch follows what the health feed says in a drill.
type watch struct {
	view func(context.Context) (world.HealthView, error)

	mu      sync.Mutex
	bad     map[string]time.Time // when a target was first not healthy
	down    map[string]bool      // targets that were called down
	changes map[string]int       // how often its state changed
	last    map[string]world.HealthState
	frozen  time.Time
}

func newWatch(t *Target) *watch {
	return &watch{view: t.health, bad: map[string]time.Time{}, down: map[string]bool{}, changes: map[string]int{}, last: map[string]world.HealthState{}}
}

// from forgets what was before.
func (w *watch) from() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.bad)
	clear(w.down)
	clear(w.changes)
	w.frozen = time.Time{}
}

func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if v, err := w.view(ctx); err == nil { // without an answer nothing has changed
				w.look(v, time.Now())
			}
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
		if state == world.Down {
			w.down[t.Target] = true
		}
	}
}

// watches reports whether there are monitors to listen to.
func (w *watch) watches() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.last) > 0
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

// takenDown are the targets that the feed called down.
func (w *watch) takenDown() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.down))
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
