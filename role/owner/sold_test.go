package owner

import (
	"net/http"
	"strings"
	"testing"

	"meridian/engine/catalog"
	"meridian/role/owner/api"
	"meridian/world"
)

// cakeOnceSold is the market's cake as it was in its second version; it has another
// label now.
func cakeOnceSold() catalog.Written {
	return catalog.Written{Version: 2, Draft: catalog.Draft{Slug: "stollen", TaxClass: "cake", ServedHot: true, Allergens: []world.Allergen{"wheat", "brazil_nut"}, MayContain: []world.Allergen{"sesame"},
		Nutrition: &world.Nutrition{EnergyKJ: 1700, EnergyKcal: 406, FatMg: 18500},
		Texts:     map[string]catalog.DraftText{"de-DE": {Name: "Christstollen", Ingredients: "*Weizen*mehl <b>", Description: "Mit Butter.", AllergenNote: "Nüsse"}, "en-GB": {Name: "Stollen"}},
		SKUs:      []catalog.DraftSKU{{SKU: "stollen", Sold: true, Net: 750, NetUnit: "g"}}}}
}

func soldDesk(t *testing.T, change ...func(*Config)) *desk {
	d := newDesk(t, change...)
	o := anOrder(0)
	o.Lines[0].Product, o.Lines[0].ProductVersion = "stollen", 2
	d.orders, d.shelf.former = []world.Order{o}, map[string]catalog.Written{"stollen/2": cakeOnceSold()}
	return d
}

func TestALineIsShownAsItWasSold(t *testing.T) {
	d := soldDesk(t)
	c := d.signedIn()
	path := "/owner/orders/" + d.orders[0].ID
	res := c.get(path)
	want(t, res, 200, `<a href="`+path+`/lines/1" lang="de-DE">Christstollen</a>`)
	if strings.Contains(res.Body.String(), "/lines/2") {
		t.Error("a line from before versions were kept has a link")
	}
	want(t, c.get(path+"/lines/1"), 200, "As it was sold on", "01.03.2026, 13:00", "version 2", "wheat, brazil nut", "sesame", "<strong>Weizen</strong>mehl &lt;b&gt;",
		"Mit Butter.", "Nüsse", "In en-GB", "750 g", "<dt>Taxed as</dt><dd>cake, served hot</dd>", "1700 kJ / 406 kcal", "18.5 g", "SC-DE-0")
	for _, n := range []string{"0", "2", "3", "x", "-1"} {
		want(t, c.get(path+"/lines/"+n), 404)
	}
	d.orders[0].Market = "gb"
	want(t, c.get(path+"/lines/1"), 404)
	if res := d.at("de.localhost").get(path + "/lines/1"); res.Code != http.StatusSeeOther {
		t.Errorf("without a session: %d", res.Code)
	}
}

func TestAPIProductVersions(t *testing.T) {
	d, promised := soldDesk(t, tokenFor([]string{"de"}, ReadProducts, ReadOrders)), contract(t)
	line := read[api.Order](t, d.do(promised, "GET", "/orders/"+d.orders[0].ID, "")).Lines[0]
	if line.Product != "stollen" || line.ProductVersion != 2 {
		t.Fatalf("%+v", line)
	}
	got := read[api.ProductVersion](t, d.do(promised, "GET", "/products/stollen/versions/2", ""))
	if got.Version != 2 || !got.Since.Equal(noon) || len(got.Product.Allergens) != 2 || got.Product.Texts["de-DE"].Name != "Christstollen" {
		t.Errorf("%+v", got)
	}
	d.doAll(promised, []asked{
		{"GET", "/products/stollen/versions/3", "", nil, 404},
		{"GET", "/products/stollen/versions/0", "", nil, 400},
		{"GET", "/products/stollen/versions/x", "", nil, 400},
	})
	other := soldDesk(t, tokenFor([]string{"de"}, ReadOrders))
	other.doAll(promised, []asked{{"GET", "/products/stollen/versions/2", "", nil, 403}})
}
