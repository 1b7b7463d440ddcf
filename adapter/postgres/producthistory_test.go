package postgres_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"meridian/engine/catalog"
	"meridian/world"
)

// What an order was sold by is read from it for ever, whatever becomes of the product.
func TestAnOrderShowsWhatItWasSoldBy(t *testing.T) {
	products, _ := ownerCatalog(t, true) // with the owners' rights and no more
	orders, _ := newOrders(t, map[string]int{"brezel-4": 7})
	ctx := t.Context()
	from := then.Add(-time.Hour)
	sold := roll()
	sold.From = &from
	if err := products.CreateCategory(ctx, "de", catalog.Category{Category: "rolls", Texts: map[string]catalog.CategoryText{"de-DE": {Name: "Brötchen"}}}); err != nil {
		t.Fatal(err)
	}
	version, err := products.CreateProduct(ctx, "de", catalog.Written{Draft: sold})
	if err != nil {
		t.Fatal(err)
	}
	o := ordered(t, orders, map[string]int{"brezel-4": 1})
	o.Lines[0].Product, o.Lines[0].ProductVersion = "brezel", version
	if o, _, err = orders.Place(ctx, o, "key-0123456789abcdef", draw); err != nil {
		t.Fatal(err)
	}

	changed := roll()
	changed.Allergens, changed.MayContain, changed.Nutrition, changed.TaxClass = []world.Allergen{"wheat", "sesame"}, nil, nil, "cake"
	changed.Texts = map[string]catalog.DraftText{"de-DE": {Name: "Sesamring"}}
	changed.SKUs[0].Names, changed.SKUs[0].Price, changed.SKUs[1].Price = map[string]string{"de-DE": "5 Stück"}, 0, 0
	if _, err := products.ChangeProduct(ctx, "de", version, catalog.Written{Draft: changed}); err != nil {
		t.Fatal(err)
	}
	if _, err := products.WithdrawProduct(ctx, "de", "brezel", version+1, then); err != nil {
		t.Fatal(err)
	}

	kept, err := orders.Order(ctx, o.ID)
	if err != nil {
		t.Fatal(err)
	}
	got, err := products.ProductVersion(ctx, "de", kept.Lines[0].Product, kept.Lines[0].ProductVersion)
	if err != nil {
		t.Fatal(err)
	}
	sold.SKUs[0].Price, sold.SKUs[1].Price = 0, 0
	if got.Version != version || got.Since.IsZero() || !slices.Equal(got.Allergens, sold.Allergens) || !slices.Equal(got.MayContain, sold.MayContain) || *got.Nutrition != *sold.Nutrition ||
		got.TaxClass != "bread" || got.Category != "rolls" || !got.From.Equal(from) || got.Until != nil || fmt.Sprint(got.Texts, got.SKUs) != fmt.Sprint(sold.Texts, sold.SKUs) {
		t.Errorf("it was sold as %+v\nnot as %+v", got, sold)
	}
	for n, want := range map[int64]string{version + 1: "[wheat sesame]", version + 2: "[wheat sesame]"} {
		if f, err := products.ProductVersion(ctx, "de", "brezel", n); err != nil || fmt.Sprint(f.Allergens) != want || f.Texts["de-DE"].Name != "Sesamring" || (f.Until != nil) != (n == version+2) {
			t.Errorf("version %d: %+v, %v", n, f, err)
		}
	}
	for _, of := range []struct {
		market, slug string
		version      int64
	}{{"de", "brezel", version + 9}, {"de", "brezel", 0}, {"de", "scone", 1}, {"gb", "brezel", version}} {
		if _, err := products.ProductVersion(ctx, of.market, of.slug, of.version); !world.Is(err, world.CodeNotFound) {
			t.Errorf("%v: %v", of, err)
		}
	}
}
