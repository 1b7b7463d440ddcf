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
	n, err := s.TellTurns(t.Context(), limit, func(all []world.Availability) error { told = all; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return told, n
}

func availability(sku string, soldOut bool) world.Availability {
	return world.Availability{Market: "de", SKU: sku, SoldOut: soldOut}
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
	if n, err := s.TellTurns(t.Context(), 10, func([]world.Availability) error { return failed }); n != 0 || !errors.Is(err, failed) {
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
	_, err := s.TellTurns(t.Context(), 10, func(all []world.Availability) error {
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

// As after a copy of one of the two clusters was put back.
func TestDifferencesAreToldAgain(t *testing.T) {
	s := shopOrders(t, map[string]int{"gone": 0, "gone-too": 0, "here": 4, "here-too": 4})
	turned(t, s, 10)
	if err := s.CompareSoldOut(t.Context(), "de", []string{"gone-too", "here", "never-stocked"}); err != nil {
		t.Fatal(err)
	}
	if err := s.CompareSoldOut(t.Context(), "us", nil); err != nil {
		t.Fatal(err)
	}
	if told, _ := turned(t, s, 10); !slices.Equal(told, []world.Availability{availability("gone", true), availability("here", false)}) {
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
		if err := shop.SetAvailability(ctx, standing); err != nil {
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
	if keys, err := shop.SoldOut(ctx, "de"); err != nil || !slices.Equal(slices.Sorted(slices.Values(keys)), []string{"brezel-4"}) {
		t.Errorf("sold out: %v, %v", keys, err)
	}
	if err := shop.SetAvailability(ctx, []world.Availability{{Market: "nowhere", SKU: "bun"}}); !world.Is(err, world.CodeNotFound) {
		t.Errorf("a market that is none: %v", err)
	}
}
