package worldtest

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"meridian/engine/money"
)

// OwnerEmail is the sign-in of a market's owner in the local world.
func OwnerEmail(market string) string { return "owner@" + market + ".example" }

// Owner signs a market's owner in, by the gate, in the market's own city.
func (w *World) Owner(t testing.TB, market string) *Client {
	t.Helper()
	return w.OwnerIn(t, market, "")
}

// signedInWithin is how long an owner tries who is told that the region does not
// answer just now: on a machine that does much else its monitors may be mistaken.
const signedInWithin = time.Minute

// OwnerIn signs a market's owner in who stands in a city.
func (w *World) OwnerIn(t testing.TB, market, city string) *Client {
	t.Helper()
	c := w.Visitor(t, market, city)
	var a Answer
	for began := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		var err error
		if a, err = c.PostForm("/owner/sign-in", url.Values{"email": {OwnerEmail(market)}, "password": {w.Secrets(t).Owners[market]}}); err != nil {
			t.Fatal(err)
		}
		if a.Status != http.StatusServiceUnavailable || time.Since(began) > signedInWithin {
			break
		}
		t.Logf("the owner of %s is told to try again", market)
	}
	if a.Status != http.StatusSeeOther {
		t.Fatalf("the owner of %s was not let in: %d %s", market, a.Status, tail(string(a.Body), 800))
	}
	return c
}

// PriceTyped is the price in the field of the owner's page of a product, in
// minor units.
func (c *Client) PriceTyped(t testing.TB, slug string) int64 {
	t.Helper()
	form := money.PriceForm{Currency: c.Market.Currency, Locale: c.Market.Locales[0]}
	price, err := form.Parse(c.Page(t, "/owner/products/"+slug).Value("price"))
	if err != nil {
		t.Fatal(err)
	}
	return price.Minor
}

// SavePrice types a price, in minor units, on the owner's page of a product,
// and saves it. The answer is the page that says so.
func (c *Client) SavePrice(t testing.TB, slug string, minor int64) Answer {
	t.Helper()
	price := money.Amount{Minor: minor, Currency: c.Market.Currency}.Decimal()
	path := "/owner/products/" + slug
	p := c.Page(t, path)
	a, err := c.PostForm(path, url.Values{"version": {p.Value("version")}, "price": {price}})
	if err != nil {
		t.Fatal(err)
	}
	if a.Status != http.StatusSeeOther {
		t.Fatalf("the price %s of %s was not saved: %d %s", price, slug, a.Status, a.Page(t).Text())
	}
	return c.Get(t, a.Header.Get("Location"), "Accept", "text/html")
}
