package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"meridian/engine/order"
	"meridian/engine/pause"
	"meridian/world"
)

// placeDraws is how many order numbers are drawn before giving up: thirty random
// bits can collide.
const placeDraws = 5

// OrderStore keeps carts, stock and orders in a region's resident cluster.
type OrderStore struct{ c *Cluster }

// NewOrderStore keeps orders in the given resident cluster.
func NewOrderStore(c *Cluster) *OrderStore { return &OrderStore{c: c} }

// Place writes an order in the state that it has, [world.OrderAwaitingPayment] or
// [world.OrderPlaced]: its stock is reserved, or sold at once; its slot and its
// promotions are used; its lines are taken out of the cart. All or nothing, in one
// round trip. The same cart and key again give the order that is there, with
// existed true, and change nothing. number draws the order's number; a number that
// is taken is drawn again.
//
// It fails with unprocessed when a line's SKU has not enough stock left (the
// message names it), and with conflict when the cart no longer holds exactly these
// quantities, the slot is full, or a promotion is used up. A broken connection is
// tried again for takeoverPatience: what was committed after all is found by its
// key.
func (s *OrderStore) Place(ctx context.Context, o world.Order, key string, number func() (string, error)) (placed world.Order, existed bool, err error) {
	// The cart's order of lines is of no use to anybody; that of SKUs shows a
	// receipt the same way each time.
	o.Lines, o.TaxShares = bySKU(o.Lines, o.TaxShares)
	o.Version = 1
	until := time.Now().Add(takeoverPatience)
	for draws := 0; ; {
		if o.Number, err = number(); err != nil {
			return world.Order{}, false, world.Wrap("postgres.place", err)
		}
		err = s.c.atOnce(ctx, placing(o, key))
		if existed = constraint(err) == "orders_cart_id_idempotency_key_key"; existed {
			err = s.c.confirm(ctx)
		}
		switch {
		case err == nil && existed:
			placed, err = s.byKey(ctx, o.CartID, key)
			return placed, true, err
		case err == nil:
			return o, false, nil
		case constraint(err) == "orders_number_key" && draws < placeDraws:
			draws++
		case !again(err) || time.Now().After(until) || !pause.For(ctx, takeoverPause):
			return world.Order{}, false, mapError("postgres.place", refusal("postgres.place", err))
		}
	}
}

// bySKU sorts lines by SKU, and has the shares name their lines' new places.
func bySKU(lines []world.OrderLine, shares []world.TaxShare) ([]world.OrderLine, []world.TaxShare) {
	was := make([]int, len(lines))
	for i := range was {
		was[i] = i
	}
	slices.SortStableFunc(was, func(a, b int) int { return cmp.Compare(lines[a].SKU, lines[b].SKU) })
	sorted, place := make([]world.OrderLine, len(lines)), make(map[int]int, len(lines))
	for i, w := range was {
		sorted[i], place[w+1] = lines[w], i+1
	}
	moved := slices.Clone(shares)
	for i := range moved {
		moved[i].Line = place[moved[i].Line]
	}
	slices.SortFunc(moved, func(a, b world.TaxShare) int { return cmp.Or(a.Line-b.Line, a.Tax-b.Tax) })
	return sorted, moved
}

// placing is the transaction. Whoever comes second with a key waits on its unique
// index until the first has committed or failed. What many orders want at once
// comes last, so that it is locked for the shortest time: the stock.
func placing(o world.Order, key string) *pgx.Batch {
	b := &pgx.Batch{}
	queueOrder(b, o, key)
	b.Queue(`insert into order_event (order_id, n, at, event, actor, from_state, to_state) values ($1, 1, $2, $3, $4, '', $5)`,
		o.ID, o.PlacedAt, world.OrderPlace, world.ByBuyer, o.State)
	queueLines(b, o)
	queueTakeFromCart(b, o)
	if o.Slot.ID != "" {
		b.Queue(`select slot_take($1, $2, $3)`, o.Market, o.Slot.ID, o.Slot.Capacity)
	}
	for _, d := range promotionsOf(o) {
		b.Queue(`select promotion_take($1, $2, '', $3)`, o.Market, d.Promotion, d.MaxUses)
		b.Queue(`select promotion_take($1, $2, $3, $4)`, o.Market, d.Promotion, buyerOf(o), d.PerBuyer)
	}
	queueMoves(b, o, 0, "", order.Placing(o))
	return b
}

// promotionsOf is one discount of each promotion, by its id.
func promotionsOf(o world.Order) []world.OrderDiscount {
	byID := func(a, b world.OrderDiscount) int { return cmp.Compare(a.Promotion, b.Promotion) }
	sorted := slices.SortedFunc(slices.Values(o.Discounts), byID)
	return slices.CompactFunc(sorted, func(a, b world.OrderDiscount) bool { return byID(a, b) == 0 })
}

// buyerOf is whom a promotion's uses are counted by.
func buyerOf(o world.Order) string { return strings.ToLower(o.Contact.Email) }

func queueOrder(b *pgx.Batch, o world.Order, key string) {
	c := o.Contact
	b.Queue(`
insert into orders (id, number, market, cart_id, idempotency_key, locale, name, email, phone, line1, line2, city, address_state,
                    postal_code, jurisdiction, currency, net_minor, tax_minor, total_minor, placed_at, state_at,
                    state, version, expires_at, payment_method, fulfilment, supply, slot, slot_start, slot_end, inclusive, discount_minor, rounding_minor,
                    company, tax_id, tax_id_proof, tax_notes)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $20,
        $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32,
        $33, $34, $35, coalesce($36, '{}'::text[]))`,
		o.ID, o.Number, o.Market, o.CartID, key, o.Locale, c.Name, c.Email, c.Phone, c.Line1, c.Line2, c.City, c.State,
		c.PostalCode, o.Jurisdiction, o.Currency, o.NetMinor, o.TaxMinor, o.TotalMinor, o.PlacedAt,
		o.State, o.Version, moment(o.ExpiresAt), o.Method, o.Fulfilment, o.Supply, o.Slot.ID, moment(o.Slot.Start), moment(o.Slot.End),
		o.Inclusive, o.DiscountMinor, o.RoundingMinor, c.Company, c.TaxID, o.TaxIDProof, o.TaxNotes)
}

func queueLines(b *pgx.Batch, o world.Order) {
	for i, l := range o.Lines {
		b.Queue(`insert into order_line (order_id, n, sku, name, tax_class, quantity, unit_minor, line_minor, tax_minor, price_version, photo, product, product_version, discount_minor, served_hot, served_with)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
			o.ID, i+1, l.SKU, l.Name, l.TaxClass, l.Quantity, l.UnitMinor, l.LineMinor, l.TaxMinor, l.PriceVersion, l.Photo, l.Product, l.ProductVersion, l.DiscountMinor, l.ServedHot, l.ServedWith)
	}
	for i, t := range o.Taxes {
		b.Queue(`insert into order_tax (order_id, n, label, rate, net_minor, tax_minor, jurisdiction, levy, part, source) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			o.ID, i+1, t.Label, t.Rate, t.NetMinor, t.TaxMinor, t.Jurisdiction, t.Levy, t.Part, t.Source)
	}
	for _, x := range o.TaxShares {
		b.Queue(`insert into order_tax_share (order_id, line, tax, net_minor, tax_minor) values ($1, $2, $3, $4, $5)`,
			o.ID, x.Line, x.Tax, x.NetMinor, x.TaxMinor)
	}
	for i, d := range o.Discounts {
		b.Queue(`insert into order_discount (order_id, n, promotion, label, code, minor) values ($1, $2, $3, $4, $5, $6)`,
			o.ID, i+1, d.Promotion, d.Label, d.Code, d.Minor)
	}
}

// queueTakeFromCart removes the ordered lines, and refuses an order of what the
// cart does not hold: two windows cannot order one cart twice.
func queueTakeFromCart(b *pgx.Batch, o world.Order) {
	skus, quantities, photos := make([]string, len(o.Lines)), make([]int, len(o.Lines)), make([]string, len(o.Lines))
	for i, l := range o.Lines {
		skus[i], quantities[i], photos[i] = l.SKU, l.Quantity, l.Photo
	}
	b.Queue(`select cart_take($1, $2, $3, $4)`, o.CartID, skus, quantities, photos)
}

// queueMoves moves stock for an order, by SKU, so that two orders can never wait
// for one another in a circle. refund is the number of its refund, or 0.
func queueMoves(b *pgx.Batch, o world.Order, refund int, who string, moves []order.Movement) {
	for _, m := range moves {
		b.Queue(`select stock_move($1, $2, $3, $4, $5, $6, nullif($7, 0), $8, '')`, o.Market, m.SKU, m.Kind, m.OnHand, m.Reserved, o.ID, refund, who)
	}
}

// The schema's own refusals (migration resident/00007).
const (
	stateShort    = "MS001"
	stateCart     = "MS002"
	stateSlot     = "MS003"
	statePromoted = "MS004"
	stateMoved    = "MS005"
)

// refusal turns the schema's refusals into what the caller is told.
func refusal(op string, err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	switch pg.Code {
	case stateShort:
		return world.E(world.CodeUnprocessed, op, "There is not enough left of "+pg.Detail+": order less of it.")
	case stateCart:
		return world.E(world.CodeConflict, op, "The cart has changed meanwhile: look at it and order again.")
	case stateSlot:
		return world.E(world.CodeConflict, op, "The slot "+pg.Detail+" is full: choose another.")
	case statePromoted:
		return world.E(world.CodeConflict, op, "The promotion "+pg.Detail+" is used up: order without it.")
	}
	return err
}

// sqlState is the SQLSTATE of a server's error, or "".
func sqlState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// constraint is the name of the constraint that an error is about, or "".
func constraint(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.ConstraintName
	}
	return ""
}

// again reports whether a transaction whose outcome is told by a key, or by a
// version, may be sent once more.
func again(err error) bool { return broken(err) || world.Is(err, world.CodeUnavailable) }

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
