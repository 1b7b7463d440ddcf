package owner

import (
	"encoding/json"
	"slices"
	"time"

	"meridian/engine/catalog"
	"meridian/role/owner/api"
	"meridian/world"
)

// What the API's document gives as examples.
var (
	exampleSince = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	exampleSKU   = api.SKU{SKU: "brezel", Sort: "4 Stück", Base: api.Amount{Minor: 520, Currency: "EUR"}, BaseVersion: 4,
		Price: api.Amount{Minor: 450, Currency: "EUR"}, PriceList: "advent"}
	exampleProducts = api.ProductList{Products: []api.Product{{Slug: "brezel", Version: 3, Name: "Brezel", Category: "rolls", Brand: "pretzel", TaxClass: "bread", SKUs: []api.SKU{exampleSKU}}}}
	examplePrices   = api.Prices{SKU: exampleSKU, Product: "brezel", Former: []api.Price{{Version: 4, Price: api.Amount{Minor: 520, Currency: "EUR"}, Since: exampleSince}}}

	exampleDraft = catalog.Draft{Slug: "brezel", Category: "rolls", TaxClass: "bread", Place: 7, Allergens: []world.Allergen{"wheat"}, MayContain: []world.Allergen{"sesame"},
		Texts: map[string]catalog.DraftText{"de-DE": {Name: "Brezel", Description: "Außen rösch, innen weich.", Ingredients: "*Weizen*mehl, Wasser, Salz", Address: "brezel"}},
		SKUs:  []catalog.DraftSKU{{SKU: "brezel", Names: map[string]string{"de-DE": "4 Stück"}, Sold: true, Net: 360, NetUnit: "g"}}}
	exampleVersion   = api.ProductVersion{Version: 3, Since: exampleSince, Product: exampleDraft}
	exampleNew       = priced(exampleDraft, 520)
	exampleCategory  = catalog.Category{Category: "rolls", Place: 1, Texts: map[string]catalog.CategoryText{"de-DE": {Name: "Brötchen", Address: "broetchen"}}}
	exampleList      = catalog.List{List: "advent", Rank: 10, From: &exampleSince}
	exampleListPrice = api.ListPrice{SKU: "brezel", List: "advent", Version: 5, Price: &api.Amount{Minor: 450, Currency: "EUR"}}

	exampleBulk = catalog.Bulk{DryRun: true, Raise: &catalog.Raise{Category: "rolls", Percent: "5.5", Ending: "end_99", Into: "advent"}}
	examplePlan = catalog.Plan{Changes: []catalog.Change{{SKU: "brezel", Product: "brezel", List: "advent", New: &example549, Base: &exampleBase}}, Unchanged: 3, Lists: map[string]int64{"advent": 1}}
	example549  = int64(549)
	exampleBase = int64(520)

	exampleBrand = catalog.Brand{Brand: "pretzel", Version: 2, Slug: "brezel", Adopted: 1, Product: world.BrandProduct{Art: "brezel", TaxClass: "bread", Allergens: []world.Allergen{"wheat"}, MayContain: []world.Allergen{},
		Texts: map[string]world.BrandText{"de-DE": {Name: "Brezel", Description: "Außen rösch, innen weich."}}}}
	exampleAdoption    = catalog.Adoption{Slug: "brezel", Category: "rolls", SKUs: exampleNew.SKUs}
	exampleDifferences = api.Differences{Slug: "brezel", Base: 1, Head: 2, Differences: []catalog.Difference{
		{Field: "texts.de-DE.name", Changed: catalog.Local, Base: json.RawMessage(`"Brezel"`), Head: json.RawMessage(`"Brezel"`), Local: json.RawMessage(`"Brezn"`)}}}

	exampleOrder = orderInFull(world.Order{
		ID: "aaaaaaaaaaaaaaaaaaaaaaaaaa", Number: "SC-DE-7K3M9Q", State: world.OrderPlaced, Version: 1, PlacedAt: exampleSince, Currency: "EUR",
		Method: world.PayCard, Fulfilment: world.PickUp, Jurisdiction: "DE", NetMinor: 972, TaxMinor: 68, TotalMinor: 1040,
		Contact: world.Contact{Name: "Ada Lovelace", Email: "ada@example.org"},
		Slot:    world.OrderSlot{ID: "pickup-2026-11-23-0900", Start: exampleSince.Add(71 * time.Hour), End: exampleSince.Add(72 * time.Hour)},
		Lines:   []world.OrderLine{{SKU: "brezel", Name: "Brezel, 4 Stück", Quantity: 2, UnitMinor: 520, LineMinor: 1040, PriceVersion: 4, Product: "brezel", ProductVersion: 3}},
		Taxes:   []world.OrderTax{{Label: "MwSt. 7 %", Rate: "7", NetMinor: 972, TaxMinor: 68, Jurisdiction: "DE", Levy: "vat", Source: "UStG §12(2) No.1"}},
	})
	exampleOrders = api.OrderList{Orders: []api.OrderCard{exampleOrder.OrderCard}, Next: "1795165200000000.aaaaaaaaaaaaaaaaaaaaaaaaaa"}
)

// priced is a new product whose SKUs cost as much.
func priced(d catalog.Draft, minor int64) catalog.Draft {
	d.SKUs = slices.Clone(d.SKUs)
	for i := range d.SKUs {
		d.SKUs[i].Price = minor
	}
	return d
}
