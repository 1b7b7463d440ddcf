package catalog_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"meridian/engine/catalog"
	"meridian/world"
)

var rules = catalog.Rules{Market: world.Market{ID: "in", Currency: "INR", Locales: []string{"en-IN", "hi-IN"}}, Classes: []string{"bread", "cake"}, MaxPrice: 1000}

func good() catalog.Draft {
	return catalog.Draft{Slug: "bun", TaxClass: "bread", Allergens: []world.Allergen{"wheat"}, MayContain: []world.Allergen{"egg"},
		Texts: map[string]catalog.DraftText{"en-IN": {Name: "Bun"}, "hi": {Name: "पाव"}}, SKUs: []catalog.DraftSKU{{SKU: "bun", Sold: true, Price: 1000}}}
}

func TestCheckNamesTheField(t *testing.T) {
	if err := rules.Check(good()); err != nil {
		t.Fatal(err)
	}
	day := func(d int) *time.Time { t := time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC); return &t }
	far := time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)
	words := func(change func(*catalog.DraftText)) func(*catalog.Draft) {
		return func(d *catalog.Draft) {
			t := d.Texts["en-IN"]
			change(&t)
			d.Texts["en-IN"] = t
		}
	}
	sku := func(change func(*catalog.DraftSKU)) func(*catalog.Draft) {
		return func(d *catalog.Draft) { change(&d.SKUs[0]) }
	}
	for field, changes := range map[string][]func(*catalog.Draft){
		"":                    {func(d *catalog.Draft) { d.From, d.Until = day(1), day(2) }, words(func(t *catalog.DraftText) { t.Name = strings.Repeat("ब", catalog.MaxName) })},
		"slug":                {func(d *catalog.Draft) { d.Slug = "" }, func(d *catalog.Draft) { d.Slug = "-a" }, func(d *catalog.Draft) { d.Slug = strings.Repeat("a", 61) }, func(d *catalog.Draft) { d.Slug = "É" }},
		"category":            {func(d *catalog.Draft) { d.Category = "A" }},
		"tax_class":           {func(d *catalog.Draft) { d.TaxClass = "gold" }, func(d *catalog.Draft) { d.TaxClass = "" }},
		"served_with":         {func(d *catalog.Draft) { d.ServedWith = "plates" }},
		"lead_minutes":        {func(d *catalog.Draft) { d.LeadMinutes = -1 }, func(d *catalog.Draft) { d.LeadMinutes = catalog.MaxLead + 1 }},
		"published_until":     {func(d *catalog.Draft) { d.From, d.Until = day(2), day(2) }, func(d *catalog.Draft) { d.Until = &far }},
		"allergens":           {func(d *catalog.Draft) { d.Allergens = []world.Allergen{"joy"} }, func(d *catalog.Draft) { d.Allergens = []world.Allergen{"egg", "egg"} }},
		"may_contain":         {func(d *catalog.Draft) { d.MayContain = []world.Allergen{"wheat"} }},
		"nutrition":           {func(d *catalog.Draft) { d.Nutrition = &world.Nutrition{} }},
		"nutrition.energy_kj": {func(d *catalog.Draft) { d.Nutrition = &world.Nutrition{EnergyKJ: 3701} }},
		"nutrition.sugars_mg": {func(d *catalog.Draft) { d.Nutrition = &world.Nutrition{CarbohydrateMg: 5, SugarsMg: 6} }},
		"texts": {func(d *catalog.Draft) { d.Texts = nil }, func(d *catalog.Draft) { delete(d.Texts, "en-IN") },
			func(d *catalog.Draft) { d.Texts["fr-FR"] = catalog.DraftText{Name: "Pain"} }},
		"texts.en-IN.name":        {words(func(t *catalog.DraftText) { t.Name = " " }), words(func(t *catalog.DraftText) { t.Name = strings.Repeat("ब", catalog.MaxName+1) }), words(func(t *catalog.DraftText) { t.Name = "a\x00" })},
		"texts.en-IN.description": {words(func(t *catalog.DraftText) { t.Description = strings.Repeat("a", catalog.MaxDescription+1) }), words(func(t *catalog.DraftText) { t.Description = "\xff" })},
		"texts.en-IN.address":     {words(func(t *catalog.DraftText) { t.Address = "a/b" })},
		"skus":                    {func(d *catalog.Draft) { d.SKUs = nil }},
		"skus[0].sku":             {sku(func(k *catalog.DraftSKU) { k.SKU = "a b" })},
		"skus[0].net":             {sku(func(k *catalog.DraftSKU) { k.Net = 1 }), sku(func(k *catalog.DraftSKU) { k.NetUnit = "g" }), sku(func(k *catalog.DraftSKU) { k.Net, k.NetUnit = catalog.MaxNet+1, "g" })},
		"skus[0].price":           {sku(func(k *catalog.DraftSKU) { k.Price = 1001 }), sku(func(k *catalog.DraftSKU) { k.Price = -1 })},
		"skus[0].names":           {sku(func(k *catalog.DraftSKU) { k.Names = map[string]string{"hi-IN": "एक"} })},
		"skus[1].sku":             {func(d *catalog.Draft) { d.SKUs = append(d.SKUs, d.SKUs[0]) }},
	} {
		for i, change := range changes {
			d := good()
			change(&d)
			err := rules.Check(d)
			if (err == nil) != (field == "") || err != nil && (!world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), " "+field+": ")) {
				t.Errorf("%s, %d: %v", field, i, err)
			}
		}
	}
}

// What could not be taxed is refused with the reason; a product with other faults is
// not asked for.
func TestCheckAsksForTheTax(t *testing.T) {
	r := rules
	r.Taxed = func(d catalog.Draft) error {
		if d.ServedHot && d.ServedWith == "utensils" {
			return world.E(world.CodeUnprocessed, "", "no cgst rule")
		}
		return nil
	}
	d := good()
	d.ServedWith = "utensils"
	if err := r.Check(d); err != nil {
		t.Error(err)
	}
	d.ServedHot = true
	if err := r.Check(d); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), "served_hot") || !strings.Contains(err.Error(), "no cgst rule") {
		t.Errorf("%v", err)
	}
	d.TaxClass = "gold"
	if err := r.Check(d); err == nil || strings.Contains(err.Error(), "no cgst rule") {
		t.Errorf("%v", err)
	}
}

func TestCheckBoundsWhatItTells(t *testing.T) {
	d := good()
	d.SKUs = nil
	for i := range catalog.MaxSKUs + 1 {
		d.SKUs = append(d.SKUs, catalog.DraftSKU{SKU: fmt.Sprint("Bad", i), Price: -1})
	}
	if err := rules.Check(d); !world.Is(err, world.CodeInvalid) || len(err.Error()) > 1500 {
		t.Errorf("%v", err)
	}
	d.SKUs = d.SKUs[:0]
	for i := range catalog.MaxSKUs {
		d.SKUs = append(d.SKUs, catalog.DraftSKU{SKU: fmt.Sprint("b", i), Names: map[string]string{"en": fmt.Sprint(i)}})
	}
	if err := rules.Check(d); err != nil {
		t.Errorf("as many as there may be: %v", err)
	}
}

func TestCheckOfCategoriesListsAndPrices(t *testing.T) {
	ok := map[string]catalog.CategoryText{"en-IN": {Name: "Buns"}}
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"a category":    {rules.CheckCategory(catalog.Category{Category: "buns", Texts: ok}), true},
		"its key":       {rules.CheckCategory(catalog.Category{Category: "Buns", Texts: ok}), false},
		"its words":     {rules.CheckCategory(catalog.Category{Category: "buns"}), false},
		"a list":        {rules.CheckList(catalog.List{List: "diwali", Rank: catalog.MaxRank}), true},
		"its rank":      {rules.CheckList(catalog.List{List: "diwali", Rank: catalog.MaxRank + 1}), false},
		"the base list": {rules.CheckList(catalog.List{List: "base", Rank: 1}), false},
		"a price":       {rules.CheckPrice("minor", 1000), true},
		"free":          {rules.CheckPrice("minor", 0), false},
		"too dear":      {rules.CheckPrice("minor", 1001), false},
	} {
		if (c.err == nil) != c.want || c.err != nil && !world.Is(c.err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
}
