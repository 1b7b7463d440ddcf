// Package lifecycle starts the parts of a process in the order of their needs
// and stops them in the opposite order, whatever goes wrong on the way.
package lifecycle

import (
	"context"
	"time"
)

// Defaults of a component's limits.
const (
	DefaultStartTimeout = time.Minute
	DefaultStopTimeout  = 15 * time.Second
)

// HurryTime is how long a part whose time to stop is over still has to return,
// before it is left behind: to kill a child process, for one.
const HurryTime = 3 * time.Second

// Component is a part that can be started once everything it needs is ready.
type Component struct {
	Name  string   // unique in its group
	Needs []string // names of components that are ready before it starts, and stop after it

	// Start brings the part up and returns when it is ready for others. ctx
	// is for the start only: it ends when Start has returned, so whatever
	// runs on must not hang on it. When ctx ends first, Start undoes what it
	// has begun and returns an error.
	//
	// A part that has nothing left to run (it migrated a schema, say) returns
	// a nil Running.
	Start func(ctx context.Context) (Running, error)

	StartTimeout time.Duration // longest wait for Start; 0 takes DefaultStartTimeout
	StopTimeout  time.Duration // longest wait for Stop; 0 takes DefaultStopTimeout
}

// Running is a started part.
type Running interface {
	// Stop ends the part and returns when it has ended. When ctx ends first
	// it hurries: it gives up what is in progress and returns an error. It is
	// called once, also for a part that has ended by itself.
	Stop(ctx context.Context) error
	// Done is closed when the part has ended, by Stop or by itself.
	Done() <-chan struct{}
	// Err is, after Done, why the part ended by itself; nil after a Stop.
	Err() error
}

// Killer is a started part that can end as by a power cut: nobody is answered
// any more when Kill returns, and what was under way is given up. Done is closed
// once all of it has gone. Stop may still be called, once, and has nothing to do.
type Killer interface{ Kill() }

// Kill ends a part without grace: by its Kill, or by a Stop that is in a hurry
// from the beginning.
func Kill(r Running) {
	if k, ok := r.(Killer); ok {
		k.Kill()
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = r.Stop(ctx) // it was not given the time to end well
}

// The states that a progress function is told of. A component goes from
// starting to ready to stopping to stopped; failed takes the place of ready
// when it did not start, and comes before stopping when it ended by itself.
const (
	StateStarting = "starting"
	StateReady    = "ready"
	StateFailed   = "failed"
	StateStopping = "stopping"
	StateStopped  = "stopped"
)

func (c Component) withDefaults() Component {
	if c.StartTimeout == 0 {
		c.StartTimeout = DefaultStartTimeout
	}
	if c.StopTimeout == 0 {
		c.StopTimeout = DefaultStopTimeout
	}
	return c
}
