package owner

import (
	"context"

	"meridian/platform/sweep"
)

// Run removes sessions that have ended, at once and then every sweep_every,
// until ctx ends.
func (o *Owner) Run(ctx context.Context) error {
	return sweep.Loop{
		Every: o.cfg.SweepEvery, Batch: o.cfg.SweepBatch, What: "ended sessions", Log: o.deps.Log,
		Remove: func(ctx context.Context, limit int) (int, error) {
			return o.deps.Accounts.ForgetSessions(ctx, o.deps.Now(), limit)
		},
	}.Run(ctx)
}
