package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/engine/order"
	"meridian/world"
)

// cancelKey is the key of the refund that a cancellation gives.
const cancelKey = "cancel"

// Refund gives back some pieces of an order's lines. Of want it reads OrderID,
// Key, At, By, Who, Reason, and of its Lines what [order.NewRefund] reads; it
// returns the refund as it was reckoned and written. The same key again gives the
// refund that is there and changes nothing; for other pieces it is refused. Pieces that can be sold again are back
// in stock with it. The money of an order paid for by card is owed from then on.
//
// Errors: not_found for no such order; conflict when its state allows no refund,
// fewer pieces are left than wanted, or the key gave other pieces back;
// precondition_failed when the order is of another version than is expected; invalid
// for lines that it does not have.
func (s *OrderStore) Refund(ctx context.Context, want world.Refund) (world.Refund, error) {
	const op = "postgres.refund"
	if want.Key == cancelKey {
		return world.Refund{}, world.E(world.CodeInvalid, op, "This key is a cancellation's own: draw another.")
	}
	var r world.Refund
	_, err := s.change(ctx, op, want.OrderID, func(o *world.Order, given []world.Refund) (*pgx.Batch, error) {
		for _, g := range given {
			if g.Key != want.Key {
				continue
			}
			if !samePieces(g.Lines, want.Lines) {
				return nil, world.E(world.CodeConflict, op, "This has given other pieces back already: look at the order again.")
			}
			r = g
			return nil, nil
		}
		to, refused := order.Next(o.State, world.OrderRefund, want.By, order.FactsOf(*o, given, want.At))
		if refused != "" {
			return nil, refusedFor(*o, world.OrderRefund, refused)
		}
		if err := expected(*o, want.Expect); err != nil {
			return nil, err
		}
		var err error
		if r, err = order.NewRefund(*o, given, want.Lines); err != nil {
			return nil, err
		}
		r.Key, r.At, r.By, r.Who, r.Reason = want.Key, want.At, want.By, want.Who, want.Reason
		b := &pgx.Batch{}
		queueStep(b, o, world.OrderStep{Event: world.OrderRefund, By: r.By, Who: r.Who, Text: r.Reason, At: r.At}, to, r.TotalMinor)
		r.Settled = settledAtOnce(*o)
		queueRefund(b, *o, r)
		queueMoves(b, *o, r.N, r.Who, order.Returning(*o, r))
		return b, nil
	})
	return r, err
}

// samePieces reports whether two refunds are of the same pieces.
func samePieces(a, b []world.RefundLine) bool {
	if len(a) != len(b) {
		return false
	}
	for _, l := range a {
		if !slices.ContainsFunc(b, func(m world.RefundLine) bool {
			return m.Line == l.Line && m.Quantity == l.Quantity && m.Restock == l.Restock
		}) {
			return false
		}
	}
	return true
}

// settledAtOnce: nobody has the buyer's money before the collection, and what is
// given back over the counter is given at once.
func settledAtOnce(o world.Order) bool { return o.Method != world.PayCard }

// queueRefund writes a refund whole.
func queueRefund(b *pgx.Batch, o world.Order, r world.Refund) {
	settled := time.Time{}
	if settledAtOnce(o) {
		settled = r.At
	}
	b.Queue(`insert into refund (order_id, n, idempotency_key, at, actor, who, reason, net_minor, tax_minor, total_minor, settled_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		o.ID, r.N, r.Key, r.At, r.By, r.Who, r.Reason, r.NetMinor, r.TaxMinor, r.TotalMinor, moment(settled))
	for _, l := range r.Lines {
		b.Queue(`insert into refund_line (order_id, n, line, quantity, restock, net_minor, tax_minor, total_minor) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
			o.ID, r.N, l.Line, l.Quantity, l.Restock, l.NetMinor, l.TaxMinor, l.TotalMinor)
	}
	for i, t := range r.Taxes {
		b.Queue(`insert into refund_tax (order_id, refund_n, n, label, rate, net_minor, tax_minor) values ($1, $2, $3, $4, $5, $6, $7)`,
			o.ID, r.N, i+1, t.Label, t.Rate, t.NetMinor, t.TaxMinor)
	}
}

// RefundSettled notes that a refund's money has gone back, or that there was none
// to give. Again it changes nothing. not_found for no such refund.
func (s *OrderStore) RefundSettled(ctx context.Context, orderID string, n int, at time.Time) error {
	err := s.c.durably(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update refund set settled_at = coalesce(settled_at, $3) where order_id = $1 and n = $2`, orderID, n, at)
		if err == nil && tag.RowsAffected() == 0 {
			err = pgx.ErrNoRows
		}
		return err
	})
	return mapError("postgres.settled", err)
}
