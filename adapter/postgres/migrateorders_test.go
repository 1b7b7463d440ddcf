package postgres_test

import (
	"slices"
	"testing"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

// before are rows as a shop had them before commerce: stock, a cart, and orders of
// markets whose prices include the tax, of one where it comes on top, of one that
// owes none, and of one whose currency has no smaller unit.
const before = `
insert into stock values ('de', 'brezel', 40), ('de', 'torte', 0), ('us', 'pie', 7);
insert into cart (id, market) values ('c0000000000000000000000000', 'de');
insert into cart_line (cart_id, slug, quantity, photo) values ('c0000000000000000000000000', 'brezel', 3, '20abcdefghjkmnpq');
insert into orders (id, number, market, cart_id, idempotency_key, locale, name, email, line1, city, state, postal_code, jurisdiction, currency, net_minor, tax_minor, total_minor, placed_at)
values ('d0000000000000000000000000', 'SC-DE-1', 'de', 'c0000000000000000000000000', 'k1', 'de-DE', 'Ada', 'Ada@Example.com', 'Weg 1', 'Bonn', '', '53111', 'DE', 'EUR', 629, 91, 720, '2026-03-01 12:00+00'),
       ('u0000000000000000000000000', 'SC-US-1', 'us', 'c0000000000000000000000001', 'k2', 'en-US', 'Bob', 'bob@example.com', '1 Main St', 'Albany', 'NY', '12207', 'US-NY', 'USD', 1000, 89, 1089, '2026-03-02 12:00+00'),
       ('g0000000000000000000000000', 'SC-GB-1', 'gb', 'c0000000000000000000000002', 'k3', 'en-GB', 'Cy', 'cy@example.com', '1 High St', 'Leeds', '', 'LS1 1AA', 'GB', 'GBP', 350, 0, 350, '2026-03-03 12:00+00'),
       ('j0000000000000000000000000', 'SC-JP-1', 'jp', 'c0000000000000000000000003', 'k4', 'ja-JP', 'Dan', 'dan@example.com', '1-1', 'Chiyoda', '', '100-0001', 'JP', 'JPY', 926, 74, 1000, '2026-03-04 12:00+00');
insert into order_line values ('d0000000000000000000000000', 1, 'kaffee', 'Kaffee', 'coffee', 1, 420, 420, 67, 3), ('d0000000000000000000000000', 2, 'torte', 'Torte', 'cake', 3, 100, 300, 24, 2),
       ('u0000000000000000000000000', 1, 'pie', 'Pie', 'cake', 2, 500, 1000, 89, 1);
insert into order_line values ('g0000000000000000000000000', 1, 'loaf', 'Loaf', 'bread', 1, 350, 350, 0, 1, '20abcdefghjkmnpq'), ('j0000000000000000000000000', 1, 'anpan', 'Anpan', 'bread', 5, 200, 1000, 74, 1, '');
insert into order_tax values ('d0000000000000000000000000', 1, 'USt 7 %', '7', 276, 24), ('d0000000000000000000000000', 2, 'USt 19 %', '19', 353, 67),
       ('u0000000000000000000000000', 1, 'Sales tax', '8.875', 1000, 89), ('j0000000000000000000000000', 1, '8 %', '8', 926, 74);`

// firstPiece is what one piece of each order's first line comes to.
var firstPiece = map[string]int64{"d0000000000000000000000000": 420, "u0000000000000000000000000": 544, "g0000000000000000000000000": 350, "j0000000000000000000000000": 200}

func TestCommerceKeepsWhatWasThere(t *testing.T) {
	c := pgtest.Cluster(t, "resident-test", "test", pgtest.Resident(t))
	ctx := t.Context()
	if _, err := c.Pool.Exec(ctx, `drop schema public cascade; create schema public`); err != nil {
		t.Fatal(err)
	}
	if err := postgres.MigrateTo(ctx, c.Pool, postgres.Resident, 6); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Pool.Exec(ctx, before); err != nil {
		t.Fatal(err)
	}
	c.Pool.Reset() // what was prepared names columns by what they were
	if err := postgres.Migrate(ctx, c.Pool, postgres.Resident); err != nil {
		t.Fatal(err)
	}
	s := postgres.NewOrderStore(c)
	for _, market := range []string{"de", "us", "gb", "jp"} {
		if faults, err := s.StockFaults(ctx, market, 10); err != nil || len(faults) != 0 {
			t.Errorf("faults of %s: %v, %v", market, faults, err)
		}
	}
	levels, err := s.Stock(ctx, "de", []string{"brezel", "torte", "pie"})
	if err != nil || levels["brezel"] != (world.StockLevel{SKU: "brezel", OnHand: 40}) || levels["torte"].OnHand != 0 || len(levels) != 2 {
		t.Errorf("levels %v, %v", levels, err)
	}
	if lines, err := s.Cart(ctx, "c0000000000000000000000000", "de"); err != nil || len(lines) != 1 || lines[0].SKU != "brezel" || lines[0].Photo == "" {
		t.Errorf("cart %v, %v", lines, err)
	}
	for id, want := range map[string]struct {
		inclusive bool
		shares    []world.TaxShare
	}{
		"d0000000000000000000000000": {true, []world.TaxShare{{Line: 1, Tax: 2, NetMinor: 353, TaxMinor: 67}, {Line: 2, Tax: 1, NetMinor: 276, TaxMinor: 24}}},
		"u0000000000000000000000000": {false, []world.TaxShare{{Line: 1, Tax: 1, NetMinor: 1000, TaxMinor: 89}}},
		"g0000000000000000000000000": {true, nil},
		"j0000000000000000000000000": {true, []world.TaxShare{{Line: 1, Tax: 1, NetMinor: 926, TaxMinor: 74}}},
	} {
		o, err := s.Order(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if o.State != world.OrderPlaced || o.Version != 1 || o.Method != world.PayOnCollection || o.Fulfilment != world.Delivery || o.Inclusive != want.inclusive {
			t.Errorf("%+v", o)
		}
		if o.Lines[0].Product != o.Lines[0].SKU || !slices.Equal(o.TaxShares, want.shares) {
			t.Errorf("lines %+v, shares %+v", o.Lines, o.TaxShares)
		}
		log, refunds, err := s.History(ctx, id)
		if err != nil || len(refunds) != 0 || len(log) != 1 || log[0].To != world.OrderPlaced || !log[0].At.Equal(o.PlacedAt) {
			t.Errorf("log %+v, refunds %v, %v", log, refunds, err)
		}
		// It was sold before there were documents: none is owed, and none is made up.
		if documents, err := postgres.NewInvoiceStore(c).OfOrder(ctx, id); err != nil || len(documents) != 0 {
			t.Errorf("documents %v, %v", documents, err)
		}
		// A piece of it is given back,
		first, err := s.Refund(ctx, world.Refund{OrderID: id, Key: "piece", At: o.PlacedAt, By: world.ByOwner, Lines: []world.RefundLine{{Line: 1, Quantity: 1, Restock: true}}})
		if err != nil || first.TotalMinor != firstPiece[id] || first.NetMinor+first.TaxMinor != first.TotalMinor || !first.Settled {
			t.Errorf("a piece of %s: %+v, %v", id, first, err)
		}
		// and the rest is cancelled as of any other, by the owner, since of some nothing
		// is left: what it sold is back.
		if o, err = s.Change(ctx, world.OrderStep{OrderID: id, Event: world.OrderCancel, By: world.ByOwner, Who: "owner@example.org", At: o.PlacedAt}); err != nil || o.RefundedMinor != o.TotalMinor {
			t.Errorf("%+v, %v", o, err)
		}
	}
	if o, err := s.Order(ctx, "u0000000000000000000000000"); err != nil || o.State != world.OrderCancelled || o.Contact.State != "NY" || o.RefundedMinor != 1089 {
		t.Errorf("%+v, %v", o, err)
	}
	if levels, err := s.Stock(ctx, "de", []string{"kaffee", "torte"}); err != nil || levels["kaffee"].OnHand != 1 || levels["torte"].OnHand != 3 {
		t.Errorf("levels %v, %v", levels, err)
	}
	if levels, err := s.Stock(ctx, "us", []string{"pie"}); err != nil || levels["pie"].OnHand != 9 {
		t.Errorf("levels %v, %v", levels, err)
	}
}
