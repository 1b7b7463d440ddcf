package shop

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"meridian/engine/pause"
	"meridian/platform/sweep"
	"meridian/world"
)

// Run removes carts that no browser remembers any more, photos that no cart and no
// order holds, and old idempotency keys, soon and then every sweep_every; gives
// up orders that were not paid for in time, every expire_every; issues invoices
// that are owed, every invoice_every; has the catalog say what is sold out, every
// tell_every; sends letters and messages to owners' systems that are owed, and looks after payments; until ctx
// ends.
func (s *Shop) Run(ctx context.Context) error {
	works := []func(context.Context){s.runMails, s.runHooks}
	if len(s.deps.Providers) > 0 {
		works = append(works, func(ctx context.Context) { _ = s.cashier.reconcile(ctx) }) // it never fails
	}
	for _, l := range s.sweeps() {
		works = append(works, func(ctx context.Context) { _ = l.Run(ctx) }) // it never fails
	}
	var all sync.WaitGroup
	for i, work := range works {
		all.Go(func() {
			if pause.For(ctx, time.Duration(i)*beginApart) {
				work(ctx)
			}
		})
	}
	all.Wait()
	return nil
}

// beginApart is the time from one work's beginning to the next one's: intervals that
// are alike would have them all look at the same moments, and hold as many
// connections to the database for good.
const beginApart = 200 * time.Millisecond

// sweeps are what is removed, given up and issued in the background.
func (s *Shop) sweeps() []sweep.Loop {
	loops := []sweep.Loop{
		{What: "debts of invoices", Every: s.cfg.InvoiceEvery, Remove: s.issueOwed},
		{What: "untold turns of stock", Every: s.cfg.TellEvery, Remove: s.tellTurns},
		{What: "differences between stock and catalog", Remove: s.compareStock},
		{What: "old carts", Remove: func(ctx context.Context, limit int) (int, error) {
			return s.deps.Orders.ForgetCarts(ctx, s.deps.Now().Add(-s.cfg.CartAge), limit)
		}},
		{What: "unused photos", Remove: s.deletePhotos},
		s.oldMails(), s.oldHooks(),
		{What: "idempotency keys", Remove: func(ctx context.Context, limit int) (int, error) {
			return s.deps.Orders.ForgetKeys(ctx, s.deps.Now().Add(-s.cfg.KeyAge), limit)
		}},
		// Without a provider, too: the last one may have been taken out of the config
		// while orders awaited its payment.
		{What: "orders that were not paid for", Every: s.cfg.ExpireEvery, Remove: func(ctx context.Context, limit int) (int, error) {
			return s.deps.Orders.ExpireOrders(ctx, s.deps.Now(), limit)
		}},
		{What: "payment messages", Remove: func(ctx context.Context, limit int) (int, error) {
			return s.deps.Payments.ForgetEvents(ctx, s.deps.Now().Add(-s.cfg.PayEvents), limit)
		}},
	}
	for i, l := range loops {
		if l.Every == 0 {
			loops[i].Every = s.cfg.SweepEvery
		}
		loops[i].Batch, loops[i].Log = s.cfg.SweepBatch, s.deps.Log
	}
	return loops
}

// deletePhotos deletes at most limit photos that nothing holds, and returns how
// many it has tried. One that cannot be deleted is told, left for a later time
// and keeps no other back; with media away it is over for this time.
func (s *Shop) deletePhotos(ctx context.Context, limit int) (int, error) {
	now := s.deps.Now()
	unused, err := s.deps.Orders.UnusedPhotos(ctx, now.Add(-s.cfg.PhotoAge), now, limit)
	if err != nil {
		return 0, world.Wrap("shop.photos", err)
	}
	for _, id := range unused {
		if err := s.deletePhoto(ctx, id); err != nil {
			return 0, world.Wrap("shop.photos", err)
		}
	}
	return len(unused), nil
}

// maxPhotoError is how much is kept of why a photo could not be deleted, in bytes.
const maxPhotoError = 500

func (s *Shop) deletePhoto(ctx context.Context, id string) error {
	receipt, err := s.deps.Photos.Delete(ctx, id)
	switch {
	case err == nil:
		s.deps.Log.InfoContext(ctx, "a photo that nothing holds is deleted", "media_id", id, "receipt", receipt)
	case !world.Is(err, world.CodeNotFound): // there is none, and so none to delete
		failure := err.Error()
		failure = strings.ToValidUTF8(failure[:min(len(failure), maxPhotoError)], "")
		noted := s.deps.Orders.PhotoDeleted(context.WithoutCancel(ctx), id, failure)
		if e := new(world.Error); noted != nil || !errors.As(err, &e) || e.Retry {
			return errors.Join(err, noted)
		}
		s.deps.Log.WarnContext(ctx, "a photo that nothing holds could not be deleted, trying again", "media_id", id, "in", s.cfg.PhotoAge, "err", err)
		return nil
	}
	return s.deps.Orders.PhotoDeleted(context.WithoutCancel(ctx), id, "")
}
