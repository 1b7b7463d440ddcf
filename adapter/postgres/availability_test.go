package postgres_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/engine/catalog"
	"meridian/test/pgtest"
	"meridian/world"
)

// shopOrders are a region's orders as the shop role has them, with some stock.
func shopOrders(t *testing.T, stock map[string]int) *postgres.OrderStore {
	t.Helper()
	s, super := asShop(t)
	for sku, n := range stock {
		if err := super.Insert(t.Context(), `insert into stock_level (market, sku, on_hand) values ('de', $1, $2)`, sku, n); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// turned is what is told at once, and how many turns that were.
func turned(t *testing.T, s *postgres.OrderStore, limit int) (told []world.Availability, n int) {
	t.Helper()
	n, err := s.TellTurns(t.Context(), "de", limit, func(all []world.Availability) error { told = all; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return told, n
}

func availability(sku string, soldOut bool) world.Availability {
	return world.Availability{SKU: sku, SoldOut: soldOut}
}

func TestWhatSellsOutIsToldAndWhatComesBack(t *testing.T) {
	s := shopOrders(t, map[string]int{"brezel": 3, "roll": 9})
	tells := func(when string, turns int, want ...world.Availability) {
		t.Helper()
		if told, n := turned(t, s, 10); !slices.Equal(told, want) || n != turns {
			t.Errorf("%s %d turns are told: %+v, not %d: %+v", when, n, told, turns, want)
		}
	}
	tells("with the first stock", 2, availability("brezel", false), availability("roll", false))
	tells("told once", 0)

	buy := func(state world.OrderState, pieces int) world.Order {
		t.Helper()
		o := ordered(t, s, map[string]int{"brezel": pieces})
		if o.State = state; state == world.OrderAwaitingPayment {
			o.Method, o.ExpiresAt = world.PayCard, time.Now().Add(time.Hour)
		}
		o, _, err := s.Place(t.Context(), o, "key-"+id26(), draw)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	buy(world.OrderPlaced, 2)
	tells("with one left", 0)
	held := buy(world.OrderAwaitingPayment, 1)
	failed := errors.New("no catalog")
	if n, err := s.TellTurns(t.Context(), "de", 10, func([]world.Availability) error { return failed }); n != 0 || !errors.Is(err, failed) {
		t.Errorf("%d are told, %v", n, err)
	}
	tells("what could not be told, again", 1, availability("brezel", true))
	if _, err := s.Change(t.Context(), world.OrderStep{OrderID: held.ID, Event: world.OrderCancel, By: world.ByBuyer, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	buy(world.OrderPlaced, 1)
	tells("back and gone meanwhile: as it stands, once", 2, availability("brezel", true))
}

// While one process tells, another does not: it would tell an older level after a
// newer one. What turns meanwhile is told after it.
func TestOneProcessTellsAtATime(t *testing.T) {
	s := shopOrders(t, map[string]int{"brezel": 1, "roll": 1})
	_, err := s.TellTurns(t.Context(), "de", 10, func(all []world.Availability) error {
		if told, n := turned(t, s, 10); n != 0 || told != nil {
			t.Errorf("another tells %+v", told)
		}
		_, _, err := s.Place(t.Context(), ordered(t, s, map[string]int{"brezel": 1}), "key-0123456789abcdef", draw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if told, n := turned(t, s, 10); n != 1 || !slices.Equal(told, []world.Availability{availability("brezel", true)}) {
		t.Errorf("then %+v is told", told)
	}
}

func TestAtMostSoManyTurnsAreToldAtOnce(t *testing.T) {
	s := shopOrders(t, map[string]int{"a": 1, "b": 1, "c": 1})
	if _, n := turned(t, s, 2); n != 2 {
		t.Errorf("%d of at most 2", n)
	}
	if _, n := turned(t, s, 2); n != 1 {
		t.Errorf("then %d of 1", n)
	}
}

// Another market's turns are left to it, as one's that is no more.
func TestAMarketsTurnsAreItsOwn(t *testing.T) {
	s, super := asShop(t)
	for _, market := range []string{"nowhere", "de"} {
		if err := super.Insert(t.Context(), `insert into stock_level (market, sku, on_hand) values ($1, 'brezel', 3)`, market); err != nil {
			t.Fatal(err)
		}
	}
	if told, n := turned(t, s, 1); n != 1 || !slices.Equal(told, []world.Availability{availability("brezel", false)}) {
		t.Errorf("%d: %+v", n, told)
	}
	if told, n := turned(t, s, 1); n != 0 {
		t.Errorf("then %+v", told)
	}
	if n := count(t, super.Pool, `select count(*) from stock_turn where market = 'nowhere'`); n != 1 {
		t.Errorf("%d turns of the other market are left", n)
	}
}

// As after a copy of one of the two clusters was put back, and for SKUs that were there
// before anybody told.
func TestDifferencesAreToldAgain(t *testing.T) {
	s := shopOrders(t, map[string]int{"gone": 0, "gone-too": 0, "here": 4, "here-too": 4})
	turned(t, s, 10)
	n, err := s.CompareStock(t.Context(), "de", []world.Availability{availability("gone", false), availability("gone-too", true), availability("here", true),
		availability("here-too", false), availability("never-stocked", false), availability("never-stocked-too", true)})
	if n != 3 || err != nil {
		t.Errorf("%d differ, %v", n, err)
	}
	if n, err := s.CompareStock(t.Context(), "de", nil); n != 0 || err != nil {
		t.Errorf("of nothing %d differ, %v", n, err)
	}
	if told, _ := turned(t, s, 10); !slices.Equal(told, []world.Availability{availability("gone", true), availability("here", false), availability("never-stocked", true)}) {
		t.Errorf("told: %+v", told)
	}
}

func TestTheCatalogSaysWhatIsSoldOut(t *testing.T) {
	owner, super := ownerCatalog(t, true)
	shop, err := postgres.NewCatalogStore(ownerWorld(), []*postgres.Cluster{
		pgtest.Cluster(t, "catalog-here", "here", super.Pool.Config().ConnString()+" options='-c role=meridian_shop'")})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if err := owner.CreateCategory(ctx, "de", catalog.Category{Category: "rolls", Texts: map[string]catalog.CategoryText{"de-DE": {Name: "Brötchen"}}}); err != nil {
		t.Fatal(err)
	}
	version, err := owner.CreateProduct(ctx, "de", catalog.Written{Draft: roll()})
	if err != nil {
		t.Fatal(err)
	}
	_, place := purged(t, super, 0)
	shown := func(when string, fours, eights bool) {
		t.Helper()
		p, _, err := shop.Product(ctx, "de", "brezel", "de-DE", then)
		if err != nil || p.SKUs[0].SoldOut != fours || p.SKUs[1].SoldOut != eights || p.SoldOut() != (fours && eights) || p.Version != version {
			t.Errorf("%s: %+v, %v", when, p, err)
		}
	}
	set := func(purges []string, standing ...world.Availability) {
		t.Helper()
		if err := shop.SetAvailability(ctx, "de", standing); err != nil {
			t.Fatal(err)
		}
		var groups []string
		if groups, place = purged(t, super, place); !slices.Equal(groups, purges) {
			t.Errorf("%+v purges %v, not %v", standing, groups, purges)
		}
	}
	shown("before it has any stock", true, true)
	set([]string{"de/p/brezel"}, availability("brezel-4", false), availability("brezel-8", true))
	shown("with stock of one", false, true)
	set([]string{}, availability("brezel-4", false), availability("brezel-8", true), availability("of-no-product", true))
	set([]string{"de/p/brezel", "de/p/stollen"}, availability("brezel-4", true), availability("stollen", false), availability("brezel-8", false)) // stollen was seeded without stock
	shown("the other way round", true, false)
	all, err := shop.Availability(ctx, "de", "", 2)
	rest, err2 := shop.Availability(ctx, "de", "brezel-8", 2)
	if err != nil || err2 != nil || !slices.Equal(append(all, rest...), []world.Availability{availability("brezel-4", true), availability("brezel-8", false), availability("stollen", false)}) {
		t.Errorf("the catalog says %+v %+v, %v, %v", all, rest, err, err2)
	}
	if err := shop.SetAvailability(ctx, "nowhere", []world.Availability{{SKU: "bun"}}); !world.Is(err, world.CodeNotFound) {
		t.Errorf("a market that is none: %v", err)
	}
	// Of the product itself nothing has changed, and its history knows of none of it.
	if n := count(t, super.Pool, `select count(*) from product_history where market = 'de' and slug = 'brezel' and product::text not like '%sold_out%'`); n != 1 {
		t.Errorf("%d versions", n)
	}
	kept, err := owner.ProductDraft(ctx, "de", "brezel")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := owner.ChangeProduct(ctx, "de", version, kept); n != version || err != nil {
		t.Errorf("the same product again is version %d, %v", n, err)
	}
	shown("after its owner has saved it", true, false)
}

// While an owner has a product's SKUs locked the shop does not wait, and nothing is
// written by halves.
func TestTheShopWaitsForNoOwner(t *testing.T) {
	_, super := ownerCatalog(t, true)
	shop, err := postgres.NewCatalogStore(ownerWorld(), []*postgres.Cluster{super})
	if err != nil {
		t.Fatal(err)
	}
	tx, err := super.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `select from sku where market = 'de' and sku = 'stollen' for no key update`); err != nil {
		t.Fatal(err)
	}
	back := []world.Availability{availability("stollen", false)}
	if err := shop.SetAvailability(t.Context(), "de", back); !world.Is(err, world.CodeBusy) {
		t.Errorf("meanwhile: %v", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := shop.SetAvailability(t.Context(), "de", back); err != nil {
		t.Errorf("then: %v", err)
	}
}

// Every column of a SKU but sold_out makes its product's next version: who adds a
// column adds it to the trigger.
func TestEveryChangeOfASKUIsTold(t *testing.T) {
	_, super := ownerCatalog(t, true)
	var untold []string
	const q = `select array_agg(a.attname::text) from pg_attribute a, pg_trigger t where t.tgrelid = 'sku'::regclass and t.tgname = 'product_changed'
		and a.attrelid = 'sku'::regclass and a.attnum > 0 and not a.attisdropped and not a.attnum = any (t.tgattr::int2[])`
	if err := super.Pool.QueryRow(t.Context(), q).Scan(&untold); err != nil || !slices.Equal(untold, []string{"sold_out"}) {
		t.Errorf("untold: %v, %v", untold, err)
	}
}
