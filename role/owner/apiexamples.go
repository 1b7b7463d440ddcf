package owner

import (
	"time"

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

	exampleOrder = orderInFull(world.Order{
		ID: "aaaaaaaaaaaaaaaaaaaaaaaaaa", Number: "SC-DE-7K3M9Q", State: world.OrderPlaced, Version: 1, PlacedAt: exampleSince, Currency: "EUR",
		Method: world.PayCard, Fulfilment: world.PickUp, Jurisdiction: "DE", NetMinor: 972, TaxMinor: 68, TotalMinor: 1040,
		Contact: world.Contact{Name: "Ada Lovelace", Email: "ada@example.org"},
		Slot:    world.OrderSlot{ID: "pickup-2026-11-23-0900", Start: exampleSince.Add(71 * time.Hour), End: exampleSince.Add(72 * time.Hour)},
		Lines:   []world.OrderLine{{Slug: "brezel", Name: "Brezel, 4 Stück", Quantity: 2, UnitMinor: 520, LineMinor: 1040, PriceVersion: 4}},
		Taxes:   []world.OrderTax{{Label: "MwSt. 7 %", Rate: "7", NetMinor: 972, TaxMinor: 68}},
	})
	exampleOrders = api.OrderList{Orders: []api.OrderCard{exampleOrder.OrderCard}, Next: "1795165200000000.aaaaaaaaaaaaaaaaaaaaaaaaaa"}
)
