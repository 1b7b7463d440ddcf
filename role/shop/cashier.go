package shop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"meridian/engine/payment"
	"meridian/world"
)

// cashier looks after payments: it asks the provider, decides by engine/payment
// and does that, one step at a time, each noted before the next. What is cut off
// in between is found again from the rows.
type cashier struct {
	payments  Payments
	paid      Paid
	providers []MarketPay
	request   func(context.Context, world.PaymentRow) (world.PaymentRequest, error) // what a payment is opened with
	now       func() time.Time
	log       *slog.Logger
	pace      payment.Pace
	lease     time.Duration
	batch     int
	poll      time.Duration
	nudge     chan struct{} // something is due now
	told      func()        // something may be owed to the buyer or the owner's systems

	mu   sync.Mutex
	sums world.PaymentSums
	at   time.Time // when sums were taken
}

const (
	maxSteps = 12        // in one go; more is a circle
	troubled = time.Hour // between two looks at what we cannot mend
)

func (c *cashier) first(market string) (MarketPay, bool) {
	for _, p := range c.providers {
		if p.Market == market {
			return p, true
		}
	}
	return MarketPay{}, false
}

func (c *cashier) provider(market, name string) (world.PaymentProvider, error) {
	for _, p := range c.providers {
		if p.Market == market && p.Name == name {
			return p.Provider, nil
		}
	}
	return nil, world.E(world.CodeInvalid, "shop.provider", fmt.Sprintf("Market %s has no provider %s: name it among the shop's payments.", market, name))
}

// settle looks after one payment, unless somebody else does; looked is whether its
// state is known now.
func (c *cashier) settle(ctx context.Context, key string) (looked bool, err error) {
	now := c.now()
	until := now.Add(c.lease).Truncate(time.Microsecond)
	ok, err := c.payments.Claim(ctx, key, now, until)
	if err != nil || !ok {
		return false, err
	}
	err = c.held(ctx, key, until)
	return err == nil, err
}

// held looks after a payment whose lease is ours until a moment, and gives it back.
func (c *cashier) held(ctx context.Context, key string, until time.Time) error {
	work, cancel := context.WithTimeout(ctx, c.lease*3/4)
	defer cancel()
	h := &holding{cashier: c, key: key}
	err := h.run(work)
	if h.moved {
		c.told()
	}
	due, tries, trouble := h.due, 0, h.trouble
	if err != nil {
		tries = h.row.Tries + 1
		due = c.pace.Again(tries, tryAfter(err), c.now())
		if tries >= c.pace.Patience || !passes(err) {
			trouble = saidOf(err)
			c.log.WarnContext(ctx, "a payment cannot be settled yet", "payment", key, "tries", tries, "err", err)
		}
	}
	if trouble != "" && trouble != h.row.Trouble {
		c.log.ErrorContext(ctx, "a payment needs an operator", "payment", key, "order", h.row.OrderID, "why", trouble)
	}
	// Whoever is stopped here gives the lease back all the same.
	return errors.Join(err, c.payments.Release(context.WithoutCancel(ctx), key, until, h.wakes, due, tries, trouble))
}

// passes reports whether what has failed may work by itself when it is tried again.
// What a provider refuses is a buyer's slip as often as a fault of ours.
func passes(err error) bool {
	e := new(world.Error)
	return errors.As(err, &e) && (e.Retry || e.Code == world.CodeInvalid)
}

// saidOf is an error as operators are shown it with the payment.
func saidOf(err error) string {
	if e := new(world.Error); errors.As(err, &e) && e.Message != "" {
		return e.Message
	}
	return "It fails: " + string(world.CodeOf(err)) + ". The log says why."
}

// tryAfter is what a provider has asked for.
func tryAfter(err error) time.Duration {
	var after world.TryAfter
	errors.As(err, &after)
	return time.Duration(after)
}

// holding is one payment while it is looked after.
type holding struct {
	*cashier
	key     string
	row     world.PaymentRow
	order   payment.Order
	wakes   int64
	moved   bool // something has become of it, or of its order
	looked  bool // the provider has been asked, or has answered to what it was asked to do
	due     time.Time
	trouble string
}

func (h *holding) run(ctx context.Context) (err error) {
	for range maxSteps {
		if h.row, h.order, h.wakes, err = h.payments.Case(ctx, h.key); err != nil {
			return err
		}
		p, err := h.provider(h.row.Market, h.row.Provider)
		if err != nil {
			return err
		}
		if !h.looked {
			if err := h.look(ctx, p); err != nil {
				return err
			}
		}
		over, err := h.step(ctx, p, payment.Next(h.order, h.row.Payment))
		switch {
		case world.Is(err, world.CodeConflict), world.Is(err, world.CodeUnprocessed):
			h.looked = false // the state is another than was known: look, then decide anew
		case err != nil || over:
			return err
		}
	}
	return world.E(world.CodeInternal, "shop.settle", "This payment does not come to rest: look at it at the provider.")
}

// look asks the provider. What was begun and not heard of is begun again, by the same key.
func (h *holding) look(ctx context.Context, p world.PaymentProvider) error {
	if h.row.Ref == "" && h.row.Over() {
		h.looked = true // the provider never had it
		return nil
	}
	var said world.Payment
	var err error
	if h.row.Ref != "" {
		said, err = p.Look(ctx, h.row.Ref)
	} else {
		said, err = h.begin(ctx, p)
	}
	if err != nil {
		return err
	}
	return h.heard(ctx, said)
}

// begin begins what was not heard of. What the provider refuses, and nobody is to
// pay for any more, is over.
func (h *holding) begin(ctx context.Context, p world.PaymentProvider) (world.Payment, error) {
	r, err := h.request(ctx, h.row)
	if err != nil {
		return world.Payment{}, err
	}
	said, err := h.open(ctx, p, h.row, r)
	if refused := world.Is(err, world.CodeInvalid) || world.Is(err, world.CodeUnprocessed); refused && h.order.State != world.OrderAwaitingPayment {
		said, err = h.row.Payment, nil
		said.State, said.Version = world.PaymentVoided, said.Version+1
	}
	return said, err
}

// open opens a payment. That the provider never takes its sum (unprocessed) is noted,
// so that its buyer is not asked for it again.
func (c *cashier) open(ctx context.Context, p world.PaymentProvider, row world.PaymentRow, r world.PaymentRequest) (world.Payment, error) {
	said, err := p.Open(ctx, r)
	if !world.Is(err, world.CodeUnprocessed) {
		return said, err
	}
	never := row.Payment
	never.Failure = world.FailureNotByCard
	if failed := c.payments.Save(ctx, row.Key, never, c.now()); failed != nil {
		return said, failed
	}
	return said, err
}

// heard joins and notes what the provider says.
func (h *holding) heard(ctx context.Context, said world.Payment) error {
	known, err := payment.Join(h.row.Payment, said)
	if err != nil {
		return err
	}
	known.URL = "" // for the buyer's eyes
	if known != h.row.Payment {
		if err := h.payments.Save(ctx, h.key, known, h.now()); err != nil {
			return err
		}
		h.moved = true
	}
	h.row.Payment, h.looked = known, true
	return nil
}

// step does one thing; over when there is nothing left to do.
func (h *holding) step(ctx context.Context, p world.PaymentProvider, s payment.Step) (over bool, err error) {
	var said world.Payment
	ref, now := h.row.Ref, h.now()
	switch s.Do {
	case payment.Wait:
		h.due = h.pace.Look(h.row.OpenedAt, h.order.ExpiresAt, now)
		return true, nil
	case payment.Rest:
		return true, nil
	case payment.Tell:
		h.due, h.trouble = now.Add(troubled), s.Why
		return true, nil
	case payment.Place:
		h.moved = true
		_, err = h.paid.Authorised(ctx, h.row.OrderID, ref, now)
		return false, err
	case payment.Cancel:
		h.moved = true
		return false, h.paid.Unpaid(ctx, h.row.OrderID, ref, now)
	case payment.Settle:
		return false, h.paid.RefundSettled(ctx, h.row.OrderID, s.N, now)
	case payment.Capture:
		said, err = p.Capture(ctx, ref, h.key+"-capture", s.Minor)
	case payment.Void:
		said, err = p.Void(ctx, ref, h.key+"-void")
	case payment.Refund:
		said, err = p.Refund(ctx, ref, fmt.Sprintf("%s-refund-%d", h.key, s.N), s.Minor)
		h.due = now.Add(h.pace.Longest) // it may come back: one look more
	}
	if err != nil {
		return false, err
	}
	if err := h.heard(ctx, said); err != nil {
		return false, err
	}
	if s.Do == payment.Refund && s.N > 0 {
		return false, h.paid.RefundSettled(ctx, h.row.OrderID, s.N, h.now())
	}
	return false, nil
}
