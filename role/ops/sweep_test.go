package ops

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Each kind of row has its own age.
func TestEventsAndPurgesPastTheirAgeAreRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, allAtOnce, func(c *Config) { c.SweepBatch, c.SweepEvery = 10, time.Hour })
		var asked [2]atomic.Int32
		each := func(kind int, age time.Duration) func(time.Time, int) (int, error) {
			return func(before time.Time, limit int) (int, error) {
				asked[kind].Add(1)
				if limit != 10 || !before.Equal(time.Now().Add(-age)) {
					t.Errorf("asked for %d before %v", limit, before)
				}
				return 0, nil
			}
		}
		f.ledger.forgetEvents, f.ledger.forgetPurges = each(0, 7*24*time.Hour), each(1, 400*24*time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour+time.Minute)
		defer cancel()
		f.Run(ctx)
		if a, b := asked[0].Load(), asked[1].Load(); a != 2 || b != 2 {
			t.Errorf("in an hour events were looked for %d times, purges %d times", a, b)
		}
	})
}
