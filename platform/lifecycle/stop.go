package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"meridian/world"
)

// Stop stops the group and returns when it has ended; nil when every component
// stopped cleanly. When ctx ends first, the components that still run are told
// to hurry by the end of their own context. Stop may be called again, and
// after a failure; each call reports the same.
func (g *Group) Stop(ctx context.Context) error {
	defer context.AfterFunc(ctx, g.cancelHurry)()
	g.end(nil)
	<-g.stopped
	return errors.Join(g.stopErrs...)
}

// shutDown runs once, whatever began the end.
func (g *Group) shutDown() {
	g.cancelStart()
	g.starting.Wait()
	errs := make([]error, len(g.units))
	var all sync.WaitGroup
	for i, u := range g.units {
		all.Go(func() {
			defer close(u.stopped)
			for _, user := range u.users {
				<-user.stopped
			}
			errs[i] = g.bringDown(u)
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			g.stopErrs = append(g.stopErrs, err)
		}
	}
	g.cancelHurry()
	close(g.stopped)
}

// bringDown stops one unit, if it was ever up.
func (g *Group) bringDown(u *unit) error {
	select {
	case <-u.ready:
	default:
		return nil
	}
	g.tell(u, StateStopping)
	var err error
	if u.running != nil {
		err = u.stop(g.hurry)
	}
	g.tell(u, StateStopped)
	return err
}

// stop calls Stop for no longer than its limit and the time to hurry.
func (u *unit) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, u.StopTimeout)
	defer cancel()
	returned := make(chan error, 1)
	go func() { returned <- u.running.Stop(ctx) }()
	select {
	case err := <-returned:
		return u.stopError(ctx, err)
	case <-ctx.Done():
	}
	hurry := time.NewTimer(HurryTime)
	defer hurry.Stop()
	select {
	case err := <-returned:
		return u.stopError(ctx, err)
	case <-hurry.C:
		return u.stopError(ctx, ctx.Err())
	}
}

func (u *unit) stopError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	code, message := world.CodeOf(err), fmt.Sprintf("%s did not stop cleanly.", u.Name)
	switch ctx.Err() {
	case context.DeadlineExceeded:
		code, message = world.CodeTimeout, fmt.Sprintf("%s did not stop within %v.", u.Name, u.StopTimeout)
	case context.Canceled:
		code, message = world.CodeTimeout, fmt.Sprintf("%s was still stopping when the time for the whole stop was over.", u.Name)
	}
	return world.Because(code, "lifecycle.stop", message, err)
}
