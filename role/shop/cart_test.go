package shop

import (
	"context"
	"html"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"meridian/engine/checkout"
	"meridian/world"
)

// Whoever gives a visitor a cart of their own making must not see what comes
// into it.
func TestACartThatWeDidNotGiveIsNotFilled(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	planted := strings.Repeat("a", idLength)
	b.cookies[secureCart] = planted
	wants(t, b.get("/cart"), 200)
	for _, action := range []string{"set", "remove"} { // neither makes the planted cart known
		wants(t, b.post("/cart", url.Values{"action": {action}, "slug": {"brot"}, "quantity": {"2"}}), 303)
	}
	b.add("brot", "1")
	given := b.cookies[secureCart]
	if given == planted || !validID(given) || len(b.orders.carts) != 1 || len(b.orders.carts[given+"de"]) != 1 {
		t.Fatalf("given %q, carts %v", given, b.orders.carts)
	}
	b.add("torte", "1")
	if b.cookies[secureCart] != given || len(b.orders.carts[given+"de"]) != 2 {
		t.Errorf("a known cart became %q: %v", b.cookies[secureCart], b.orders.carts)
	}
}

// An emptied cart goes in time, its order stays: the browser stays who it is.
func TestACartWithAnOrderIsKnown(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	form := atCheckout(t, b, contactDE())
	wants(t, b.post("/checkout", with(form, "step", "place")), 303)
	cart := b.cookies[secureCart]
	delete(b.orders.carts, cart+"de") // as it is after cart_age
	b.add("torte", "1")
	if b.cookies[secureCart] != cart {
		t.Error("a browser with an order was given another cart")
	}
}

// A plain name could come from a neighbouring host or from http.
func TestAPlainCookieIsNoCartUnderHTTPS(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	b.add("brot", "1")
	cart := b.cookies[secureCart]
	delete(b.cookies, secureCart)
	b.cookies[cartCookie] = cart
	lacks(t, b.get("/cart"), "Brot")
}

// A double click, and a browser that sends again what it has had no answer to, add
// once; without the script each form is a wish of its own.
func TestAFormSentTwiceAddsOnce(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	wants(t, b.get("/p/brot"), 200, `<input type="hidden" name="key" data-fresh>`)
	b.add("torte", "1") // the cart is there
	quantity := func() int { return b.orders.carts[b.cookies[secureCart]+"de"][1].Quantity }
	form := func(key, quantity string) url.Values {
		return url.Values{"action": {"add"}, "slug": {"brot"}, "quantity": {quantity}, "key": {key}}
	}
	for range 2 {
		if w := b.post("/cart", form("one-0123456789abcdef", "2")); w.Code != 303 || w.Header().Get("Location") != "/cart?added=brot" || quantity() != 2 {
			t.Errorf("%d, %v, %d in the cart", w.Code, w.Header(), quantity())
		}
	}
	wants(t, b.post("/cart", form("two-0123456789abcdef", "2")), 303)
	wants(t, b.post("/cart", form("", "2")), 303)
	wants(t, b.post("/cart", form("", "2")), 303)
	if quantity() != 8 {
		t.Errorf("%d in the cart, want 8", quantity())
	}
	wants(t, b.post("/cart", form("one-0123456789abcdef", "3")), 409, `<h1>Brot</h1>`, "schon einmal abgeschickt", `value="3"`)
	wants(t, b.post("/cart", form("one-0123456789abcdef", "3"), "Accept", "application/json"), 409)
	if quantity() != 8 {
		t.Errorf("a key that was another's added: %d", quantity())
	}
}

// What cannot be added is told where it was chosen, and what was chosen stays.
func TestAFormThatCannotBeTakenShowsItsProductAgain(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", func(c *Config, _ *Deps) { c.MaxLines = 1 })
	b.catalog.categories = []world.Category{{Key: "brote", Name: "Brote", Address: "brote"}}
	b.catalog.products = append(b.catalog.products, world.Product{Slug: "stollen", TaxClass: "cake", Name: "Stollen",
		SKUs: []world.SKU{{Key: "stollen-klein", Sort: "500 g", PriceMinor: 900, PriceVersion: 1}, {Key: "stollen-gross", Sort: "1 kg", PriceMinor: 1700, PriceVersion: 1}}})
	add := func(quantity string) *httptest.ResponseRecorder {
		return b.post("/cart", url.Values{"action": {"add"}, "slug": {"stollen-gross"}, "quantity": {quantity}})
	}
	for _, bad := range []string{"0", "49", "-1", "", `"><b>`} {
		w := add(bad)
		wants(t, w, 422, `<h1>Stollen</h1>`, `id="wrong" role="alert"`, `<a href="#quantity">`, `id="quantity-wrong">Bitte wählen Sie eine Menge von 1 bis 48.`, `value="`+html.EscapeString(bad)+`" required aria-invalid="true" aria-describedby="quantity-wrong"`,
			`value="stollen-gross" required checked`, `17,00`, `href="/c/brote"`)
		lacks(t, w, `value="stollen-klein" required checked`)
		if got := w.Header().Get("Cache-Control"); got != "private, no-store" {
			t.Errorf("it may be kept: %s", got)
		}
	}
	if len(b.orders.carts) != 0 {
		t.Errorf("carts %v", b.orders.carts)
	}
	b.add("brot", "1")
	w := add("2")
	wants(t, w, 422, `<h1>Stollen</h1>`, `<a href="/cart">Mehr verschiedene Artikel`, `value="2"`, `value="stollen-gross" required checked`)
	lacks(t, w, "aria-invalid")
	wants(t, b.post("/cart", url.Values{"action": {"add"}, "slug": {"stollen-gross"}, "quantity": {"2"}, "key": {"short"}}), 400, `<h1>Stollen</h1>`, "Das hat nicht geklappt", `value="2"`)
	for i := range b.catalog.products {
		for j := range b.catalog.products[i].SKUs {
			b.catalog.products[i].SKUs[j].SoldOut = true
		}
	}
	lacks(t, add("0"), `href="#quantity"`) // there is none to choose
	b.catalog.products = b.catalog.products[:1]
	wants(t, add("0"), 422, "Ihr Warenkorb") // nor the product
}

// clashing carts are changed by somebody else each time.
type clashing struct{ Orders }

func (clashing) AddToCart(context.Context, string, string, world.CartAddition, int, int) error {
	return world.E(world.CodeConflict, "fake", "")
}

// A conflict that the database has with itself is nothing that the visitor sent.
func TestAConflictThatIsNotOfTheKey(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", func(_ *Config, d *Deps) { d.Orders = clashing{d.Orders} })
	w := b.post("/cart", url.Values{"action": {"add"}, "slug": {"brot"}, "quantity": {"2"}, "key": {"one-0123456789abcdef"}})
	wants(t, w, 409, "Das hat nicht geklappt")
	lacks(t, w, "schon einmal abgeschickt")
}

// withoutPrior is an offer as [Catalog.Current] tells it.
func withoutPrior(o world.Offer) world.Offer {
	o.Product.SKUs = slices.Clone(o.Product.SKUs)
	for i := range o.Product.SKUs {
		o.Product.SKUs[i].PriorMinor = 0
	}
	o.SKU.PriorMinor = 0
	return o
}

// It is the page that the form was sent from: with the price that was lowered, and
// with what is sold out.
func TestAProductShownAgainIsTheSamePage(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	p := &b.catalog.products[0]
	p.TakesPhoto = true
	p.SKUs = []world.SKU{{Key: "torte", Sort: "20 cm", PriceMinor: 3990, BaseMinor: 4490, PriorMinor: 4190, PriceVersion: 1}, {Key: "torte-26", Sort: "26 cm", PriceMinor: 4790, BaseMinor: 4790, PriceVersion: 1, SoldOut: true}}
	same := []string{"44,90\u00a0€</s>", "30 Tage zuvor: 41,90\u00a0€", `value="torte-26" required disabled`, "Ausverkauft"}
	wants(t, b.get("/p/torte"), 200, same...)
	add := url.Values{"action": {"add"}, "slug": {"torte"}, "quantity": {"0"}}
	wants(t, b.post("/cart", add), 422, append(same, `id="quantity-wrong"`)...)
	wants(t, b.post("/cart", with(add, "quantity", "1")), 422, append(same, `id="photo-wrong"`)...)
}

func TestTheKeyOfAnAdditionAtItsLimits(t *testing.T) {
	for key, status := range map[string]int{
		strings.Repeat("k", checkout.MinIdempotencyKey): 303, strings.Repeat("k", checkout.MinIdempotencyKey-1): 400,
		strings.Repeat("k", checkout.MaxIdempotencyKey): 303, strings.Repeat("k", checkout.MaxIdempotencyKey+1): 400,
		"sixteen letters!": 400, "\"sixteen-letters.": 400,
	} {
		b := open(t, "eu-central", "de.localhost", nil)
		w := b.post("/cart", url.Values{"action": {"add"}, "slug": {"brot"}, "quantity": {"1"}, "key": {key}}, "Accept", "application/json")
		if w.Code != status || len(b.orders.carts) != 1 && status == 303 || len(b.orders.carts) != 0 && status != 303 {
			t.Errorf("%q: %d %s, %v", key, w.Code, w.Body, b.orders.carts)
		}
		if status == 400 {
			wants(t, w, 400, "16 to 64 letters, digits, - and _")
		}
	}
}

// The photo that a form brings is part of what its key stands for. What is sent
// again changes nothing, whatever the cart holds by then.
func TestACakeSentTwiceIsAddedOnce(t *testing.T) {
	b := openCake(t, nil)
	b.add("brot", "1")
	send := func(photo string) int {
		return b.send(photo, "action", "add", "slug", "fototorte", "quantity", "1", "key", "one-0123456789abcdef").Code
	}
	if code := send("photo of a dog"); code != 303 {
		t.Fatal(code)
	}
	wants(t, b.send("photo of a cat", "action", "photo", "slug", "fototorte"), 303)
	if code := send("photo of a dog"); code != 303 {
		t.Error(code)
	}
	if code := send("photo of a cat"); code != 409 {
		t.Errorf("another photo under the same key: %d", code)
	}
	if l := b.orders.carts[b.cookies[secureCart]+"de"][1]; l.Quantity != 1 || l.Photo != "2000000000000002" {
		t.Errorf("the cart holds %+v", l)
	}
}
