package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"meridian/world"
)

const orderColumns = `id, number, market, cart_id, locale, name, email, phone, line1, line2, city, state, postal_code,
	jurisdiction, currency, net_minor, tax_minor, total_minor, placed_at`

func scanOrder(row pgx.CollectableRow) (world.Order, error) {
	var o world.Order
	c := &o.Contact
	err := row.Scan(&o.ID, &o.Number, &o.Market, &o.CartID, &o.Locale, &c.Name, &c.Email, &c.Phone, &c.Line1, &c.Line2, &c.City, &c.State, &c.PostalCode,
		&o.Jurisdiction, &o.Currency, &o.NetMinor, &o.TaxMinor, &o.TotalMinor, &o.PlacedAt)
	o.PlacedAt = o.PlacedAt.UTC()
	return o, err
}

// Order is an order with its lines and taxes; not_found when there is none of
// that id. Who may see it is the caller's to decide.
func (s *OrderStore) Order(ctx context.Context, id string) (world.Order, error) {
	return s.one(ctx, `select `+orderColumns+` from orders where id = $1`, id)
}

// Placed is the order that a cart's idempotency key stands for; not_found when
// none was placed with it.
func (s *OrderStore) Placed(ctx context.Context, cartID, key string) (world.Order, error) {
	return s.byKey(ctx, cartID, key)
}

func (s *OrderStore) byKey(ctx context.Context, cartID, key string) (world.Order, error) {
	return s.one(ctx, `select `+orderColumns+` from orders where cart_id = $1 and idempotency_key = $2`, cartID, key)
}

// OrdersOfCart are the newest orders that a browser has placed in a market, at
// most limit, newest first, without their lines and taxes.
func (s *OrderStore) OrdersOfCart(ctx context.Context, cartID, market string, limit int) ([]world.Order, error) {
	rows, err := s.c.Pool.Query(ctx, `select `+orderColumns+` from orders where cart_id = $1 and market = $2 order by placed_at desc, id limit $3`, cartID, market, limit)
	if err != nil {
		return nil, mapError("postgres.orders", err)
	}
	orders, err := pgx.CollectRows(rows, scanOrder)
	return orders, mapError("postgres.orders", err)
}

func (s *OrderStore) one(ctx context.Context, query string, args ...any) (world.Order, error) {
	var o world.Order
	// One snapshot: an order is written whole, and is read whole.
	err := pgx.BeginTxFunc(ctx, s.c.Pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		if o, err = pgx.CollectExactlyOneRow(rows, scanOrder); err != nil {
			return err
		}
		return readLines(ctx, tx, &o)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return o, world.E(world.CodeNotFound, "postgres.order", "")
	}
	return o, mapError("postgres.order", err)
}

func readLines(ctx context.Context, tx pgx.Tx, o *world.Order) error {
	rows, err := tx.Query(ctx, `select slug, name, tax_class, quantity, unit_minor, line_minor, tax_minor, price_version, photo from order_line where order_id = $1 order by n`, o.ID)
	if err != nil {
		return err
	}
	if o.Lines, err = pgx.CollectRows(rows, pgx.RowToStructByPos[world.OrderLine]); err != nil {
		return err
	}
	if rows, err = tx.Query(ctx, `select label, rate, net_minor, tax_minor from order_tax where order_id = $1 order by n`, o.ID); err != nil {
		return err
	}
	o.Taxes, err = pgx.CollectRows(rows, pgx.RowToStructByPos[world.OrderTax])
	return err
}
