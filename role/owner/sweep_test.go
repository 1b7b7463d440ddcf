package owner

import (
	"context"
	"testing"
	"time"
)

func TestEndedSessionsAreRemoved(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.SweepBatch = 2 })
	ctx, cancel := context.WithCancel(t.Context())
	d.forget = func(now time.Time, limit int) (int, error) {
		cancel()
		if limit != 2 || !now.Equal(d.owner.deps.Now()) {
			t.Errorf("asked for %d that have ended by %v", limit, now)
		}
		return 0, nil
	}
	if err := d.owner.Run(ctx); err != nil || ctx.Err() == nil {
		t.Errorf("%v; the sessions were not asked for", err)
	}
}
