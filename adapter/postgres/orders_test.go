package postgres_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

func newOrders(t *testing.T, stock map[string]int) (*postgres.OrderStore, *postgres.Cluster) {
	t.Helper()
	c := pgtest.Cluster(t, "resident-test", "test", pgtest.Resident(t))
	var seed []postgres.SeedProduct
	for slug, n := range stock {
		seed = append(seed, postgres.SeedProduct{Market: "de", Slug: slug, Stock: n})
	}
	if err := postgres.SeedStock(t.Context(), c.Pool, seed); err != nil {
		t.Fatal(err)
	}
	return postgres.NewOrderStore(c), c
}

var serial atomic.Int64

// id26 is an id of the length that carts and orders have.
func id26() string { return fmt.Sprintf("%026d", serial.Add(1)) }

func draw() (string, error) { return fmt.Sprintf("SC-DE-%06d", serial.Add(1)), nil }

// ordered fills a new cart and makes the order of what is in it.
func ordered(t *testing.T, s *postgres.OrderStore, quantities map[string]int) world.Order {
	t.Helper()
	o := world.Order{ID: id26(), CartID: id26(), Market: "de", Locale: "de-DE", Jurisdiction: "DE", Currency: "EUR", PlacedAt: time.Now(),
		State: world.OrderPlaced, Method: world.PayOnCollection, Fulfilment: world.Delivery, Inclusive: true,
		Contact: world.Contact{Name: "Jürgen Weiß", Email: "j@example.de", Line1: "Weg 1", City: "Köln", PostalCode: "50667"}}
	for slug, n := range quantities {
		if err := s.AddToCart(t.Context(), o.CartID, "de", world.CartAddition{SKU: slug, Quantity: n}, 99, 50); err != nil {
			t.Fatal(err)
		}
		line := world.OrderLine{SKU: slug, Name: slug, TaxClass: "bread", Quantity: n, UnitMinor: 107, LineMinor: int64(107 * n), TaxMinor: int64(7 * n), PriceVersion: 1}
		o.Lines = append(o.Lines, line)
		o.TotalMinor += line.LineMinor
		o.TaxMinor += line.TaxMinor
	}
	o.NetMinor = o.TotalMinor - o.TaxMinor
	o.Taxes = []world.OrderTax{{Label: "MwSt.", Rate: "7", NetMinor: o.NetMinor, TaxMinor: o.TaxMinor}}
	return o
}

func stockOf(t *testing.T, s *postgres.OrderStore, slug string) int {
	t.Helper()
	levels, err := s.Stock(t.Context(), "de", []string{slug})
	if err != nil {
		t.Fatal(err)
	}
	return levels[slug].Available()
}

func TestPlaceKeepsTheOrderWhole(t *testing.T) {
	s, _ := newOrders(t, map[string]int{"brezel": 10, "torte": 2})
	o := ordered(t, s, map[string]int{"torte": 1, "brezel": 3})
	placed, existed, err := s.Place(t.Context(), o, "key-0123456789abcdef", draw)
	if err != nil || existed {
		t.Fatalf("existed %v, %v", existed, err)
	}
	got, err := s.Order(t.Context(), o.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.Number != placed.Number || got.Contact != o.Contact || got.TotalMinor != o.TotalMinor || len(got.Taxes) != 1 || got.Taxes[0] != o.Taxes[0] {
		t.Errorf("kept %+v", got)
	}
	if len(got.Lines) != 2 || got.Lines[0].SKU != "brezel" || got.Lines[0].Quantity != 3 || got.Lines[1].SKU != "torte" {
		t.Errorf("lines %+v", got.Lines)
	}
	if n := stockOf(t, s, "brezel"); n != 7 {
		t.Errorf("%d left", n)
	}
	if lines, err := s.Cart(t.Context(), o.CartID, "de"); err != nil || len(lines) != 0 {
		t.Errorf("the cart still holds %v, %v", lines, err)
	}
	list, err := s.OrdersOfCart(t.Context(), o.CartID, "de", 10)
	if err != nil || len(list) != 1 || list[0].ID != o.ID {
		t.Errorf("list %v, %v", list, err)
	}
}

func TestPlaceIsOnceHoweverOftenItIsSent(t *testing.T) {
	s, c := newOrders(t, map[string]int{"brezel": 100})
	o := ordered(t, s, map[string]int{"brezel": 4})
	const senders = 20
	var wg sync.WaitGroup
	var fresh atomic.Int64
	ids := make([]string, senders)
	for i := range senders {
		wg.Go(func() {
			mine := o
			mine.ID, mine.Lines = id26(), append([]world.OrderLine(nil), o.Lines...)
			placed, existed, err := s.Place(t.Context(), mine, "key-0123456789abcdef", draw)
			if err != nil {
				t.Errorf("sender %d: %v", i, err)
			}
			if !existed {
				fresh.Add(1)
			}
			ids[i] = placed.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("two answers: %s and %s", ids[0], id)
		}
	}
	var orders, lines int
	if err := c.Pool.QueryRow(t.Context(), `select (select count(*) from orders), (select count(*) from order_line)`).Scan(&orders, &lines); err != nil {
		t.Fatal(err)
	}
	if fresh.Load() != 1 || orders != 1 || lines != 1 || stockOf(t, s, "brezel") != 96 {
		t.Errorf("%d said they placed it, %d orders, %d lines, %d left", fresh.Load(), orders, lines, stockOf(t, s, "brezel"))
	}
}

// Many carts compete for few things of several kinds, asked for in any order:
// none may deadlock, none may take what is not there, and what is missing
// from the stock is what the orders say.
func TestStockNeverGoesBelowZero(t *testing.T) {
	start := map[string]int{"a": 11, "b": 7, "c": 23}
	s, c := newOrders(t, start)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var orders []world.Order
	for range 40 {
		want := map[string]int{}
		for _, slug := range []string{"a", "b", "c"} {
			if n := rng.IntN(4); n > 0 {
				want[slug] = n
			}
		}
		if len(want) > 0 {
			orders = append(orders, ordered(t, s, want))
		}
	}
	var wg sync.WaitGroup
	for _, o := range orders {
		wg.Go(func() {
			_, _, err := s.Place(t.Context(), o, "key-"+o.ID, draw)
			if err != nil && !world.Is(err, world.CodeUnprocessed) {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	for slug, n := range start {
		var sold int
		if err := c.Pool.QueryRow(t.Context(), `select coalesce(sum(quantity), 0) from order_line where sku = $1`, slug).Scan(&sold); err != nil {
			t.Fatal(err)
		}
		if left := stockOf(t, s, slug); left < 0 || left+sold != n {
			t.Errorf("%s: %d at first, %d sold, %d left", slug, n, sold, left)
		}
	}
	var broken int
	const uneven = `select count(*) from orders o where (select coalesce(sum(line_minor), 0) from order_line l where l.order_id = o.id) <> o.total_minor
		or (select coalesce(sum(tax_minor), 0) from order_tax x where x.order_id = o.id) <> o.tax_minor`
	if err := c.Pool.QueryRow(t.Context(), uneven).Scan(&broken); err != nil || broken != 0 {
		t.Errorf("%d orders whose lines do not sum to their totals, %v", broken, err)
	}
}

func TestPlaceThatIsShortChangesNothing(t *testing.T) {
	s, _ := newOrders(t, map[string]int{"brezel": 10, "torte": 1})
	o := ordered(t, s, map[string]int{"brezel": 3, "torte": 2})
	_, _, err := s.Place(t.Context(), o, "key-0123456789abcdef", draw)
	if !world.Is(err, world.CodeUnprocessed) || !strings.Contains(err.Error(), "torte") {
		t.Fatalf("got %v", err)
	}
	if _, err := s.Order(t.Context(), o.ID); !world.Is(err, world.CodeNotFound) {
		t.Errorf("the order is there: %v", err)
	}
	if stockOf(t, s, "brezel") != 10 {
		t.Error("stock was taken for an order that failed")
	}
	if lines, _ := s.Cart(t.Context(), o.CartID, "de"); len(lines) != 2 {
		t.Errorf("the cart lost lines: %v", lines)
	}
}

func TestPlaceOfAnotherCartThanShownIsAConflict(t *testing.T) {
	s, _ := newOrders(t, map[string]int{"brezel": 10})
	o := ordered(t, s, map[string]int{"brezel": 3})
	if err := s.SetInCart(t.Context(), o.CartID, "de", "brezel", 5); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Place(t.Context(), o, "key-0123456789abcdef", draw); !world.Is(err, world.CodeConflict) {
		t.Errorf("got %v", err)
	}
	if stockOf(t, s, "brezel") != 10 {
		t.Error("stock was taken")
	}
}

func TestOrderNumberIsDrawnAgain(t *testing.T) {
	s, _ := newOrders(t, map[string]int{"brezel": 10})
	first := ordered(t, s, map[string]int{"brezel": 1})
	if _, _, err := s.Place(t.Context(), first, "key-0123456789abcdef", func() (string, error) { return "SC-DE-000AAA", nil }); err != nil {
		t.Fatal(err)
	}
	drawn := 0
	number := func() (string, error) {
		drawn++
		if drawn < 3 {
			return "SC-DE-000AAA", nil
		}
		return "SC-DE-000BBB", nil
	}
	placed, _, err := s.Place(t.Context(), ordered(t, s, map[string]int{"brezel": 1}), "key-0123456789abcdef", number)
	if err != nil || placed.Number != "SC-DE-000BBB" {
		t.Errorf("got %q, %v", placed.Number, err)
	}
	stuck := func() (string, error) { return "SC-DE-000AAA", nil }
	if _, _, err := s.Place(t.Context(), ordered(t, s, map[string]int{"brezel": 1}), "key-0123456789abcdef", stuck); !world.Is(err, world.CodeConflict) {
		t.Errorf("a number that is always taken gave %v", err)
	}
	failed := errors.New("no randomness")
	if _, _, err := s.Place(t.Context(), ordered(t, s, map[string]int{"brezel": 1}), "key-0123456789abcdef", func() (string, error) { return "", failed }); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
}

func TestCart(t *testing.T) {
	s, _ := newOrders(t, nil)
	ctx, id := t.Context(), id26()
	add := func(slug string, n int) error {
		return s.AddToCart(ctx, id, "de", world.CartAddition{SKU: slug, Quantity: n}, 9, 2)
	}
	for _, step := range []struct {
		slug string
		n    int
	}{{"a", 2}, {"a", 3}, {"b", 1}, {"b", 99}} {
		if err := add(step.slug, step.n); err != nil {
			t.Fatal(err)
		}
	}
	if err := add("c", 1); !world.Is(err, world.CodeTooLarge) {
		t.Errorf("a third product in a cart of two gave %v", err)
	}
	lines, err := s.Cart(ctx, id, "de")
	if err != nil || len(lines) != 2 || lines[0] != (world.CartLine{SKU: "a", Quantity: 5}) || lines[1] != (world.CartLine{SKU: "b", Quantity: 9}) {
		t.Fatalf("%v, %v", lines, err)
	}
	if err := s.SetInCart(ctx, id, "de", "a", 0); err != nil {
		t.Fatal(err)
	}
	if err := s.SetInCart(ctx, id, "de", "nowhere", 4); err != nil {
		t.Fatal(err)
	}
	if lines, _ = s.Cart(ctx, id, "de"); len(lines) != 1 || lines[0].SKU != "b" {
		t.Errorf("%v", lines)
	}
	if err := s.SetPhoto(ctx, id, "de", "b", "20abcdefghjkmnpq"); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"not in the cart": s.SetPhoto(ctx, id, "de", "a", "20abcdefghjkmnpq"), "another market": s.SetPhoto(ctx, id, "gb", "b", "20abcdefghjkmnpr")} {
		if !world.Is(err, world.CodeNotFound) {
			t.Errorf("a photo for what is %s: %v", name, err)
		}
	}
	if lines, _ = s.Cart(ctx, id, "de"); len(lines) != 1 || lines[0].Photo != "20abcdefghjkmnpq" {
		t.Errorf("%v", lines)
	}
	if other, err := s.Cart(ctx, id, "gb"); err != nil || len(other) != 0 {
		t.Errorf("another market sees %v, %v", other, err)
	}
	if err := s.AddToCart(ctx, id, "gb", world.CartAddition{SKU: "a", Quantity: 1}, 9, 9); !world.Is(err, world.CodeNotFound) {
		t.Errorf("another market's cart was taken: %v", err)
	}
}

// A photo is ordered with its line, and only the one that the cart holds.
func TestAPhotoIsOrdered(t *testing.T) {
	s, _ := newOrders(t, map[string]int{"cake": 9})
	o := ordered(t, s, map[string]int{"cake": 1})
	if err := s.SetPhoto(t.Context(), o.CartID, "de", "cake", "20abcdefghjkmnpq"); err != nil {
		t.Fatal(err)
	}
	o.Lines[0].Photo = "20abcdefghjkmnpr"
	if _, _, err := s.Place(t.Context(), o, "key-0123456789abcdef", draw); !world.Is(err, world.CodeConflict) {
		t.Errorf("ordered with another photo than the cart's: %v", err)
	}
	o.Lines[0].Photo = "20abcdefghjkmnpq"
	if _, _, err := s.Place(t.Context(), o, "key-0123456789abcdef", draw); err != nil {
		t.Fatal(err)
	}
	got, err := s.Order(t.Context(), o.ID)
	if err != nil || got.Lines[0].Photo != "20abcdefghjkmnpq" {
		t.Errorf("%+v, %v", got.Lines, err)
	}
	of, err := s.OrdersOfMarket(t.Context(), "de", time.Time{}, "", 10)
	if err != nil || len(of) == 0 || of[0].Lines[0].Photo != "20abcdefghjkmnpq" {
		t.Errorf("%+v, %v", of, err)
	}
}

// What takes no photo any more is ordered without the cart's, which is let go of.
func TestALineIsOrderedWithoutItsPhoto(t *testing.T) {
	s, _ := newOrders(t, map[string]int{"cake": 9})
	o := ordered(t, s, map[string]int{"cake": 1})
	if err := s.SetPhoto(t.Context(), o.CartID, "de", "cake", "20abcdefghjkmnpq"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Place(t.Context(), o, "key-0123456789abcdef", draw); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	if unused, err := s.UnusedPhotos(t.Context(), later, later, 9); err != nil || len(unused) != 1 || unused[0] != "20abcdefghjkmnpq" {
		t.Errorf("let go of: %v, %v", unused, err)
	}
	if lines, err := s.Cart(t.Context(), o.CartID, "de"); err != nil || len(lines) > 0 {
		t.Errorf("the cart holds %v, %v", lines, err)
	}
}

// The shop's own database role must be able to do all that a shop does.
func TestShopRoleMaySellAndNoMore(t *testing.T) {
	_, admin := newOrders(t, map[string]int{"brezel": 3})
	cfg := admin.Pool.Config()
	cfg.ConnConfig.RuntimeParams["role"] = "meridian_shop"
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	s := postgres.NewOrderStore(&postgres.Cluster{Name: "resident-test", Region: "test", Pool: pool, Primary: true})
	o := ordered(t, s, map[string]int{"brezel": 2})
	if err := s.SetInCart(t.Context(), o.CartID, "de", "brezel", 2); err != nil {
		t.Fatal(err)
	}
	if err := s.SetPhoto(t.Context(), o.CartID, "de", "brezel", ""); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Place(t.Context(), o, "key-0123456789abcdef", draw); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Placed(t.Context(), o.CartID, "key-0123456789abcdef"); err != nil {
		t.Error(err)
	}
	if _, err := s.OrdersOfCart(t.Context(), o.CartID, "de", 1); err != nil {
		t.Error(err)
	}
	for _, forbidden := range []string{"delete from orders", "update orders set total_minor = 0", "update stock_level set on_hand = 9", "delete from stock_movement", "insert into stock_movement (market, sku, kind, on_hand, reserved) values ('de', 'brezel', 'receive', 1, 0)", "update order_event set who = ''", "select * from owner_account"} {
		if _, err := pool.Exec(t.Context(), forbidden); err == nil {
			t.Errorf("%s was allowed", forbidden)
		}
	}
}

func TestAnOrderKeepsHowItsLinesWereServed(t *testing.T) {
	s, c := newOrders(t, map[string]int{"brezel": 10, "torte": 2})
	o := ordered(t, s, map[string]int{"brezel": 1})
	o.Lines[0].ServedHot, o.Lines[0].ServedWith = true, "utensils"
	o.Fulfilment, o.Supply = world.EatIn, "eat_in"
	if _, _, err := s.Place(t.Context(), o, "key-0123456789abcdef", draw); err != nil {
		t.Fatal(err)
	}
	got, err := s.Order(t.Context(), o.ID)
	if err != nil || got.Lines[0] != o.Lines[0] || got.Fulfilment != world.EatIn || got.Supply != "eat_in" {
		t.Errorf("%+v, %v", got.Lines, err)
	}
	of, err := s.OrdersOfMarket(t.Context(), "de", time.Time{}, "", 9)
	if err != nil || len(of) != 1 || of[0].Lines[0] != o.Lines[0] {
		t.Errorf("%+v, %v", of, err)
	}
	if _, err := c.Pool.Exec(t.Context(), `update order_line set served_with = 'plates'`); err == nil {
		t.Error("a line was served with plates")
	}
}
