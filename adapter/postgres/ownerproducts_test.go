package postgres_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/engine/catalog"
	"meridian/world"
)

func roll() catalog.Draft {
	return catalog.Draft{
		Slug: "brezel", TaxClass: "bread", Category: "rolls", Place: 3, LeadMinutes: 60, Allergens: []world.Allergen{"wheat"}, MayContain: []world.Allergen{"sesame"},
		Nutrition: &world.Nutrition{EnergyKJ: 1000, EnergyKcal: 240},
		Texts:     map[string]catalog.DraftText{"de-DE": {Name: "Brezel", Description: "Rösch.", Ingredients: "*Weizen*mehl", Address: "laugenbrezel"}},
		SKUs: []catalog.DraftSKU{
			{SKU: "brezel-4", Names: map[string]string{"de-DE": "4 Stück"}, Sold: true, Net: 360, NetUnit: "g", Price: 520},
			{SKU: "brezel-8", Names: map[string]string{"de-DE": "8 Stück"}, Sold: true, Price: 990},
		},
	}
}

// purged are the groups of all purges after one, and where they end.
func purged(t *testing.T, c *postgres.Cluster, after int64) (groups []string, last int64) {
	t.Helper()
	const q = `select coalesce(array_agg(distinct g) filter (where g is not null), '{}'), coalesce(max(seq), 0) from outbox left join lateral unnest(groups) g on seq > $1`
	if err := c.Pool.QueryRow(t.Context(), q, after).Scan(&groups, &last); err != nil {
		t.Fatal(err)
	}
	return groups, last
}

func TestProductsAreWritten(t *testing.T) {
	s, super := ownerCatalog(t, true)
	ctx := t.Context()
	_, place := purged(t, super, 0)
	step := func(what string, err error, want ...string) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		var groups []string
		groups, place = purged(t, super, place)
		slices.Sort(want)
		if !slices.Equal(groups, want) {
			t.Errorf("%s purges %v, not %v", what, groups, want)
		}
	}
	step("a category", s.CreateCategory(ctx, "de", catalog.Category{Category: "rolls", Texts: map[string]catalog.CategoryText{"de-DE": {Name: "Brötchen"}}}), "de/pages")
	version, err := s.CreateProduct(ctx, "de", catalog.Written{Draft: roll()})
	step("a product", err, "de/pages", "de/p/brezel")
	if version != 1 {
		t.Errorf("its version is %d", version)
	}
	got, err := s.ProductDraft(ctx, "de", "brezel")
	want := roll()
	want.SKUs[0].Price, want.SKUs[1].Price = 0, 0
	if err != nil || fmt.Sprintf("%+v", got.Texts) != fmt.Sprintf("%+v", want.Texts) || fmt.Sprintf("%+v", got.SKUs) != fmt.Sprintf("%+v", want.SKUs) ||
		*got.Nutrition != *want.Nutrition || got.Category != "rolls" || got.From != nil || got.Until != nil || got.Place != 3 || !slices.Equal(got.Allergens, want.Allergens) {
		t.Errorf("read again it is %+v, %v", got, err)
	}

	// What is read can be sent again: nothing changes, nothing is purged.
	version, err = s.ChangeProduct(ctx, "de", 1, got)
	step("the same again", err)
	if version != 1 {
		t.Errorf("the same is version %d", version)
	}

	until := then.Add(48 * time.Hour)
	changed := got.Draft
	changed.Until, changed.Featured = &until, true
	changed.Texts = map[string]catalog.DraftText{"de": {Name: "Brezn"}}
	changed.SKUs = append(changed.SKUs, catalog.DraftSKU{SKU: "brezel-1", Names: map[string]string{"de-DE": "1 Stück"}, Sold: true, Price: 140})
	changed.SKUs[1].Sold = false
	version, err = s.ChangeProduct(ctx, "de", 1, catalog.Written{Draft: changed})
	step("a change", err, "de/pages", "de/p/brezel")
	if version != 2 {
		t.Errorf("its version is %d", version)
	}
	p, _, err := s.Product(ctx, "de", "laugenbrezel", "de-DE", then) // by an address that it had
	if err != nil || p.Name != "Brezn" || p.Version != 2 || len(p.SKUs) != 2 || p.SKUs[1].PriceMinor != 140 || !p.Featured || p.Address != "brezel" {
		t.Errorf("the shop has %+v, %v", p, err)
	}
	if _, _, err := s.Product(ctx, "de", "brezel", "de-DE", until); !world.Is(err, world.CodeNotFound) {
		t.Errorf("it is there after its time: %v", err)
	}

	version, err = s.WithdrawProduct(ctx, "de", "brezel", 2, then)
	step("withdrawn", err, "de/pages", "de/p/brezel")
	if _, _, err := s.Product(ctx, "de", "brezel", "de-DE", then); !world.Is(err, world.CodeNotFound) || version != 3 {
		t.Errorf("it is still there, version %d: %v", version, err)
	}
	var versions int
	var first string
	if err := super.Pool.QueryRow(ctx, `select count(*), min(product #>> '{texts,0,name}') filter (where version = 1) from product_history where slug = 'brezel'`).Scan(&versions, &first); err != nil || versions != 3 || first != "Brezel" {
		t.Errorf("%d versions are kept, the first is %s: %v", versions, first, err)
	}
}

// How a product is served is part of it: a change of that alone is a version, which
// carts and pages read, and an older one says what it was.
func TestHowAProductIsServed(t *testing.T) {
	s, super := ownerCatalog(t, true)
	ctx := t.Context()
	d := roll()
	d.Category = ""
	if _, err := s.CreateProduct(ctx, "de", catalog.Written{Draft: d}); err != nil {
		t.Fatal(err)
	}
	w, err := s.ProductDraft(ctx, "de", "brezel")
	if err != nil || w.ServedHot || w.ServedWith != "" {
		t.Fatalf("%+v, %v", w, err)
	}
	w.ServedHot, w.ServedWith = true, "utensils"
	if version, err := s.ChangeProduct(ctx, "de", 1, w); err != nil || version != 2 {
		t.Fatalf("version %d, %v", version, err)
	}
	if again, err := s.ProductDraft(ctx, "de", "brezel"); err != nil || !again.ServedHot || again.ServedWith != "utensils" {
		t.Errorf("%+v, %v", again, err)
	}
	if version, err := s.ChangeProduct(ctx, "de", 2, w); err != nil || version != 2 {
		t.Errorf("the same again is version %d, %v", version, err)
	}
	if p, _, err := s.Product(ctx, "de", "laugenbrezel", "de-DE", then); err != nil || !p.ServedHot || p.ServedWith != "utensils" {
		t.Errorf("the shop has %+v, %v", p, err)
	}
	var was string
	if err := super.Pool.QueryRow(ctx, `select string_agg((product ->> 'served_hot') || (product ->> 'served_with'), ',' order by version) from product_history where slug = 'brezel'`).Scan(&was); err != nil || was != "false,trueutensils" {
		t.Errorf("it was %q, %v", was, err)
	}
}

func TestEditsAreRefused(t *testing.T) {
	s, super := ownerCatalog(t, true)
	ctx := t.Context()
	plain := roll()
	plain.Category = ""
	if _, err := s.CreateProduct(ctx, "de", catalog.Written{Draft: plain}); err != nil {
		t.Fatal(err)
	}
	_, place := purged(t, super, 0)
	edit := func(change func(*catalog.Draft)) catalog.Draft {
		w, err := s.ProductDraft(ctx, "de", "brezel")
		if err != nil {
			t.Fatal(err)
		}
		change(&w.Draft)
		return w.Draft
	}
	change := func(expect int64, d catalog.Draft) error {
		_, err := s.ChangeProduct(ctx, "de", expect, catalog.Written{Draft: d})
		return err
	}
	another := roll()
	another.Slug, another.Category = "semmel", ""
	_, twice := s.CreateProduct(ctx, "de", catalog.Written{Draft: plain})
	_, stolen := s.CreateProduct(ctx, "de", catalog.Written{Draft: another})
	another.SKUs = []catalog.DraftSKU{{SKU: "semmel", Sold: true, Price: 50}}
	_, address := s.CreateProduct(ctx, "de", catalog.Written{Draft: another})
	_, gone := s.WithdrawProduct(ctx, "de", "nothing", 1, then)
	_, stale := s.WithdrawProduct(ctx, "de", "brezel", 7, then)
	for name, c := range map[string]struct {
		err  error
		want world.Code
	}{
		"a slug twice":         {twice, world.CodeConflict},
		"another's SKU":        {stolen, world.CodeUnprocessed},
		"another's address":    {address, world.CodeUnprocessed},
		"nothing there":        {gone, world.CodeNotFound},
		"withdrawn meanwhile":  {stale, world.CodeConflict},
		"no such category":     {change(1, edit(func(d *catalog.Draft) { d.Category = "nothing" })), world.CodeUnprocessed},
		"a SKU left out":       {change(1, edit(func(d *catalog.Draft) { d.SKUs = d.SKUs[:1] })), world.CodeUnprocessed},
		"a new one, no price":  {change(1, edit(func(d *catalog.Draft) { d.SKUs = append(d.SKUs, catalog.DraftSKU{SKU: "new", Sold: true}) })), world.CodeUnprocessed},
		"an old one, a price":  {change(1, edit(func(d *catalog.Draft) { d.SKUs[0].Price = 1 })), world.CodeUnprocessed},
		"changed meanwhile":    {change(2, edit(func(d *catalog.Draft) { d.Place = 9 })), world.CodeConflict},
		"never there":          {change(1, catalog.Draft{Slug: "nothing"}), world.CodeNotFound},
		"in a market far away": {func() error { _, err := s.CreateProduct(ctx, "us", catalog.Written{Draft: plain}); return err }(), world.CodeNotFound},
	} {
		if !world.Is(c.err, c.want) {
			t.Errorf("%s: %v, not %s", name, c.err, c.want)
		}
	}
	if groups, _ := purged(t, super, place); len(groups) != 0 {
		t.Errorf("what was refused purged %v", groups)
	}
	if w, err := s.ProductDraft(ctx, "de", "brezel"); err != nil || w.Version != 1 {
		t.Errorf("what was refused made version %d: %v", w.Version, err)
	}
}

// Of many who change what they have all read, one does.
func TestConcurrentEditsLoseNothing(t *testing.T) {
	s, _ := ownerCatalog(t, true)
	ctx := t.Context()
	const writers = 6
	var won sync.Map
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			w, err := s.ProductDraft(ctx, "de", "stollen")
			if err != nil {
				t.Error(err)
				return
			}
			w.Place = int32(i + 1)
			version, err := s.ChangeProduct(ctx, "de", w.Version, w)
			if err == nil {
				if _, twice := won.LoadOrStore(version, i); twice {
					t.Errorf("two made version %d", version)
				}
			} else if !world.Is(err, world.CodeConflict) {
				t.Error(err)
			}
			price := int64(1000 + i)
			if _, err := s.SetPrice(ctx, "de", "stollen", "base", 1, &price); err == nil {
				if _, twice := won.LoadOrStore("price", i); twice {
					t.Error("two replaced the same price")
				}
			} else if !world.Is(err, world.CodeConflict) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	w, err := s.ProductDraft(ctx, "de", "stollen")
	last, ok := won.Load(w.Version)
	if err != nil || !ok || int32(last.(int)+1) != w.Place {
		t.Errorf("version %d has place %d, made by %v: %v", w.Version, w.Place, last, err)
	}
	if p, err := s.PriceIn(ctx, "de", "stollen", "base"); err != nil || p.Version != 2 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestPriceLists(t *testing.T) {
	s, super := ownerCatalog(t, true)
	ctx := t.Context()
	from, until := then.Add(time.Hour), then.Add(24*time.Hour)
	list := catalog.List{List: "advent", Rank: 10, From: &from, Until: &until}
	if err := s.CreatePriceList(ctx, "de", list); err != nil {
		t.Fatal(err)
	}
	if err := s.CreatePriceList(ctx, "de", list); !world.Is(err, world.CodeConflict) {
		t.Errorf("twice: %v", err)
	}
	none, err := s.PriceIn(ctx, "de", "stollen", "advent")
	if err != nil || none.Version != 0 || none.Minor != nil {
		t.Fatalf("%+v, %v", none, err)
	}
	lower, same := int64(2990), int64(2990)
	_, place := purged(t, super, 0)
	version, err := s.SetPrice(ctx, "de", "stollen", "advent", 0, &lower)
	groups, place := purged(t, super, place)
	if err != nil || version != 2 || !slices.Equal(groups, []string{"de/p/stollen", "de/pages"}) {
		t.Fatalf("version %d, purged %v: %v", version, groups, err)
	}
	if again, err := s.SetPrice(ctx, "de", "stollen", "advent", 2, &same); err != nil || again != 2 {
		t.Errorf("the same again is %d, %v", again, err)
	}
	price := func(at time.Time) int64 {
		t.Helper()
		o, err := s.Draft(ctx, "de", "stollen", "de-DE", at)
		if err != nil {
			t.Fatal(err)
		}
		return o.PriceMinor
	}
	if a, b, c := price(then), price(from), price(until); a != 3200 || b != 2990 || c != 3200 {
		t.Errorf("before %d, in force %d, after %d", a, b, c)
	}
	version, err = s.ChangePriceList(ctx, "de", 1, catalog.List{List: "advent", Rank: 11})
	if err != nil || version != 2 || price(then) != 2990 {
		t.Errorf("version %d, %v: now %d", version, err, price(then))
	}
	lists, err := s.PriceLists(ctx, "de")
	if err != nil || len(lists) != 2 || lists[0].Rank != 11 || lists[0].From != nil || lists[0].Version != 2 || lists[1].List.List != "base" {
		t.Errorf("%+v, %v", lists, err)
	}
	if _, err := s.SetPrice(ctx, "de", "stollen", "advent", 2, nil); err != nil || price(then) != 3200 {
		t.Errorf("taken out it costs %d: %v", price(then), err)
	}
	_, stale := s.SetPrice(ctx, "de", "stollen", "advent", 2, &lower)
	_, base := s.SetPrice(ctx, "de", "stollen", "base", 1, nil)
	_, nolist := s.SetPrice(ctx, "de", "stollen", "never", 0, &lower)
	_, nosku := s.SetPrice(ctx, "gb", "stollen", "base", 1, &lower)
	_, old := s.ChangePriceList(ctx, "de", 1, list)
	_, nothing := s.ChangePriceList(ctx, "de", 1, catalog.List{List: "never", Rank: 1})
	for i, c := range []struct {
		err  error
		want world.Code
	}{{stale, world.CodeConflict}, {base, world.CodeUnprocessed}, {nolist, world.CodeNotFound}, {nosku, world.CodeNotFound}, {old, world.CodeConflict}, {nothing, world.CodeNotFound}} {
		if !world.Is(c.err, c.want) {
			t.Errorf("%d: %v, not %s", i, c.err, c.want)
		}
	}
	if groups, _ := purged(t, super, place); !slices.Equal(groups, []string{"de/p/stollen", "de/pages"}) {
		t.Errorf("purged %v", groups)
	}
}

func TestCategoriesAreWritten(t *testing.T) {
	s, _ := ownerCatalog(t, true)
	ctx := t.Context()
	k := catalog.Category{Category: "rolls", Place: 2, Texts: map[string]catalog.CategoryText{"de-DE": {Name: "Brötchen", Address: "broetchen"}, "de": {Name: "Semmeln", Address: "semmeln"}}}
	if err := s.CreateCategory(ctx, "de", k); err != nil {
		t.Fatal(err)
	}
	delete(k.Texts, "de")
	version, err := s.ChangeCategory(ctx, "de", 1, k)
	list, readErr := s.DraftCategories(ctx, "de")
	if err != nil || readErr != nil || version != 2 || len(list) != 1 || list[0].Version != 2 || len(list[0].Texts) != 1 || list[0].Texts["de-DE"].Name != "Brötchen" || list[0].Place != 2 {
		t.Errorf("version %d, %+v: %v, %v", version, list, err, readErr)
	}
	if _, err := s.ChangeCategory(ctx, "de", 1, k); !world.Is(err, world.CodeConflict) {
		t.Errorf("stale: %v", err)
	}
	k.Category = "buns"
	if err := s.CreateCategory(ctx, "de", k); !world.Is(err, world.CodeUnprocessed) {
		t.Errorf("another's address: %v", err)
	}
}

// What an owner has written outlives the next start of the shop.
func TestSeedLeavesEditsAlone(t *testing.T) {
	s, super := ownerCatalog(t, true)
	ctx := t.Context()
	w, err := s.ProductDraft(ctx, "de", "stollen")
	if err != nil {
		t.Fatal(err)
	}
	w.Texts["de-DE"] = catalog.DraftText{Name: "Unser Stollen", Address: "stollen"}
	if _, err := s.ChangeProduct(ctx, "de", w.Version, w); err != nil {
		t.Fatal(err)
	}
	err = postgres.SeedCatalog(ctx, super.Pool, []postgres.SeedProduct{{Market: "de", Slug: "stollen", TaxClass: "food", PriceMinor: 3200, Currency: "EUR",
		Texts: map[string]postgres.SeedText{"de-DE": {Name: "Stollen"}}}})
	if got, readErr := s.ProductDraft(ctx, "de", "stollen"); err != nil || readErr != nil || got.Texts["de-DE"].Name != "Unser Stollen" || got.Version != w.Version+1 {
		t.Errorf("%+v: %v, %v", got, err, readErr)
	}
}
