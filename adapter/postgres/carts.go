package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/world"
)

// MaxCartQuantity is the most of one product that a cart can hold: the
// schema's own limit.
const MaxCartQuantity = 99

// Cart is what is in a market's cart, in the order in which it was put there;
// nothing for a cart that is not known.
func (s *OrderStore) Cart(ctx context.Context, cartID, market string) ([]world.CartLine, error) {
	lines, err := cartLines(ctx, s.c.Pool, cartID, market)
	return lines, mapError("postgres.cart", err)
}

// KnowsCart reports whether a browser has a cart in a market, or has placed an
// order by one there.
func (s *OrderStore) KnowsCart(ctx context.Context, cartID, market string) (known bool, err error) {
	err = s.c.Pool.QueryRow(ctx, `select exists (select from cart where id = $1 and market = $2)
		or exists (select from orders where cart_id = $1 and market = $2)`, cartID, market).Scan(&known)
	return known, mapError("postgres.knowscart", err)
}

// AddToCart puts more of a product into a cart, which is made if need be, and gives
// it the photo that comes with it. A quantity past most stays at most, at highest
// [MaxCartQuantity]. The same key again in the same cart changes nothing. It fails
// with too_large when the cart would hold more than maxLines products, with
// not_found for a cart of another market, and with conflict by [world.ErrAnotherKey]
// when the key was another addition's; of these none uses the key up.
func (s *OrderStore) AddToCart(ctx context.Context, cartID, market string, a world.CartAddition, most, maxLines int) error {
	most = min(most, MaxCartQuantity)
	what := fmt.Sprintf("add %s %d %s", a.SKU, a.Quantity, a.PhotoSum)
	_, err := s.c.underKey(ctx, keysOfCart(market, cartID), a.Key, what, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `insert into cart as c (id, market) values ($1, $2)
			on conflict (id) do update set updated_at = now() where c.market = excluded.market`, cartID, market)
		if err == nil && tag.RowsAffected() == 0 {
			err = world.E(world.CodeNotFound, "postgres.cart", "This market has no such cart.")
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `insert into cart_line as c (cart_id, sku, quantity, photo) values ($1, $2, least($3::integer, $4::integer), $5)
			on conflict (cart_id, sku) do update set quantity = least(c.quantity + $3, $4), photo = coalesce(nullif(excluded.photo, ''), c.photo)`,
			cartID, a.SKU, a.Quantity, most, a.Photo)
		if err != nil {
			return err
		}
		return checkLines(ctx, tx, cartID, maxLines)
	})
	return mapError("postgres.cart", err)
}

// keysOfCart is the scope of a cart's keys. The market is named too: a key is good
// for the cart that the market has.
func keysOfCart(market, cartID string) string { return "cart/" + market + "/" + cartID }

// SetInCart sets how many of a product are in a cart; 0 removes it. A product
// that is not in the cart is left out of it, and a cart that the market does
// not have is not made.
func (s *OrderStore) SetInCart(ctx context.Context, cartID, market, slug string, quantity int) error {
	err := s.c.durably(ctx, func(tx pgx.Tx) error {
		// First, as in AddToCart: two changes of one cart wait for one another here.
		tag, err := tx.Exec(ctx, `update cart set updated_at = now() where id = $1 and market = $2`, cartID, market)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		q := `update cart_line set quantity = $3 where cart_id = $1 and sku = $2`
		args := []any{cartID, slug, quantity}
		if quantity < 1 {
			q, args = `delete from cart_line where cart_id = $1 and sku = $2`, args[:2]
		}
		_, err = tx.Exec(ctx, q, args...)
		return err
	})
	return mapError("postgres.cart", err)
}

// SetPhoto gives a product in a cart the buyer's photo, by its media id;
// not_found when the cart does not hold that product.
func (s *OrderStore) SetPhoto(ctx context.Context, cartID, market, slug, mediaID string) error {
	tag, err := s.c.Pool.Exec(ctx, `update cart_line l set photo = $4 from cart c
		where c.id = l.cart_id and l.cart_id = $1 and c.market = $2 and l.sku = $3`, cartID, market, slug, mediaID)
	if err == nil && tag.RowsAffected() == 0 {
		err = world.E(world.CodeNotFound, "postgres.cart", "The cart does not hold this product.")
	}
	return mapError("postgres.cart", err)
}

// ForgetCarts removes carts, with their lines, that have not been changed since
// a moment, at most limit, the oldest first, and returns how many: fewer than
// limit when there are no more. Orders stay. A cart that is being changed is
// left alone.
func (s *OrderStore) ForgetCarts(ctx context.Context, since time.Time, limit int) (int, error) {
	tag, err := s.c.Pool.Exec(ctx, `
with old as (select id from cart where updated_at < $1 order by updated_at limit $2 for update skip locked)
delete from cart using old where cart.id = old.id`, since, limit)
	return int(tag.RowsAffected()), mapError("postgres.forgetcarts", err)
}

func checkLines(ctx context.Context, tx pgx.Tx, cartID string, most int) error {
	var n int
	if err := tx.QueryRow(ctx, `select count(*) from cart_line where cart_id = $1`, cartID).Scan(&n); err != nil {
		return err
	}
	if n > most {
		return tooManyLines(most)
	}
	return nil
}

func tooManyLines(most int) error {
	return world.E(world.CodeTooLarge, "postgres.cart", fmt.Sprintf("A cart holds at most %d different products: remove one first.", most))
}
