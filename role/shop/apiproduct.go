package shop

import (
	"meridian/role/shop/api"
	"meridian/world"
)

func (at *site) amount(minor int64) api.Amount {
	return api.Amount{Minor: minor, Currency: at.market.Currency, Text: at.money(minor)}
}

func (s *Shop) apiCard(at *site, p world.Product) api.Card {
	out := api.Card{
		Slug: p.Slug, Page: at.prefix + "/p/" + p.Address, Name: p.Name, Description: p.Description, Category: p.Category,
		Featured: p.Featured, TakesPhoto: p.TakesPhoto, LeadHours: int(p.Lead.Hours()), Picture: s.apiPicture(p.Picture), SKUs: []api.SKU{},
	}
	for _, k := range p.SKUs {
		out.SKUs = append(out.SKUs, at.apiSKU(k))
	}
	return out
}

func (at *site) apiSKU(k world.SKU) api.SKU {
	out := api.SKU{SKU: k.Key, Sort: k.Sort, Price: at.amount(k.PriceMinor), Available: !k.SoldOut, PriceVersion: k.PriceVersion}
	if k.Net > 0 {
		out.Net = &api.Net{Quantity: k.Net, Unit: k.NetUnit}
	}
	if minor, unit := at.perUnit(k); unit != "" {
		out.UnitPrice = &api.UnitPrice{Amount: at.amount(minor), Unit: unit}
	}
	if k.PriceMinor < k.BaseMinor {
		usual := at.amount(k.BaseMinor)
		out.Usual = &usual
		if k.PriorMinor > 0 {
			prior := at.amount(k.PriorMinor)
			out.Prior = &prior
		}
	}
	return out
}

func (s *Shop) apiPicture(p world.Picture) *api.Picture {
	if p.MediaID == "" {
		return nil
	}
	g := s.onGrid(p, productWidth)
	return &api.Picture{URL: g.src, Srcset: g.srcset, Width: g.width, Height: g.height, Color: p.Color}
}

func (s *Shop) apiFull(at *site, p world.Product) api.Product {
	out := api.Product{Card: s.apiCard(at, p), Version: p.Version, TaxNote: s.taxNote(at, p), Ingredients: p.Ingredients, AllergenNote: p.AllergenNote,
		Allergens: codesOf(p.Allergens), MayContain: codesOf(p.MayContain)}
	if p.Nutrition.Known() {
		n := api.Nutrition(p.Nutrition)
		out.Nutrition = &n
	}
	return out
}

func codesOf(list []world.Allergen) []string {
	out := []string{}
	for _, a := range list {
		out = append(out, string(a))
	}
	return out
}
