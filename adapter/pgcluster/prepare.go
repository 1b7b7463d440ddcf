package pgcluster

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"

	"meridian/world"
)

// markerFile is in every directory that Prepare made, and holds the server's
// name. A directory without it is somebody else's.
const markerFile = "meridian.made"

// Steps that Prepare and Start report.
const (
	StepKept     = "kept"     // the data directory was there
	StepCreating = "creating" // initdb, roles, database
	StepCopying  = "copying"  // a standby out of its primary's directory
	StepMade     = "made"     // the data directory is whole and on disk
	StepStarting = "starting"
	StepReady    = "ready" // it takes connections
)

// Prepare makes the data directories that are missing, in parallel, and leaves
// the others alone. Primaries come from initdb; standbys are cold copies of
// their primary, which must not be running. progress may be nil; it is called
// by one goroutine at a time.
//
// Errors: CodeInvalid or CodeForbidden for specs that cannot be, CodeConflict
// for a directory in use or not made here, CodeUnavailable when initdb fails.
// After an error no half-made directory is under its final name.
func (s *Supervisor) Prepare(ctx context.Context, specs []Spec, progress func(name, step string)) error {
	const op = "pgcluster.prepare"
	own, err := s.checked(op, specs)
	if err != nil {
		return err
	}
	m := making{Supervisor: s, op: op, own: own, report: serial(progress), sources: map[string]string{}}
	for _, sp := range specs {
		m.sources[sp.Name] = sp.DataDir
	}
	defer m.release()
	if err := m.choose(specs); err != nil {
		return err
	}
	if err := m.findSources(ctx); err != nil {
		return err
	}
	if err := m.each(ctx, m.primaries, m.create); err != nil {
		return err
	}
	if err := m.each(ctx, m.standbys, m.copy); err != nil {
		return err
	}
	return m.publish()
}

// making is one run of Prepare.
type making struct {
	*Supervisor
	op                  string
	own                 owner
	report              func(name, step string)
	primaries, standbys []Spec            // those to be made
	sources             map[string]string // where each primary's data is to be copied from: final, or being made
	locks               []*os.File
}

func (m *making) release() {
	for _, l := range m.locks {
		l.Close()
	}
}

// choose finds what is missing, locks it and clears what a crash left.
func (m *making) choose(specs []Spec) error {
	for _, sp := range specs {
		there, err := isMade(m.op, sp)
		if err != nil {
			return err
		}
		if there {
			m.report(sp.Name, StepKept)
			continue
		}
		if err := m.own.makeParent(m.op, sp.DataDir); err != nil {
			return err
		}
		lock, err := lockDir(m.op, sp.DataDir)
		if err != nil {
			return err
		}
		m.locks = append(m.locks, lock)
		if err := os.RemoveAll(makingDir(sp)); err != nil {
			return world.Wrap(m.op, err)
		}
		if sp.StandbyOf == nil {
			m.primaries = append(m.primaries, sp)
		} else {
			m.standbys = append(m.standbys, sp)
		}
	}
	return nil
}

// findSources settles where each missing standby is copied from, and sees to it
// that a primary which was made earlier does not run meanwhile.
func (m *making) findSources(ctx context.Context) error {
	for _, sp := range m.primaries {
		m.sources[sp.Name] = makingDir(sp)
	}
	held := map[string]bool{}
	for _, sp := range m.standbys {
		up := sp.StandbyOf
		dir, known := m.sources[up.Name]
		if !known {
			dir = up.DataDir
			m.sources[up.Name] = dir
		}
		if dir == "" {
			return world.E(world.CodeInvalid, m.op, fmt.Sprintf("%s needs the directory of %s to copy: give its spec, or StandbyOf.DataDir", sp.Name, up.Name))
		}
		if held[dir] || strings.HasSuffix(dir, makingSuffix) {
			continue
		}
		held[dir] = true
		lock, err := lockDir(m.op, dir)
		if err != nil {
			return err
		}
		m.locks = append(m.locks, lock)
		if err := settle(ctx, dir, m.opts.OldServerWait); err != nil {
			return world.Wrap(m.op, err)
		}
	}
	return nil
}

const makingSuffix = ".making"

func makingDir(s Spec) string { return s.DataDir + makingSuffix }

// isMade says whether the directory is there and is this server's.
func isMade(op string, sp Spec) (bool, error) {
	name, err := os.ReadFile(filepath.Join(sp.DataDir, markerFile))
	if err == nil {
		if got := strings.TrimSpace(string(name)); got != sp.Name {
			return false, world.E(world.CodeConflict, op, fmt.Sprintf("%s is the directory of %.80q, not of %s", sp.DataDir, got, sp.Name))
		}
		return true, nil
	}
	entries, err := os.ReadDir(sp.DataDir)
	if err != nil && !os.IsNotExist(err) {
		return false, world.Because(world.CodeInvalid, op, "cannot look at "+sp.DataDir, err)
	}
	if len(entries) > 0 {
		return false, world.E(world.CodeConflict, op, fmt.Sprintf("%s was not made by Meridian and is left alone: name another directory", sp.DataDir))
	}
	return false, nil
}

// each runs one step over the specs, as many at once as Options.Parallel.
func (m *making) each(ctx context.Context, specs []Spec, step func(context.Context, Spec) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(m.opts.Parallel)
	for _, sp := range specs {
		g.Go(func() error { return step(ctx, sp) })
	}
	return g.Wait()
}

// create makes a primary: initdb, passwords, replication role and database.
// Single-user mode does the last three, so that no server runs with less than
// its final rules, and that cold copies hold them all.
func (m *making) create(ctx context.Context, sp Spec) error {
	m.report(sp.Name, StepCreating)
	dir := makingDir(sp)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return world.Wrap(m.op, err)
	}
	if err := m.own.give(dir); err != nil {
		return world.Wrap(m.op, err)
	}
	err := m.run(ctx, "", "initdb", "-D", dir, "--no-sync", "--data-checksums", "--wal-segsize=4",
		"--encoding=UTF8", "--locale=C", "--username="+SuperUser, "--auth=reject")
	if err != nil {
		return world.Because(world.CodeUnavailable, m.op, "initdb failed for "+sp.Name, err)
	}
	err = m.run(ctx, firstStatements(sp), "postgres", "--single", "-j", "-F", "-D", dir,
		"-c", "exit_on_error=on", "-c", "log_min_error_statement=panic", "postgres")
	if err != nil {
		return world.Because(world.CodeUnavailable, m.op, "cannot create roles and database of "+sp.Name, err)
	}
	return world.Wrap(m.op, m.adorn(dir, sp))
}

// adorn adds to a new primary's directory what its copies are to have too: the
// settings' include; and what marks it as made, last.
func (m *making) adorn(dir string, sp Spec) error {
	conf := filepath.Join(dir, "postgresql.conf")
	text, err := os.ReadFile(conf)
	if err != nil {
		return err
	}
	if err := writeOwned(conf, string(text)+"\ninclude_if_exists '"+settingsFile+"'\n", m.own); err != nil {
		return err
	}
	return writeOwned(filepath.Join(dir, markerFile), sp.Name+"\n", m.own)
}

// firstStatements is the input of single-user mode, where ";" and an empty line
// end a statement. file_copy keeps the new database out of the log, and so out
// of every standby's copy of it.
func firstStatements(sp Spec) string {
	quote := func(v string) string { return `E'` + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(v) + `'` }
	return "ALTER ROLE " + SuperUser + " PASSWORD " + quote(sp.SuperPassword) + ";\n\n" +
		"CREATE ROLE " + ReplicationUser + " LOGIN REPLICATION PASSWORD " + quote(sp.ReplicationPassword) + ";\n\n" +
		`CREATE DATABASE "` + sp.Database + `" STRATEGY file_copy;` + "\n\n"
}

// copy makes a standby out of its primary's directory. A primary that ended in
// a crash will do: the standby recovers first and then follows.
func (m *making) copy(ctx context.Context, sp Spec) error {
	if err := ctx.Err(); err != nil {
		return world.Wrap(m.op, err)
	}
	m.report(sp.Name, StepCopying)
	dir := makingDir(sp)
	if err := copyCluster(m.sources[sp.StandbyOf.Name], dir, m.own); err != nil {
		return world.Because(world.CodeUnavailable, m.op, "cannot copy "+sp.StandbyOf.Name+" for "+sp.Name, err)
	}
	if err := writeOwned(filepath.Join(dir, signalFile), "", m.own); err != nil {
		return world.Wrap(m.op, err)
	}
	return world.Wrap(m.op, writeOwned(filepath.Join(dir, markerFile), sp.Name+"\n", m.own))
}

// publish forces all that was made to disk, once for a file system and not once
// for a file (initdb was told not to), and puts it under its final names.
func (m *making) publish() error {
	made := append(m.primaries, m.standbys...)
	flushed := map[uint64]bool{}
	for _, sp := range made {
		info, err := os.Stat(makingDir(sp))
		if err != nil {
			return world.Wrap(m.op, err)
		}
		device := uint64(info.Sys().(*syscall.Stat_t).Dev)
		if flushed[device] {
			continue
		}
		flushed[device] = true
		if err := flushAll(makingDir(sp)); err != nil {
			return world.Because(world.CodeUnavailable, m.op, "cannot force the new directories to disk", err)
		}
	}
	for _, sp := range made {
		// An empty directory may be in the way; one that is not empty was refused before.
		if err := os.Remove(sp.DataDir); err != nil && !os.IsNotExist(err) {
			return world.Wrap(m.op, err)
		}
		if err := os.Rename(makingDir(sp), sp.DataDir); err != nil {
			return world.Wrap(m.op, err)
		}
		if err := syncDir(filepath.Dir(sp.DataDir)); err != nil {
			return world.Wrap(m.op, err)
		}
		m.report(sp.Name, StepMade)
	}
	return nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// run runs one of PostgreSQL's programs to its end; its output is the error's text.
func (m *making) run(ctx context.Context, input, name string, args ...string) error {
	_, err := m.runWith(ctx, nil, input, name, args...)
	return err
}

// runWith is run with variables of the environment; it returns what the program wrote.
func (m *making) runWith(ctx context.Context, env []string, input, name string, args ...string) (string, error) {
	cmd := asOwner(exec.CommandContext(ctx, m.bin.path(name), args...), m.own)
	cmd.Env = append(cmd.Env, env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = m.opts.QuitTimeout
	cmd.Stdin = strings.NewReader(input)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := startChild(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, lastBytes(out.String(), maxQuotedLog))
	}
	return out.String(), nil
}
