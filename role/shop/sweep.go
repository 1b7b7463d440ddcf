package shop

import (
	"context"

	"meridian/platform/sweep"
)

// Run removes carts that no browser remembers any more, at once and then every
// sweep_every, until ctx ends.
func (s *Shop) Run(ctx context.Context) error {
	return sweep.Loop{
		Every: s.cfg.SweepEvery, Batch: s.cfg.SweepBatch, What: "old carts", Log: s.deps.Log,
		Remove: func(ctx context.Context, limit int) (int, error) {
			return s.deps.Orders.ForgetCarts(ctx, s.deps.Now().Add(-s.cfg.CartAge), limit)
		},
	}.Run(ctx)
}
