package shop

import (
	"context"
	"testing"
	"time"
)

func TestCartsPastTheirAgeAreRemoved(t *testing.T) {
	b := open(t, "eu-central", "", func(c *Config, _ *Deps) { c.SweepBatch, c.CartAge = 10, 48*time.Hour })
	ctx, cancel := context.WithCancel(t.Context())
	b.orders.forget = func(since time.Time, limit int) (int, error) {
		cancel()
		if want := b.shop.deps.Now().Add(-48 * time.Hour); limit != 10 || !since.Equal(want) {
			t.Errorf("asked for %d since %v, want 10 since %v", limit, since, want)
		}
		return 0, nil
	}
	if err := b.shop.Run(ctx); err != nil || ctx.Err() == nil {
		t.Errorf("%v; the carts were not asked for", err)
	}
}
