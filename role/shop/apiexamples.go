package shop

import (
	"time"

	"meridian/role/shop/api"
)

// What the API's document gives as examples.
var (
	exampleCard = api.Card{
		Slug: "schwarzwaelder-kirschtorte", Page: "/p/schwarzwaelder-kirschtorte", Name: "Schwarzwälder Kirschtorte",
		Description: "Dunkler Schokoladenbiskuit, Sauerkirschen und viel frische Sahne.", Category: "cakes", Featured: true, LeadHours: 24,
		Picture: &api.Picture{URL: "/img/sweet-crumbs/2abcdefghjkmnpqr/v3/auto/960x720", Srcset: "/img/sweet-crumbs/2abcdefghjkmnpqr/v3/auto/480x360 480w, /img/sweet-crumbs/2abcdefghjkmnpqr/v3/auto/960x720 960w",
			Width: 960, Height: 720, Color: "#aa7744"},
		SKUs: []api.SKU{
			{SKU: "schwarzwaelder-kirschtorte", Sort: "20 cm", Net: &api.Net{Quantity: 1400, Unit: "g"}, Available: true, PriceVersion: 7,
				Price: euros(3490, "34,90 €"), Usual: pointer(euros(3990, "39,90 €")), UnitPrice: &api.UnitPrice{Amount: euros(2493, "24,93 €"), Unit: "kg"}},
			{SKU: "schwarzwaelder-kirschtorte-26cm", Sort: "26 cm", Net: &api.Net{Quantity: 2400, Unit: "g"}, Available: true, PriceVersion: 1,
				Price: euros(5490, "54,90 €"), UnitPrice: &api.UnitPrice{Amount: euros(2288, "22,88 €"), Unit: "kg"}},
		},
	}
	exampleList    = api.ProductList{Products: []api.Card{exampleCard}, Next: "MTIvYnJvdA"}
	exampleProduct = api.Product{
		Card: exampleCard, Version: 3, TaxNote: "enthält 7 % MwSt.", Ingredients: "*Sahne*, Sauerkirschen, Zucker, *Eier*, *Weizen*mehl",
		Allergens: []string{"milk", "egg", "wheat"}, MayContain: []string{"hazelnut"},
		Nutrition: &api.Nutrition{EnergyKJ: 1250, EnergyKcal: 300, FatMg: 19000, SaturatesMg: 12000, CarbohydrateMg: 28000, SugarsMg: 20000, ProteinMg: 4500, SaltMg: 200},
	}
	exampleCategories = api.CategoryList{Categories: []api.Category{{Key: "cakes", Page: "/c/torten-und-kuchen", Name: "Torten und Kuchen", Description: "Für Geburtstage und lange Nachmittage."}}}
	exampleSlots      = api.SlotList{Slots: []api.Slot{{ID: "pickup-2026-11-23-0900", Start: exampleNine, End: exampleNine.Add(time.Hour), Closes: exampleNine.Add(-2 * time.Hour)}}}
	exampleNine       = time.Date(2026, 11, 23, 9, 0, 0, 0, time.FixedZone("CET", 3600))
	exampleMarket     = api.Market{
		ID: "de", Name: "Deutschland", Country: "DE", Currency: "EUR", Digits: 2, Locale: "de-DE", Locales: []api.Locale{{Tag: "de-DE", Base: apiBase}},
		TimeZone: "Europe/Berlin", Prices: "inclusive", Fulfilments: []string{"delivery", "pickup", "eat_in"}, PaymentMethods: []string{"card", "on_collection"}, MaxQuantity: 48, MaxLines: 40,
		Address: api.Address{PostalPattern: `\d{5}`, PostalExample: "10115", States: []string{}},
	}
)

func euros(minor int64, text string) api.Amount {
	return api.Amount{Minor: minor, Currency: "EUR", Text: text}
}

func pointer[T any](v T) *T { return &v }
