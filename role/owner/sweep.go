package owner

import (
	"context"
	"time"
)

// Run removes sessions that have ended, at once and then every sweep_every,
// until ctx ends. What fails is logged and tried the next time.
func (o *Owner) Run(ctx context.Context) error {
	tick := time.NewTicker(o.cfg.SweepEvery)
	defer tick.Stop()
	for {
		if err := o.sweep(ctx); err != nil && ctx.Err() == nil {
			o.deps.Log.Warn("ended sessions could not be removed, trying again", "in", o.cfg.SweepEvery, "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// sweep removes in batches, so that no statement takes long.
func (o *Owner) sweep(ctx context.Context) error {
	now := o.deps.Now()
	for {
		n, err := o.deps.Accounts.ForgetSessions(ctx, now, o.cfg.SweepBatch)
		if err != nil || n < o.cfg.SweepBatch {
			return err
		}
	}
}
