package shop

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Batches follow one another until one is not full, then the shop waits. A
// failure is told once and tried the next time.
func TestOldCartsAreRemovedInBatches(t *testing.T) {
	b := open(t, "eu-central", "", func(c *Config, _ *Deps) { c.SweepBatch, c.SweepEvery, c.CartAge = 10, time.Hour, 48*time.Hour })
	synctest.Test(t, func(t *testing.T) {
		s := *b.shop
		s.deps.Now = time.Now
		start := time.Now()
		left := []int{10, 10, 0, 9, -1, 10, 1} // full batches at first; one of -1 fails
		var asked []time.Duration
		b.orders.forget = func(since time.Time, limit int) (int, error) {
			asked = append(asked, time.Since(start))
			if limit != 10 || !since.Equal(time.Now().Add(-48*time.Hour)) {
				t.Errorf("asked for %d since %v", limit, since)
			}
			n := left[0]
			left = left[1:]
			if n < 0 {
				return 0, errors.New("the primary has gone")
			}
			return n, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour+time.Minute)
		defer cancel()
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
		if want := []time.Duration{0, 0, 0, time.Hour, 2 * time.Hour, 3 * time.Hour, 3 * time.Hour}; !slices.Equal(asked, want) {
			t.Errorf("asked at %v, want %v", asked, want)
		}
	})
	if got := strings.Count(b.log.String(), "the primary has gone"); got != 1 {
		t.Errorf("the failure is %d times in the log", got)
	}
}

// Who stops the shop is not told that it broke.
func TestASweepThatIsStoppedIsNoFailure(t *testing.T) {
	b := open(t, "eu-central", "", nil)
	ctx, cancel := context.WithCancel(t.Context())
	b.orders.forget = func(time.Time, int) (int, error) {
		cancel()
		return 0, ctx.Err()
	}
	if err := b.shop.Run(ctx); err != nil || b.log.Len() > 0 {
		t.Errorf("%v, log %s", err, b.log)
	}
}
