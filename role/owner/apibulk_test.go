package owner

import (
	"testing"

	"meridian/engine/catalog"
	"meridian/role/owner/api"
	"meridian/world"
)

func TestAPIBulkWantsItsPlan(t *testing.T) {
	d := newDesk(t, tokenFor([]string{"de"}, WriteProducts))
	const dry, real = `{"dry_run":true,"raise":{"percent":"10","ending":"whole"}}`, `{"raise":{"percent":"10","ending":"whole"}}`
	w := d.tell("POST", "/bulk", "", dry)
	plan, tag := read[catalog.Plan](t, w), w.Header().Get("ETag")
	if len(plan.Changes) != 1 || *plan.Changes[0].Old != 3200 || *plan.Changes[0].New != 3500 || plan.Tag() == "" || tag != `"`+plan.Tag()+`"` {
		t.Fatalf("%s %+v", tag, plan)
	}
	for name, c := range map[string]struct {
		ifMatch, body string
		status        int
	}{
		"without": {"", real, 428}, "whatever it is": {"*", real, 412}, "another": {`"abc"`, real, 412}, "weakly": {"W/" + tag, real, 412},
		"that of another change": {tag, `{"raise":{"percent":"10.5","ending":"whole"}}`, 200}, // which comes to the same price
		"two at once":            {tag, `{"raise":{"percent":"11"},"publish":{"category":"x"}}`, 400},
		"no list":                {tag, `{"raise":{"percent":"11","into":"never"}}`, 422},
	} {
		d.shelf.prices["stollen/base"] = catalog.ListPrice{Version: 3, Minor: plan.Changes[0].Old}
		if w := d.tell("POST", "/bulk", c.ifMatch, c.body); w.Code != c.status {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	d.shelf.prices["stollen/base"] = catalog.ListPrice{Version: 3, Minor: plan.Changes[0].Old}
	d.shelf.race = func() {
		d.shelf.prices["stollen/base"] = catalog.ListPrice{Version: 4, Minor: plan.Changes[0].Old}
	}
	if w := d.tell("POST", "/bulk", tag, real); w.Code != 412 || w.Header().Get("ETag") == tag || *d.shelf.prices["stollen/base"].Minor != 3200 {
		t.Errorf("somebody was faster: %d %v", w.Code, w.Header())
	}
	d.shelf.race = nil
	tag = d.tell("POST", "/bulk", "", dry).Header().Get("ETag")
	if w := d.tell("POST", "/bulk", tag, real); w.Code != 200 || *d.shelf.prices["stollen/base"].Minor != 3500 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAPIBrands(t *testing.T) {
	d := newDesk(t, tokenFor([]string{"de"}, ReadProducts, WriteProducts, WriteBrand))
	head := world.BrandProduct{Art: "cake", TaxClass: "cake", Allergens: []world.Allergen{"egg"}, MayContain: []world.Allergen{}, Texts: map[string]world.BrandText{"de-DE": {Name: "Torte"}}}
	step := func(method, path, ifMatch, body string, status int, tag string) {
		t.Helper()
		if w := d.tell(method, path, ifMatch, body); w.Code != status || tag != "" && w.Header().Get("ETag") != tag {
			t.Errorf("%s %s: %d, ETag %s: %s", method, path, w.Code, w.Header().Get("ETag"), w.Body)
		}
	}
	step("PUT", "/brand-products/cake", "", written(t, head), 428, "")
	step("PUT", "/brand-products/cake", `"1"`, written(t, head), 412, `"0"`)
	step("PUT", "/brand-products/cake", `"0"`, written(t, head), 200, `"1"`)
	step("GET", "/brand-products/cake/diff", "", "", 404, "")
	const adoption = `{"slug":"torte","skus":[{"sku":"torte","sold":true,"price":900}]}`
	step("POST", "/brand-products/nothing/adopt", "", adoption, 404, "")
	step("POST", "/brand-products/cake/adopt", "", `{"skus":[]}`, 400, "")
	step("POST", "/brand-products/cake/adopt", "", `{"version":7,"skus":[{"sku":"torte","sold":true,"price":900}]}`, 404, "")
	step("POST", "/brand-products/cake/adopt", "", adoption, 201, `"1"`)
	step("POST", "/brand-products/cake/adopt", "", adoption, 409, "")
	step("GET", "/brand-products", "", "", 200, "")

	head.LeadMinutes, head.Texts["de-DE"] = 60, world.BrandText{Name: "Kuchen"}
	step("PUT", "/brand-products/cake", `"1"`, written(t, head), 200, `"2"`)
	mine := d.shelf.products["torte"]
	mine.Texts = map[string]catalog.DraftText{"de-DE": {Name: "Unsere"}}
	d.shelf.products["torte"] = mine
	got := read[api.Differences](t, d.ask(apiBase+"/brand-products/cake/diff"))
	if got.Base != 1 || got.Head != 2 || len(got.Differences) != 2 || got.Differences[0].Changed != catalog.Head || got.Differences[1].Changed != catalog.Both {
		t.Errorf("%+v", got)
	}
	step("POST", "/brand-products/cake/update", "", `{}`, 428, "")
	step("POST", "/brand-products/cake/update", `"9"`, `{}`, 412, `"1"`)
	step("POST", "/brand-products/cake/update", `"1"`, `{"take":["x"]}`, 400, "")
	step("POST", "/brand-products/cake/update", `"1"`, `{}`, 200, `"2"`)
	if p := d.shelf.products["torte"]; p.LeadMinutes != 60 || p.Texts["de-DE"].Name != "Unsere" || p.BrandVersion != 2 {
		t.Errorf("%+v", p)
	}
	d = newDesk(t, tokenFor([]string{"de"}, ReadProducts, WriteProducts))
	step("PUT", "/brand-products/cake", `"0"`, written(t, head), 403, "")
}
