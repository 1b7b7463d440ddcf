package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"meridian/world"
)

// MaxCartQuantity is the most of one product that a cart can hold: the
// schema's own limit.
const MaxCartQuantity = 99

// Cart is what is in a market's cart, in the order in which it was put there;
// nothing for a cart that is not known.
func (s *OrderStore) Cart(ctx context.Context, cartID, market string) ([]world.CartLine, error) {
	rows, err := s.c.Pool.Query(ctx, `select l.slug, l.quantity from cart c join cart_line l on l.cart_id = c.id
		where c.id = $1 and c.market = $2 order by l.added_at, l.slug`, cartID, market)
	if err != nil {
		return nil, mapError("postgres.cart", err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowToStructByPos[world.CartLine])
	return lines, mapError("postgres.cart", err)
}

// AddToCart puts more of a product into a cart, which is made if need be. A
// quantity past most stays at most, at highest [MaxCartQuantity]. It fails
// with too_large when the cart would hold more than maxLines products.
func (s *OrderStore) AddToCart(ctx context.Context, cartID, market, slug string, quantity, most, maxLines int) error {
	most = min(most, MaxCartQuantity)
	return s.changeCart(ctx, cartID, market, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into cart_line as c (cart_id, slug, quantity) values ($1, $2, least($3::integer, $4::integer))
			on conflict (cart_id, slug) do update set quantity = least(c.quantity + $3, $4)`, cartID, slug, quantity, most)
		if err != nil {
			return err
		}
		return checkLines(ctx, tx, cartID, maxLines)
	})
}

// SetInCart sets how many of a product are in a cart; 0 removes it. A product
// that is not in the cart is left out of it.
func (s *OrderStore) SetInCart(ctx context.Context, cartID, market, slug string, quantity int) error {
	return s.changeCart(ctx, cartID, market, func(tx pgx.Tx) error {
		q := `update cart_line set quantity = $3 where cart_id = $1 and slug = $2`
		args := []any{cartID, slug, quantity}
		if quantity < 1 {
			q, args = `delete from cart_line where cart_id = $1 and slug = $2`, args[:2]
		}
		_, err := tx.Exec(ctx, q, args...)
		return err
	})
}

// changeCart runs change with the cart's row locked. A cart id of another
// market is refused as not_found.
func (s *OrderStore) changeCart(ctx context.Context, cartID, market string, change func(pgx.Tx) error) error {
	err := pgx.BeginFunc(ctx, s.c.Pool, func(tx pgx.Tx) error {
		var id string
		err := tx.QueryRow(ctx, `insert into cart as c (id, market) values ($1, $2)
			on conflict (id) do update set updated_at = now() where c.market = excluded.market returning id`, cartID, market).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return world.E(world.CodeNotFound, "postgres.cart", "This market has no such cart.")
		}
		if err != nil {
			return err
		}
		return change(tx)
	})
	return mapError("postgres.cart", err)
}

func checkLines(ctx context.Context, tx pgx.Tx, cartID string, most int) error {
	var n int
	if err := tx.QueryRow(ctx, `select count(*) from cart_line where cart_id = $1`, cartID).Scan(&n); err != nil {
		return err
	}
	if n > most {
		return world.E(world.CodeTooLarge, "postgres.cart", fmt.Sprintf("A cart holds at most %d different products: remove one first.", most))
	}
	return nil
}
