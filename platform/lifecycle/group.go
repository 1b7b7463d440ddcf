package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"meridian/world"
)

// Group is a set of components that were started together. Its life:
//
//   - [Start] brings every component up, each as soon as what it needs is
//     ready, side by side where needs allow.
//   - The first component that fails to start, or that ends by itself later,
//     ends the group: starts in progress are cancelled, and whatever is up is
//     stopped as by Stop. That first failure is what Start or Wait returns.
//   - [Group.Stop] stops each component once all that need it have stopped.
//     One that fails to stop in its time is left behind and the rest go on.
type Group struct {
	units    []*unit // in the order they were given
	progress func(name, state string)
	telling  sync.Mutex // one progress call at a time

	cancelStart context.CancelFunc
	starting    sync.WaitGroup

	mu       sync.Mutex
	first    error         // what ended the group; set before ending is closed
	ending   chan struct{} // closed when the end begins
	stopErrs []error       // set before stopped is closed
	stopped  chan struct{} // closed when everything has stopped

	hurry       context.Context // ended by a Stop whose own context ends
	cancelHurry context.CancelFunc
}

// unit is a component at work.
type unit struct {
	Component
	needs, users []*unit
	running      Running
	ready        chan struct{} // closed when started
	stopped      chan struct{} // closed when stopped, or never started and past it
}

// Start starts the components and returns when all are ready. It fails as
// [Order] does, with the first failure of a component, or when ctx ends; then
// everything has been stopped again. ctx is for the start only. progress may
// be nil; it is called by one goroutine at a time and must not block.
func Start(ctx context.Context, components []Component, progress func(name string, state string)) (*Group, error) {
	if _, err := Order(components); err != nil {
		return nil, err
	}
	g := &Group{progress: progress, ending: make(chan struct{}), stopped: make(chan struct{})}
	g.hurry, g.cancelHurry = context.WithCancel(context.WithoutCancel(ctx))
	ctx, g.cancelStart = context.WithCancel(ctx)
	g.units = link(components)
	for _, u := range g.units {
		g.starting.Go(func() { g.bringUp(ctx, u) })
	}
	g.starting.Wait()
	if g.isEnding() {
		<-g.stopped
		return nil, g.outcome()
	}
	g.cancelStart()
	return g, nil
}

func link(components []Component) []*unit {
	byName := map[string]*unit{}
	var units []*unit
	for _, c := range components {
		u := &unit{Component: c.withDefaults(), ready: make(chan struct{}), stopped: make(chan struct{})}
		byName[c.Name] = u
		units = append(units, u)
	}
	for _, u := range units {
		for _, need := range u.Needs {
			n := byName[need]
			u.needs = append(u.needs, n)
			n.users = append(n.users, u)
		}
	}
	return units
}

// bringUp starts one unit after its needs and watches it from then on.
func (g *Group) bringUp(ctx context.Context, u *unit) {
	for _, need := range u.needs {
		select {
		case <-need.ready:
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		g.end(world.Because(world.CodeUnavailable, "lifecycle.start", "The start was cancelled.", ctx.Err()))
		return
	}
	g.tell(u, StateStarting)
	running, err := u.start(ctx)
	if err != nil {
		g.tell(u, StateFailed)
		g.end(err)
		return
	}
	u.running = running
	g.tell(u, StateReady)
	close(u.ready)
	if running != nil {
		go g.watch(u)
	}
}

// start calls Start, for no longer than its limit and the time to undo it.
func (u *unit) start(ctx context.Context) (Running, error) {
	ctx, cancel := context.WithTimeout(ctx, u.StartTimeout)
	defer cancel()
	var running Running
	var err error
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		running, err = u.Start(ctx)
	}()
	select {
	case <-returned:
		return running, u.startError(ctx, err)
	case <-ctx.Done():
	}
	undo := time.NewTimer(u.StopTimeout)
	defer undo.Stop()
	select {
	case <-returned:
		return running, u.startError(ctx, err)
	case <-undo.C:
	}
	go func() { // should it come up after all, nobody else knows of it
		<-returned
		if running != nil {
			late, done := context.WithTimeout(context.Background(), u.StopTimeout)
			defer done()
			_ = running.Stop(late) // whoever would hear of it has gone
		}
	}()
	return nil, u.startError(ctx, ctx.Err())
}

func (u *unit) startError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	code, message := world.CodeOf(err), fmt.Sprintf("%s did not start.", u.Name)
	switch ctx.Err() {
	case context.DeadlineExceeded:
		code, message = world.CodeTimeout, fmt.Sprintf("%s did not start within %v.", u.Name, u.StartTimeout)
	case context.Canceled:
		code, message = world.CodeUnavailable, fmt.Sprintf("The start of %s was cancelled.", u.Name)
	}
	return world.Because(code, "lifecycle.start", message, err)
}

// watch ends the group when a unit ends by itself.
func (g *Group) watch(u *unit) {
	select {
	case <-g.ending:
		return
	case <-u.running.Done():
	}
	code, message, err := world.CodeInternal, fmt.Sprintf("%s ended by itself.", u.Name), u.running.Err()
	if err != nil {
		code, message = world.CodeOf(err), fmt.Sprintf("%s failed.", u.Name)
	}
	if g.isEnding() { // it was asked to stop
		return
	}
	g.tell(u, StateFailed)
	g.end(world.Because(code, "lifecycle.run", message, err))
}

// end begins the end of the group, for the first cause that is given; nil is
// an orderly stop.
func (g *Group) end(cause error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.isEnding() {
		return
	}
	g.first = cause
	close(g.ending)
	go g.shutDown()
}

func (g *Group) isEnding() bool {
	select {
	case <-g.ending:
		return true
	default:
		return false
	}
}

// Wait returns when the group has ended: with the failure that ended it, nil
// after a Stop, in both cases joined with what went wrong while stopping. When
// ctx ends first its error is returned, and the group runs on.
func (g *Group) Wait(ctx context.Context) error {
	select {
	case <-g.stopped:
		return g.outcome()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// outcome is what the group came to; only once stopped is closed.
func (g *Group) outcome() error {
	return errors.Join(append([]error{g.first}, g.stopErrs...)...)
}

func (g *Group) tell(u *unit, state string) {
	if g.progress == nil {
		return
	}
	g.telling.Lock()
	defer g.telling.Unlock()
	g.progress(u.Name, state)
}
