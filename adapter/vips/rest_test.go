package vips

import (
	"testing"
	"testing/synctest"
	"time"
)

// Memory is given back once after each time that pictures were worked on, and never
// while one is in work.
func TestMemoryIsGivenBackAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := 0
		r := &rest{giveBack: func() { given++ }}
		look := func(after time.Duration, want int) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if given != want {
				t.Errorf("given back %d times, want %d", given, want)
			}
		}
		r.begin()
		r.begin()
		r.end()
		look(2*restBeforeGivingBack, 0) // one is still in work
		r.end()
		look(restBeforeGivingBack-1, 0)
		r.begin() // in time: nothing was given back yet
		look(restBeforeGivingBack, 0)
		r.end()
		look(restBeforeGivingBack, 1)
		look(10*restBeforeGivingBack, 1) // and not again
		r.begin()
		r.end()
		look(restBeforeGivingBack, 2)
	})
}
