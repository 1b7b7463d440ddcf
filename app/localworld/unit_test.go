package localworld

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meridian/platform/lifecycle"
	"meridian/world"
)

// life is a part that may take a while to go after a kill.
type life struct {
	done    chan struct{}
	err     error
	lingers time.Duration
	stopped bool
	once    sync.Once
}

func (l *life) Kill()                      { time.AfterFunc(l.lingers, l.end) }
func (l *life) end()                       { l.once.Do(func() { close(l.done) }) }
func (l *life) Stop(context.Context) error { l.stopped = true; l.end(); return nil }
func (l *life) Done() <-chan struct{}      { return l.done }
func (l *life) Err() error                 { return l.err }

// oneUnit is a group of one part that can be killed, and its lives so far.
func oneUnit(t *testing.T, lingers time.Duration) (*lifecycle.Group, *unit, *[]*life) {
	var lives []*life
	parts, units := withUnits([]lifecycle.Component{{Name: "edge@fra", Start: func(context.Context) (lifecycle.Running, error) {
		l := &life{done: make(chan struct{}), lingers: lingers}
		lives = append(lives, l)
		return l, nil
	}}})
	g, err := lifecycle.Start(t.Context(), parts, nil)
	if err != nil {
		t.Fatal(err)
	}
	return g, units[0], &lives
}

func TestAKilledPartEndsNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, u, lives := oneUnit(t, 3*time.Second)
		if err := u.start(t.Context()); !world.Is(err, world.CodeConflict) {
			t.Errorf("one that runs was started: %v", err)
		}
		if err := u.kill(); err != nil {
			t.Fatal(err)
		}
		if err := u.kill(); !world.Is(err, world.CodeConflict) {
			t.Errorf("it was killed twice: %v", err)
		}
		if p := u.part(); p.State != partKilled || p.Role != "edge" || p.Place != "fra" {
			t.Errorf("it shows %+v", p)
		}
		began := time.Now()
		if err := u.start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("the next was started %v after the kill, while the one before had not gone", took)
		}
		synctest.Wait()
		select {
		case <-u.Done():
			t.Fatal("the kill ended the part for good")
		default:
		}
		if u.part().State != partUp || len(*lives) != 2 {
			t.Errorf("%+v after %d lives", u.part(), len(*lives))
		}
		if err := g.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if !(*lives)[1].stopped || (*lives)[0].stopped {
			t.Error("the stop did not reach the one that ran, or reached the one that was killed")
		}
	})
}

func TestAPartThatFailsUnaskedEndsTheWorld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, u, lives := oneUnit(t, 0)
		if err := u.kill(); err != nil {
			t.Fatal(err)
		}
		if err := u.start(t.Context()); err != nil {
			t.Fatal(err)
		}
		boom := errors.New("boom")
		(*lives)[1].err = boom
		(*lives)[1].end()
		synctest.Wait()
		if !errors.Is(u.Err(), boom) {
			t.Errorf("it ended with %v", u.Err())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.Wait(ctx); !errors.Is(err, boom) {
			t.Errorf("the group ended with %v", err)
		}
	})
}

func TestAKilledPartIsStoppedWithTheWorld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, u, lives := oneUnit(t, 0)
		if err := u.kill(); err != nil {
			t.Fatal(err)
		}
		if err := g.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if (*lives)[0].stopped {
			t.Error("one that was dead was stopped")
		}
		if err := u.start(t.Context()); !world.Is(err, world.CodeConflict) {
			t.Errorf("it was started in a world that has stopped: %v", err)
		}
	})
}
