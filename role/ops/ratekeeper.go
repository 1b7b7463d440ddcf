package ops

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"meridian/engine/fx"
	"meridian/engine/pause"
	"meridian/engine/tax"
	"meridian/world"
)

// RatesStats is how the fetching of rates goes.
type RatesStats struct {
	Newest  time.Time // midnight of the newest list's day; zero before the first is known
	Failed  int64     // attempts that brought nothing
	Fetched int64     // attempts that brought a list
}

// rateKeeper fetches each day's list.
type rateKeeper struct {
	newest          atomic.Pointer[tax.Date]
	failed, fetched atomic.Int64
}

// RatesStats tells how the fetching of rates goes; all zero where none is done.
func (o *Ops) RatesStats() RatesStats {
	s := RatesStats{Failed: o.rates.failed.Load(), Fetched: o.rates.fetched.Load()}
	if day := o.rates.newest.Load(); day != nil && !day.IsZero() {
		s.Newest = time.Date(day.Year, day.Month, day.Day, 0, 0, 0, 0, time.UTC)
	}
	return s
}

// keepRates fetches a list whenever one is due that is not here, until ctx ends.
// What is kept holds as long as nothing newer comes.
func (o *Ops) keepRates(ctx context.Context) {
	wait := o.cfg.Rates.RetryFirst
	var outage pause.Outage
	for ctx.Err() == nil {
		now := o.deps.Now()
		err := o.renewRates(ctx, fx.Due(now, o.frankfurt))
		if err == nil {
			wait = o.cfg.Rates.RetryFirst
			outage.Over()
			pause.For(ctx, fx.Next(now, o.frankfurt).Sub(now))
			continue
		}
		if ctx.Err() != nil {
			return
		}
		o.rates.failed.Add(1)
		if outage.Failed() {
			o.deps.Log.Warn("rates of exchange are not renewed: the last ones stay in use, trying again", "in", wait, "newest", o.newestRates().String(), "err", err)
		}
		pause.For(ctx, wait)
		wait = min(2*wait, o.cfg.Rates.RetryMost)
	}
}

// renewRates fetches unless the list that is due is here. It fails when it is not
// here afterwards.
func (o *Ops) renewRates(ctx context.Context, due tax.Date) error {
	newest, err := o.deps.Rates.NewestRates(ctx)
	if err != nil {
		return err
	}
	o.rates.newest.Store(&newest)
	if newest.Compare(due) >= 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, o.cfg.Rates.Timeout)
	defer cancel()
	file, err := o.deps.FetchRates(ctx)
	if err != nil {
		return err
	}
	lists, added, err := o.addRates(ctx, file)
	if err != nil {
		return err
	}
	got := lists[len(lists)-1].Day
	if got.Compare(newest) > 0 {
		o.rates.newest.Store(&got)
	}
	if got.Compare(due) < 0 {
		return world.E(world.CodeUnavailable, "ops.rates", fmt.Sprintf("The list for %s is not published yet; the newest there is of %s.", due, got))
	}
	o.rates.fetched.Add(1)
	o.deps.Log.Info("rates of exchange are renewed", "newest", got.String(), "added", added)
	return nil
}

func (o *Ops) newestRates() tax.Date {
	if day := o.rates.newest.Load(); day != nil {
		return *day
	}
	return tax.Date{}
}
