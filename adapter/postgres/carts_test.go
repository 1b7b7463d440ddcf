package postgres_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

// A cart is known from its first product, and still by its orders when it is gone.
func TestKnowsCart(t *testing.T) {
	s, c := newOrders(t, map[string]int{"brezel": 3})
	ctx := t.Context()
	knows := func(id, market string, want bool, when string) {
		t.Helper()
		if got, err := s.KnowsCart(ctx, id, market); err != nil || got != want {
			t.Errorf("%s: known %v, %v; want %v", when, got, err, want)
		}
	}
	planted := id26()
	for _, n := range []int{2, 0} {
		if err := s.SetInCart(ctx, planted, "de", "brezel", n); err != nil {
			t.Fatal(err)
		}
	}
	knows(planted, "de", false, "changed but never filled")
	o := ordered(t, s, map[string]int{"brezel": 1})
	knows(o.CartID, "de", true, "filled")
	knows(o.CartID, "gb", false, "in another market")
	if _, _, err := s.Place(ctx, o, "key-0123456789abcdef", draw); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Pool.Exec(ctx, "delete from cart"); err != nil {
		t.Fatal(err)
	}
	knows(o.CartID, "de", true, "by its order")
	knows(o.CartID, "gb", false, "by its order, in another market")
}

// What is sent twice under one key is put into the cart once, also at once; a key
// is a cart's own, and one that was refused is not used up.
func TestAnAdditionIsMadeOnceAKey(t *testing.T) {
	s, super := asShop(t)
	ctx, id := t.Context(), id26()
	bread := func(key string) world.CartAddition { return world.CartAddition{SKU: "brot", Quantity: 2, Key: key} }
	add := func(id string, a world.CartAddition, code world.Code) {
		t.Helper()
		if err := s.AddToCart(ctx, id, "de", a, 50, 2); world.CodeOf(err) != code {
			t.Errorf("%+v gave %v, want %q", a, err, code)
		}
	}
	holds := func(id string, want ...world.CartLine) {
		t.Helper()
		if lines, err := s.Cart(ctx, id, "de"); err != nil || !slices.Equal(lines, want) {
			t.Errorf("the cart holds %v, %v; want %v", lines, err, want)
		}
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { add(id, bread("a"), "") })
	}
	all.Wait()
	add(id, bread("a"), "")
	holds(id, world.CartLine{SKU: "brot", Quantity: 2})
	add(id, bread("b"), "")
	add(id, bread(""), "")
	add(id, bread(""), "") // without a key each is a wish of its own
	holds(id, world.CartLine{SKU: "brot", Quantity: 8})

	cake := world.CartAddition{SKU: "cake", Quantity: 1, Photo: "20abcdefghjkmnpq", PhotoSum: "dog", Key: "c"}
	add(id, cake, "")
	again := cake
	again.Photo = "20abcdefghjkmnpr" // kept anew, of the same bytes
	add(id, again, "")
	holds(id, world.CartLine{SKU: "brot", Quantity: 8}, world.CartLine{SKU: "cake", Quantity: 1, Photo: cake.Photo})
	again.Key = "d"
	add(id, again, "")
	add(id, world.CartAddition{SKU: "cake", Quantity: 1}, "")
	holds(id, world.CartLine{SKU: "brot", Quantity: 8}, world.CartLine{SKU: "cake", Quantity: 3, Photo: again.Photo})

	for _, other := range []world.CartAddition{{SKU: "brot", Quantity: 3, Key: "a"}, {SKU: "cake", Quantity: 2, Key: "a"}, {SKU: "cake", Quantity: 1, PhotoSum: "cat", Key: "c"}} {
		add(id, other, world.CodeConflict)
		if err := s.AddToCart(ctx, id, "de", other, 50, 2); !errors.Is(err, world.ErrAnotherKey) {
			t.Errorf("%+v does not tell that the key is another's: %v", other, err)
		}
	}
	third := world.CartAddition{SKU: "bun", Quantity: 1, Key: "e"}
	add(id, third, world.CodeTooLarge)
	if err := s.SetInCart(ctx, id, "de", "cake", 0); err != nil {
		t.Fatal(err)
	}
	add(id, third, "")
	holds(id, world.CartLine{SKU: "brot", Quantity: 8}, world.CartLine{SKU: "bun", Quantity: 1})
	if err := s.AddToCart(ctx, id, "gb", bread("a"), 50, 2); !world.Is(err, world.CodeNotFound) {
		t.Errorf("another market's cart took a used key: %v", err)
	}
	other := id26()
	add(other, bread("a"), "")
	holds(other, world.CartLine{SKU: "brot", Quantity: 2})

	keys := func() int { return count(t, super.Pool, "select count(*) from idempotency_key") }
	if n := keys(); n != 6 {
		t.Errorf("%d keys are kept", n)
	}
	if n, err := s.ForgetKeys(ctx, time.Now().Add(time.Hour), 9); err != nil || n != 6 || keys() != 0 {
		t.Errorf("%d keys went, %v", n, err)
	}
}

// asShop opens a resident database twice: with the rights that the shop has, no
// more, and as its superuser.
func asShop(t *testing.T) (shop *postgres.OrderStore, super *postgres.Cluster) {
	t.Helper()
	conn := pgtest.Resident(t)
	c, err := postgres.Open(t.Context(), "resident-here", "here", true, conn+" role=meridian_shop", "pgtest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return postgres.NewOrderStore(c), pgtest.Cluster(t, "resident-here", "here", conn)
}

func TestForgetCartsLeavesOrdersAndWhatIsInUse(t *testing.T) {
	s, super := asShop(t)
	ctx := t.Context()
	if err := postgres.SeedStock(ctx, super.Pool, []postgres.SeedProduct{{Market: "de", Slug: "brezel", Stock: 9}}); err != nil {
		t.Fatal(err)
	}
	moment := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	touched := func(id string, at time.Time) {
		t.Helper()
		if _, err := super.Pool.Exec(ctx, "update cart set updated_at = $2 where id = $1", id, at); err != nil {
			t.Fatal(err)
		}
	}
	bought := ordered(t, s, map[string]int{"brezel": 1})
	if _, _, err := s.Place(ctx, bought, "key-0123456789abcdef", draw); err != nil {
		t.Fatal(err)
	}
	touched(bought.CartID, moment.Add(-time.Hour))
	var carts []string
	for _, at := range []time.Duration{-3 * time.Hour, -2 * time.Hour, -time.Microsecond, 0} {
		id := ordered(t, s, map[string]int{"brezel": 2}).CartID
		touched(id, moment.Add(at))
		carts = append(carts, id)
	}

	// Somebody is filling the oldest at this very moment.
	tx, err := super.Pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "update cart set updated_at = now() where id = $1", carts[0]); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{2, 1, 0} { // two at once, of three that are old and free
		if n, err := s.ForgetCarts(ctx, moment, 2); err != nil || n != want {
			t.Errorf("%d forgotten, %v; want %d", n, err, want)
		}
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if n, err := s.ForgetCarts(ctx, moment, 2); err != nil || n != 0 {
		t.Errorf("%d forgotten, %v: one was filled meanwhile", n, err)
	}
	for i, want := range []int{1, 0, 0, 1} {
		if lines, err := s.Cart(ctx, carts[i], "de"); err != nil || len(lines) != want {
			t.Errorf("cart %d: %v, %v; want %d lines", i, lines, err, want)
		}
	}
	if n := count(t, super.Pool, "select count(*) from cart_line"); n != 2 {
		t.Errorf("%d lines are left", n)
	}
	if o, err := s.Order(ctx, bought.ID); err != nil || len(o.Lines) != 1 || o.Lines[0] != (world.OrderLine{SKU: "brezel", Name: "brezel", TaxClass: "bread", Quantity: 1, UnitMinor: 107, LineMinor: 107, TaxMinor: 7, PriceVersion: 1}) {
		t.Errorf("the order: %+v, %v", o, err)
	}
}
