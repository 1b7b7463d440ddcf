package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"meridian/engine/pause"
	"meridian/world"
)

// placeDraws is how many order numbers are drawn before giving up: thirty random
// bits can collide.
const placeDraws = 5

// OrderStore keeps stock and orders in a region's resident cluster.
type OrderStore struct{ c *Cluster }

// NewOrderStore keeps orders in the given resident cluster.
func NewOrderStore(c *Cluster) *OrderStore { return &OrderStore{c: c} }

// Stock is how many of each product the market can still sell, by slug. A
// product without an entry cannot be sold.
func (s *OrderStore) Stock(ctx context.Context, market string) (map[string]int, error) {
	rows, err := s.c.Pool.Query(ctx, `select slug, on_hand from stock where market = $1`, market)
	if err != nil {
		return nil, mapError("postgres.stock", err)
	}
	levels := map[string]int{}
	var slug string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&slug, &n}, func() error {
		levels[slug] = n
		return nil
	})
	return levels, mapError("postgres.stock", err)
}

// Place writes an order, lowers the stock of its lines and takes them out of
// the cart, all or nothing. The same cart and key again give the order that is
// there, with existed true, and change nothing. number draws the order's
// number; a number that is taken is drawn again.
//
// It fails with unprocessed when a line's product has not enough stock left
// (the message names its slug), and with conflict when the cart no longer
// holds exactly these quantities. A broken connection is tried again for
// takeoverPatience: what was committed after all is found by its key.
func (s *OrderStore) Place(ctx context.Context, o world.Order, key string, number func() (string, error)) (placed world.Order, existed bool, err error) {
	slices.SortFunc(o.Lines, func(a, b world.OrderLine) int { return cmp.Compare(a.Slug, b.Slug) })
	until := time.Now().Add(takeoverPatience)
	for draws := 0; ; {
		if o.Number, err = number(); err != nil {
			return world.Order{}, false, world.Wrap("postgres.place", err)
		}
		existed, err = s.place(ctx, o, key)
		if err == nil && existed {
			err = s.c.confirm(ctx)
		}
		switch {
		case err == nil && existed:
			placed, err = s.byKey(ctx, o.CartID, key)
			return placed, true, err
		case err == nil:
			return o, false, nil
		case numberTaken(err) && draws < placeDraws:
			draws++
		case !(broken(err) || world.Is(err, world.CodeUnavailable)) || time.Now().After(until) || !pause.For(ctx, takeoverPause):
			return world.Order{}, false, mapError("postgres.place", err)
		}
	}
}

// place is one try, one transaction. Whoever comes second with a key waits on
// its unique index until the first has committed or failed.
func (s *OrderStore) place(ctx context.Context, o world.Order, key string) (existed bool, err error) {
	err = s.c.durably(ctx, func(tx pgx.Tx) error {
		inserted, err := insertOrder(ctx, tx, o, key)
		if err != nil || !inserted {
			existed = err == nil
			return err
		}
		if err := takeFromCart(ctx, tx, o); err != nil {
			return err
		}
		if err := lowerStock(ctx, tx, o); err != nil {
			return err
		}
		return insertLines(ctx, tx, o)
	})
	return existed, err
}

func insertOrder(ctx context.Context, tx pgx.Tx, o world.Order, key string) (bool, error) {
	c := o.Contact
	tag, err := tx.Exec(ctx, `
insert into orders (id, number, market, cart_id, idempotency_key, locale, name, email, phone, line1, line2, city, state,
                    postal_code, jurisdiction, currency, net_minor, tax_minor, total_minor, placed_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
on conflict (cart_id, idempotency_key) do nothing`,
		o.ID, o.Number, o.Market, o.CartID, key, o.Locale, c.Name, c.Email, c.Phone, c.Line1, c.Line2, c.City, c.State,
		c.PostalCode, o.Jurisdiction, o.Currency, o.NetMinor, o.TaxMinor, o.TotalMinor, o.PlacedAt)
	return tag.RowsAffected() == 1, err
}

// takeFromCart removes the ordered lines, and refuses an order of what the
// cart does not hold: two windows cannot order one cart twice.
func takeFromCart(ctx context.Context, tx pgx.Tx, o world.Order) error {
	slugs, quantities, photos := make([]string, len(o.Lines)), make([]int, len(o.Lines)), make([]string, len(o.Lines))
	for i, l := range o.Lines {
		slugs[i], quantities[i], photos[i] = l.Slug, l.Quantity, l.Photo
	}
	tag, err := tx.Exec(ctx, `
delete from cart_line c using unnest($2::text[], $3::integer[], $4::text[]) as o(slug, quantity, photo)
 where c.cart_id = $1 and c.slug = o.slug and c.quantity = o.quantity and c.photo = o.photo`, o.CartID, slugs, quantities, photos)
	if err != nil {
		return err
	}
	if tag.RowsAffected() != int64(len(o.Lines)) {
		return world.E(world.CodeConflict, "postgres.place", "The cart has changed meanwhile: look at it and order again.")
	}
	return nil
}

// lowerStock takes each line's quantity, in slug order so that two orders can
// never wait for one another in a circle.
func lowerStock(ctx context.Context, tx pgx.Tx, o world.Order) error {
	for _, l := range o.Lines {
		tag, err := tx.Exec(ctx, `update stock set on_hand = on_hand - $3 where market = $1 and slug = $2 and on_hand >= $3`, o.Market, l.Slug, l.Quantity)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return world.E(world.CodeUnprocessed, "postgres.place", "There is not enough left of "+l.Slug+": order less of it.")
		}
	}
	return nil
}

func insertLines(ctx context.Context, tx pgx.Tx, o world.Order) error {
	b := &pgx.Batch{}
	for i, l := range o.Lines {
		b.Queue(`insert into order_line (order_id, n, slug, name, tax_class, quantity, unit_minor, line_minor, tax_minor, price_version, photo)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			o.ID, i+1, l.Slug, l.Name, l.TaxClass, l.Quantity, l.UnitMinor, l.LineMinor, l.TaxMinor, l.PriceVersion, l.Photo)
	}
	for i, t := range o.Taxes {
		b.Queue(`insert into order_tax (order_id, n, label, rate, net_minor, tax_minor) values ($1, $2, $3, $4, $5, $6)`,
			o.ID, i+1, t.Label, t.Rate, t.NetMinor, t.TaxMinor)
	}
	_, err := runBatch(ctx, tx, b)
	return err
}

func numberTaken(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.ConstraintName == "orders_number_key"
}

// broken reports whether the connection failed, so that nobody can say what
// became of the transaction.
func broken(err error) bool {
	var ours *world.Error
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return !errors.Is(err, context.Canceled)
	}
	if errors.As(err, &ours) {
		return false
	}
	if errors.As(err, &pg) {
		c := codeOfState(pg.Code)
		return c == world.CodeUnavailable || c == world.CodeConflict && pg.Code != "23505"
	}
	return !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}
