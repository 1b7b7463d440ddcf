package shop

import (
	"context"
	"time"
)

// Run removes carts that no browser remembers any more, at once and then every
// sweep_every, until ctx ends. What fails is logged and tried the next time.
func (s *Shop) Run(ctx context.Context) error {
	tick := time.NewTicker(s.cfg.SweepEvery)
	defer tick.Stop()
	for {
		if err := s.sweep(ctx); err != nil && ctx.Err() == nil {
			s.deps.Log.Warn("old carts could not be removed, trying again", "in", s.cfg.SweepEvery, "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// sweep removes in batches: a cart that is wanted meanwhile does not wait for
// all the others.
func (s *Shop) sweep(ctx context.Context) error {
	since := s.deps.Now().Add(-s.cfg.CartAge)
	for {
		n, err := s.deps.Orders.ForgetCarts(ctx, since, s.cfg.SweepBatch)
		if err != nil || n < s.cfg.SweepBatch {
			return err
		}
	}
}
