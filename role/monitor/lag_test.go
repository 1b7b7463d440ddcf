package monitor

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Monitors of one process wake it up once for all of them.
func TestLagsAreMeasuredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ticks = 10
		ctx, cancel := context.WithTimeout(t.Context(), ticks*lagEvery+lagEvery/2) // between two ticks
		defer cancel()
		var mu sync.Mutex
		at := map[time.Time]int{}
		const monitors = 3
		for range monitors {
			began := time.Now()
			go new(lag).measure(ctx, func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				now := time.Now()
				if now != began {
					at[now]++
				}
				return now
			})
			time.Sleep(lagEvery / 5)
		}
		<-ctx.Done()
		synctest.Wait()
		for when, n := range at {
			if n != monitors {
				t.Errorf("%v: %d of %d measure", when, n, monitors)
			}
		}
		if len(at) != ticks {
			t.Errorf("%d measurements, not %d", len(at), ticks)
		}
	})
}
