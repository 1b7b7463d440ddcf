package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"meridian/app/localworld"
	"meridian/platform/childproc"
)

// Limits of a world's life, far above what is aimed for.
const (
	readyWithin = 5 * time.Minute
	stopWithin  = 45 * time.Second
	readyPoll   = 10 * time.Millisecond
)

// build makes the binary that is measured; remove takes it away again.
func build(ctx context.Context) (bin string, remove func(), err error) {
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", nil, fmt.Errorf("go env: %w", err)
	}
	dir, err := os.MkdirTemp("", "meridian-bench-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { os.RemoveAll(dir) }
	bin = filepath.Join(dir, "meridian")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", bin, "./cmd/meridian")
	cmd.Dir = filepath.Dir(strings.TrimSpace(string(mod)))
	if said, err := cmd.CombinedOutput(); err != nil {
		remove()
		return "", nil, fmt.Errorf("the binary cannot be built: %w\n%s", err, said)
	}
	return bin, remove, nil
}

// running is a world that is up.
type running struct {
	cmd  *exec.Cmd
	said bytes.Buffer // read only after done
	done chan struct{}
	err  error
}

// start brings the world up and tells how long that took. If ctx ends before,
// what was started is stopped.
func start(ctx context.Context, bin, dir string, port int, fresh bool) (*running, time.Duration, error) {
	args := []string{"up", "--dir", dir, "--port", strconv.Itoa(port)}
	if fresh {
		args = append(args, "--fresh")
	}
	w := &running{cmd: exec.Command(bin, args...), done: make(chan struct{})}
	w.cmd.Stdout, w.cmd.Stderr = &w.said, &w.said
	began := time.Now()
	if err := childproc.Start(w.cmd, syscall.SIGTERM); err != nil {
		return nil, 0, err
	}
	go func() { w.err = w.cmd.Wait(); close(w.done) }()
	if err := w.ready(ctx, dir); err != nil {
		w.stop()
		return nil, 0, err
	}
	return w, time.Since(began), nil
}

// ready waits until the world tells others where it is.
func (w *running) ready(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		if r, err := localworld.ReadRun(dir); err == nil && r.PID == w.cmd.Process.Pid {
			return nil
		}
		select {
		case <-tick.C:
		case <-w.done:
			return fmt.Errorf("the world did not come up: %w\n%s", w.err, w.said.String())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// stop ends the world as Ctrl-C does, and tells how long that took.
func (w *running) stop() (time.Duration, error) {
	began := time.Now()
	w.cmd.Process.Signal(syscall.SIGINT)
	kill := time.AfterFunc(stopWithin, func() { w.cmd.Process.Kill() })
	defer kill.Stop()
	<-w.done
	if w.err != nil {
		return 0, fmt.Errorf("the world did not stop well: %w\n%s", w.err, w.said.String())
	}
	return time.Since(began), nil
}
