package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/engine/order"
	"meridian/engine/pause"
	"meridian/world"
)

// An order is changed by reading it with its history, deciding by engine/order,
// and writing what follows in one transaction and one round trip that names the
// version which was read. If the order has moved on meanwhile it is read again.
// So nothing is locked while anybody thinks, and of two who change an order at
// once the second decides by what the first has done.

// Authorised has an order placed whose money is certain: what was reserved is
// sold. paymentRef is the payment's, for the log. It is placed once however often
// it is called, and returned. conflict when it was cancelled or has expired: then
// the money must go back.
func (s *OrderStore) Authorised(ctx context.Context, orderID, paymentRef string, at time.Time) (world.Order, error) {
	return s.Change(ctx, world.OrderStep{OrderID: orderID, Event: world.OrderAuthorise, By: world.ByPayment, Who: paymentRef, At: at})
}

// Change leads an order to its next state, with all that follows: a cancellation
// or expiry gives back stock, slot and promotions, and a cancellation of what was
// placed is a refund of all that is left, too. An event that has happened already
// changes nothing and is no error. It returns the order as it is then.
//
// It fails with not_found for no such order, with conflict when the order's state
// does not allow it or the step's key was another's, with precondition_failed when the
// order is of another version than the step expects, and with forbidden when it is not
// the actor's to do; the message begins with the [order.Reason]. Refunds go by
// [OrderStore.Refund].
func (s *OrderStore) Change(ctx context.Context, step world.OrderStep) (world.Order, error) {
	if step.Key == "" {
		return s.lead(ctx, step)
	}
	for {
		err := sameKey(ctx, s.c.Pool, keysOf(step.OrderID), step.Key, string(step.Event))
		if err == nil { // it is done: whoever did it may still be waiting for the standby
			if err = s.c.confirm(ctx); err == nil {
				return s.Order(ctx, step.OrderID)
			}
		}
		if !world.Is(err, world.CodeNotFound) {
			return world.Order{}, mapError("postgres.order", err)
		}
		o, err := s.lead(ctx, step)
		if constraint(err) != "idempotency_key_pkey" { // else the same was sent twice at once
			return o, err
		}
	}
}

// keysOf is the scope of the idempotency keys of an order's steps.
func keysOf(orderID string) string { return "order/" + orderID }

// lead is [OrderStore.Change] for a key that is not used.
func (s *OrderStore) lead(ctx context.Context, step world.OrderStep) (world.Order, error) {
	o, err := s.change(ctx, "postgres.order", step.OrderID, func(o *world.Order, given []world.Refund) (*pgx.Batch, error) {
		to, refused := order.Next(o.State, step.Event, step.By, order.FactsOf(*o, given, step.At))
		switch {
		case refused == order.Already:
			return nil, nil
		case refused != "":
			return nil, refusedFor(*o, step.Event, refused)
		}
		if err := expected(*o, step.Expect); err != nil {
			return nil, err
		}
		return stepping(o, given, step, to)
	})
	return o, err
}

// expected refuses an order of another version than its changer has seen.
func expected(o world.Order, version int64) error {
	if version != 0 && version != o.Version {
		return world.E(world.CodePrecondition, "postgres.order", "")
	}
	return nil
}

func refusedFor(o world.Order, event world.OrderEvent, r order.Reason) error {
	code := world.CodeConflict
	if r == order.NotYours {
		code = world.CodeForbidden
	}
	return world.E(code, "order."+string(event), fmt.Sprintf("%s: the order %s is %s: look at it again.", r, o.Number, o.State))
}

// change is the loop: decide gives what to write, or nil when nothing is to be, and
// makes the order what it is then.
func (s *OrderStore) change(ctx context.Context, op, id string, decide func(o *world.Order, given []world.Refund) (*pgx.Batch, error)) (world.Order, error) {
	for until := time.Now().Add(takeoverPatience); ; {
		o, given, err := s.withRefunds(ctx, id)
		var b *pgx.Batch
		if err == nil {
			b, err = decide(&o, given)
		}
		switch {
		case err != nil:
		case b == nil:
			// Who did it may still be waiting for the standby.
			return o, mapError(op, s.c.confirm(ctx))
		default:
			err = s.c.atOnce(ctx, b)
		}
		moved := sqlState(err) == stateMoved
		switch {
		case err == nil:
			return o, nil
		case moved && time.Now().Before(until):
		case moved, !again(err), time.Now().After(until), !pause.For(ctx, takeoverPause):
			return world.Order{}, mapError(op, refusal(op, err))
		}
	}
}

// withRefunds is an order with what was given back of it up to then.
func (s *OrderStore) withRefunds(ctx context.Context, id string) (world.Order, []world.Refund, error) {
	o, err := s.Order(ctx, id)
	if err != nil || o.Version == 1 {
		return o, nil, err
	}
	_, given, err := s.History(ctx, id)
	return o, given, err
}

// stepping is the transaction of a step.
func stepping(after *world.Order, given []world.Refund, step world.OrderStep, to world.OrderState) (*pgx.Batch, error) {
	b := &pgx.Batch{}
	o := *after
	var r world.Refund
	if rest := order.Rest(o, given); step.Event == world.OrderCancel && o.State != world.OrderAwaitingPayment && len(rest) > 0 {
		var err error
		if r, err = order.NewRefund(o, given, rest); err != nil {
			return nil, err
		}
	}
	if step.Key != "" {
		b.Queue(`insert into idempotency_key (scope, key, answer) values ($1, $2, $3)`, keysOf(o.ID), step.Key, step.Event)
	}
	queueStep(b, after, step, to, r.TotalMinor)
	if r.N > 0 {
		r.Key, r.At, r.By, r.Who, r.Reason = cancelKey, step.At, step.By, step.Who, step.Text
		queueRefund(b, o, r)
	}
	if !order.Live(to) {
		queueGiveBack(b, o)
	}
	queueMoves(b, o, 0, step.Who, order.Moving(o, given, step.Event))
	return b, nil
}

// queueStep writes a step, and makes the order what it is after it.
func queueStep(b *pgx.Batch, o *world.Order, step world.OrderStep, to world.OrderState, refunded int64) {
	b.Queue(`select order_step($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		o.ID, o.Version, o.State, to, step.Event, step.By, step.Who, step.Text, step.At, refunded)
	o.State, o.Version, o.RefundedMinor = to, o.Version+1, o.RefundedMinor+refunded
	if to != world.OrderAwaitingPayment {
		o.ExpiresAt = time.Time{}
	}
}

// queueGiveBack gives back an order's slot and its uses of promotions.
func queueGiveBack(b *pgx.Batch, o world.Order) {
	if o.Slot.ID != "" {
		b.Queue(`select slot_give($1, $2)`, o.Market, o.Slot.ID)
	}
	for _, d := range promotionsOf(o) {
		b.Queue(`select promotion_give($1, $2, '')`, o.Market, d.Promotion)
		b.Queue(`select promotion_give($1, $2, $3)`, o.Market, d.Promotion, buyerOf(o))
	}
}

// ExpireOrders gives up orders that were not paid for by now, at most limit, the
// oldest first, and returns how many: fewer than limit when there are no more.
// One that somebody is changing is left alone.
func (s *OrderStore) ExpireOrders(ctx context.Context, now time.Time, limit int) (int, error) {
	rows, err := s.c.Pool.Query(ctx, `select id from orders where state = 'awaiting_payment' and expires_at <= $1 order by expires_at limit $2 for update skip locked`, now, limit)
	if err != nil {
		return 0, mapError("postgres.expire", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, mapError("postgres.expire", err)
	}
	for _, id := range ids {
		_, err := s.Change(ctx, world.OrderStep{OrderID: id, Event: world.OrderExpire, By: world.BySystem, At: now})
		if err != nil && !world.Is(err, world.CodeConflict) { // conflict: paid for, or given up, meanwhile
			return 0, err
		}
	}
	return len(ids), nil
}
