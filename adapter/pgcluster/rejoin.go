package pgcluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"meridian/world"
)

// rejoinMark lies beside a directory that is being changed into another server's
// standby. One that is found there is of no use any more.
func rejoinMark(s Spec) string { return s.DataDir + ".rejoin" }

// rejoining turns a stopped server's directory into a standby's.
type rejoining struct {
	*Supervisor
	spec   Spec   // as it is to be
	source string // superuser's connection string to the primary
}

const opRejoin = "pgcluster.rejoin"

// sameTimeline is what pg_rewind says (LC_ALL=C) where it has changed nothing, though
// the two may differ: by timelines alone it knows what one has that the other has not.
const sameTimeline = "on the same timeline"

// reseed makes a stopped server's directory that of a standby of another, as spec
// has it: by pg_rewind, or by a copy of the whole where that does not do or anew
// says so. source is the superuser's connection string to the other.
func (s *Supervisor) reseed(ctx context.Context, console Console, spec, from Spec, source string, anew bool) error {
	// Until its first checkpoint a promoted server's control file names the
	// timeline before, and pg_rewind finds nothing to do (PostgreSQL 15).
	if err := console.Checkpoint(ctx, source); err != nil {
		return err
	}
	r := rejoining{Supervisor: s, spec: spec, source: source}
	if !anew {
		err := r.rewind(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		s.log.Warn("pg_rewind did not do: the standby is copied anew", "server", spec.Name, "err", err)
	}
	return r.copy(ctx, from, func(ctx context.Context, copy func() error) (string, error) {
		return console.Backup(ctx, source, copy)
	})
}

// prepare takes the directory, and sees to what an earlier server left on it.
func (r rejoining) prepare(ctx context.Context) (owner, *os.File, error) {
	own, err := r.checked(opRejoin, []Spec{r.spec})
	if err != nil {
		return own, nil, err
	}
	if err := own.makeParent(opRejoin, r.spec.DataDir); err != nil {
		return own, nil, err
	}
	lock, err := lockDir(opRejoin, r.spec.DataDir)
	if err != nil {
		return own, nil, err
	}
	if err := settle(ctx, r.spec.DataDir, r.opts.OldServerWait); err != nil {
		unlock(lock)
		return own, nil, world.Wrap(opRejoin, err)
	}
	return own, lock, nil
}

// rewind takes back what the directory has beyond the primary's history, by
// pg_rewind, which also recovers it from a crash. It copies the primary's own
// files over ours too: they are written anew.
func (r rejoining) rewind(ctx context.Context) error {
	program := r.bin.path("pg_rewind")
	if _, err := exec.LookPath(program); err != nil {
		return world.Because(world.CodeUnavailable, opRejoin, "these binaries have no pg_rewind", err)
	}
	own, lock, err := r.prepare(ctx)
	if err != nil {
		return err
	}
	defer unlock(lock)
	if err := durableFile(rejoinMark(r.spec)); err != nil {
		return world.Wrap(opRejoin, err)
	}
	m := making{Supervisor: r.Supervisor, op: opRejoin, own: own}
	// The password is in its environment and not in its arguments, which all can read.
	source, password := splitPassword(r.source)
	said, err := m.runWith(ctx, []string{"PGPASSWORD=" + password}, "", "pg_rewind", "--target-pgdata="+r.spec.DataDir, "--source-server="+source)
	if err != nil {
		return world.Because(world.CodeUnavailable, opRejoin, "pg_rewind failed for "+r.spec.Name, err)
	}
	if strings.Contains(said, sameTimeline) {
		return world.E(world.CodeUnavailable, opRejoin, r.spec.Name+" has its primary's timeline, in which pg_rewind looks for no difference")
	}
	if err := r.adopt(own, r.spec.DataDir); err != nil {
		return world.Wrap(opRejoin, err)
	}
	if err := flushAll(r.spec.DataDir); err != nil {
		return world.Wrap(opRejoin, err)
	}
	return world.Wrap(opRejoin, r.unmark())
}

// adopt writes the files that make a directory this server's standby.
func (r rejoining) adopt(own owner, dir string) error {
	if err := writeOwned(filepath.Join(dir, signalFile), "", own); err != nil {
		return err
	}
	at := r.spec
	at.DataDir = dir
	if err := writeSettings(at, r.opts, own, replicates(at, []Spec{at})); err != nil {
		return err
	}
	return writeOwned(filepath.Join(dir, markerFile), r.spec.Name+"\n", own)
}

func (r rejoining) unmark() error {
	if err := os.Remove(rejoinMark(r.spec)); err != nil && !os.IsNotExist(err) {
		return err
	}
	return syncDir(filepath.Dir(r.spec.DataDir))
}

// copy makes the directory anew out of the running primary's, beside the old one,
// which goes only when the copy is whole. The log from there on is streamed.
func (r rejoining) copy(ctx context.Context, from Spec, backup func(context.Context, func() error) (string, error)) error {
	own, lock, err := r.prepare(ctx)
	if err != nil {
		return err
	}
	defer unlock(lock)
	dir := makingDir(r.spec)
	if err := os.RemoveAll(dir); err != nil {
		return world.Wrap(opRejoin, err)
	}
	label, err := backup(ctx, func() error { return copyRunning(ctx, from.DataDir, dir, own) })
	if err != nil {
		return world.Because(world.CodeUnavailable, opRejoin, fmt.Sprintf("cannot copy %s for %s", from.Name, r.spec.Name), err)
	}
	if err := writeOwned(filepath.Join(dir, "backup_label"), label, own); err != nil {
		return world.Wrap(opRejoin, err)
	}
	if err := r.adopt(own, dir); err != nil {
		return world.Wrap(opRejoin, err)
	}
	if err := flushAll(dir); err != nil {
		return world.Wrap(opRejoin, err)
	}
	if err := durableFile(rejoinMark(r.spec)); err != nil { // between the two there is no directory
		return world.Wrap(opRejoin, err)
	}
	if err := os.RemoveAll(r.spec.DataDir); err != nil {
		return world.Wrap(opRejoin, err)
	}
	if err := os.Rename(dir, r.spec.DataDir); err != nil {
		return world.Wrap(opRejoin, err)
	}
	return world.Wrap(opRejoin, r.unmark())
}

// durableFile makes an empty file that a crash does not take away.
func durableFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// splitPassword takes the password out of a connection string of [ConnString]'s.
func splitPassword(conn string) (rest, password string) {
	before, after, ok := strings.Cut(conn, " password='")
	if !ok {
		return conn, ""
	}
	var b strings.Builder
	for i := 0; i < len(after); i++ {
		switch after[i] {
		case '\\':
			i++
			if i < len(after) {
				b.WriteByte(after[i])
			}
		case '\'':
			return before + after[i+1:], b.String()
		default:
			b.WriteByte(after[i])
		}
	}
	return conn, ""
}
