package localworld

import (
	"context"
	"fmt"
	"sync"
	"time"

	"meridian/platform/lifecycle"
	"meridian/world"
)

// The states of a part.
const (
	partUp       = "up"
	partKilled   = "killed"
	partStarting = "starting"
	partStopped  = "stopped"
)

// unit is a role instance that can be killed and started again while the world
// goes on. To the world it lasts until it is stopped, or fails unasked.
type unit struct {
	name  string
	begin func(context.Context) (lifecycle.Running, error)

	turn  sync.Mutex // held by whoever starts, kills or stops it
	mu    sync.Mutex
	run   lifecycle.Running // nil while there is none
	last  lifecycle.Running // the one before, which may not have gone yet
	state string
	since time.Time
	over  bool // done is closed
	done  chan struct{}
	err   error
}

// withUnits makes each component one that can be killed and started again.
func withUnits(components []lifecycle.Component) ([]lifecycle.Component, []*unit) {
	var units []*unit
	for i, c := range components {
		u := &unit{name: c.Name, begin: c.Start, state: partStopped, done: make(chan struct{})}
		units = append(units, u)
		components[i].Start = func(ctx context.Context) (lifecycle.Running, error) {
			u.turn.Lock()
			defer u.turn.Unlock()
			return u, u.bring(ctx)
		}
	}
	return components, units
}

// bring starts it; the caller has the turn.
func (u *unit) bring(ctx context.Context) error {
	u.set(partStarting)
	r, err := u.begin(ctx)
	if err != nil {
		u.set(partKilled)
		return err
	}
	u.mu.Lock()
	u.run, u.state, u.since = r, partUp, time.Now()
	u.mu.Unlock()
	if r != nil {
		go u.watch(r)
	}
	return nil
}

func (u *unit) set(state string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.state, u.since = state, time.Now()
}

// watch ends the unit when what runs ends and nobody has killed it.
func (u *unit) watch(r lifecycle.Running) {
	<-r.Done()
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.run == r {
		u.end(r.Err())
	}
}

// end is the unit's end; the caller holds mu.
func (u *unit) end(err error) {
	if !u.over {
		u.over, u.err, u.state, u.since = true, err, partStopped, time.Now()
		close(u.done)
	}
}

// take removes what runs, so that its end is nobody's failure.
func (u *unit) take(state string) (lifecycle.Running, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	r := u.run
	if r == nil {
		return nil, world.E(world.CodeConflict, "parts.kill", fmt.Sprintf("%s does not run: it is %s.", u.name, u.state))
	}
	u.run, u.last, u.state, u.since = nil, r, state, time.Now()
	return r, nil
}

// kill ends it without grace. When it returns nobody is answered any more.
func (u *unit) kill() error {
	u.turn.Lock()
	defer u.turn.Unlock()
	r, err := u.take(partKilled)
	if err == nil {
		lifecycle.Kill(r)
	}
	return err
}

// start starts it again after a kill, once all of the one before has gone.
func (u *unit) start(ctx context.Context) error {
	u.turn.Lock()
	defer u.turn.Unlock()
	u.mu.Lock()
	state, last, over := u.state, u.last, u.over
	u.mu.Unlock()
	if over || state != partKilled {
		return world.E(world.CodeConflict, "parts.start", fmt.Sprintf("%s was not killed: it is %s.", u.name, state))
	}
	if last != nil {
		select {
		case <-last.Done():
		case <-ctx.Done():
			return world.Because(world.CodeTimeout, "parts.start", u.name+" has not gone yet: try again.", ctx.Err())
		}
	}
	return u.bring(ctx)
}

// Stop ends it in order, if it runs.
func (u *unit) Stop(ctx context.Context) error {
	u.turn.Lock()
	defer u.turn.Unlock()
	r, err := u.take(partStopped)
	if err == nil && r != nil {
		err = r.Stop(ctx)
	} else {
		err = nil // killed: there is nothing left to stop
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.end(nil)
	return err
}

// Done is closed when the unit has ended for good.
func (u *unit) Done() <-chan struct{} { return u.done }

// Err is why it ended by itself.
func (u *unit) Err() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}
