package pgcluster

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"meridian/world"
)

const (
	pidFileName  = "postmaster.pid"
	maxPidFile   = 8 << 10 // bytes; PostgreSQL writes well under 1 KiB
	pollInterval = 10 * time.Millisecond
)

// pidFile is what we use of postmaster.pid (PostgreSQL source: miscadmin.h, "lock file contents").
type pidFile struct {
	pid    int    // line 1; PostgreSQL writes it negative for a single-user server
	status string // line 8: starting, stopping, ready or standby; "" before it is written
}

func (p pidFile) serving(pid int) bool {
	return p.pid == pid && (p.status == "ready" || p.status == "standby")
}

func parsePidFile(text string) (pidFile, error) {
	lines := strings.Split(text, "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid == 0 {
		return pidFile{}, fmt.Errorf("no process id in %.40q", lines[0])
	}
	p := pidFile{pid: max(pid, -pid)}
	if p.pid < 0 {
		return pidFile{}, fmt.Errorf("no process id in %.40q", lines[0])
	}
	if len(lines) >= 8 {
		p.status = strings.TrimSpace(lines[7])
	}
	return p, nil
}

func readPidFile(dataDir string) (pidFile, error) {
	f, err := os.Open(filepath.Join(dataDir, pidFileName))
	if err != nil {
		return pidFile{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPidFile))
	if err != nil {
		return pidFile{}, err
	}
	return parsePidFile(string(text))
}

// settle sees to a server that an earlier run left on dataDir: it asks one that
// still runs to end and waits for it. A pid file whose process is gone, or is
// another program by now (process ids are used again), is deleted, because
// PostgreSQL refuses to start when that process happens to be a PostgreSQL too.
// The caller holds the directory's lock, so the server is nobody else's.
func settle(ctx context.Context, dataDir string, wait time.Duration) error {
	p, err := readPidFile(dataDir)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil || !serves(p.pid, dataDir) {
		return os.Remove(filepath.Join(dataDir, pidFileName))
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} {
		if err := syscall.Kill(p.pid, sig); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("cannot stop process %d: %w", p.pid, err)
		}
		gone, err := waitGone(ctx, p.pid, dataDir, wait)
		if err != nil {
			return err
		}
		if gone {
			return nil
		}
	}
	return world.E(world.CodeConflict, "pgcluster.settle", fmt.Sprintf(
		"process %d of an earlier run still serves %s and does not end: stop it, then start again", p.pid, dataDir))
}

func waitGone(ctx context.Context, pid int, dataDir string, wait time.Duration) (bool, error) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	for serves(pid, dataDir) {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-deadline.C:
			return false, nil
		case <-tick.C:
		}
	}
	return true, nil
}

// namesDir says whether a command line is that of a postgres server on dataDir.
func namesDir(argv []string, dataDir string) bool {
	if len(argv) == 0 || filepath.Base(argv[0]) != "postgres" {
		return false
	}
	for i, a := range argv {
		if a == "-D"+dataDir || (a == "-D" && i+1 < len(argv) && argv[i+1] == dataDir) {
			return true
		}
	}
	return false
}
