package pgcluster

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"meridian/world"
)

// Kill ends a server by SIGKILL, as a power cut does, and keeps it down until
// [Supervisor.Revive]: for a rehearsal. Its backends end by themselves when they
// find their postmaster gone. It returns when the postmaster has ended.
//
// Errors: CodeNotFound when no such server is supervised, CodeConflict for one
// that is killed already or has no process.
func (s *Supervisor) Kill(ctx context.Context, name string) error {
	const op = "pgcluster.kill"
	v, err := s.find(op, name)
	if err != nil {
		return err
	}
	if v.spec.Peer != "" {
		return s.holdDown(ctx, v)
	}
	v.mu.Lock()
	if v.held != nil || v.pid == 0 {
		v.mu.Unlock()
		return world.E(world.CodeConflict, op, fmt.Sprintf("%s has no process that could be killed: it is %s.", name, v.state))
	}
	v.held = make(chan struct{})
	pid := v.pid
	err = syscall.Kill(pid, syscall.SIGKILL)
	v.mu.Unlock()
	if err != nil && err != syscall.ESRCH {
		return world.Because(world.CodeInternal, op, "The server cannot be killed.", err)
	}
	return v.await(ctx, op, func(st Status) bool { return st.State == StateKilled || st.State == StateStopping })
}

// Revive starts a server that was killed, and returns when it takes connections.
// Errors: CodeNotFound, CodeConflict for one that was not killed, CodeTimeout
// when ctx ends first; it is started on nevertheless.
func (s *Supervisor) Revive(ctx context.Context, name string) error {
	const op = "pgcluster.revive"
	v, err := s.find(op, name)
	if err != nil {
		return err
	}
	if v.spec.Peer != "" {
		return s.letUp(ctx, name)
	}
	v.mu.Lock()
	if v.held == nil {
		v.mu.Unlock()
		return world.E(world.CodeConflict, op, name+" was not killed: there is nothing to revive.")
	}
	close(v.held)
	v.held = nil
	v.mu.Unlock()
	return v.await(ctx, op, func(st Status) bool { return st.State == StateReady || st.State == StateStopping })
}

// holdDown kills a server of a pair. Whoever keeps the pair may have the other
// take over; this one does not start until it is let up.
func (s *Supervisor) holdDown(ctx context.Context, v *server) error {
	const op = "pgcluster.kill"
	s.mu.Lock()
	again := s.down[v.spec.Name]
	s.down[v.spec.Name] = true
	s.mu.Unlock()
	if again || ended(v.done) {
		return world.E(world.CodeConflict, op, v.spec.Name+" has no process that could be killed.")
	}
	if err := v.signal(op, syscall.SIGKILL); err != nil {
		return err
	}
	select {
	case <-v.done:
		return nil
	case <-ctx.Done():
		return world.Because(world.CodeTimeout, op, v.spec.Name+" does not end in time.", ctx.Err())
	}
}

// letUp lets a server of a pair start again, which is for its keeper to do, and
// returns when it takes connections, as whatever it is by then.
func (s *Supervisor) letUp(ctx context.Context, name string) error {
	const op = "pgcluster.revive"
	s.mu.Lock()
	killed := s.down[name]
	delete(s.down, name)
	s.mu.Unlock()
	if !killed {
		return world.E(world.CodeConflict, op, name+" was not killed: there is nothing to revive.")
	}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if v, err := s.find(op, name); err == nil && v.status().State == StateReady {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return world.Because(world.CodeTimeout, op, name+" is not there in time.", ctx.Err())
		}
	}
}

func (s *Supervisor) find(op, name string) (*server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.servers[name]; ok {
		return v, nil
	}
	return nil, notRunning(op, name)
}

// await looks at the server's state until it is as wanted.
func (v *server) await(ctx context.Context, op string, wanted func(Status) bool) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for !wanted(v.status()) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return world.Because(world.CodeTimeout, op, v.spec.Name+" is not there in time.", ctx.Err())
		}
	}
	return nil
}

// awaitRevival returns at once for a server that nobody killed, else when it is
// to start again. It is false when it is to stop for good.
func (v *server) awaitRevival() bool {
	v.mu.Lock()
	held := v.held
	if held != nil {
		v.state, v.pid = StateKilled, 0
	}
	v.mu.Unlock()
	if held == nil {
		return true
	}
	select {
	case <-held:
		v.set(StateRestarting, 0)
		return true
	case <-v.life.Done():
		return false
	}
}

// forget drops a server that has ended, and that it was killed: it may be started
// as something else.
func (s *Supervisor) forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.down, name)
	if v, ok := s.servers[name]; ok && ended(v.done) {
		delete(s.servers, name)
	}
}
