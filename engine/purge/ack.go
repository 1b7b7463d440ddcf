package purge

import (
	"context"
	"sync"
	"time"

	"meridian/engine/pause"
	"meridian/world"
)

// Acknowledge tells a feed's region how far this tier has taken the feed. anew
// says that the feed's cursors are of another history than those told before.
type Acknowledge func(ctx context.Context, cursor string, anew bool) error

// How an acknowledgement is repeated, and how many may be under way: while one
// crosses the world the next must not wait for it, and a burst of purges needs
// no more than its newest.
const (
	ackRetry   = 100 * time.Millisecond // doubles
	ackRetries = 6                      // times, up to 6.4 s
	acksAtOnce = 4
)

// acker acknowledges one feed's events. It keeps nothing but the newest cursor,
// and never holds up the purge itself.
type acker struct {
	send  Acknowledge
	every time.Duration // a quiet feed is acknowledged so often
	wake  chan struct{}

	mu       sync.Mutex
	newest   world.Cursor
	due      bool // somebody is still to be told of newest
	anew     bool // and that those of before say nothing
	arrived  world.Cursor
	asked    time.Time
	failures int // in a row
}

func newAcker(send Acknowledge, every time.Duration) *acker {
	return &acker{send: send, every: every, wake: make(chan struct{}, 1)}
}

// taken notes that an event's purge is done.
func (a *acker) taken(e world.Event, now time.Time) {
	c, err := world.ParseCursor(e.Cursor)
	if err != nil {
		return // it was refused before
	}
	a.mu.Lock()
	if e.Reset {
		a.newest, a.arrived, a.anew = world.Cursor{}, world.Cursor{}, true
	}
	if a.newest.Less(c) {
		a.newest = c
	}
	due := e.Kind != world.EventHeartbeat || now.Sub(a.asked) >= a.every
	if due {
		a.asked = now
	}
	a.mu.Unlock()
	if due {
		a.ring()
	}
}

// ring has the newest cursor sent.
func (a *acker) ring() {
	a.mu.Lock()
	a.due = true
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default: // it is awake, and will read the newest
	}
}

// run sends until ctx ends.
func (a *acker) run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	slots := make(chan struct{}, acksAtOnce)
	for {
		select {
		case <-a.wake:
		case <-ctx.Done():
			return
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		a.mu.Lock()
		c, due, anew := a.newest, a.due, a.anew
		a.due = false
		a.mu.Unlock()
		if !due { // it went with the one before
			<-slots
			continue
		}
		all.Go(func() {
			wait := a.settle(c, anew, a.send(ctx, c.String(), anew))
			<-slots
			if wait > 0 && pause.For(ctx, wait) {
				a.ring()
			}
		})
	}
}

// settle notes how a sending ended; wait is how long until it must be repeated.
func (a *acker) settle(c world.Cursor, anew bool, err error) (wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		a.failures = 0
		a.anew = a.anew && !anew
		if a.arrived.Less(c) {
			a.arrived = c
		}
		return 0
	}
	if !a.arrived.Less(c) {
		return 0 // a later one has said it already
	}
	wait = ackRetry << min(a.failures, ackRetries)
	a.failures++
	return wait
}
