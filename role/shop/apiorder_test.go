package shop

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meridian/role/shop/api"
	"meridian/world"
)

func (o *fakeOrders) NewCart(_ context.Context, id, market string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.carts[id+market] = nil
	return nil
}

func (o *fakeOrders) SetLine(_ context.Context, id, market, sku string, quantity, maxLines int, agree func([]world.CartLine) error) ([]world.CartLine, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines, ok := o.carts[id+market]
	if !ok {
		return nil, world.E(world.CodeNotFound, "fake", "")
	}
	if err := agree(lines); err != nil {
		return nil, err
	}
	lines = slices.Clone(lines)
	if i := slices.IndexFunc(lines, func(l world.CartLine) bool { return l.SKU == sku }); i >= 0 {
		lines[i].Quantity = quantity
	} else {
		lines = append(lines, world.CartLine{SKU: sku, Quantity: quantity})
	}
	lines = slices.DeleteFunc(lines, func(l world.CartLine) bool { return l.Quantity == 0 })
	if len(lines) > maxLines {
		return nil, world.E(world.CodeTooLarge, "fake", "")
	}
	o.carts[id+market] = lines
	return lines, nil
}

// app is a program that has a cart.
type app struct {
	*bench
	cart api.NewCart
	tag  string // of the cart
}

func openApp(t *testing.T, b *bench) *app {
	t.Helper()
	a := &app{bench: b}
	w := a.send("POST", "/api/v1/carts", nil)
	if err := json.Unmarshal(w.Body.Bytes(), &a.cart); err != nil || w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	a.tag = w.Header().Get("ETag")
	return a
}

// send sends content as JSON, or text as it is, and sees that the answer is one that
// the document promises, kept by nobody.
func (a *app) send(method, path string, content any, headers ...string) *httptest.ResponseRecorder {
	a.t.Helper()
	text, ok := content.(string)
	if !ok && content != nil {
		b, err := json.Marshal(content)
		if err != nil {
			a.t.Fatal(err)
		}
		text = string(b)
	}
	r := httptest.NewRequest(method, path, strings.NewReader(text))
	if text != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if a.cart.Token != "" {
		r.Header.Set("Authorization", "Bearer "+a.cart.Token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := a.do(r)
	contract(a.t).Answer(a.t, method, path, w)
	if got := w.Header().Get("Cache-Control"); !strings.Contains(got, "no-store") || w.Header().Get("Surrogate-Key") != "" || w.Header().Get("Set-Cookie") != "" {
		a.t.Errorf("%s %s: %v", method, path, w.Header())
	}
	return w
}

func (a *app) put(sku string, quantity int, match string) *httptest.ResponseRecorder {
	a.t.Helper()
	headers := []string{"If-Match", match}
	if match == "" {
		headers = nil
	}
	w := a.send("PUT", "/api/v1/carts/"+a.cart.ID+"/lines/"+sku, api.LineChange{Quantity: quantity}, headers...)
	if w.Code == 200 {
		a.tag = w.Header().Get("ETag")
	}
	return w
}

func toCologne() api.Checkout {
	return api.Checkout{Fulfilment: "delivery", Method: "on_collection", Contact: api.Contact{Name: " Jürgen Weiß ", Email: "j@example.de", Line1: "Weg 1", City: "Köln", PostalCode: "50667"}}
}

func (a *app) quote(how api.Checkout) api.Quote {
	a.t.Helper()
	return read[api.Quote](a.t, a.send("POST", "/api/v1/quotes", api.QuoteAsked{Checkout: how}))
}

const orderKey = "8e03978e-40d5-43dd-bc93-6894a57f9324"

func (a *app) order(key, quoted string, how api.Checkout) *httptest.ResponseRecorder {
	a.t.Helper()
	return a.send("POST", "/api/v1/orders", api.OrderAsked{Checkout: how, Quoted: quoted}, "Idempotency-Key", key)
}

func as[T any](t *testing.T, w *httptest.ResponseRecorder, status int) (out T) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != status {
		t.Fatalf("%d, want %d: %s: %v", w.Code, status, w.Body, err)
	}
	return out
}

func TestAPICart(t *testing.T) {
	a := openApp(t, open(t, "eu-central", "de.localhost", nil))
	if len(a.cart.Token) != 26 || len(a.cart.ID) != 16 || strings.Contains(a.cart.ID, a.cart.Token[:4]) {
		t.Fatalf("%+v", a.cart)
	}
	empty := a.tag
	wants(t, a.put("brot", 2, ""), 428, `"precondition_required"`)
	wants(t, a.put("brot", 2, `"other"`), 412, `"precondition_failed"`)
	wants(t, a.put("brot", 2, `W/`+empty), 412)
	wants(t, a.put("brot", 2, `"other", `+empty), 200, `"sku":"brot","quantity":2`)
	wants(t, a.put("torte", 1, "*"), 200)
	if w := a.put("brot", 3, empty); w.Code != 412 || w.Header().Get("ETag") != a.tag {
		t.Errorf("an old state: %d, tag %s, want %s", w.Code, w.Header().Get("ETag"), a.tag)
	}
	wants(t, a.put("brot", 48, a.tag), 200)
	wants(t, a.put("brot", 49, a.tag), 400, "1 to 48")
	wants(t, a.put("brot", 0, a.tag), 400)
	wants(t, a.put("none", 1, a.tag), 404)
	w := a.send("GET", "/api/v1/carts/"+a.cart.ID, nil)
	if got := as[api.Cart](t, w, 200); len(got.Lines) != 2 || got.ID != a.cart.ID || w.Header().Get("ETag") != a.tag {
		t.Errorf("%+v, %s", got, w.Header().Get("ETag"))
	}
	for range 2 {
		wants(t, a.send("DELETE", "/api/v1/carts/"+a.cart.ID+"/lines/torte", nil, "If-Match", "*"), 200)
	}
	if strings.Contains(a.log.String(), a.cart.Token) {
		t.Error("the token is in the log")
	}
}

func TestAPICartIsOpenedByItsTokenAlone(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	a, other := openApp(t, b), openApp(t, b)
	path := "/api/v1/carts/" + a.cart.ID
	b.cookies[secureCart] = a.cart.Token
	for token, want := range map[string]int{
		"": 401, "Basic " + a.cart.Token: 401, "Bearer": 401, "Bearer " + a.cart.Token[1:]: 401, "Bearer " + strings.ToUpper(a.cart.Token): 401,
		"Bearer " + other.cart.Token: 404, "bearer " + a.cart.Token: 200,
	} {
		w := a.send("GET", path, nil, "Authorization", token)
		if w.Code != want || (want == 401) != (w.Header().Get("WWW-Authenticate") == "Bearer") {
			t.Errorf("%q: %d %v", token, w.Code, w.Header())
		}
	}
	made := &app{bench: b, cart: api.NewCart{Token: strings.Repeat("a", 26)}}
	made.cart.ID = cartName(made.cart.Token)
	wants(t, made.put("brot", 1, "*"), 404)
	wants(t, made.send("GET", "/api/v1/carts/"+made.cart.ID, nil), 404)
	away := &app{bench: open(t, "us-east", "de.localhost", nil), cart: a.cart}
	wants(t, away.send("GET", path, nil), 421)
	wants(t, away.send("POST", "/api/v1/carts", nil), 421)
}

func TestAPICartHasAsManyLinesAsAPagesCart(t *testing.T) {
	a := openApp(t, open(t, "eu-central", "de.localhost", func(c *Config, _ *Deps) { c.MaxLines = 1 }))
	wants(t, a.put("brot", 1, "*"), 200)
	wants(t, a.put("brot", 2, "*"), 200)
	wants(t, a.put("torte", 1, "*"), 413)
}

func TestAPIFromCartToOrder(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	a := openApp(t, b)
	a.put("brot", 3, a.tag)
	q := a.quote(toCologne())
	if len(q.Faults) != 0 || !q.Final || q.Total.Minor != 1560 || q.Tax.Minor != 102 || q.Taxes[0].Rate != "7" || q.Lines[0].PriceVersion != 4 || q.Jurisdiction != "DE" || q.Quoted == "" {
		t.Fatalf("%+v", q)
	}
	if want := time.Date(2026, 11, 22, 0, 0, 0, 0, time.FixedZone("", 3600)); !q.ExpiresAt.Equal(want) {
		t.Errorf("expires at %v", q.ExpiresAt)
	}
	w := a.order(`"`+orderKey+`"`, q.Quoted, toCologne())
	o := as[api.Order](t, w, 201)
	if o.State != "placed" || o.Total.Minor != 1560 || o.Contact.Name != "Jürgen Weiß" || w.Header().Get("Location") != "/api/v1/orders/"+o.ID || !o.MayCancel || len(o.History) != 1 || o.Payment != nil {
		t.Errorf("%+v %v", o, w.Header())
	}
	again := as[api.Order](t, a.order(orderKey, q.Quoted, toCologne()), 201)
	if again.ID != o.ID || b.orders.stock["brot"] != 47 || len(b.orders.orders) != 1 {
		t.Errorf("sent again: %s and %s", again.ID, o.ID)
	}
	other := toCologne()
	other.Contact.Line1 = "Weg 2"
	wants(t, a.order(orderKey, q.Quoted, other), 422, "Idempotency-Key")
	wants(t, a.order(orderKey, strings.Replace(q.Quoted, "1560", "1561", 1), toCologne()), 422, "Idempotency-Key")

	path := "/api/v1/orders/" + o.ID
	as[api.Order](t, a.send("GET", path, nil), 200)
	wants(t, openApp(t, b).send("GET", path, nil), 404)
	wants(t, a.send("GET", path, nil, "Authorization", ""), 401)
	for range 2 {
		if got := as[api.Order](t, a.send("POST", path+"/cancellation", nil), 200); got.State != "cancelled" || got.MayCancel || len(got.History) != 2 {
			t.Errorf("%+v", got)
		}
	}
	wants(t, openApp(t, b).send("POST", path+"/cancellation", nil), 404)
}

func TestAPIOrderTooLateToCancel(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	a := openApp(t, b)
	a.put("brot", 1, a.tag)
	o := as[api.Order](t, a.order(orderKey, a.quote(toCologne()).Quoted, toCologne()), 201)
	kept := b.orders.orders[o.ID]
	kept.State = world.OrderCompleted
	b.orders.orders[o.ID] = kept
	wants(t, a.send("POST", "/api/v1/orders/"+o.ID+"/cancellation", nil), 409)
}

// An order at another price than was quoted is told, with the price that holds.
func TestAPIOrderOfAnotherPriceThanQuoted(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	a := openApp(t, b)
	a.put("brot", 3, a.tag)
	q := a.quote(toCologne())
	b.catalog.setPrice("brot", 560)
	r := as[api.Refusal](t, a.order(orderKey, q.Quoted, toCologne()), 409)
	if r.Code != world.CodeConflict || !strings.Contains(r.Detail, "5,60\u00a0€") || r.Quote.Total.Minor != 1680 || len(r.Quote.Faults) != 0 || len(b.orders.orders) != 0 {
		t.Fatalf("%+v", r)
	}
	as[api.Order](t, a.order(orderKey, r.Quote.Quoted, toCologne()), 201)
	for _, quoted := range []string{"x", "DE;1", strings.Repeat("DE;", 100)} {
		a.put("brot", 1, "*")
		as[api.Refusal](t, a.order(orderKey+"-2", quoted, toCologne()), 409)
	}
}

func TestAPIOrderOfWhatCannotBe(t *testing.T) {
	b := openWith(t, nil)
	a := openApp(t, b)
	faults := func(r api.Refusal) string {
		var out []string
		for _, f := range r.Quote.Faults {
			if f.Text == "" {
				t.Errorf("%+v says nothing", f)
			}
			out = append(out, f.At+" "+f.Code)
		}
		return strings.Join(out, ", ")
	}
	try := func(how api.Checkout, status int, want string) {
		t.Helper()
		r := as[api.Refusal](t, a.order(orderKey, "x", how), status)
		if got := faults(r); got != want || r.Quote.Quoted != "" {
			t.Errorf("%s, want %s", got, want)
		}
	}
	try(toCologne(), 422, "cart empty")
	a.put("brot", 3, "*")
	how := toCologne()
	how.Contact.Email, how.Contact.PostalCode = "nobody", "123"
	try(how, 422, "contact.email email, contact.postal_code postal_code")
	how = toCologne()
	how.Code = "HUNDERT"
	try(how, 409, "code minimum")
	how.Code, how.Fulfilment, how.Slot = "", "pickup", "pickup-2026-11-20-0900"
	try(how, 409, "slot gone")
	b.orders.stock["brot"] = 2
	try(toCologne(), 422, "lines.brot short")
	a.put("torte", 1, "*")
	b.catalog.products = b.catalog.products[1:]
	try(toCologne(), 422, "lines.brot short, lines.torte gone")
	b.orders.stock["brot"] = 50
	a.send("DELETE", "/api/v1/carts/"+a.cart.ID+"/lines/torte", nil, "If-Match", "*")
	b.orders.err = world.E(world.CodeUnprocessed, "fake", "")
	if r := as[api.Refusal](t, a.order(orderKey, a.quote(toCologne()).Quoted, toCologne()), 409); r.Quote.Quoted == "" {
		t.Errorf("who lost a race is told nothing: %+v", r)
	}
	if len(b.orders.orders) != 0 {
		t.Error("an order was placed")
	}
}

func TestAPIQuoteWithSlotAndCode(t *testing.T) {
	b := openWith(t, nil)
	a := openApp(t, b)
	a.put("brot", 2, "*")
	how := api.Checkout{Fulfilment: "pickup", Slot: "pickup-2026-11-23-0900", Code: "zehn", Method: "on_collection", Contact: api.Contact{Name: "Ada", Email: "a@example.de"}}
	q := a.quote(how)
	if len(q.Faults) != 0 || q.Slot.Start.Format(time.RFC3339) != "2026-11-23T09:00:00+01:00" || q.Discounts[0].Amount.Minor != 104 || q.Total.Minor != 936 || q.Lines[0].Discount.Minor != 104 {
		t.Fatalf("%+v", q)
	}
	o := as[api.Order](t, a.order(orderKey, q.Quoted, how), 201)
	if o.Slot.ID != how.Slot || o.Discounts[0].Code == "" || o.Total.Minor != 936 {
		t.Errorf("%+v", o)
	}
	wants(t, a.send("POST", "/api/v1/quotes", api.QuoteAsked{Checkout: api.Checkout{Fulfilment: "pickup", Method: "card"}}), 400, "payment_methods")
	for _, slot := range []string{"now", "delivery-2026-11-23-0900"} {
		wants(t, a.send("POST", "/api/v1/quotes", api.QuoteAsked{Checkout: api.Checkout{Fulfilment: "pickup", Slot: slot, Method: "on_collection"}}), 400, "body.slot")
	}
	if got := as[api.Order](t, a.order(orderKey, q.Quoted, how), 201); got.ID != o.ID {
		t.Errorf("sent again: %s and %s", got.ID, o.ID)
	}
	how.Slot = "pickup-2026-11-24-0900"
	wants(t, a.order(orderKey, q.Quoted, how), 422, "Idempotency-Key")
}

// Where the address decides the tax, a quote without one has the prices alone.
func TestAPIQuoteBeforeTheAddressIsKnown(t *testing.T) {
	b := open(t, "us-east", "us.localhost", nil)
	a := openApp(t, b)
	a.put("torte", 2, "*")
	q := a.quote(api.Checkout{Fulfilment: "delivery", Method: "on_collection"})
	if q.Final || q.Quoted != "" || q.Net.Minor != 246900 || q.Total.Minor != 246900 || q.Lines[0].Amount.Minor != 246900 || len(q.Faults) == 0 {
		t.Errorf("%+v", q)
	}
	how := api.Checkout{Fulfilment: "delivery", Method: "on_collection", Contact: api.Contact{Name: "Ann", Email: "a@example.com", Line1: "1 Main St", City: "Fresno", PostalCode: "93650", State: "CA"}}
	if q := a.quote(how); !q.Final || q.Jurisdiction != "US-CA" || q.Quoted == "" {
		t.Errorf("%+v", q)
	}
}

func TestAPIOrdersByCard(t *testing.T) {
	k := openTill(t, "eu-central")
	a := &app{bench: k.bench, cart: api.NewCart{Token: k.cookies[secureCart]}}
	path := "/api/v1/orders/" + k.id
	o := as[api.Order](t, a.send("GET", path, nil), 200)
	if o.State != "awaiting_payment" || o.Payment.State != "none" || o.Payment.Start != path+"/payment" || o.ExpiresAt == nil {
		t.Fatalf("%+v", o)
	}
	var pages []string
	for range 2 {
		pages = append(pages, as[api.PaymentPage](t, a.send("POST", path+"/payment", nil), 200).URL)
	}
	if pages[0] != pages[1] || !strings.HasPrefix(pages[0], "http://pay.test/") || len(k.bank.byKey) != 1 {
		t.Errorf("%q, %d payments", pages, len(k.bank.byKey))
	}
	k.bank.pays(k.desk.row.Key)
	// The provider leads the buyer's browser back, which has no cart of this order.
	delete(k.cookies, secureCart)
	w := k.get("/orders/" + k.id + "/paid")
	wants(t, w, 200)
	lacks(t, w, "Jürgen", "SC-DE")
	if k.desk.order.State != world.OrderPlaced {
		t.Errorf("%+v", k.desk.order)
	}
	kept := k.orders.orders[k.id]
	kept.State = world.OrderPlaced
	k.orders.orders[k.id] = kept
	if o := as[api.Order](t, a.send("GET", path, nil), 200); o.Payment.State != "captured" || o.Payment.Captured.Minor != 1560 || o.Payment.Start != "" {
		t.Errorf("%+v", o.Payment)
	}
	if got := as[api.PaymentPage](t, a.send("POST", path+"/payment", nil), 200); got.URL != "" {
		t.Errorf("paid, and to be paid at %s", got.URL)
	}
	wants(t, k.get("/orders/"+strings.Repeat("a", 26)+"/paid"), 404)
}

func TestAPIOrderSentManyTimesAtOnceIsOneOrder(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	a := openApp(t, b)
	a.put("brot", 3, "*")
	q := a.quote(toCologne())
	b.orders.stock["brot"] = 3
	ids := make([]string, 20)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			mine := &app{bench: &bench{t: t, handler: b.handler, host: b.host}, cart: a.cart}
			var o api.Order
			if w := mine.order(orderKey, q.Quoted, toCologne()); json.Unmarshal(w.Body.Bytes(), &o) == nil {
				ids[i] = fmt.Sprint(w.Code, " ", o.ID)
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] || !strings.HasPrefix(id, "201 ") {
			t.Errorf("%q and %q", ids[0], id)
		}
	}
	if len(b.orders.orders) != 1 || b.orders.stock["brot"] != 0 {
		t.Errorf("%d orders, %d left", len(b.orders.orders), b.orders.stock["brot"])
	}
}

func TestAPIOrderNeedsAKey(t *testing.T) {
	a := openApp(t, open(t, "eu-central", "de.localhost", nil))
	body := api.OrderAsked{Checkout: toCologne(), Quoted: "x"}
	wants(t, a.send("POST", "/api/v1/orders", body), 400, "Idempotency-Key")
	for key, want := range map[string]int{strings.Repeat("k", 15): 400, strings.Repeat("k", 16): 422, strings.Repeat("k", 64): 422, strings.Repeat("k", 65): 400, `"open-and-not-closed`: 400} {
		if w := a.order(key, "x", toCologne()); w.Code != want {
			t.Errorf("%s: %d %s", key, w.Code, w.Body)
		}
	}
}

// The limits of a request's content, each at its edge, and past it.
func TestAPILimitsOfContent(t *testing.T) {
	a := openApp(t, open(t, "eu-central", "de.localhost", func(c *Config, _ *Deps) { c.MaxForm = 1024 }))
	const start = `{"fulfilment":"delivery","method":"on_collection","contact":{}`
	pad := func(n int) string { return start + strings.Repeat(" ", n-len(start)-1) + "}" }
	deep := func(n int) string {
		return start + `,"more":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + "}"
	}
	for content, want := range map[string]int{
		pad(1024): 200, pad(1025): 413, deep(apiMaxDepth): 400, deep(apiMaxDepth + 1): 413,
		start + `,"more":1}`: 400, `{`: 400, `[]`: 400, `null`: 400,
		start + `,"slot":"` + strings.Repeat("s", 64) + `"}`: 400, start + `,"slot":"` + strings.Repeat("s", 65) + `"}`: 400,
		start + `,"code":"` + strings.Repeat("c", 64) + `"}`: 200, start + `,"code":"` + strings.Repeat("c", 65) + `"}`: 400,
	} {
		if w := a.send("POST", "/api/v1/quotes", content); w.Code != want {
			t.Errorf("%.80s (%d bytes): %d, want %d: %s", content, len(content), w.Code, want, w.Body)
		}
	}
	if w := a.send("POST", "/api/v1/quotes", pad(100), "Content-Type", "text/plain"); w.Code != 415 {
		t.Errorf("text: %d", w.Code)
	}
}

// What no cache answers is counted by network; what caches hold is not.
func TestAPILimitOfANetwork(t *testing.T) {
	a := &app{bench: open(t, "eu-central", "de.localhost", func(c *Config, _ *Deps) { c.APILimit.PerNetwork = 2 })}
	for i, want := range []int{201, 201, 429, 429} {
		w := a.send("POST", "/api/v1/carts", nil, world.HeaderClient, "192.0.2.0/24")
		h := w.Header()
		if w.Code != want || (want == 429) != (h.Get("Retry-After") == "30") || h.Get("RateLimit-Policy") != `"network";q=2;w=60` || h.Get("RateLimit") != fmt.Sprintf(`"network";r=%d;t=%d`, max(0, 1-i), min(60, 30*(i+1))) {
			t.Errorf("request %d: %d %v", i, w.Code, h)
		}
	}
	wants(t, a.send("POST", "/api/v1/carts", nil, world.HeaderClient, "198.51.100.0/24"), 201)
	for range 4 {
		if w := a.ask("/api/v1/market", world.HeaderClient, "192.0.2.0/24"); w.Code != 200 || w.Header().Get("RateLimit") != "" {
			t.Errorf("what caches hold: %d %v", w.Code, w.Header())
		}
	}
}

// Whatever is sent, it is answered as the document says, and nothing is ordered.
func FuzzAPIContent(f *testing.F) {
	f.Add("/api/v1/quotes", `{"fulfilment":"delivery","method":"on_collection","contact":{"name":"\u0000"},"slot":"delivery-2026-11-23-0900"}`)
	f.Add("/api/v1/orders", `{"fulfilment":"pickup","method":"on_collection","contact":{"email":"a@b.de"},"quoted":"DE,pickup,0;1;brot:1:1:bread"}`)
	f.Add("/api/v1/orders", `{"quoted":1e999}`)
	f.Fuzz(func(t *testing.T, path, content string) {
		if path != "/api/v1/quotes" {
			path = "/api/v1/orders"
		}
		a := openApp(t, open(t, "eu-central", "de.localhost", nil))
		a.put("brot", 1, "*")
		if w := a.send("POST", path, content, "Idempotency-Key", orderKey); w.Code >= 500 || w.Code == 201 && !strings.Contains(content, "520") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
