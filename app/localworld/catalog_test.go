package localworld

import (
	"slices"
	"testing"

	"meridian/world"
)

// What the catalogs name is known: allergens, and the brand products of the main
// region.
func TestShippedCatalogsNameWhatIsKnown(t *testing.T) {
	w := &world.World{Main: "us-east"}
	for id, currency := range map[string]string{"us": "USD", "gb": "GBP", "de": "EUR", "jp": "JPY", "in": "INR"} {
		w.Markets = append(w.Markets, world.Market{ID: id, Currency: currency, HomeRegion: "us-east"})
	}
	seed, err := (&plan{w: w}).seed("us-east")
	if err != nil || len(seed.Markets) != 5 || len(seed.Products) < 80 {
		t.Fatalf("%d markets, %d products, %v", len(seed.Markets), len(seed.Products), err)
	}
	brands := map[string]bool{}
	for _, b := range seed.Brands {
		brands[b.Brand] = true
	}
	for _, p := range seed.Products {
		for _, a := range slices.Concat(p.Allergens, p.MayContain) {
			if !slices.Contains(world.Allergens(), a) {
				t.Errorf("%s/%s: there is no allergen %q", p.Market, p.Slug, a)
			}
		}
		if p.Brand != "" && !brands[p.Brand] {
			t.Errorf("%s/%s: there is no brand product %q", p.Market, p.Slug, p.Brand)
		}
	}
	for _, m := range seed.Markets {
		if len(m.Slots) == 0 || len(m.Promotions) == 0 || len(m.Lists) == 0 || len(m.Categories) == 0 {
			t.Errorf("%s begins without something: %+v", m.Market, m)
		}
	}
}
