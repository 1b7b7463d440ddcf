package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"meridian/world"
)

const orderColumns = `id, number, market, cart_id, locale, name, email, phone, line1, line2, city, address_state, postal_code,
	jurisdiction, currency, net_minor, tax_minor, total_minor, placed_at, state, version, expires_at, payment_method, fulfilment, supply,
	slot, slot_start, slot_end, inclusive, discount_minor, rounding_minor, refunded_minor, company, tax_id, tax_id_proof, tax_notes`

func scanOrder(row pgx.CollectableRow) (world.Order, error) {
	var o world.Order
	c := &o.Contact
	err := row.Scan(&o.ID, &o.Number, &o.Market, &o.CartID, &o.Locale, &c.Name, &c.Email, &c.Phone, &c.Line1, &c.Line2, &c.City, &c.State, &c.PostalCode,
		&o.Jurisdiction, &o.Currency, &o.NetMinor, &o.TaxMinor, &o.TotalMinor, instant{&o.PlacedAt}, &o.State, &o.Version, instant{&o.ExpiresAt}, &o.Method, &o.Fulfilment, &o.Supply,
		&o.Slot.ID, instant{&o.Slot.Start}, instant{&o.Slot.End}, &o.Inclusive, &o.DiscountMinor, &o.RoundingMinor, &o.RefundedMinor, &c.Company, &c.TaxID, &o.TaxIDProof, &o.TaxNotes)
	if len(o.TaxNotes) == 0 {
		o.TaxNotes = nil // as it was placed
	}
	return o, err
}

// instant scans a moment, in UTC; none is the zero time.
type instant struct{ t *time.Time }

// ScanTimestamptz implements [pgtype.TimestamptzScanner].
func (i instant) ScanTimestamptz(v pgtype.Timestamptz) error {
	*i.t = time.Time{}
	if v.Valid {
		*i.t = v.Time.UTC()
	}
	return nil
}

// Order is an order with its lines, taxes and discounts; not_found when there is
// none of that id. Who may see it is the caller's to decide.
func (s *OrderStore) Order(ctx context.Context, id string) (world.Order, error) {
	return s.one(ctx, `id = $1`, id)
}

// Placed is the order that a cart's idempotency key stands for; not_found when
// none was placed with it.
func (s *OrderStore) Placed(ctx context.Context, cartID, key string) (world.Order, error) {
	return s.byKey(ctx, cartID, key)
}

func (s *OrderStore) byKey(ctx context.Context, cartID, key string) (world.Order, error) {
	return s.one(ctx, `cart_id = $1 and idempotency_key = $2`, cartID, key)
}

// OrdersOfCart are the newest orders that a browser has placed in a market, at
// most limit, newest first, without their lines, taxes and discounts.
func (s *OrderStore) OrdersOfCart(ctx context.Context, cartID, market string, limit int) ([]world.Order, error) {
	rows, err := s.c.Pool.Query(ctx, `select `+orderColumns+` from orders where cart_id = $1 and market = $2 order by placed_at desc, id limit $3`, cartID, market, limit)
	if err != nil {
		return nil, mapError("postgres.orders", err)
	}
	orders, err := pgx.CollectRows(rows, scanOrder)
	return orders, mapError("postgres.orders", err)
}

// one reads an order whole, in one round trip. It is written whole, and what is
// read here beside its row never changes: later queries see what the first saw.
func (s *OrderStore) one(ctx context.Context, where string, args ...any) (o world.Order, err error) {
	of := ` where order_id = (select id from orders where ` + where + `)`
	b := &pgx.Batch{}
	b.Queue(`select `+orderColumns+` from orders where `+where, args...).Query(func(rows pgx.Rows) (err error) {
		o, err = pgx.CollectExactlyOneRow(rows, scanOrder)
		return err
	})
	queueRead(b, &o.Lines, `select `+lineColumns+` from order_line`+of+` order by n`, args...)
	queueRead(b, &o.Taxes, `select label, rate, net_minor, tax_minor, jurisdiction, levy, part, source from order_tax`+of+` order by n`, args...)
	queueRead(b, &o.TaxShares, `select line, tax, net_minor, tax_minor from order_tax_share`+of+` order by line, tax`, args...)
	queueRead(b, &o.Discounts, `select promotion, label, code, minor, 0, 0 from order_discount`+of+` order by n`, args...)
	err = s.c.Pool.SendBatch(ctx, b).Close()
	if errors.Is(err, pgx.ErrNoRows) {
		return o, world.E(world.CodeNotFound, "postgres.order", "")
	}
	return o, mapError("postgres.order", err)
}

// queueRead has a batch read rows into a slice, by the places of its type's fields.
func queueRead[T any](b *pgx.Batch, into *[]T, query string, args ...any) {
	b.Queue(query, args...).Query(func(rows pgx.Rows) (err error) {
		*into, err = pgx.CollectRows(rows, pgx.RowToStructByPos[T])
		return err
	})
}

const lineColumns = `sku, name, tax_class, served_hot, served_with, quantity, unit_minor, line_minor, tax_minor, price_version, photo, product, product_version, discount_minor`

// History is an order's log and its refunds, each by its numbers: a refund is
// reckoned from those before it, whatever the clocks said. Nothing for an order that
// is not there.
func (s *OrderStore) History(ctx context.Context, id string) (log []world.OrderNote, refunds []world.Refund, err error) {
	b := &pgx.Batch{}
	b.Queue(`select n, at, event, actor, who, from_state, to_state, note from order_event where order_id = $1 order by n`, id).Query(func(rows pgx.Rows) (err error) {
		log, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (world.OrderNote, error) {
			var e world.OrderNote
			err := row.Scan(&e.N, instant{&e.At}, &e.Event, &e.By, &e.Who, &e.From, &e.To, &e.Text)
			return e, err
		})
		return err
	})
	queueRefunds(b, &refunds, id)
	return log, refunds, mapError("postgres.history", s.c.Pool.SendBatch(ctx, b).Close())
}

// queueRefunds has a batch read an order's refunds with their lines and taxes, by
// their numbers. A refund is written whole and never changes but for its settling; of
// one that is younger than the first query the rest is left out.
func queueRefunds(b *pgx.Batch, into *[]world.Refund, orderID string) {
	places := map[int]int{} // by number
	b.Queue(`select order_id, n, idempotency_key, at, actor, who, reason, net_minor, tax_minor, total_minor, settled_at is not null
		from refund where order_id = $1 order by n`, orderID).Query(func(rows pgx.Rows) (err error) {
		*into, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (world.Refund, error) {
			var r world.Refund
			err := row.Scan(&r.OrderID, &r.N, &r.Key, instant{&r.At}, &r.By, &r.Who, &r.Reason, &r.NetMinor, &r.TaxMinor, &r.TotalMinor, &r.Settled)
			places[r.N] = len(places)
			return r, err
		})
		return err
	})
	var n int
	var l world.RefundLine
	b.Queue(`select n, line, quantity, restock, net_minor, tax_minor, total_minor from refund_line where order_id = $1 order by n, line`, orderID).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&n, &l.Line, &l.Quantity, &l.Restock, &l.NetMinor, &l.TaxMinor, &l.TotalMinor}, func() error {
			if i, ok := places[n]; ok {
				(*into)[i].Lines = append((*into)[i].Lines, l)
			}
			return nil
		})
		return err
	})
	var t world.OrderTax
	b.Queue(`select refund_n, label, rate, net_minor, tax_minor from refund_tax where order_id = $1 order by refund_n, n`, orderID).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&n, &t.Label, &t.Rate, &t.NetMinor, &t.TaxMinor}, func() error {
			if i, ok := places[n]; ok {
				(*into)[i].Taxes = append((*into)[i].Taxes, t)
			}
			return nil
		})
		return err
	})
}
