package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"meridian/world"
)

// State is where a server is in its life.
type State string

// The states of a server.
const (
	StateStarting   State = "starting"
	StateReady      State = "ready"
	StateRestarting State = "restarting" // it died, and waits to be started again or is starting
	StateStopping   State = "stopping"
	StateKilled     State = "killed" // by Kill; Revive starts it again
)

// Status is what Running tells of a server.
type Status struct {
	Name     string
	PID      int // of the postmaster; 0 while there is none
	State    State
	Standby  bool   // by its spec
	Follows  string // whom it stands by; "" for a primary
	Restarts int    // after an unexpected end, since Start
}

// server is one supervised PostgreSQL. One goroutine, run, owns its process.
type server struct {
	spec Spec
	bin  Binaries
	own  owner
	opts Options
	log  *slog.Logger
	lock *os.File

	life  context.Context // ends when a stop is asked for
	end   context.CancelFunc
	hurry chan struct{} // closed: do not wait for the fast shutdown any longer
	rush  sync.Once
	done  chan struct{} // closed: no process is left, or stuck says which

	mu       sync.Mutex
	state    State
	pid      int
	restarts int
	stuck    error
	held     chan struct{} // closed by Revive; nil: not killed
}

// process is a postmaster that was started.
type process struct {
	cmd    *exec.Cmd
	log    *logFile
	exited chan struct{}
}

func (v *server) set(state State, pid int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state, v.pid = state, pid
}

// standby reports whether it follows another.
func (v *server) standby() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.spec.StandbyOf != nil
}

func (v *server) status() Status {
	v.mu.Lock()
	defer v.mu.Unlock()
	st := Status{Name: v.spec.Name, PID: v.pid, State: v.state, Restarts: v.restarts}
	if up := v.spec.StandbyOf; up != nil {
		st.Standby, st.Follows = true, up.Name
	}
	return st
}

// run keeps the server alive until life ends. first gets the outcome of the
// first start, which ctx bounds; if that fails nothing is supervised.
func (v *server) run(ctx context.Context, first chan<- error) {
	defer close(v.done)
	defer unlock(v.lock)
	defer v.set(StateStopping, 0)
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(v.life, cancel)
	p, err := v.launch(ctx)
	cancel()
	first <- err
	wait := v.opts.RestartMin
	for p != nil {
		began := time.Now()
		if v.attend(p) {
			v.shutdown(p)
			return
		}
		if time.Since(began) >= v.opts.StableAfter {
			wait = v.opts.RestartMin
		}
		if v.spec.Peer != "" { // it may have been taken over from: whoever keeps the pair decides
			v.log.Warn("postgres ended unexpectedly", "server", v.spec.Name, "exit", p.cmd.ProcessState.String())
			return
		}
		if !v.awaitRevival() {
			return
		}
		v.log.Warn("postgres ended unexpectedly and is started again", "server", v.spec.Name, "exit", p.cmd.ProcessState.String(), "wait", wait)
		p = v.relaunch(&wait)
	}
}

// attend watches over a server that runs: true when a stop is asked for, false when it died.
func (v *server) attend(p *process) bool {
	tick := time.NewTicker(logCheckEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.exited:
			p.log.f.Close()
			return v.life.Err() != nil
		case <-v.life.Done():
			return true
		case <-tick.C:
			if err := p.log.bound(); err != nil {
				v.log.Warn("cannot bound a server's log", "server", v.spec.Name, "err", err)
			}
		}
	}
}

// relaunch starts the server again and again until it is ready, or a stop is asked for: nil.
func (v *server) relaunch(wait *time.Duration) *process {
	for {
		v.mu.Lock()
		v.state, v.pid = StateRestarting, 0
		v.restarts++
		v.mu.Unlock()
		select {
		case <-v.life.Done():
			return nil
		case <-time.After(*wait):
		}
		*wait = min(2**wait, v.opts.RestartMax)
		p, err := v.launch(v.life)
		if err == nil {
			return p
		}
		if v.life.Err() == nil {
			v.log.Error("postgres does not start", "server", v.spec.Name, "err", err, "wait", *wait)
		}
	}
}

var errOldServer = errors.New("an earlier server's processes have not ended yet")

// launch starts the server and waits until it is ready. Processes of an earlier
// server may outlive their postmaster for a moment: it tries again for OldServerWait.
func (v *server) launch(ctx context.Context) (*process, error) {
	const op = "pgcluster.start"
	ctx, cancel := context.WithTimeout(ctx, v.opts.StartTimeout)
	defer cancel()
	until := time.Now().Add(v.opts.OldServerWait)
	for {
		p, err := v.tryLaunch(ctx)
		switch {
		case err == nil:
			return p, nil
		case errors.Is(err, errOldServer) && time.Now().Before(until):
			select {
			case <-ctx.Done():
			case <-time.After(v.opts.RestartMin):
				continue
			}
		}
		if cause := ctx.Err(); cause != nil {
			return nil, world.Because(world.CodeTimeout, op, v.spec.Name+" was not ready in time, or its start was given up", err)
		}
		if e := (*world.Error)(nil); errors.As(err, &e) {
			return nil, world.Wrap(op, err)
		}
		return nil, world.Because(world.CodeUnavailable, op, v.spec.Name+" did not start: its log says why", err)
	}
}

func (v *server) tryLaunch(ctx context.Context) (*process, error) {
	if err := settle(ctx, v.spec.DataDir, v.opts.OldServerWait); err != nil {
		return nil, err
	}
	promote, err := v.promotionPending()
	if err != nil {
		return nil, err
	}
	log, err := openLog(v.spec.DataDir+".log", v.opts.LogLimitBytes)
	if err != nil {
		return nil, err
	}
	cmd := asOwner(exec.Command(v.bin.path("postgres"), "-D", v.spec.DataDir), v.own)
	cmd.Stdout, cmd.Stderr = log.f, log.f
	if err := startServer(cmd); err != nil {
		log.f.Close()
		return nil, err
	}
	p := &process{cmd: cmd, log: log, exited: make(chan struct{})}
	go func() {
		cmd.Wait() // its outcome is in ProcessState
		close(p.exited)
	}()
	v.mu.Lock()
	v.pid = cmd.Process.Pid
	v.mu.Unlock()
	err = v.awaitReady(ctx, p)
	if err == nil && promote {
		err = v.carryOn(ctx, p)
	}
	if err != nil {
		v.shutdown(p)
		return nil, err
	}
	v.set(StateReady, cmd.Process.Pid)
	return p, nil
}

// awaitReady polls postmaster.pid until it says that OUR process takes connections.
func (v *server) awaitReady(ctx context.Context, p *process) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case <-p.exited:
			return exitError(p)
		case <-ctx.Done():
			return fmt.Errorf("%w: %s", ctx.Err(), p.log.sinceStart())
		case <-tick.C:
			if f, err := readPidFile(v.spec.DataDir); err == nil && f.serving(p.cmd.Process.Pid) {
				return nil
			}
		}
	}
}

// carryOn promotes a server whose promotion was broken off.
func (v *server) carryOn(ctx context.Context, p *process) error {
	v.log.Warn("a promotion that was broken off is carried on", "server", v.spec.Name)
	if err := v.askToPromote("pgcluster.start"); err != nil {
		return err
	}
	if err := v.awaitPrimary(ctx, p.exited); err != nil {
		return fmt.Errorf("it did not become a primary: %w: %s", err, p.log.sinceStart())
	}
	return nil
}

// exitError says why a server ended before it was ready. The two messages (LC_ALL=C)
// are PostgreSQL's for a directory or shared memory that others still use.
func exitError(p *process) error {
	text := p.log.sinceStart()
	if strings.Contains(text, `lock file "postmaster.pid" already exists`) || strings.Contains(text, "is still in use") {
		return fmt.Errorf("%w: %s", errOldServer, text)
	}
	return fmt.Errorf("postgres: %s: %s", p.cmd.ProcessState, text)
}

// killedWithin is how long a process that was sent SIGKILL may take to end: on a busy
// machine that is more than an instant.
const killedWithin = 10 * time.Second

// shutdown ends the process: fast, then immediate, then by force.
func (v *server) shutdown(p *process) {
	defer p.log.f.Close()
	v.set(StateStopping, p.cmd.Process.Pid)
	steps := []struct {
		sig   syscall.Signal
		wait  time.Duration
		hurry <-chan struct{}
	}{
		{syscall.SIGINT, v.opts.StopTimeout, v.hurry},
		{syscall.SIGQUIT, v.opts.QuitTimeout, nil},
		{syscall.SIGKILL, killedWithin, nil},
	}
	for _, step := range steps {
		if step.sig != syscall.SIGINT {
			v.log.Warn("postgres does not end and is sent a harder signal", "server", v.spec.Name, "pid", p.cmd.Process.Pid, "signal", step.sig.String())
		}
		p.cmd.Process.Signal(step.sig) // fails only if it has ended, which exited tells
		timer := time.NewTimer(step.wait)
		select {
		case <-p.exited:
			timer.Stop()
			return
		case <-timer.C:
		case <-step.hurry:
			timer.Stop()
		}
	}
	v.mu.Lock()
	v.stuck = world.E(world.CodeTimeout, "pgcluster.stop", fmt.Sprintf("%s: process %d does not end even by SIGKILL: look at it by hand", v.spec.Name, p.cmd.Process.Pid))
	v.mu.Unlock()
}

// stop ends the server and waits. When ctx ends, the fast shutdown is cut short.
func (v *server) stop(ctx context.Context) error {
	v.end()
	select {
	case <-v.done:
	case <-ctx.Done():
		v.rush.Do(func() { close(v.hurry) })
		<-v.done
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.stuck
}
