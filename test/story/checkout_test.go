package story

import (
	"bytes"
	"io/fs"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"meridian/data"
	"meridian/engine/checkout"
	"meridian/engine/money"
	"meridian/engine/tax"
	"meridian/test/worldtest"
	"meridian/world"
)

// buys tells how a visitor of a market buys two things: what the checkout, the
// order and the owner show, that the same form again is the same order, and
// that the stock went down once.
func buys(t *testing.T, w *worldtest.World, market string) {
	c := w.Visitor(t, market, "")
	slugs := slices.DeleteFunc(c.Page(t, "/").Slugs(), func(slug string) bool { return slug == photoCake || slug == "photo-cake" }) // they take a photo
	cart := []struct {
		slug     string
		quantity int
	}{{slugs[1], 2}, {slugs[len(slugs)-1], 3}}
	left := map[string]int{}
	for _, l := range cart {
		w.Restock(t, market, l.slug, 50)
		left[l.slug] = 50 - l.quantity
		if err := c.Add(l.slug, l.quantity); err != nil {
			t.Fatal(err)
		}
	}
	form, shown := c.Form(t, worldtest.Address(c.Market, "Ada Lovelace", "ada@example.org"))
	want := reckon(t, c, form)
	if got := shown.Total(t); got != c.Money(want) {
		t.Errorf("the checkout shows the total %q, want %q", got, c.Money(want))
	}
	path, err := c.Place(form)
	if err != nil {
		t.Fatal(err)
	}
	o := c.Order(t, path)
	if o.Total != c.Money(want) {
		t.Errorf("the order shows the total %q, want %q", o.Total, c.Money(want))
	}
	again, err := c.Place(form)
	if err != nil || again != path {
		t.Errorf("the same form again led to %q, %v; want %q", again, err, path)
	}
	for slug, n := range left {
		if got := w.Stock(t, market, slug); got != n {
			t.Errorf("%d of %s are left, want %d: sold once", got, slug, n)
		}
	}
	if rest := c.Page(t, "/cart"); len(rest.Find(".lines")) > 0 {
		t.Errorf("the cart is not empty after the order: %s", rest.Text())
	}
	ownerSees(t, w, market, o)
}

// reckon is the total by the engine's own rules, from the lines that the form
// says the visitor was shown, each at the price of its product's page.
func reckon(t *testing.T, c *worldtest.Client, form url.Values) int64 {
	t.Helper()
	parts := strings.Split(form.Get("quoted"), ";")
	var lines []checkout.Line
	for _, part := range parts[2:] {
		f := strings.Split(part, ":")
		quantity, err1 := strconv.Atoi(f[1])
		unit, err2 := strconv.ParseInt(f[2], 10, 64)
		if err1 != nil || err2 != nil {
			t.Fatalf("the form quotes %q", part)
		}
		if got := c.Page(t, "/p/"+f[0]).Price(); got != c.Money(unit) {
			t.Errorf("%s costs %q on its page and %q in the checkout", f[0], got, c.Money(unit))
		}
		class, hot := strings.CutSuffix(f[3], "/hot")
		lines = append(lines, checkout.Line{Quantity: quantity, Offer: world.Offer{
			Product: world.Product{Market: c.Market.ID, Slug: f[0], Name: f[0], TaxClass: class, ServedHot: hot},
			SKU:     world.SKU{Key: f[0], PriceMinor: unit, Currency: c.Market.Currency},
		}})
	}
	terms, err := checkout.TermsOf(c.Market, checkout.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation(c.Market.TimeZone)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := checkout.NewContactRules(c.Market, checkout.DefaultContactLimits)
	if err != nil {
		t.Fatal(err)
	}
	jurisdiction, err := rules.Jurisdiction(world.Contact{State: form.Get("state"), PostalCode: form.Get("postal_code")})
	if err != nil {
		t.Fatal(err)
	}
	q, err := checkout.NewQuote(terms, checkout.Wish{Lines: lines, Fulfilment: world.Delivery, Jurisdiction: jurisdiction, At: time.Now(), On: tax.DateOf(time.Now(), zone)}, nil, nil, taxTable(t))
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := money.Sum(c.Market.Currency, q.Net, q.Tax); err != nil || sum != q.Total {
		t.Errorf("net %v and tax %v are not the total %v", q.Net, q.Tax, q.Total)
	}
	return q.Total.Minor
}

func taxTable(t *testing.T) *tax.Table {
	t.Helper()
	text, err := fs.ReadFile(data.FS, "tax.csv")
	if err != nil {
		t.Fatal(err)
	}
	table, err := tax.Load(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// ownerSees finds an order on the owner's list, with its total.
func ownerSees(t *testing.T, w *worldtest.World, market string, o worldtest.Order) {
	t.Helper()
	owner := w.Owner(t, market)
	for _, row := range owner.Page(t, "/owner/").Find("tr") {
		if text := worldtest.Text(row); strings.Contains(text, o.Number) {
			if !strings.Contains(text, o.Total) || !strings.Contains(text, "Ada Lovelace") {
				t.Errorf("the owner sees %q, want the name and %q", text, o.Total)
			}
			return
		}
	}
	t.Errorf("the owner does not see the order %s", o.Number)
}

// soldOut tells what a visitor sees who wants more than there is, and that one
// who has waited too long with the form is told too.
func soldOut(t *testing.T, w *worldtest.World) {
	const market = "gb"
	slow := w.Visitor(t, market, "")
	slug, _ := soldInOneSort(t, slow)
	w.Restock(t, market, slug, 3)
	if err := slow.Add(slug, 2); err != nil {
		t.Fatal(err)
	}
	form, _ := slow.Form(t, worldtest.Address(slow.Market, "Slow Shopper", "slow@example.org"))
	w.Visitor(t, market, "").Buy(t, slug, 2, "Fast Shopper", "fast@example.org")
	if path, err := slow.Place(form); err == nil {
		t.Errorf("two of one are sold: %s", path)
	}
	if cart := slow.Page(t, "/cart"); len(cart.Find(".wrong")) != 1 || !strings.Contains(cart.Texts(".wrong")[0], "1") {
		t.Errorf("the cart does not tell that one is left: %q", cart.Texts(".wrong"))
	}
	if n := w.Stock(t, market, slug); n != 1 {
		t.Errorf("%d are left, want 1", n)
	}
	w.WaitSoldOut(t, market, slug, false) // each PoP keeps that now: when it turns, what is purged with it has too
	w.Visitor(t, market, "").Buy(t, slug, 1, "Last Shopper", "last@example.org")
	w.WaitSoldOut(t, market, slug, true)
	late := w.Visitor(t, market, "tokyo").Page(t, "/p/"+slug)
	if len(late.Find(".left")) == 0 || len(late.Find(".qty")) != 0 {
		t.Errorf("the page offers what is sold out: %s", late.Text())
	}
	w.Restock(t, market, slug, 30)
	if back := w.Visitor(t, market, "tokyo").Page(t, "/p/"+slug); len(back.Find(".qty")) != 1 {
		t.Errorf("the page does not offer what is back: %s", back.Text())
	}
}
