package localworld

import (
	"context"

	"golang.org/x/sync/errgroup"

	"meridian/adapter/postgres"
	"meridian/world"
)

// restocked is how many of each product there are at least after a restock.
const restocked = 500

// restock fills the shops up for a rehearsal, which buys for a while.
func (u *up) restock(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, r := range u.plan.w.Regions {
		g.Go(func() error {
			pool, err := u.plan.superPool(ctx, world.ResidentCluster(r.ID), postgres.Resident)
			if err != nil {
				return err
			}
			defer pool.Close()
			_, err = pool.Exec(ctx, "select stock_move(market, sku, 'receive', $1 - on_hand, 0, null, null, '', 'restock') from stock_level where on_hand < $1", restocked)
			return world.Wrap("restock "+r.ID, err)
		})
	}
	return g.Wait()
}
