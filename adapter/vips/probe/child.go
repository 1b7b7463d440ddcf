package probe

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"meridian/platform/childproc"
)

// What is taken of a child's output, at most.
const (
	maxAnswer    = 64 << 10 // its answer in JSON
	maxDrawing   = 64 << 20 // a drawing
	maxComplaint = 4 << 10  // what it writes to its standard error
)

// endWait is how long a child may take to end that has nothing more to do. Long,
// so that it is no machine that is merely slow to see that one has ended: a machine
// which lacks memory is slow, and just then must the system's kill be told from ours.
const endWait = 10 * time.Second

// child is a process that works on one picture.
type child struct {
	cmd       *exec.Cmd
	in        io.WriteCloser
	out       *bufio.Reader
	complaint *complaint
	used      time.Duration // of processor time, before it had its picture
	late      atomic.Bool   // its time was up

	killing sync.Mutex // so that a verdict waits for a kill that is not noted yet
	stopped bool       // it was ended by us
}

// start starts a child and waits until its bounds are set.
func (p *Pool) start(ctx context.Context, t task) (*child, error) {
	args := append(slices.Clone(p.command[1:]), t.arguments(p.limits)...)
	c := &child{cmd: exec.Command(p.command[0], args...), complaint: &complaint{}}
	c.cmd.Dir, c.cmd.Env, c.cmd.Stderr, c.cmd.WaitDelay = "/", environment(), c.complaint, endWait
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	c.in, c.out = in, bufio.NewReaderSize(out, maxAnswer)
	if err := childproc.Start(c.cmd, syscall.SIGKILL); err != nil {
		return nil, err
	}
	over, cancel := context.WithTimeout(ctx, p.limits.Start)
	defer cancel()
	stop := context.AfterFunc(over, c.kill)
	line, err := c.out.ReadString('\n')
	if err == nil {
		_, err = fmt.Sscanf(line, readyLine, &c.used)
	}
	if stop(); err == nil {
		return c, nil
	}
	err = errors.Join(err, over.Err(), c.end())
	return nil, fmt.Errorf("the child is not ready: %w: %s", err, c.complaint.text)
}

// environment is what a child is told: nothing that is secret. One arena and one
// thread make it take the memory that its picture takes. Go collects no garbage: a
// child makes next to none, and a collector that lacks memory may crash in a way
// that does not tell so.
func environment() []string {
	env := []string{"LC_ALL=C", "TZ=UTC", "GOTRACEBACK=none", "GOMAXPROCS=1", "GOGC=off", "MALLOC_ARENA_MAX=1", "VIPS_CONCURRENCY=1"}
	if v := os.Getenv("LD_LIBRARY_PATH"); v != "" {
		env = append(env, "LD_LIBRARY_PATH="+v)
	}
	return env
}

// ask gives the child its picture and reads what it makes of it.
func (c *child) ask(ctx context.Context, q question, data []byte, within time.Duration) (a answer, out []byte, err error) {
	q.Size = len(data)
	head, err := json.Marshal(q)
	if err != nil {
		return a, nil, err
	}
	over, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	stop := context.AfterFunc(over, func() {
		c.late.Store(true)
		c.kill()
	})
	defer stop()
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(c.in, io.MultiReader(bytes.NewReader(append(head, '\n')), bytes.NewReader(data)))
		sent <- errors.Join(err, c.in.Close())
	}()
	a, out, err = c.read()
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		c.kill() // it talks nonsense; one that has ended tells best itself how
	}
	return a, out, errors.Join(err, <-sent) // it ends with the child, at the latest
}

func (c *child) read() (a answer, out []byte, err error) {
	line, err := c.out.ReadSlice('\n')
	if err == nil {
		err = json.Unmarshal(line, &a)
	}
	if err == nil && (a.Size < 0 || a.Size > maxDrawing) {
		err = fmt.Errorf("an answer of %d bytes", a.Size)
	}
	if err != nil {
		return answer{}, nil, err
	}
	out = make([]byte, a.Size)
	_, err = io.ReadFull(c.out, out)
	return a, out, err
}

// kill ends the process, and notes that it did: one that has ended by itself, and
// is waited for, was not ended by us.
func (c *child) kill() {
	c.killing.Lock()
	defer c.killing.Unlock()
	if c.cmd.Process.Kill() == nil {
		c.stopped = true
	}
}

func (c *child) wasKilled() bool {
	c.killing.Lock()
	defer c.killing.Unlock()
	return c.stopped
}

// end sees that the process is gone, and tells how it went.
func (c *child) end() error {
	_ = c.in.Close() // it may be closed
	stuck := time.AfterFunc(endWait, c.kill)
	defer stuck.Stop()
	return c.cmd.Wait()
}

// idle is the part of its time that a child has worked at least which does not
// hang: the machine may have many others to give time to. It is a part, with no
// least time: rather is one that hangs told to be busy, which is tried again, than
// a good picture on such a machine refused for good.
const idle = 100

// verdict is how a child ended that has not answered.
func (c *child) verdict(l Limits) End {
	state := c.cmd.ProcessState
	status, _ := state.Sys().(syscall.WaitStatus)
	killed, worked := status.Signaled() && status.Signal() == syscall.SIGKILL, state.UserTime()+state.SystemTime()-c.used
	switch {
	case killed && worked >= l.CPU:
		return CPU
	case c.late.Load() && worked < l.Time/idle:
		return Hung
	case c.late.Load():
		return Busy
	case killed && !c.wasKilled() || outOfMemory(c.complaint.text): // the system kills for memory alone
		return Memory
	}
	return Crashed
}

// complaint keeps the beginning of what a child writes to its standard error: the
// reason stands there, what follows are traces.
type complaint struct{ text []byte }

// Write takes what there is room for and forgets the rest.
func (c *complaint) Write(b []byte) (int, error) {
	c.text = append(c.text, b[:min(len(b), maxComplaint-len(c.text))]...)
	return len(b), nil
}

// lacks are how the libraries say that there is no memory left: libvips, libjpeg,
// GLib, libheif, the run-time system of Go, and errno's text. A thread cannot be made
// where there is no memory for its stack: children have no bound on threads.
var lacks = [][]byte{
	[]byte("out of memory"), []byte("insufficient memory"), []byte("failed to allocate"), []byte("memory allocation"),
	[]byte("cannot allocate memory"), []byte("not enough memory"), []byte("pthread_create failed"), []byte("error creating thread"),
}

func outOfMemory(text []byte) bool {
	text = bytes.ToLower(text)
	return slices.ContainsFunc(lacks, func(lack []byte) bool { return bytes.Contains(text, lack) })
}

// task is what a child is started for.
type task string

const (
	examine task = "examine"
	draw    task = "draw" // it may open files: the fonts
)

// arguments follow those of a pool's command; [Serve] takes them.
func (t task) arguments(l Limits) []string {
	return []string{string(t), strconv.FormatInt(l.Memory, 10), strconv.FormatInt(int64(l.CPU/time.Second), 10)}
}
