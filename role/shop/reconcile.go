package shop

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"meridian/world"
)

// together is how many payments are looked after at once.
const together = 8

// reconcile looks after payments that are due until ctx ends. It sleeps until the
// next one is, or somebody nudges it, and at most for poll: another process may
// have made one due.
func (c *cashier) reconcile(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.nudge:
		case <-timer.C:
		}
		wait, err := c.round(ctx)
		if err != nil && ctx.Err() == nil {
			c.log.WarnContext(ctx, "payments cannot be looked after just now", "err", err)
		}
		timer.Reset(wait)
	}
}

// round looks after whatever is due, and says how long nothing will be.
func (c *cashier) round(ctx context.Context) (time.Duration, error) {
	for ctx.Err() == nil {
		now := c.now()
		until := now.Add(c.lease).Truncate(time.Microsecond)
		keys, err := c.payments.ClaimDue(ctx, now, until, c.batch)
		if err != nil {
			return c.poll, world.Wrap("shop.reconcile", err)
		}
		var all errgroup.Group
		all.SetLimit(together)
		for _, key := range keys {
			all.Go(func() error { _ = c.held(ctx, key, until); return nil }) // it is told, and tried again
		}
		_ = all.Wait() // none of them fails
		if len(keys) < c.batch {
			break
		}
	}
	next, err := c.payments.NextDue(ctx)
	if err != nil || next.IsZero() {
		return c.poll, world.Wrap("shop.reconcile", err)
	}
	return min(max(next.Sub(c.now()), 0), c.poll), nil
}

// wake has reconcile look now.
func (c *cashier) wake() {
	select {
	case c.nudge <- struct{}{}:
	default: // it is awake
	}
}

// sumsAge is how old the figures may be that are shown.
const sumsAge = 15 * time.Second

// recent is how far back orders are looked at whose money may not match.
const recent = 48 * time.Hour

// PaymentSums are figures of the region's payments, for operators. They are taken
// when they are asked for, at most every 15 s.
func (s *Shop) PaymentSums(ctx context.Context) (world.PaymentSums, error) {
	c := s.cashier
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if !c.at.IsZero() && now.Sub(c.at) < sumsAge {
		return c.sums, nil
	}
	sums, err := c.payments.Unsettled(ctx, now, now.Add(-recent))
	if err != nil {
		return c.sums, world.Wrap("shop.payments", err)
	}
	c.sums, c.at = sums, now
	return sums, nil
}
