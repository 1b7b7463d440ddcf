package owner

import (
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/engine/money"
	"meridian/world"
)

func TestProductsPage(t *testing.T) {
	d := newDesk(t)
	c := d.signedIn()
	want(t, c.get("/owner/products"), 200, "Christstollen", "32,00\u00a0€", `href="/owner/products/stollen"`,
		`src="/img/sweet-crumbs/`+cakeID+`/v1/auto/160x0" width="160" height="120"`)
	d.products["de"][0].Picture = world.Picture{}
	want(t, c.get("/owner/products"), 200, "No picture yet")
	d.next = "more"
	want(t, c.get("/owner/products"), 200, `rel="next" href="/owner/products?after=more"`)
	want(t, c.get("/owner/products?after=less"), 400)
	d.products["de"] = nil
	want(t, c.get("/owner/products"), 200, "No products yet")
}

func TestProductPage(t *testing.T) {
	d := newDesk(t)
	c := d.signedIn()
	res := c.get("/owner/products/stollen")
	want(t, res, 200, "Christstollen", `name="version" value="3"`, `name="price"`, `value="32,00"`, "New price in EUR", "with tax",
		"31,00\u00a0€", "30,00\u00a0€", "01.03.2026, 16:00", "cake.jpg", `name="media_id" value="`+cakeID+`"`)
	if strings.Contains(res.Body.String(), "Saved") {
		t.Error("it says that something was saved")
	}
	p := &d.products["de"][0]
	for as, change := range map[string]func(){
		"Taxed as chocolate biscuit<":               func() { p.TaxClass = "chocolate_biscuit" },
		"Taxed as savoury, served hot<":             func() { p.TaxClass, p.ServedHot = "savoury", true },
		"Taxed as cake, with a gift<":               func() { p.TaxClass, p.ServedWith = "cake", "gift" },
		"Taxed as cake, served hot, with utensils<": func() { p.TaxClass, p.ServedHot, p.ServedWith = "cake", true, "utensils" },
	} {
		p.ServedHot, p.ServedWith = false, ""
		change()
		want(t, c.get("/owner/products/stollen"), 200, as)
	}
	for _, slug := range []string{"brezel", "%00", "scones"} {
		want(t, c.get("/owner/products/"+slug), 404, "no such product")
	}
}

func TestChangePrice(t *testing.T) {
	d := newDesk(t)
	c := d.signedIn()
	wantTo(t, c.post("/owner/products/stollen", url.Values{"price": {" 34,90 "}, "version": {"3"}}), "/owner/products/stollen?saved=4")
	if p := d.sku("de", "stollen"); p.BaseMinor != 3490 || p.BaseVersion != 4 {
		t.Errorf("the product is %+v", p)
	}
	want(t, c.get("/owner/products/stollen?saved=4"), 200, "Saved: 34,90\u00a0€", "every PoP")
	// An old or made-up address tells nothing.
	for _, q := range []string{"saved=3", "saved=5", "saved=x", "saved="} {
		if strings.Contains(c.get("/owner/products/stollen?"+q).Body.String(), "Saved") {
			t.Errorf("%s says that something was saved", q)
		}
	}
}

func TestChangePriceRefusals(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MaxPrice = 10000 })
	c := d.signedIn()
	for _, f := range []struct {
		price, version string
		status         int
		says           string
	}{
		{"abc", "3", 422, "is not a price"},
		{"", "3", 422, "is not a price"},
		{"-1", "3", 422, "without a sign"},
		{"34,905", "3", 422, "2 decimals"},
		{"1.234", "3", 422, "group separators"},
		{"100,01", "3", 422, "the highest price is 100.00 EUR"},
		{"0", "3", 422, "above zero"},
		{"32", "3", 422, "the price already"},
		{"33", "", 400, "Open the product again"},
		{"33", "x", 400, "Open the product again"},
	} {
		res := c.post("/owner/products/stollen", url.Values{"price": {f.price}, "version": {f.version}})
		want(t, res, f.status, f.says)
		if f.status == 422 {
			want(t, res, 422, `aria-invalid="true"`, `value="`+f.price+`"`, `id="price-wrong"`)
		}
	}
	if d.sku("de", "stollen").BaseVersion != 3 {
		t.Error("a refused price was saved")
	}
	want(t, c.post("/owner/products/stollen", url.Values{"price": {"100"}, "version": {"3"}}), 303)
	want(t, c.post("/owner/products/brezel", url.Values{"price": {"1"}, "version": {"3"}}), 404)
}

func TestChangePriceConflict(t *testing.T) {
	d := newDesk(t)
	c := d.signedIn()
	d.race = func() { // somebody else is faster
		d.race = nil
		s := d.sku("de", "stollen")
		s.BaseVersion, s.BaseMinor = 4, 2900
	}
	res := c.post("/owner/products/stollen", url.Values{"price": {"34,90"}, "version": {"3"}})
	want(t, res, 409, "Not saved", "to 29,00\u00a0€ meanwhile", `value="34,90"`, `name="version" value="4"`)
	if d.sku("de", "stollen").BaseMinor != 2900 {
		t.Error("the other's price was lost")
	}
	// The form of the conflict saves over it: now that is a decision.
	want(t, c.post("/owner/products/stollen", url.Values{"price": {"34,90"}, "version": {"4"}}), 303)
	// The price of an old page that equals the newest is a conflict too, not a silent success.
	want(t, c.post("/owner/products/stollen", url.Values{"price": {"34,90"}, "version": {"3"}}), 409)
}

// What stands in the field is read back as the same price, in every locale.
func TestTypedPricesReadBack(t *testing.T) {
	for _, m := range []struct{ currency, locale, sample string }{
		{"USD", "en-US", "1234.50"}, {"GBP", "en-GB", "1234.50"}, {"EUR", "de-DE", "1234,50"}, {"JPY", "ja-JP", "123450"},
		{"INR", "en-IN", "1234.50"}, {"INR", "hi-IN", "1234.50"}, {"CHF", "de-CH", "1234.50"}, {"KWD", "en-US", "123.450"}, {"EUR", "fr-FR", "1234,50"},
	} {
		at := &site{market: world.Market{Currency: m.currency, Locales: []string{m.locale}}, point: decimalPoint(m.currency, m.locale),
			price: money.PriceForm{Currency: m.currency, Locale: m.locale}}
		if got := at.typed(123450); got != m.sample {
			t.Errorf("%s in %s is typed %q, want %q", m.currency, m.locale, got, m.sample)
		}
		rapid.Check(t, func(t *rapid.T) {
			minor := rapid.Int64Range(0, money.DefaultMaxMinor).Draw(t, "minor")
			if got, err := at.price.Parse(at.typed(minor)); err != nil || got.Minor != minor {
				t.Fatalf("%q in %s reads back as %v, %v", at.typed(minor), m.locale, got, err)
			}
		})
	}
}

func TestChangePicture(t *testing.T) {
	d := newDesk(t)
	d.products["de"][0].Picture = world.Picture{}
	c := d.signedIn()
	const path = "/owner/products/stollen"
	wantTo(t, c.post(path+"/picture", url.Values{"media_id": {cakeID}}), path+"?picture="+cakeID)
	want(t, c.get(path+"?picture="+cakeID), 200, "new picture")
	d.products["de"][0].Picture = world.Picture{}
	for id, answer := range map[string]struct {
		status int
		body   any
		page   int
		says   string
	}{
		"x":                {200, cake(), 400, "Choose one of the pictures"},
		"2000000000000bbb": {404, nil, 404, "no such picture any more"},
		"2000000000000ccc": {200, world.Manifest{Visibility: world.Withheld, Versions: cake().Versions}, 404, "no such picture any more"},
		"2000000000000ddd": {503, map[string]any{"code": "unavailable", "status": 503}, 503, "not available just now"},
		"2000000000000eee": {401, map[string]any{"code": "unsigned", "status": 401}, 502, "did not answer"},
	} {
		d.media = answers(answer.status, answer.body)
		want(t, c.post(path+"/picture", url.Values{"media_id": {id}}), answer.page, "The picture was not set", answer.says)
	}
	if d.products["de"][0].Picture.MediaID != "" {
		t.Error("a picture that is not there was set")
	}
}
