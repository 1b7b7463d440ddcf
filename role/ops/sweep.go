package ops

import (
	"context"
	"sync"
	"time"

	"meridian/platform/sweep"
)

// Run does the role's work in the background until ctx ends: it removes events
// and purges past their age, at once and then every sweep_every, sees to it that
// purges reach every feed and every provider, and fetches rates of exchange. The
// waiting for acknowledgements ends with it.
func (o *Ops) Run(ctx context.Context) error {
	defer o.Close()
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { o.sweep(ctx, "old events", o.cfg.EventAge, o.deps.Ledger.ForgetEvents) })
	all.Go(func() { o.sweep(ctx, "old purges", o.cfg.PurgeAge, o.deps.Ledger.ForgetPurges) })
	if o.deps.FetchRates != nil {
		all.Go(func() { o.keepRates(ctx) })
	}
	for _, c := range o.outside {
		all.Go(func() { c.run(ctx) })
	}
	o.placeAll(ctx)
	return nil
}

func (o *Ops) sweep(ctx context.Context, what string, age time.Duration, forget func(context.Context, time.Time, int) (int, error)) {
	_ = sweep.Loop{ // it ends with ctx alone
		Every: o.cfg.SweepEvery, Batch: o.cfg.SweepBatch, What: what, Log: o.deps.Log,
		Remove: func(ctx context.Context, limit int) (int, error) { return forget(ctx, o.deps.Now().Add(-age), limit) },
	}.Run(ctx)
}
