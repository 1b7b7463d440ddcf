package vips

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

// Work that nobody waits for begins only while others leave a worker free, and
// never takes the last one.
func TestTheBackgroundGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, workers := range []int{1, 2, 4} {
			g := newGate(workers)
			began := 0
			var leaves []func()
			for range workers + 1 {
				go func() {
					leave, err := g.enter(t.Context(), true)
					if err != nil {
						t.Error(err)
						return
					}
					began++
					leaves = append(leaves, leave)
				}()
			}
			synctest.Wait()
			most := max(1, workers-1)
			if began != most {
				t.Errorf("%d workers: %d began, want %d", workers, began, most)
			}
			asked, err := g.enter(t.Context(), false)
			if err != nil {
				t.Fatal(err)
			}
			leaves[0]()
			synctest.Wait()
			if began != most {
				t.Errorf("%d workers: one began while somebody waited", workers)
			}
			asked()
			synctest.Wait()
			if began != most+1 {
				t.Errorf("%d workers: %d began in the end, want %d", workers, began, most+1)
			}
			for _, leave := range leaves[1:] {
				leave()
				synctest.Wait()
			}
			for _, leave := range leaves[workers:] {
				leave()
			}
			synctest.Wait()
			if began != workers+1 {
				t.Errorf("%d workers: %d of %d ever began", workers, began, workers+1)
			}
		}
	})
}

func TestWaitingAtTheGateEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		if _, err := g.enter(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if _, err := g.enter(ctx, true); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// Background work that never began says that others were at work; a picture that
// took too long says so, whoever waited for it.
func TestWaitingIsNoFaultOfThePicture(t *testing.T) {
	e := start(t, Options{MaxWorkers: 1})
	hold, held := make(chan struct{}), make(chan error, 1)
	began := make(chan struct{})
	go func() {
		held <- e.work(context.Background(), "test", 1, func() error { close(began); <-hold; return nil })
	}()
	<-began
	late, stop := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer stop()
	never := func() error { t.Error("it began"); return nil }
	if err := e.Beside().work(late, "test", 1, never); !world.Is(err, world.CodeBusy) {
		t.Errorf("in the background: %v", err)
	}
	if err := e.work(late, "test", 1, never); !world.Is(err, world.CodeTimeout) {
		t.Errorf("for somebody: %v", err)
	}
	close(hold)
	if err := <-held; err != nil {
		t.Error(err)
	}
}
