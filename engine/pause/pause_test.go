package pause

import (
	"context"
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
