package worldtest

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"meridian/engine/money"
	"meridian/world"
)

// Money is an amount as the market's pages print it.
func (c *Client) Money(minor int64) string {
	return money.Amount{Minor: minor, Currency: c.Market.Currency}.Format(c.Market.Locales[0])
}

// Price is the first price on a page, as a product's has it; "" without one.
func (p *Page) Price() string {
	if prices := p.Texts(".price"); len(prices) > 0 {
		return prices[0]
	}
	return ""
}

// Picture is the address of the first picture on a page; "" without one.
func (p *Page) Picture() string {
	for _, img := range p.Find("img") {
		return Attr(img, "src")
	}
	return ""
}

// ListPrice is the price that a list of products shows for a slug; "" when it
// does not show it.
func (p *Page) ListPrice(slug string) string {
	for _, card := range p.Find(".card") {
		c := &Page{card}
		for _, a := range c.Find("a") {
			if strings.HasSuffix(Attr(a, "href"), "/p/"+slug) {
				return c.Price()
			}
		}
	}
	return ""
}

// Slugs are the products on a list, in its order.
func (p *Page) Slugs() []string {
	var out []string
	for _, card := range p.Find(".card") {
		for _, a := range (&Page{card}).Find("a") {
			if _, slug, ok := strings.Cut(Attr(a, "href"), "/p/"); ok {
				out = append(out, slug)
			}
		}
	}
	return out
}

// Add puts so many of a product into the cart.
func (c *Client) Add(slug string, quantity int) error {
	a, err := c.PostForm("/cart", url.Values{"action": {"add"}, "slug": {slug}, "quantity": {strconv.Itoa(quantity)}})
	if err != nil {
		return err
	}
	if a.Status != http.StatusSeeOther {
		return fmt.Errorf("adding %d × %s to the cart: %d %s", quantity, slug, a.Status, tail(string(a.Body), 400))
	}
	return nil
}

// Address is a contact that the market delivers to: in its first area.
func Address(m world.Market, name, email string) url.Values {
	v := url.Values{"name": {name}, "email": {email}, "line1": {"12 Baker Street"}, "city": {"Springfield"}, "postal_code": {m.Postal.Example}}
	if m.Postal.States {
		v.Set("state", cmp.Or(m.Delivery[0].State(), "Somewhere"))
	}
	return v
}

// ReadForm fills in the checkout and reads it back until it offers to order: the
// form to send to /checkout. It fails when the shop has something against it.
func (c *Client) ReadForm(address url.Values) (url.Values, *Page, error) {
	form := url.Values{}
	for k, v := range address {
		form[k] = v
	}
	p, err := c.ReadPage("/checkout")
	if err != nil {
		return nil, nil, err
	}
	for range 2 {
		if p.FillQuote(form) {
			return form, p, nil
		}
		form.Set("step", "review")
		a, err := c.PostForm("/checkout", form)
		if err != nil {
			return nil, nil, err
		}
		if p, err = a.ReadPage(); err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, fmt.Errorf("the checkout does not offer to order: %s", p.Text())
}

// FillQuote takes over into a checkout form what a page of the checkout quotes, and
// reports whether the page offers to order by it; then the form is to do so.
func (p *Page) FillQuote(form url.Values) (offers bool) {
	form.Set("key", p.Value("key"))
	form.Set("quoted", p.Value("quoted"))
	if offers = p.Button("step", "place"); offers {
		form.Set("step", "place")
	}
	return offers
}

// Form is ReadForm for a checkout that must offer to order.
func (c *Client) Form(t testing.TB, address url.Values) (url.Values, *Page) {
	t.Helper()
	form, p, err := c.ReadForm(address)
	if err != nil {
		t.Fatal(err)
	}
	return form, p
}

// ErrRefused is an order that the shop did not take.
var ErrRefused = errors.New("the order was not taken")

// Place sends a checkout form. The path of the order's page is the shop's word
// that it is placed.
func (c *Client) Place(form url.Values) (order string, err error) {
	a, err := c.PostForm("/checkout", form)
	if err != nil {
		return "", err
	}
	to := a.Header.Get("Location")
	if a.Status != http.StatusSeeOther || !strings.Contains(to, "/orders/") {
		return "", fmt.Errorf("%w: %d, sent to %q", ErrRefused, a.Status, to)
	}
	return to, nil
}

// Order is what an order's page says.
type Order struct {
	Path, Number, Total string
	Page                *Page
}

// Order reads an order's page.
func (c *Client) Order(t testing.TB, path string) Order {
	t.Helper()
	p := c.Page(t, path)
	o := Order{Path: path, Page: p}
	if n := p.Texts(".number"); len(n) > 0 {
		o.Number = n[0]
	}
	o.Total = p.Total(t)
	return o
}

// Total is the total of a table of sums.
func (p *Page) Total(t testing.TB) string {
	t.Helper()
	for _, row := range p.Find(".total") {
		if cells := (&Page{row}).Texts("td"); len(cells) > 0 {
			return cells[len(cells)-1]
		}
	}
	t.Fatalf("the page shows no total: %s", p.Text())
	return ""
}

// Buy takes an order through the whole shop.
func (c *Client) Buy(t testing.TB, slug string, quantity int, name, email string) Order {
	t.Helper()
	if err := c.Add(slug, quantity); err != nil {
		t.Fatal(err)
	}
	form, _ := c.Form(t, Address(c.Market, name, email))
	path, err := c.Place(form)
	if err != nil {
		t.Fatal(err)
	}
	return c.Order(t, path)
}
