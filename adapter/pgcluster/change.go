package pgcluster

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"meridian/world"
)

// promoteFile is what a standby's postmaster looks for when it gets SIGUSR1, as
// pg_ctl promote has it (PostgreSQL source: PROMOTE_SIGNAL_FILE).
const promoteFile = "promote"

// never is the end of what has not begun.
var never = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Ended is closed once no process of a server is supervised any more: it was
// stopped, or has a Peer and ended by itself. For a server that does not run it
// is closed already.
func (s *Supervisor) Ended(name string) <-chan struct{} {
	v, err := s.find("pgcluster.ended", name)
	if err != nil {
		return never
	}
	return v.done
}

// Fence ends a server at once by SIGKILL, with every process on its directory that
// an earlier postmaster has left. It is what ends a server that hangs, and keeps
// one that is to be fenced from answering. It returns when none is left. What was
// committed is on disk.
func (s *Supervisor) Fence(ctx context.Context, sp Spec) error {
	const op = "pgcluster.fence"
	if v, err := s.find(op, sp.Name); err == nil {
		v.end()
		v.mu.Lock()
		pid := v.pid
		v.mu.Unlock()
		if pid != 0 && !ended(v.done) {
			syscall.Kill(pid, syscall.SIGKILL) // fails only if it has ended
		}
		select {
		case <-v.done:
		case <-ctx.Done():
			return world.Because(world.CodeTimeout, op, sp.Name+" does not end even by SIGKILL: look at it by hand", ctx.Err())
		}
	}
	lock, err := lockDir(op, sp.DataDir) // nobody else's server is killed
	if err != nil {
		return err
	}
	defer unlock(lock)
	for {
		left := strays(sp.DataDir)
		if len(left) == 0 {
			return nil
		}
		for _, pid := range left {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		select {
		case <-ctx.Done():
			return world.Because(world.CodeTimeout, op, fmt.Sprintf("%s: process %d does not end even by SIGKILL: look at it by hand", sp.Name, left[0]), ctx.Err())
		case <-time.After(pollInterval):
		}
	}
}

func ended(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Reconfigure gives a running server the settings of sp, which is the same server:
// whom it follows, which standbys confirm its commits. It takes them up within a moment.
func (s *Supervisor) Reconfigure(sp Spec) error {
	const op = "pgcluster.reconfigure"
	v, err := s.rewrite(op, sp)
	if err != nil {
		return err
	}
	return v.signal(op, syscall.SIGHUP)
}

func (s *Supervisor) rewrite(op string, sp Spec) (*server, error) {
	if _, err := s.checked(op, []Spec{sp}); err != nil {
		return nil, err
	}
	v, err := s.find(op, sp.Name)
	if err != nil {
		return nil, err
	}
	if ended(v.done) {
		return nil, notRunning(op, sp.Name)
	}
	if err := writeSettings(sp, s.opts, v.own, replicates(sp, []Spec{sp})); err != nil {
		return nil, world.Because(world.CodeUnavailable, op, "cannot write the settings of "+sp.Name, err)
	}
	v.mu.Lock()
	v.spec.StandbyOf, v.spec.Sync = sp.StandbyOf, sp.Sync
	v.mu.Unlock()
	return v, nil
}

func (v *server) signal(op string, sig syscall.Signal) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.pid == 0 || ended(v.done) {
		return notRunning(op, v.spec.Name)
	}
	return world.Wrap(op, syscall.Kill(v.pid, sig))
}

// Promote makes a running standby a primary by the settings of sp, and returns
// once it takes writes. One that is a primary already is left as it is.
func (s *Supervisor) Promote(ctx context.Context, sp Spec) error {
	const op = "pgcluster.promote"
	v, err := s.rewrite(op, sp)
	if err != nil {
		return err
	}
	standby, err := isStandby(sp)
	if err != nil {
		return err
	}
	if standby {
		if err := v.askToPromote(op); err != nil {
			return err
		}
	}
	if err := v.awaitPrimary(ctx, v.done); err != nil {
		return world.Because(world.CodeUnavailable, op, sp.Name+" did not become a primary: its log says why", err)
	}
	return v.signal(op, syscall.SIGHUP)
}

// askToPromote asks a running standby to become a primary.
func (v *server) askToPromote(op string) error {
	if err := writeOwned(filepath.Join(v.spec.DataDir, promoteFile), "", v.own); err != nil {
		return world.Because(world.CodeUnavailable, op, "cannot write into "+v.spec.DataDir, err)
	}
	return v.signal(op, syscall.SIGUSR1)
}

// awaitPrimary polls the control file, as pg_ctl promote does: postmaster.pid calls
// a hot standby ready too. gone is closed when the server has ended.
func (v *server) awaitPrimary(ctx context.Context, gone <-chan struct{}) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if controlStateOf(v.spec.DataDir) == controlInProduction {
			return nil
		}
		select {
		case <-gone:
			return fmt.Errorf("it ended meanwhile")
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Of a control file: where its state lies, and the states of a standby that ended
// in order, of one that runs or was killed, and of a primary that takes writes
// (PostgreSQL source: pg_control.h, DBState).
const (
	controlState          = 16
	controlStandbyStopped = 2
	controlStandby        = 5
	controlInProduction   = 6
)

// controlStateOf reads what a directory's server is, or was when it ended; 0 where
// that cannot be read. The state is written in the machine's own order.
func controlStateOf(dataDir string) uint32 {
	f, err := os.Open(filepath.Join(dataDir, "global", "pg_control"))
	if err != nil {
		return 0
	}
	defer f.Close()
	var state [4]byte
	if _, err := f.ReadAt(state[:], controlState); err != nil {
		return 0
	}
	return binary.NativeEndian.Uint32(state[:])
}

// promotionPending reports whether a stopped server that is to be a primary has
// still to be promoted, and readies its directory for that.
//
// PostgreSQL removes standby.signal first of all, and only later is the new
// timeline in the control file (PostgreSQL source: StartupXLOG). One that was killed
// in between must not be started as it lies: it would go on with the timeline of the
// primary before it, which that one may have written further, and pg_rewind, which
// goes by timelines, would leave what the two have differently. So it is a standby
// once more, and is promoted again.
func (v *server) promotionPending() (bool, error) {
	if v.standby() {
		return false, nil
	}
	signal := filepath.Join(v.spec.DataDir, signalFile)
	if _, err := os.Stat(signal); err == nil {
		return true, nil // it ended before it had begun
	}
	switch controlStateOf(v.spec.DataDir) {
	case controlStandby, controlStandbyStopped:
		return true, writeOwned(signal, "", v.own)
	}
	return false, nil
}

// isStandby tells what a directory is; conflict when it is not whole.
func isStandby(sp Spec) (bool, error) {
	const op = "pgcluster.look"
	if _, err := os.Stat(rejoinMark(sp)); err == nil {
		return false, world.E(world.CodeConflict, op, sp.DataDir+" was being rewound when that was broken off: copy it anew")
	}
	if made, err := isMade(op, sp); err != nil || !made {
		return false, world.Because(world.CodeConflict, op, sp.DataDir+" is no server's directory: copy it anew", err)
	}
	_, err := os.Stat(filepath.Join(sp.DataDir, signalFile))
	if err != nil && !os.IsNotExist(err) {
		return false, world.Because(world.CodeConflict, op, "cannot look at "+sp.DataDir, err)
	}
	return err == nil, nil
}
