package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"meridian/world"
)

// NewCart keeps an empty cart of a market; conflict for an id that is taken.
func (s *OrderStore) NewCart(ctx context.Context, cartID, market string) error {
	err := s.c.durably(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into cart (id, market) values ($1, $2)`, cartID, market)
		return err
	})
	return mapError("postgres.newcart", err)
}

// SetLine sets how many of a SKU are in a cart, 0 for none, and returns the cart's
// lines as they are then. Before that agree is shown what it holds, while nobody else
// can change it; what it fails with is returned, and nothing is changed. It fails
// with not_found for a cart that the market does not have, and with too_large when
// the cart would hold more than maxLines products.
func (s *OrderStore) SetLine(ctx context.Context, cartID, market, sku string, quantity, maxLines int, agree func([]world.CartLine) error) (lines []world.CartLine, err error) {
	err = s.c.durably(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update cart set updated_at = now() where id = $1 and market = $2`, cartID, market)
		if err == nil && tag.RowsAffected() == 0 {
			err = noSuchCart()
		}
		if err != nil {
			return err
		}
		if lines, err = cartLines(ctx, tx, cartID, market); err != nil {
			return err
		}
		if err := agree(lines); err != nil {
			return err
		}
		if err := setLine(ctx, tx, cartID, sku, min(quantity, MaxCartQuantity)); err != nil {
			return err
		}
		if err := checkLines(ctx, tx, cartID, maxLines); err != nil {
			return err
		}
		lines, err = cartLines(ctx, tx, cartID, market)
		return err
	})
	return lines, mapError("postgres.cart", err)
}

func noSuchCart() error {
	return world.E(world.CodeNotFound, "postgres.cart", "There is no such cart. Make one, and fill that.")
}

func setLine(ctx context.Context, tx pgx.Tx, cartID, sku string, quantity int) error {
	q, args := `insert into cart_line (cart_id, sku, quantity) values ($1, $2, $3)
		on conflict (cart_id, sku) do update set quantity = excluded.quantity`, []any{cartID, sku, quantity}
	if quantity < 1 {
		q, args = `delete from cart_line where cart_id = $1 and sku = $2`, args[:2]
	}
	_, err := tx.Exec(ctx, q, args...)
	return err
}

func cartLines(ctx context.Context, from querier, cartID, market string) ([]world.CartLine, error) {
	rows, err := from.Query(ctx, `select l.sku, l.quantity, l.photo from cart c join cart_line l on l.cart_id = c.id
		where c.id = $1 and c.market = $2 order by l.added_at, l.sku`, cartID, market)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[world.CartLine])
}
