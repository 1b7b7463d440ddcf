package localworld

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"meridian/app"
	"meridian/platform/childproc"
	"meridian/platform/lifecycle"
	"meridian/platform/netaddr"
	"meridian/world"
)

// childPoll is how often a role's process is asked whether it is ready.
const childPoll = 50 * time.Millisecond

// splitRoles runs every role instance in a process of its own, as in
// production: `meridian serve` with a config file that holds only what the
// role needs.
func (u *up) splitRoles(files []*app.File) ([]lifecycle.Component, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, world.Wrap("up.split", err)
	}
	paths, err := u.plan.writeFiles(files)
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range paths {
		names = append(names, name)
	}
	var out []lifecycle.Component
	for _, f := range files {
		for _, c := range u.process.Components(f, f.Roles(), names) {
			role, place, _ := strings.Cut(c.Name, "@")
			c.Start = func(ctx context.Context) (lifecycle.Running, error) {
				return u.startChild(ctx, exe, role, place, paths[c.Name])
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// child is a role instance in a process of its own.
type child struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

func (u *up) startChild(ctx context.Context, exe, role, place, config string) (lifecycle.Running, error) {
	c := &child{cmd: exec.Command(exe, "serve", "--role", role, "--config", config), done: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = u.o.Logs, u.o.Logs
	if err := childproc.Start(c.cmd, syscall.SIGTERM); err != nil {
		return nil, world.Wrap("up.split", err)
	}
	go func() {
		defer close(c.done)
		if err := c.cmd.Wait(); err != nil {
			c.err = world.Because(world.CodeUnavailable, "up.split", fmt.Sprintf("The process of %s at %s ended.", role, place), err)
		}
	}()
	if err := c.ready(ctx, u.plan.socket("a-"+role+"-"+place)); err != nil {
		c.cmd.Process.Kill()
		<-c.done
		return nil, err
	}
	if t := u.troubles.at(place); t != (app.Trouble{}) { // one that starts amid a rehearsal
		if err := u.tellChild(ctx, role, place, t); err != nil {
			return nil, errors.Join(err, c.Stop(ctx))
		}
	}
	return c, nil
}

// ready waits until the process says that its role is up.
func (c *child) ready(ctx context.Context, admin string) error {
	client := &http.Client{Transport: netaddr.Transport(admin, netaddr.DefaultTransportOptions()), Timeout: time.Second}
	tick := time.NewTicker(childPoll)
	defer tick.Stop()
	for {
		res, err := client.Get("http://role/healthz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-c.done:
			return world.Because(world.CodeUnavailable, "up.split", "A role's process ended while it started; its log says why.", c.err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Stop asks the process to end, and kills it when ctx is over.
func (c *child) Stop(ctx context.Context) error {
	c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-ctx.Done():
		c.cmd.Process.Kill()
		<-c.done
	}
	return c.err
}

// Kill ends the process by SIGKILL.
func (c *child) Kill() {
	c.cmd.Process.Kill()
	<-c.done
}

// Done is closed when the process has ended.
func (c *child) Done() <-chan struct{} { return c.done }

// Err is why it ended.
func (c *child) Err() error { return c.err }
