package shop

import (
	"net/url"
	"strings"
	"testing"
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
