package story

import (
	"encoding/json"
	"net/http"
	"testing"

	"meridian/role/shop/api"
	"meridian/test/worldtest"
	"meridian/world"
)

// app is a program of a buyer's, by the shop's API.
type app struct {
	*worldtest.Client
	t     *testing.T
	token string
}

// ask sends a request, and reads the answer into a document unless that is nil.
func (a *app) ask(method, path string, body any, want int, into any, fields ...string) http.Header {
	a.t.Helper()
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			a.t.Fatal(err)
		}
		fields = append(fields, "Content-Type", "application/json")
	}
	if a.token != "" {
		fields = append(fields, "Authorization", "Bearer "+a.token)
	}
	got := a.Send(a.t, method, path, content, fields...)
	if got.Status != want {
		a.t.Fatalf("%s %s: %d, want %d: %s", method, path, got.Status, want, got.Body)
	}
	if into != nil {
		if err := json.Unmarshal(got.Body, into); err != nil {
			a.t.Fatal(err)
		}
	}
	return got.Header
}

// TestAnAppBuys follows the API's own words, from a PoP that is not in the market's
// home region: two carts made one, a quote, an order on collection, a look at it, and its
// cancellation.
func TestAnAppBuys(t *testing.T) {
	w := theWorld(t)
	for _, c := range []struct{ market, city, contact string }{
		{"de", "tokyo", "Erika App"}, {"jp", "frankfurt", "山田 花子"},
	} {
		t.Run(c.market, func(t *testing.T) {
			a := &app{Client: w.Visitor(t, c.market, c.city), t: t}
			a.buys(w, c.contact)
		})
	}
}

func (a *app) buys(w *worldtest.World, name string) {
	t, at := a.t, "/api/v1"
	sku := ""
	for _, slug := range a.Page(t, "/").Slugs() {
		if slug != photoCake && slug != "photo-cake" { // it takes a photo
			sku = slug
			break
		}
	}
	w.Restock(t, a.Market.ID, sku, 20)
	var cart struct{ ID, Token string }
	a.ask("POST", at+"/carts", nil, http.StatusCreated, &cart)
	path := at + "/carts/" + cart.ID
	a.ask("GET", path, nil, http.StatusUnauthorized, nil)
	a.token = cart.Token

	line := path + "/lines/" + sku
	a.ask("PUT", line, map[string]int{"quantity": 1}, http.StatusPreconditionRequired, nil)
	first := a.ask("PUT", line, map[string]int{"quantity": 1}, http.StatusOK, nil, "If-Match", "*").Get("ETag")
	a.ask("PUT", line, map[string]int{"quantity": 2}, http.StatusOK, nil, "If-Match", first)
	var held api.Cart
	now := a.ask("PUT", line, map[string]int{"quantity": 9}, http.StatusPreconditionFailed, nil, "If-Match", first).Get("ETag")
	if tag := a.ask("GET", path, nil, http.StatusOK, &held).Get("ETag"); tag != now || tag == first || len(held.Lines) != 1 || held.Lines[0].Quantity != 2 {
		t.Fatalf("the cart %s holds %+v; refused at %s, changed from %s", tag, held.Lines, now, first)
	}

	a.ask("PUT", line, map[string]int{"quantity": 1}, http.StatusOK, nil, "If-Match", "*")
	a.putsInto(cart.Token, path, sku)

	wish := map[string]any{"fulfilment": world.PickUp, "method": "on_collection", "contact": map[string]string{"name": name, "email": "app@example.org"}}
	var quote api.Quote
	a.ask("POST", at+"/quotes", wish, http.StatusOK, &quote)
	if len(quote.Faults) > 0 || quote.Quoted == "" || quote.Total.Text != a.Money(quote.Total.Minor) {
		t.Fatalf("the quote: %+v", quote)
	}
	wish["quoted"] = quote.Quoted
	a.ask("POST", at+"/orders", wish, http.StatusBadRequest, nil)
	key := "story-" + cart.ID
	var placed, again api.Order
	where := a.ask("POST", at+"/orders", wish, http.StatusCreated, &placed, "Idempotency-Key", key).Get("Location")
	a.ask("POST", at+"/orders", wish, http.StatusCreated, &again, "Idempotency-Key", key)
	if again.ID != placed.ID || where != at+"/orders/"+placed.ID || w.Stock(t, a.Market.ID, sku) != 18 {
		t.Fatalf("sent twice: %s and %s at %s; %d are left of 20", placed.Number, again.Number, where, w.Stock(t, a.Market.ID, sku))
	}

	var seen api.Order
	a.ask("GET", where, nil, http.StatusOK, &seen)
	if seen.State != "placed" || !seen.MayCancel || seen.Total != quote.Total || seen.Contact.Name != name {
		t.Errorf("the order: %+v", seen)
	}
	a.ask("POST", where+"/cancellation", nil, http.StatusOK, &seen)
	a.ask("POST", where+"/cancellation", nil, http.StatusOK, &seen) // again changes nothing
	if seen.State != "cancelled" || seen.MayCancel || len(seen.History) != 2 || w.Stock(t, a.Market.ID, sku) != 20 {
		t.Errorf("cancelled: %s, %d entries; %d are there", seen.State, len(seen.History), w.Stock(t, a.Market.ID, sku))
	}
	a.token = ""
	a.ask("GET", where, nil, http.StatusUnauthorized, nil)
}

// putsInto has the buyer fill another cart with one of a SKU, and merges that into the
// one that a token opens, which has one of it.
func (a *app) putsInto(token, path, sku string) {
	a.t.Helper()
	var other struct{ ID, Token string }
	a.ask("POST", "/api/v1/carts", nil, http.StatusCreated, &other)
	a.token = other.Token
	a.ask("PUT", "/api/v1/carts/"+other.ID+"/lines/"+sku, map[string]int{"quantity": 1}, http.StatusOK, nil, "If-Match", "*")
	a.token = token
	for range 2 { // again changes nothing
		var merged api.MergedCart
		a.ask("POST", path+"/merge", map[string]string{"from": other.Token}, http.StatusOK, &merged, "If-Match", "*")
		if len(merged.Lines) != 1 || merged.Lines[0].Quantity != 2 || len(merged.Cut) != 0 {
			a.t.Fatalf("merged: %+v", merged)
		}
	}
}
