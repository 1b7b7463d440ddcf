package postgres

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"meridian/world"
)

// MergeCarts puts the lines of one cart into another of the market, and returns what
// that holds then. Before that agree is shown what it holds, while nobody else can
// change either; what it fails with is returned. Quantities of a SKU add up, to most
// and [MaxCartQuantity] at highest: cut is what that leaves out. New lines come behind
// those that are there, in their order; a line keeps its photo, or gets the other's
// where it has none. The other cart is empty then. The same key again in the cart that
// stays changes nothing. It fails with unprocessed for a cart and itself, with
// not_found for one that the market does not have, with too_large when lines would be
// added past maxLines, and with conflict when the key was for something else; then
// nothing is changed, and the key is not used up.
func (s *OrderStore) MergeCarts(ctx context.Context, market string, m world.CartMerge, most, maxLines int, agree func([]world.CartLine) error) (lines, cut []world.CartLine, err error) {
	const op = "postgres.mergecarts"
	if err := m.Check(); err != nil {
		return nil, nil, world.Wrap(op, err)
	}
	// Who reads what a key was used for is not given what opens a cart.
	what := fmt.Sprintf("merge %x", sha256.Sum256([]byte(m.From)))
	done, err := s.c.underKey(ctx, keysOfCart(market, m.Into), m.Key, what, func(tx pgx.Tx) error {
		into, from, err := lockBoth(ctx, tx, market, m)
		if err != nil {
			return err
		}
		if err := agree(into); err != nil {
			return err
		}
		if err := moveLines(ctx, tx, m, min(most, MaxCartQuantity)); err != nil {
			return err
		}
		if lines, err = cartLines(ctx, tx, m.Into, market); err != nil {
			return err
		}
		if len(lines) > max(maxLines, len(into)) {
			return tooManyLines(maxLines)
		}
		cut = leftOut(into, from, lines)
		return nil
	})
	if err == nil && done {
		lines, err = s.Cart(ctx, m.Into, market)
	}
	if err != nil {
		return nil, nil, mapError(op, err)
	}
	return lines, cut, nil
}

// lockBoth has everybody else who changes one of two carts wait, and reads them. The
// carts are locked in the order of their ids, whichever is put into which: two merges
// in opposite directions wait for one another at the first. The lines are locked too,
// as a photo is given to one without its cart.
func lockBoth(ctx context.Context, tx pgx.Tx, market string, m world.CartMerge) (into, from []world.CartLine, err error) {
	rows, err := tx.Query(ctx, `select id from cart where id in ($1, $2) and market = $3 order by id for no key update`, m.Into, m.From, market)
	if err != nil {
		return nil, nil, err
	}
	known, err := pgx.CollectRows(rows, pgx.RowTo[string])
	switch {
	case err != nil:
		return nil, nil, err
	case !slices.Contains(known, m.Into):
		return nil, nil, noSuchCart()
	case !slices.Contains(known, m.From):
		return nil, nil, world.E(world.CodeNotFound, "postgres.cart", "There is no such cart to take lines from.")
	}
	if into, err = lockLines(ctx, tx, m.Into); err == nil {
		from, err = lockLines(ctx, tx, m.From)
	}
	return into, from, err
}

func lockLines(ctx context.Context, tx pgx.Tx, cartID string) ([]world.CartLine, error) {
	rows, err := tx.Query(ctx, `select sku, quantity, photo from cart_line where cart_id = $1 order by added_at, sku for update`, cartID)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[world.CartLine])
}

// moveLines empties one of two locked carts into the other. A line that goes, not
// moves, lets go of its photo: its trigger notes it.
func moveLines(ctx context.Context, tx pgx.Tx, m world.CartMerge, most int) error {
	b := &pgx.Batch{}
	b.Queue(`update cart set updated_at = now() where id in ($1, $2)`, m.Into, m.From)
	b.Queue(`update cart_line l set quantity = least(l.quantity + f.quantity, $3), photo = coalesce(nullif(l.photo, ''), f.photo)
		from cart_line f where l.cart_id = $1 and f.cart_id = $2 and f.sku = l.sku`, m.Into, m.From, most)
	b.Queue(`delete from cart_line f using cart_line l where l.cart_id = $1 and f.cart_id = $2 and f.sku = l.sku`, m.Into, m.From)
	b.Queue(`update cart_line f set cart_id = $1, quantity = least(f.quantity, $3),
			added_at = greatest(now(), (select max(added_at) from cart_line where cart_id = $1)) + o.n * interval '1 microsecond'
		from (select sku, row_number() over (order by added_at, sku) as n from cart_line where cart_id = $2) o
		where f.cart_id = $2 and f.sku = o.sku`, m.Into, m.From, most)
	return tx.SendBatch(ctx, b).Close()
}

// leftOut is what two carts held and one that was made of both does not.
func leftOut(into, from, both []world.CartLine) (cut []world.CartLine) {
	for _, l := range from {
		if n := quantityOf(into, l.SKU) + l.Quantity - quantityOf(both, l.SKU); n > 0 {
			cut = append(cut, world.CartLine{SKU: l.SKU, Quantity: n})
		}
	}
	return cut
}

func quantityOf(lines []world.CartLine, sku string) int {
	for _, l := range lines {
		if l.SKU == sku {
			return l.Quantity
		}
	}
	return 0
}
