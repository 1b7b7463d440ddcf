package postgres_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/engine/catalog"
	"meridian/test/pgtest"
	"meridian/world"
)

func bulkRules() catalog.Rules {
	return catalog.Rules{Market: ownerWorld().Markets[0], Classes: []string{"bread", "cake"}, MaxPrice: 1_000_000}
}

// pantry is a catalog with a category of some rolls, and a cake beside it.
func pantry(t *testing.T, rolls int) (*postgres.CatalogStore, *postgres.Cluster) {
	t.Helper()
	s, super := ownerCatalog(t, true)
	if err := s.CreateCategory(t.Context(), "de", catalog.Category{Category: "rolls", Texts: map[string]catalog.CategoryText{"de-DE": {Name: "Brötchen"}}}); err != nil {
		t.Fatal(err)
	}
	for i := range rolls {
		slug := fmt.Sprintf("roll-%03d", i)
		d := catalog.Draft{Slug: slug, TaxClass: "bread", Category: "rolls", Texts: map[string]catalog.DraftText{"de-DE": {Name: slug}}, SKUs: []catalog.DraftSKU{{SKU: slug, Sold: true, Price: int64(100 + i)}}}
		if _, err := s.CreateProduct(t.Context(), "de", catalog.Written{Draft: d}); err != nil {
			t.Fatal(err)
		}
	}
	return s, super
}

// What a dry run shows is what is done, and nothing when by then it would be
// anything else.
func TestBulkDoesWhatItsPlanShowed(t *testing.T) {
	s, super := pantry(t, 3)
	ctx, r := t.Context(), bulkRules()
	b := catalog.Bulk{List: &catalog.List{List: "lent", Rank: 5}, Raise: &catalog.Raise{Category: "rolls", Percent: "-10", Ending: "as_it_is", Into: "lent"}}
	shown, err := s.PlanBulk(ctx, r, b, then)
	if err != nil || len(shown.Changes) != 3 {
		t.Fatalf("%+v, %v", shown, err)
	}
	_, place := purged(t, super, 0)
	if lists, _ := s.PriceLists(ctx, "de"); len(lists) != 1 {
		t.Errorf("a dry run has made lists: %+v", lists)
	}
	if p, err := s.DoBulk(ctx, r, b, "another", then); !world.Is(err, world.CodeConflict) || p.Tag() != shown.Tag() {
		t.Errorf("%+v, %v", p, err)
	}
	done, err := s.DoBulk(ctx, r, b, shown.Tag(), then.Add(time.Minute))
	if err != nil || done.Tag() != shown.Tag() {
		t.Fatalf("%+v, %v", done, err)
	}
	for _, c := range shown.Changes {
		if o, err := s.Draft(ctx, "de", c.SKU, "de-DE", then); err != nil || o.PriceMinor != *c.New || o.PriceList != "lent" {
			t.Errorf("%s costs %d of %s, not %d: %v", c.SKU, o.PriceMinor, o.PriceList, *c.New, err)
		}
	}
	groups, place := purged(t, super, place)
	if !slices.Equal(groups, []string{"de/p/roll-000", "de/p/roll-001", "de/p/roll-002", "de/pages"}) {
		t.Errorf("purged %v", groups)
	}

	// Again it is another thing: the list is there.
	if _, err := s.DoBulk(ctx, r, b, shown.Tag(), then); !world.Is(err, world.CodeConflict) {
		t.Errorf("twice: %v", err)
	}
	b.List = nil
	shown, err = s.PlanBulk(ctx, r, b, then)
	if err != nil || len(shown.Changes) != 0 || shown.Unchanged != 3 {
		t.Errorf("%+v, %v", shown, err)
	}

	// Between the showing and the doing somebody changes a price that it is reckoned by.
	b.Raise.Percent = "50"
	shown, _ = s.PlanBulk(ctx, r, b, then)
	if _, err := s.ChangePrice(ctx, "de", "roll-001", 1, 777); err != nil {
		t.Fatal(err)
	}
	_, place = purged(t, super, place)
	if _, err := s.DoBulk(ctx, r, b, shown.Tag(), then); !world.Is(err, world.CodeConflict) {
		t.Errorf("over another's change: %v", err)
	}
	if groups, _ := purged(t, super, place); len(groups) != 0 {
		t.Errorf("what was not done purged %v", groups)
	}
	if p, _ := s.PriceIn(ctx, "de", "roll-000", "lent"); *p.Minor != 90 {
		t.Errorf("half of it was done: %d", *p.Minor)
	}
}

func TestBulkPublishes(t *testing.T) {
	s, super := pantry(t, 2)
	ctx, r := t.Context(), bulkRules()
	b := catalog.Bulk{Publish: &catalog.Publish{Category: "rolls", Withdraw: true}}
	shown, err := s.PlanBulk(ctx, r, b, then)
	if err != nil || len(shown.Changes) != 2 {
		t.Fatalf("%+v, %v", shown, err)
	}
	_, place := purged(t, super, 0)
	if _, err := s.DoBulk(ctx, r, b, shown.Tag(), then); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Product(ctx, "de", "roll-000", "de-DE", then); !world.Is(err, world.CodeNotFound) {
		t.Errorf("it is still sold: %v", err)
	}
	if groups, _ := purged(t, super, place); !slices.Equal(groups, []string{"de/p/roll-000", "de/p/roll-001", "de/pages"}) {
		t.Errorf("purged %v", groups)
	}
	from := then.Add(time.Hour)
	b.Publish = &catalog.Publish{Products: []string{"roll-001", "stollen"}, From: &from}
	shown, _ = s.PlanBulk(ctx, r, b, then)
	if _, err := s.DoBulk(ctx, r, b, shown.Tag(), then); err != nil {
		t.Fatal(err)
	}
	for slug, version := range map[string]int64{"roll-000": 2, "roll-001": 3, "stollen": 2} {
		w, err := s.ProductDraft(ctx, "de", slug)
		if err != nil || w.Version != version || (slug != "roll-000") != (w.From != nil && w.From.Equal(from) && w.Until == nil) {
			t.Errorf("%s: version %d from %v until %v, %v", slug, w.Version, w.From, w.Until, err)
		}
	}
	b.Publish.Products = []string{"nothing"}
	if _, err := s.PlanBulk(ctx, r, b, then); !world.Is(err, world.CodeUnprocessed) {
		t.Errorf("nothing there: %v", err)
	}
}

// Of several who were shown the same and do it at once, one does.
func TestBulkIsDoneOnce(t *testing.T) {
	s, super := pantry(t, 8)
	ctx, r := t.Context(), bulkRules()
	b := catalog.Bulk{Raise: &catalog.Raise{Category: "rolls", Percent: "100", Ending: "as_it_is"}}
	shown, err := s.PlanBulk(ctx, r, b, then)
	if err != nil {
		t.Fatal(err)
	}
	var won, lost sync.Map
	var all sync.WaitGroup
	for i := range 5 {
		all.Go(func() {
			if _, err := s.DoBulk(ctx, r, b, shown.Tag(), then); err == nil {
				won.Store(i, true)
			} else if world.Is(err, world.CodeConflict) {
				lost.Store(i, true)
			} else {
				t.Error(err)
			}
		})
	}
	all.Wait()
	n := 0
	won.Range(func(any, any) bool { n++; return true })
	var highest int64
	if err := super.Pool.QueryRow(ctx, `select max(version) from price where sku like 'roll-%'`).Scan(&highest); err != nil || n != 1 || highest != 2 {
		t.Errorf("%d did it, the highest version is %d: %v", n, highest, err)
	}
}

func TestBulkHasALimit(t *testing.T) {
	s, super := pantry(t, 1)
	ctx := t.Context()
	const more = `insert into sku (market, sku, slug) select 'de', 'more-' || n, 'roll-000' from generate_series(1, $1) n`
	const prices = `insert into price (market, sku, version, amount_minor, currency) select 'de', 'more-' || n, 1, 100, 'EUR' from generate_series(1, $1) n`
	for _, q := range []string{more, prices} {
		if _, err := super.Pool.Exec(ctx, q, catalog.MaxBulk-1); err != nil {
			t.Fatal(err)
		}
	}
	b := catalog.Bulk{Raise: &catalog.Raise{Category: "rolls", Percent: "10"}}
	p, err := s.PlanBulk(ctx, bulkRules(), b, then)
	if err != nil || len(p.Changes)+p.Unchanged != catalog.MaxBulk {
		t.Fatalf("%d, %v", len(p.Changes), err)
	}
	if _, err := s.DoBulk(ctx, bulkRules(), b, p.Tag(), then); err != nil {
		t.Fatalf("as many as there may be: %v", err)
	}
	if err := super.Insert(ctx, `insert into sku (market, sku, slug) values ('de', 'last', 'roll-000')`); err != nil {
		t.Fatal(err)
	}
	if err := super.Insert(ctx, `insert into price (market, sku, version, amount_minor, currency) values ('de', 'last', 1, 100, 'EUR')`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PlanBulk(ctx, bulkRules(), b, then); !world.Is(err, world.CodeTooLarge) {
		t.Errorf("one more: %v", err)
	}
}

func TestBrandsAreAdopted(t *testing.T) {
	conn := pgtest.Catalog(t)
	w := ownerWorld()
	w.Main = "here"
	s, err := postgres.NewCatalogStore(w, []*postgres.Cluster{asOwner(t, "catalog-here", conn, true)})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	p := world.BrandProduct{Art: "cake", TaxClass: "cake", Texts: map[string]world.BrandText{"de-DE": {Name: "Torte"}}}
	for expect := range int64(2) {
		if version, err := s.WriteBrand(ctx, "cake", expect, p); err != nil || version != expect+1 {
			t.Fatalf("%d, %v", version, err)
		}
		p.LeadMinutes = 60
	}
	if _, err := s.WriteBrand(ctx, "cake", 1, p); !world.Is(err, world.CodeConflict) {
		t.Errorf("stale: %v", err)
	}
	if _, err := s.WriteBrand(ctx, "bread", 0, p); err != nil {
		t.Fatal(err)
	}
	first, err := s.BrandVersion(ctx, "cake", 1)
	if err != nil || first.LeadMinutes != 0 {
		t.Errorf("%+v, %v", first, err)
	}
	a := catalog.Adoption{SKUs: []catalog.DraftSKU{{SKU: "torte", Sold: true, Price: 900}}}
	adopt := catalog.Written{Draft: a.Draft("cake", first, w.Markets[0]), Brand: "cake", BrandVersion: 1}
	if _, err := s.CreateProduct(ctx, "de", adopt); err != nil {
		t.Fatal(err)
	}
	again := adopt
	again.Slug, again.SKUs = "other", []catalog.DraftSKU{{SKU: "other", Sold: true, Price: 900}}
	again.Texts = map[string]catalog.DraftText{"de-DE": {Name: "x", Address: "other"}}
	if _, err := s.CreateProduct(ctx, "de", again); !world.Is(err, world.CodeConflict) {
		t.Errorf("twice: %v", err)
	}
	list, err := s.Brands(ctx, "de", "", 10)
	if err != nil || len(list) != 2 || list[1].Slug != "cake" || list[1].Adopted != 1 || list[1].Version != 2 || list[1].Product.LeadMinutes != 60 || list[0].Slug != "" {
		t.Errorf("%+v, %v", list, err)
	}
	if rest, err := s.Brands(ctx, "de", "bread", 1); err != nil || len(rest) != 1 || rest[0].Brand != "cake" {
		t.Errorf("%+v, %v", rest, err)
	}
	if other, err := s.Brand(ctx, "gb", "cake"); err != nil || other.Slug != "" {
		t.Errorf("another market's: %+v, %v", other, err)
	}
	have, err := s.ProductDraft(ctx, "de", "cake")
	if err != nil || have.Brand != "cake" || have.BrandVersion != 1 {
		t.Fatalf("%+v, %v", have, err)
	}
	have.BrandVersion, have.LeadMinutes = 2, 60
	if _, err := s.ChangeProduct(ctx, "de", have.Version, have); err != nil {
		t.Fatal(err)
	}
	have.BrandVersion = 0 // an edit of its own
	have.Place = 4
	if _, err := s.ChangeProduct(ctx, "de", have.Version+1, have); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Brand(ctx, "de", "cake"); err != nil || got.Adopted != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := s.Brand(ctx, "de", "nothing"); !world.Is(err, world.CodeNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := s.BrandVersion(ctx, "cake", 9); !world.Is(err, world.CodeNotFound) {
		t.Errorf("%v", err)
	}
}
