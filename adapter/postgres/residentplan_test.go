package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

// bigOrders is a resident database of five markets with so many SKUs and orders each,
// an order each five minutes: two lines, one of which is often the same SKU, a sixth
// with a promotion, an eighth with a refund; the youngest twenty of a market are not paid for yet.
func bigOrders(t *testing.T, n int) *postgres.Cluster {
	t.Helper()
	conn := pgtest.Resident(t)
	fill(t, conn, n,
		// o is the orders, number k the youngest of its market.
		`create temp table o as select market, n, k, lpad(n || lpad(k::text, 9, '0'), 26, '0') as id, timestamptz '2026-11-23 12:00Z' - k * interval '5 minutes' as at,
			'p' || k % $1::integer + 1 || '1' as sku1, case k % 4 when 0 then 'p11' else 'p' || (k * 7) % $1::integer + 1 || '2' end as sku2, k <= 20 as waiting
			from m, generate_series(1, $1::integer) k`,
		`insert into orders (id, number, market, cart_id, idempotency_key, locale, name, email, line1, city, postal_code, jurisdiction, currency, net_minor, tax_minor, total_minor, placed_at,
				state, version, state_at, expires_at, payment_method, fulfilment, inclusive, discount_minor, refunded_minor)
			select id, 'SC-' || n || k, market, lpad(n || lpad((k / 3)::text, 9, '0'), 26, '0'), 'key-' || k, 'de-DE', 'Jürgen Weiß', 'b' || k / 3 || '@example.de', 'Weg 1', 'Köln', '50667', 'DE', 'EUR', 1000, 70, 1070, at,
				case when waiting then 'awaiting_payment' when k % 50 = 1 then 'cancelled' when k < 300 then 'placed' else 'completed' end, case when waiting then 1 else 4 end, at,
				case when waiting then at + interval '1 year' end, 'card', 'pickup', true, 0, case k % 8 when 7 then 100 else 0 end from o`,
		`insert into order_line (order_id, n, sku, name, tax_class, quantity, unit_minor, line_minor, tax_minor, price_version, product)
			select id, i, case i when 1 then sku1 else sku2 end, 'Kuchen', 'cake', 1, 535, 535, 35, 1, 'p' from o, generate_series(1, 2) i`,
		`insert into order_tax (order_id, n, label, rate, net_minor, tax_minor) select id, 1, 'MwSt.', '7', 1000, 70 from o`,
		`insert into order_tax_share (order_id, line, tax, net_minor, tax_minor) select id, i, 1, 500, 35 from o, generate_series(1, 2) i`,
		`insert into order_event (order_id, n, at, event, actor, from_state, to_state) select id, i, at, case i when 1 then 'place' else 'accept' end, 'owner', '', '' from o, generate_series(1, case when waiting then 1 else 4 end) i`,
		`insert into order_discount (order_id, n, promotion, label, minor) select id, 1, 'promo' || k % 5, 'Cheaper', 10 from o where k % 6 = 0`,
		`insert into refund (order_id, n, idempotency_key, at, actor, net_minor, tax_minor, total_minor, settled_at) select id, 1, 'r', at, 'owner', 93, 7, 100, at from o where k % 8 = 7`,
		`insert into refund_line (order_id, n, line, quantity, restock, net_minor, tax_minor, total_minor) select id, 1, 1, 1, false, 93, 7, 100 from o where k % 8 = 7`,
		`insert into refund_tax (order_id, refund_n, n, label, rate, net_minor, tax_minor) select id, 1, 1, 'MwSt.', '7', 93, 7 from o where k % 8 = 7`,
		`insert into stock_level (market, sku, on_hand) select market, 'p' || i || s, 1000000 from m, generate_series(1, $1::integer) i, generate_series(1, 2) s`,
		`insert into stock_movement (at, market, sku, kind, on_hand, reserved) select '2025-01-01', market, 'p' || i || s, 'receive', 1000000, 0 from m, generate_series(1, $1::integer) i, generate_series(1, 2) s`,
		`insert into stock_movement (at, market, sku, kind, on_hand, reserved, order_id)
			select at, market, case i when 1 then sku1 else sku2 end, 'sell', -1, 0, id from o, generate_series(1, 2) i where sku1 <> sku2 or i = 1`,
		`insert into payment (key, order_id, market, attempt, provider, ref, state, currency, amount_minor, captured_minor, opened_at, changed_at, due_at)
			select id || '-1', id, market, 1, 'test', 'ref-' || id, case when waiting then 'opened' else 'captured' end, 'EUR', 1070, case when waiting then 0 else 1070 end, at, at, case when waiting then '2027-01-01'::timestamptz end from o`,
		`insert into invoice (order_id, market, owed_at, year, n, number, issued_on, model, document)
			select id, market, at, 2026, k, 'R' || n || '-' || k, at::date, 1, '{}' from o where not waiting`,
		`insert into mail (order_id, kind, n, at, state, done_at) select id, 'placed', 1, at, 'sent', at from o where not waiting`,
		`insert into idempotency_key (scope, key, at) select 'order/' || id, 'k', at from o`,
		`insert into cart (id, market, updated_at) select lpad(n || lpad(k::text, 9, '0'), 26, '0'), market, timestamptz '2026-11-23 12:00Z' - k * interval '1 minute' from m, generate_series(1, $1::integer) k`,
		`insert into cart_line (cart_id, sku, quantity) select id, 'p' || i || '1', 1 from cart, generate_series(1, 3) i`,
	)
	return pgtest.Cluster(t, world.ResidentCluster("here"), "here", conn)
}

// bigOrder is the id of an order of bigOrders' third market, and of a cart there.
func bigOrder(k int) string { return fmt.Sprintf("%026s", fmt.Sprintf("3%09d", k)) }

// residentReadings are what pages, buyers, owners and the work in the background
// ask the resident database for. What has to be there before is done beside it.
func residentReadings(c, beside *postgres.Cluster, n int) []reading {
	s, pay, mail, documents := postgres.NewOrderStore(c), postgres.NewPaymentStore(c), postgres.NewMailStore(c), postgres.NewInvoiceStore(c)
	amount := func(got, want int, err error) error {
		if err == nil && got != want {
			err = fmt.Errorf("%d are found, want %d", got, want)
		}
		return err
	}
	old := then.AddDate(-1, -6, 0) // before anything that is kept
	middle := n / 2
	owners := func(k int) func(context.Context) error {
		return func(ctx context.Context) error {
			var at time.Time
			if k > 0 {
				at = then.Add(-time.Duration(k) * 5 * time.Minute)
			}
			all, err := s.OrdersOfMarket(ctx, "de", at, bigOrder(k), 51)
			for _, o := range all {
				err = errors.Join(err, amount(len(o.Lines), 2, nil))
			}
			return amount(len(all), 51, err)
		}
	}
	var skus []string
	for i := range 48 {
		skus = append(skus, fmt.Sprintf("p%d1", middle+i))
	}
	return []reading{
		{"stock of a page's SKUs", 1, 1, 300, 80, func(ctx context.Context) error {
			all, err := s.Stock(ctx, "de", skus)
			return amount(len(all), len(skus), err)
		}},
		{"cart", 1, 1, 20, 8, func(ctx context.Context) error {
			lines, err := s.Cart(ctx, bigOrder(middle), "de")
			return amount(len(lines), 3, err)
		}},
		{"whether a browser has a cart", 1, 1, 12, 4, func(ctx context.Context) error {
			known, err := s.KnowsCart(ctx, bigOrder(middle), "de")
			if err == nil && !known {
				err = errors.New("it has none")
			}
			return err
		}},
		{"order", 1, 5, 80, 20, func(ctx context.Context) error {
			o, err := s.Order(ctx, bigOrder(middle))
			return amount(len(o.Lines)+len(o.Taxes)+len(o.TaxShares), 5, err)
		}},
		{"order by its key", 1, 5, 80, 20, func(ctx context.Context) error {
			o, err := s.Placed(ctx, bigOrder(middle/3), fmt.Sprint("key-", middle/3*3))
			return amount(len(o.Lines), 2, err)
		}},
		{"orders of a browser", 1, 1, 12, 6, func(ctx context.Context) error {
			all, err := s.OrdersOfCart(ctx, bigOrder(middle/3), "de", 20)
			return amount(len(all), 3, err)
		}},
		{"log and refunds of an order", 1, 4, 60, 18, func(ctx context.Context) error {
			log, given, err := s.History(ctx, bigOrder(middle/8*8+7))
			return amount(len(log)+len(given), 5, err)
		}},
		{"an owner's list of orders", 2, 2, 360, 250, owners(0)},
		{"an owner's list, from the middle on", 2, 2, 360, 250, owners(middle)},
		{"takings of a day", 1, 1, 1900, 450, func(ctx context.Context) error {
			from := then.AddDate(0, 0, -3)
			_, err := s.Takings(ctx, "de", from, from.AddDate(0, 0, 1))
			return err
		}},
		{"ledger of a SKU that sells most", 1, 1, 800, 250, func(ctx context.Context) error {
			all, err := s.Movements(ctx, "de", "p11", 0, 50)
			return amount(len(all), 50, err)
		}},
		{"ledger of a SKU that hardly sells", 1, 1, 32, 8, func(ctx context.Context) error {
			all, err := s.Movements(ctx, "de", fmt.Sprintf("p%d1", middle), 0, 50)
			return amount(len(all), 2, err)
		}},
		{"payments of an order", 1, 1, 12, 2, func(ctx context.Context) error {
			all, err := pay.OfOrder(ctx, bigOrder(middle))
			return amount(len(all), 1, err)
		}},
		{"documents of an order", 1, 1, 12, 2, func(ctx context.Context) error {
			all, err := documents.OfOrder(ctx, bigOrder(middle+1))
			return amount(len(all), 1, err)
		}},
		{"payments that are due", 1, 1, 8, 2, func(ctx context.Context) error {
			_, err := pay.ClaimDue(ctx, then, then, 10)
			return err
		}},
		{"when the next payment is due", 1, 1, 25, 200, func(ctx context.Context) error {
			_, err := pay.NextDue(ctx)
			return err
		}},
		{"letters that are due", 1, 1, 8, 2, func(ctx context.Context) error {
			_, err := mail.ClaimMails(ctx, 10, time.Minute)
			return err
		}},
		{"documents that are owed", 1, 1, 8, 2, func(ctx context.Context) error {
			_, err := documents.Owed(ctx, 10)
			return err
		}},
		{"orders that have expired", 1, 1, 8, 2, func(ctx context.Context) error {
			_, err := s.ExpireOrders(ctx, old, 10)
			return err
		}},
		{"carts to be forgotten", 1, 1, 8, 2, func(ctx context.Context) error {
			_, err := s.ForgetCarts(ctx, old, 10)
			return err
		}},
		{"keys to be forgotten", 1, 1, 8, 2, func(ctx context.Context) error {
			_, err := s.ForgetKeys(ctx, old, 10)
			return err
		}},
		{"letters to be forgotten", 1, 1, 8, 2, func(ctx context.Context) error {
			_, err := mail.ForgetMails(ctx, old, 10)
			return err
		}},
		{"more into a cart", 6, 4, 80, 4, func(ctx context.Context) error {
			return s.AddToCart(ctx, id26(), "de", world.CartAddition{Key: id26(), SKU: "p21", Quantity: 2}, 99, 50)
		}},
		{"reservation: an order of three lines", 1, 0, 450, 50, func(ctx context.Context) error {
			o, err := reservation(ctx, beside)
			if err == nil {
				_, _, err = s.Place(ctx, o, "key-0123456789abcdef", draw)
			}
			return err
		}},
		{"its payment is certain: what was reserved is sold", 2, 0, 450, 40, func(ctx context.Context) error {
			o, err := reservation(ctx, beside)
			if err == nil {
				_, _, err = postgres.NewOrderStore(beside).Place(ctx, o, "key-0123456789abcdef", draw)
			}
			if err == nil {
				_, err = s.Authorised(ctx, o.ID, "ref", then)
			}
			return err
		}},
	}
}

// reservation fills a cart, and is the order of what is in it: of three lines, with a
// slot and a promotion of limited use, to be paid by card.
func reservation(ctx context.Context, c *postgres.Cluster) (world.Order, error) {
	id := id26()
	o := world.Order{ID: id, CartID: id26(), Market: "de", Locale: "de-DE", Jurisdiction: "DE", Currency: "EUR", PlacedAt: then,
		State: world.OrderAwaitingPayment, ExpiresAt: then.Add(time.Hour), Method: world.PayCard, Fulfilment: world.PickUp, Inclusive: true,
		Contact:  world.Contact{Name: "Jürgen Weiß", Email: id + "@example.de", Line1: "Weg 1", City: "Köln", PostalCode: "50667"},
		NetMinor: 3000, TaxMinor: 210, TotalMinor: 3200, DiscountMinor: 10,
		Slot:      world.OrderSlot{ID: "2026-11-24T10:00", Start: then, End: then.Add(time.Hour), Capacity: 1000},
		Discounts: []world.OrderDiscount{{Promotion: "fresh", Label: "Cheaper", Minor: 10, MaxUses: 1000, PerBuyer: 1}}}
	for i := range 3 {
		o.Lines = append(o.Lines, world.OrderLine{SKU: fmt.Sprintf("p%d1", i+2), Name: "Kuchen", TaxClass: "cake", Quantity: 2, UnitMinor: 535, LineMinor: 1070, TaxMinor: 70, PriceVersion: 1, Product: "p"})
		o.TaxShares = append(o.TaxShares, world.TaxShare{Line: i + 1, Tax: 1, NetMinor: 1000, TaxMinor: 70})
	}
	o.NetMinor = o.TotalMinor - o.TaxMinor
	o.Taxes = []world.OrderTax{{Label: "MwSt.", Rate: "7", NetMinor: o.NetMinor, TaxMinor: o.TaxMinor}}
	b := &pgx.Batch{}
	b.Queue(`insert into cart (id, market) values ($1, 'de')`, o.CartID)
	for _, l := range o.Lines {
		b.Queue(`insert into cart_line (cart_id, sku, quantity) values ($1, $2, $3)`, o.CartID, l.SKU, l.Quantity)
	}
	return o, c.Pool.SendBatch(ctx, b).Close()
}

// However many orders there are, none of what is done for one of them, for a page of
// them, or again and again in the background looks at more than it has to do with.
func TestReadsOfManyOrdersUseIndexes(t *testing.T) {
	n := manyProducts(t)
	c := bigOrders(t, n)
	w := newWitness()
	seen := w.watched(t, c)
	watched := residentReadings(seen, c, n)
	large := largeTables(t, c.Pool)
	w.judgeAll(t, watched, residentReadings(c, c, n), large)
	w.prepared(t, seen.Pool)

	w.blind(t, c.Pool, watched, large,
		without{"orders_market_placed", "an owner's list of orders"},
		without{"stock_movement_sku", "ledger of a SKU that sells most"},
		without{"orders_expiring", "orders that have expired"},
		without{"invoice_owed", "documents that are owed"},
		without{"cart_updated", "carts to be forgotten"},
	)
}
