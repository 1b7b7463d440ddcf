package worldtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"meridian/app"
	"meridian/app/localworld"
	"meridian/platform/childproc"
	"meridian/test/porttest"
	"meridian/world"
)

// Limits of a world's life. They are for a machine that does much else; a
// world that is well needs a fraction.
const (
	readyWithin = 4 * time.Minute // a fresh start; a warm one takes seconds
	stopWithin  = 45 * time.Second
)

// Options is what a world is started with.
type Options struct {
	Split     bool   // one process a role
	HA        bool   // two servers of each cluster in its region
	Fresh     bool   // remove the state first
	WorldFile string // "" is the shipped one
	Settings  string // of roles, as YAML; "" for the world's own
}

// World is a world in processes of its own. Its ports, directory and secrets
// stay the same from start to start.
type World struct {
	Dir  string
	Port int // of the gate; the PoPs and the name servers have the next ones
	Plan *world.World

	bin     string
	mu      sync.Mutex
	cmd     *exec.Cmd
	done    chan struct{} // closed when the process has ended
	options Options
	out     lockedBuffer
	sockets string // outside Dir, for paths of sockets are short
}

// worlds are all that were made, so that none is left behind.
var worlds registry

type registry struct {
	mu   sync.Mutex
	list []*World
}

func (r *registry) add(w *World) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, w)
}

func (r *registry) all() []*World {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.list)
}

// New makes a place for a world: a directory and free ports. Nothing runs yet.
// worldFile is "" for the shipped world. Main removes it.
func New(t testing.TB, worldFile string) *World {
	t.Helper()
	needPostgres(t)
	plan, err := app.ReadWorld(worldFile)
	if err != nil {
		t.Fatal(err)
	}
	base, err := scratch()
	if err != nil {
		t.Fatal(err)
	}
	w := &World{Plan: plan, bin: Binary(t), options: Options{WorldFile: worldFile}}
	w.Dir = filepath.Join(base, fmt.Sprintf("w%d", len(worlds.all())+1))
	if w.Port, err = porttest.Row(len(plan.PoPs) + len(plan.Regions) + 1); err != nil {
		t.Fatal(err)
	}
	worlds.add(w)
	return w
}

// Start brings the world up and waits until it says that it is ready. Its
// state, if it has any, is kept unless o.Fresh.
func (w *World) Start(t testing.TB, o Options) {
	t.Helper()
	began := time.Now()
	if w.Running() {
		t.Fatal("the world runs already")
	}
	o.WorldFile = w.options.WorldFile
	args := []string{"up", "--dir", w.Dir, "--port", fmt.Sprint(w.Port)}
	if o.Split {
		args = append(args, "--split")
	}
	if o.HA {
		args = append(args, "--ha")
	}
	if o.Fresh {
		args = append(args, "--fresh")
	}
	if o.Settings != "" {
		file := w.Dir + ".settings.yaml"
		if err := os.WriteFile(file, []byte(o.Settings), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--settings", file)
	}
	if o.WorldFile != "" {
		args = append(args, "--world", o.WorldFile)
	}
	cmd := exec.Command(w.bin, args...)
	cmd.Env = append(os.Environ(), marker+"="+w.Dir)
	cmd.Stdout, cmd.Stderr = &w.out, &w.out
	// A pipe that a child left open must not keep us waiting for its parent.
	cmd.WaitDelay = time.Second
	// In a group of its own, and gone when this test binary is, whatever ends it.
	if err := childproc.Start(cmd, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { cmd.Wait(); close(done) }()
	w.mu.Lock()
	w.cmd, w.done, w.options = cmd, done, o
	w.mu.Unlock()
	if err := w.ready(cmd, done); err != nil {
		t.Fatalf("%v\nits last words:\n%s", err, tail(w.Logs(), 4000))
	}
	w.sockets = w.socketDir()
	t.Logf("the world was ready after %.1f s (%v)", time.Since(began).Seconds(), args[4:])
}

// ready waits for run.json of this very process.
func (w *World) ready(cmd *exec.Cmd, done <-chan struct{}) error {
	limit := time.After(readyWithin)
	for {
		if r, err := localworld.ReadRun(w.Dir); err == nil && r.PID == cmd.Process.Pid {
			return nil
		}
		select {
		case <-done:
			return fmt.Errorf("the world ended while it started: %v", cmd.ProcessState)
		case <-limit:
			return fmt.Errorf("the world was not ready within %s", readyWithin)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Running reports whether the world's first process runs.
func (w *World) Running() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cmd == nil {
		return false
	}
	select {
	case <-w.done:
		return false
	default:
		return true
	}
}

// Options are what it was last started with.
func (w *World) Options() Options {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.options
}

// Stop is Ctrl-C: it interrupts the world, waits for its end and returns its
// exit code.
func (w *World) Stop(t testing.TB) int {
	t.Helper()
	code, err := w.end()
	if err != nil {
		t.Fatalf("%v\nits last words:\n%s", err, tail(w.Logs(), 4000))
	}
	return code
}

func (w *World) end() (int, error) {
	if !w.Running() {
		return 0, nil
	}
	w.cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-w.done:
		return w.cmd.ProcessState.ExitCode(), nil
	case <-time.After(stopWithin):
		w.cmd.Process.Kill()
		<-w.done
		return -1, fmt.Errorf("the world had not stopped %s after the interrupt", stopWithin)
	}
}

// Kill is kill -9 of the world's first process, which may have ended by itself; it
// returns when that is dead. WaitGone tells of the others.
func (w *World) Kill(t testing.TB) {
	t.Helper()
	if err := w.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	<-w.done
}

// Logs are all that the world has printed, since its first start.
func (w *World) Logs() string { return w.out.String() }

// Secrets are the world's credentials.
func (w *World) Secrets(t testing.TB) localworld.Secrets {
	t.Helper()
	s, err := localworld.ReadSecrets(w.Dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// remove takes the state away, with the sockets beside it.
func (w *World) remove() {
	if w.sockets != "" {
		os.RemoveAll(w.sockets)
	}
	os.RemoveAll(w.Dir)
}

func tail(s string, n int) string {
	if len(s) > n {
		return "… " + s[len(s)-n:]
	}
	return s
}

// lockedBuffer takes what several processes print.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
