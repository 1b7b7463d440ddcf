package catalog_test

import (
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"meridian/engine/catalog"
	"meridian/world"
)

func branded(name, about string, allergens ...world.Allergen) world.BrandProduct {
	return world.BrandProduct{Art: "cake", TaxClass: "cake", Allergens: allergens, Texts: map[string]world.BrandText{"de-DE": {Name: name, Description: about}, "ja-JP": {Name: "ケーキ"}}}
}

func TestUpdateKeepsWhatTheMarketChanged(t *testing.T) {
	m := world.Market{ID: "de", Currency: "EUR", Locales: []string{"de-DE"}}
	base, head := branded("Torte", "Süß.", "egg", "milk"), branded("Kuchen", "Sehr süß.", "milk", "egg", "wheat")
	d := catalog.Adoption{Category: "cakes", TaxClass: "bread", SKUs: []catalog.DraftSKU{{SKU: "torte", Sold: true, Price: 900}}}.Draft("cake", base, m)
	if d.Slug != "cake" || d.TaxClass != "bread" || len(d.Texts) != 1 || d.Texts["de-DE"].Name != "Torte" {
		t.Fatalf("%+v", d)
	}
	d.Texts["de-DE"] = catalog.DraftText{Name: "Unsere Torte", Description: "Süß.", Address: "torte", AllergenNote: "ja"}
	mine := d.Branded()
	if got := changed(catalog.Differences(base, head, mine, catalog.Locales(m, base, head, mine))); got != "allergens head; tax_class local; texts.de-DE.description head; texts.de-DE.name both" {
		t.Errorf("they differ in %s", got)
	}
	next, left, err := d.UpTo(base, head, m, nil)
	if err != nil || changed(left) != "tax_class local; texts.de-DE.name both" || next.Texts["de-DE"] != (catalog.DraftText{Name: "Unsere Torte", Description: "Sehr süß.", Address: "torte", AllergenNote: "ja"}) ||
		len(next.Allergens) != 3 || next.TaxClass != "bread" || next.Category != "cakes" || len(next.SKUs) != 1 {
		t.Errorf("%+v, %s, %v", next, changed(left), err)
	}
	next, left, err = d.UpTo(base, head, m, []string{"texts.de-DE.name"})
	if err != nil || next.Texts["de-DE"].Name != "Kuchen" || changed(left) != "tax_class local" {
		t.Errorf("%+v, %s, %v", next, changed(left), err)
	}
	if _, _, err := d.UpTo(base, head, m, []string{"slug"}); !world.Is(err, world.CodeInvalid) {
		t.Errorf("a field that is none: %v", err)
	}
}

func changed(list []catalog.Difference) (out string) {
	for i, d := range list {
		if i > 0 {
			out += "; "
		}
		out += d.Field + " " + d.Changed
	}
	return out
}

// Of each field an update takes head office's where the market left it alone, and
// else leaves the market's; it ends there.
func TestMergeByFields(t *testing.T) {
	locales := []string{"de-DE"}
	product := rapid.Custom(func(t *rapid.T) world.BrandProduct {
		p := world.BrandProduct{Art: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "art"), TaxClass: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "class"), TakesPhoto: rapid.Bool().Draw(t, "photo"),
			ServedHot: rapid.Bool().Draw(t, "hot"), ServedWith: rapid.SampledFrom([]string{"", "utensils", "gift"}).Draw(t, "with"),
			LeadMinutes: rapid.IntRange(0, 2).Draw(t, "lead"), Allergens: rapid.SampledFrom([][]world.Allergen{nil, {"egg"}, {"egg", "milk"}, {"milk", "egg"}}).Draw(t, "allergens"),
			Texts: map[string]world.BrandText{"de-DE": {Name: rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "name")}}}
		p.Nutrition.FatMg = rapid.IntRange(0, 2).Draw(t, "fat")
		return p
	})
	rapid.Check(t, func(t *rapid.T) {
		base, head, local := product.Draw(t, "base"), product.Draw(t, "head"), product.Draw(t, "local")
		merged, left := catalog.Merge(base, head, local, locales, nil)
		for _, c := range []struct {
			field string
			of    func(world.BrandProduct) any
		}{
			{"art", func(p world.BrandProduct) any { return p.Art }}, {"lead_minutes", func(p world.BrandProduct) any { return p.LeadMinutes }},
			{"takes_photo", func(p world.BrandProduct) any { return p.TakesPhoto }}, {"nutrition", func(p world.BrandProduct) any { return p.Nutrition }},
			{"served_hot", func(p world.BrandProduct) any { return p.ServedHot }}, {"served_with", func(p world.BrandProduct) any { return p.ServedWith }},
			{"texts.de-DE.name", func(p world.BrandProduct) any { return p.Texts["de-DE"].Name }},
		} {
			want := c.of(local)
			if reflect.DeepEqual(c.of(base), want) {
				want = c.of(head)
			}
			if got := c.of(merged); got != want {
				t.Fatalf("%s is %v, not %v: base %v, head %v, local %v", c.field, got, want, c.of(base), c.of(head), c.of(local))
			}
		}
		again, left2 := catalog.Merge(head, head, merged, locales, nil)
		if fmt.Sprintf("%+v", again) != fmt.Sprintf("%+v", merged) || len(left2) != len(left) {
			t.Fatalf("a second update changes %+v to %+v", merged, again)
		}
		var all []string
		for _, d := range left {
			all = append(all, d.Field)
		}
		if _, left := catalog.Merge(base, head, local, locales, all); len(left) != 0 {
			t.Fatalf("all was taken, and %s is left", changed(left))
		}
	})
}

func TestCheckBrand(t *testing.T) {
	if err := rules.CheckBrand("cake", branded("x", "")); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*world.BrandProduct){
		"no words": func(p *world.BrandProduct) { p.Texts = nil }, "served with what": func(p *world.BrandProduct) { p.ServedWith = "plates" }, "no class": func(p *world.BrandProduct) { p.TaxClass = "" }, "no locale": func(p *world.BrandProduct) { p.Texts = map[string]world.BrandText{"German": {Name: "x"}} },
		"no name": func(p *world.BrandProduct) { p.Texts["de-DE"] = world.BrandText{} }, "an allergen": func(p *world.BrandProduct) { p.Allergens = []world.Allergen{"x"} },
		"a lead": func(p *world.BrandProduct) { p.LeadMinutes = -1 }, "nutrition": func(p *world.BrandProduct) { p.Nutrition.SaltMg = -1 },
	} {
		p := branded("x", "")
		change(&p)
		if err := rules.CheckBrand("cake", p); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
