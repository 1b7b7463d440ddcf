package owner

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Batches follow one another until one is not full, then the role waits. A
// failure is told once and tried the next time.
func TestEndedSessionsAreRemovedInBatches(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.SweepBatch, c.SweepEvery = 2, time.Hour })
	synctest.Test(t, func(t *testing.T) {
		o := *d.owner
		o.deps.Now = time.Now
		start := time.Now()
		left := []int{2, 2, 1, -1, 2, 0} // full batches at first; one of -1 fails
		var asked []time.Duration
		d.forget = func(now time.Time, limit int) (int, error) {
			asked = append(asked, time.Since(start))
			if limit != 2 || !now.Equal(time.Now()) {
				t.Errorf("asked for %d that have ended by %v", limit, now)
			}
			n := left[0]
			left = left[1:]
			if n < 0 {
				return 0, errors.New("the primary has gone")
			}
			return n, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour+time.Minute)
		defer cancel()
		if err := o.Run(ctx); err != nil {
			t.Error(err)
		}
		if want := []time.Duration{0, 0, 0, time.Hour, 2 * time.Hour, 2 * time.Hour}; !slices.Equal(asked, want) {
			t.Errorf("asked at %v, want %v", asked, want)
		}
	})
	if got := strings.Count(d.log.String(), "the primary has gone"); got != 1 {
		t.Errorf("the failure is %d times in the log", got)
	}
}
