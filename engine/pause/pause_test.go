package pause

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestFor(t *testing.T) {
	for name, c := range map[string]struct {
		d, ends, took time.Duration // ends: when ctx does; 0: never
		whole         bool
	}{
		"whole":      {time.Minute, 0, time.Minute, true},
		"cut short":  {time.Minute, time.Second, time.Second, false},
		"nothing":    {0, 0, 0, true},
		"less":       {-time.Second, 0, 0, true},
		"ended":      {time.Minute, -1, 0, false},
		"both ended": {0, -1, 0, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.ends < 0 {
				cancel()
			} else if c.ends > 0 {
				time.AfterFunc(c.ends, cancel)
			}
			began := time.Now()
			if got := For(ctx, c.d); got != c.whole || time.Since(began) != c.took {
				t.Errorf("%s: %v after %v, want %v after %v", name, got, time.Since(began), c.whole, c.took)
			}
		})
	}
}

func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 65*time.Second)
		defer cancel()
		var at []time.Duration
		begun := time.Now()
		Every(ctx, 10*time.Second, func(context.Context) {
			if at = append(at, time.Since(begun)); len(at) == 2 {
				time.Sleep(25 * time.Second) // it takes longer than it may
			}
		})
		if want := []time.Duration{10 * time.Second, 20 * time.Second, 45 * time.Second, 50 * time.Second, 60 * time.Second}; !slices.Equal(at, want) || time.Since(begun) != 65*time.Second {
			t.Errorf("at %v, ended after %v", at, time.Since(begun))
		}
	})
}

func TestNextIsAFullInterval(t *testing.T) {
	hour := time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct{ since, interval, want time.Duration }{
		"just before":  {2*time.Second - 1, 2 * time.Second, 1},
		"at one":       {0, 2 * time.Second, 2 * time.Second},
		"just behind":  {1, 2 * time.Second, 2*time.Second - 1},
		"of a part":    {1700 * time.Millisecond, 250 * time.Millisecond, 50 * time.Millisecond},
		"of a part 2s": {1700 * time.Millisecond, 2 * time.Second, 300 * time.Millisecond},
	} {
		if got := Next(hour.Add(c.since), c.interval); got != c.want {
			t.Errorf("%s: %v, not %v", name, got, c.want)
		}
	}
}
