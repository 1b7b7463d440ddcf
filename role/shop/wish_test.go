package shop

import (
	"context"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"meridian/engine/checkout"
	"meridian/engine/money"
	"meridian/engine/order"
	"meridian/engine/promotion"
	"meridian/engine/slots"
	"meridian/role/shop/api"
	"meridian/world"
)

// hours are a pick-up slot on every day, nine to ten in the morning, for two orders.
func hours() (rules []slots.Rule) {
	for day := time.Sunday; day <= time.Saturday; day++ {
		rules = append(rules, slots.Rule{Kind: slots.PickUp, Weekday: day, Start: 9 * time.Hour, End: 10 * time.Hour, Capacity: 2})
	}
	return rules
}

// openWith is a German shop with promotions and slots.
func openWith(t *testing.T, change func(*Config, *Deps)) *bench {
	b := open(t, "eu-central", "de.localhost", change)
	b.catalog.selling = checkout.Selling{Slots: hours(), Promotions: []promotion.Promotion{
		{ID: "ten", Label: "Zehn Prozent", Kind: promotion.Percent, Percent: 100_000, Code: "ZEHN", MaxUses: 5, MaxPerBuyer: 2},
		{ID: "big", Label: "Ab hundert", Kind: promotion.Amount, Amount: money.Amount{Minor: 500, Currency: "EUR"}, Code: "HUNDERT", MinSubtotal: money.Amount{Minor: 10000, Currency: "EUR"}},
	}}
	return b
}

// firstSlot is the first slot on a page, and its words.
func firstSlot(t *testing.T, w *httptest.ResponseRecorder) (id, label string) {
	t.Helper()
	_, rest, _ := strings.Cut(w.Body.String(), `<option value="pickup-`)
	tag, rest, _ := strings.Cut(rest, ">")
	label, _, ok := strings.Cut(rest, "<")
	if !ok {
		t.Fatalf("there is no slot: %s", w.Body)
	}
	id, _, _ = strings.Cut(tag, `"`)
	return "pickup-" + id, label
}

// again is the form with what a page now shows.
func again(t *testing.T, w *httptest.ResponseRecorder, form url.Values, pairs ...string) url.Values {
	t.Helper()
	return with(with(form, "key", hidden(t, w, "key"), "quoted", hidden(t, w, "quoted")), pairs...)
}

// noPayments is a desk at which nobody has paid.
type noPayments struct{ Payments }

func (noPayments) OfOrder(context.Context, string) ([]world.PaymentRow, error) { return nil, nil }

func lastOrder(t *testing.T, b *bench, w *httptest.ResponseRecorder) (world.Order, string) {
	t.Helper()
	path := w.Header().Get("Location")
	o, ok := b.orders.orders[strings.TrimSuffix(strings.TrimPrefix(path, "/orders/"), "/pay")]
	if w.Code != 303 || !ok {
		t.Fatalf("%d to %q: %s", w.Code, path, w.Body)
	}
	return o, path
}

func TestPickUpAtASlot(t *testing.T) {
	b := openWith(t, nil)
	form := atCheckout(t, b, url.Values{"name": {"Ada"}, "email": {"ada@example.de"}, "line1": {"Weg 1"}})
	w := b.post("/checkout", with(form, "step", "look", "fulfilment", "pickup"))
	wants(t, w, 200, `value="pickup" checked`, `type="hidden" name="line1" value="Weg 1"`, "Sobald es fertig ist")
	lacks(t, w, `autocomplete="address-line1"`)
	id, label := firstSlot(t, w)
	if !strings.HasSuffix(label, ", 09:00–10:00 Uhr") {
		t.Errorf("the slot says %q", label)
	}
	// A slot that changes nothing of the total is ordered as it is chosen.
	o, path := lastOrder(t, b, b.post("/checkout", again(t, w, form, "fulfilment", "pickup", "slot", id, "step", "place")))
	if o.Fulfilment != world.PickUp || o.Slot.ID != id || o.Slot.Capacity != 2 || o.Slot.End.Sub(o.Slot.Start) != time.Hour || o.Supply != "takeaway" || o.Contact.Line1 != "" || o.Jurisdiction != "DE" {
		t.Errorf("%+v", o)
	}
	wants(t, b.get(path), 200, label, "Abholung im Laden", "Bestellung eingegangen")
}

func TestAFullSlotCannotBeChosen(t *testing.T) {
	b := openWith(t, nil)
	form := with(atCheckout(t, b, contactDE()), "fulfilment", "pickup")
	w := b.post("/checkout", with(form, "step", "look"))
	id, _ := firstSlot(t, w)
	w = b.post("/checkout", again(t, w, form, "slot", id, "step", "look"))
	b.orders.booked = map[string]int{id: 2}
	w = b.post("/checkout", again(t, w, form, "slot", id, "step", "place"))
	wants(t, w, 409, "nicht mehr frei", `<option value="`+id+`" disabled>`, "(ausgebucht)")
	if len(b.orders.orders) > 0 {
		t.Error("it was ordered")
	}
	// A slot that there never was is no better; one of deliveries is forgotten.
	wants(t, b.post("/checkout", again(t, w, form, "slot", "pickup-2020-01-01-0900", "step", "place")), 409, "nicht mehr frei")
	lacks(t, b.post("/checkout", again(t, w, form, "slot", "delivery-2020-01-01-0900", "step", "look")), "nicht mehr frei")
}

func TestAPromotionsCode(t *testing.T) {
	b := openWith(t, nil)
	form := atCheckout(t, b, contactDE())
	for code, says := range map[string]string{
		"nichts":  "Den Code nichts kennen wir nicht.",
		"hundert": "gilt ab 100,00\u00a0€",
		"<b>":     "Den Code &lt;b&gt; kennen wir nicht.",
	} {
		w := b.post("/checkout", with(form, "code", code, "step", "look"))
		wants(t, w, 200, says, `aria-describedby="code-wrong"`)
		wants(t, b.post("/checkout", again(t, w, form, "code", code, "step", "place")), 409, says)
	}
	w := b.post("/checkout", with(form, "code", "zehn", "step", "look"))
	wants(t, w, 200, "Zehn Prozent", "-1,56\u00a0€", "14,04\u00a0€")
	b.orders.promoted = map[string]int{"ten": 5}
	wants(t, b.post("/checkout", again(t, w, form, "code", "zehn", "step", "place")), 409, "aufgebraucht")
	b.orders.promoted = nil
	o, path := lastOrder(t, b, b.post("/checkout", again(t, w, form, "code", "zehn", "step", "place")))
	if o.TotalMinor != 1404 || o.DiscountMinor != 156 || len(o.Discounts) != 1 || o.Lines[0].DiscountMinor != 156 || o.Lines[0].LineMinor != 1560 {
		t.Errorf("%+v", o)
	}
	if d := o.Discounts[0]; d != (world.OrderDiscount{Promotion: "ten", Label: "Zehn Prozent", Code: "ZEHN", Minor: 156, MaxUses: 5, PerBuyer: 2}) {
		t.Errorf("%+v", d)
	}
	if len(o.TaxShares) != 1 || o.TaxShares[0] != (world.TaxShare{Line: 1, Tax: 1, NetMinor: o.NetMinor, TaxMinor: o.TaxMinor}) {
		t.Errorf("%+v", o.TaxShares)
	}
	wants(t, b.get(path), 200, "Zehn Prozent", "14,04\u00a0€")
}

func TestPaidForByCardWhereThereIsAProvider(t *testing.T) {
	card := func(_ *Config, d *Deps) {
		d.Providers, d.Payments = []MarketPay{{Market: "de", Name: "test"}}, noPayments{}
	}
	b := openWith(t, card)
	form := atCheckout(t, b, contactDE())
	wants(t, b.get("/checkout"), 200, `value="card" checked`)
	o, path := lastOrder(t, b, b.post("/checkout", with(form, "step", "place", "method", "card")))
	if o.State != world.OrderAwaitingPayment || o.Method != world.PayCard || !o.ExpiresAt.Equal(o.PlacedAt.Add(15*time.Minute)) || !strings.HasSuffix(path, "/pay") {
		t.Errorf("%+v to %s", o, path)
	}
	wants(t, b.get("/orders/"+o.ID), 200, "wartet auf die Zahlung", `href="/orders/`+o.ID+`/pay"`, `data-state="awaiting_payment"`)
	wants(t, b.get("/orders"), 200, "Wir warten auf Ihre Zahlung")
	o.State = world.OrderExpired
	b.orders.orders[o.ID] = o
	w := b.get("/orders/" + o.ID)
	wants(t, w, 200, "Abgelaufen")
	lacks(t, w, o.ID+"/pay", "Mit Karte bezahlt", "Jetzt bezahlen")
	// Who asks for nothing pays on collection, and so does who cannot pay by card.
	b = openWith(t, card)
	if o, _ = lastOrder(t, b, b.post("/checkout", with(atCheckout(t, b, contactDE()), "step", "place"))); o.State != world.OrderPlaced || o.Method != world.PayOnCollection {
		t.Errorf("%+v", o)
	}
	b = openWith(t, nil)
	if o, _ = lastOrder(t, b, b.post("/checkout", with(atCheckout(t, b, contactDE()), "step", "place", "method", "card"))); o.State != world.OrderPlaced || o.Method != world.PayOnCollection {
		t.Errorf("%+v", o)
	}
}

func TestABuyerCancelsUntilWorkBegins(t *testing.T) {
	b := openWith(t, nil)
	o, path := lastOrder(t, b, b.post("/checkout", with(atCheckout(t, b, contactDE()), "step", "place")))
	wants(t, b.get(path), 200, `action="`+path+`/cancel"`)
	stranger := *b
	stranger.cookies = map[string]string{b.shop.cookieName(): strings.Repeat("a", 26)}
	wants(t, stranger.post(path+"/cancel", nil), 404)
	for range 2 { // again it is the same
		w := b.post(path+"/cancel", nil)
		if w.Code != 303 || w.Header().Get("Location") != path {
			t.Fatalf("%d to %q", w.Code, w.Header().Get("Location"))
		}
	}
	w := b.get(path)
	wants(t, w, 200, "Storniert", `data-state="cancelled"`)
	lacks(t, w, path+"/cancel")
	wants(t, b.get("/orders"), 200, "Storniert")

	o, path = lastOrder(t, b, b.post("/checkout", with(atCheckout(t, b, contactDE()), "step", "place")))
	o.State = world.OrderPreparing
	b.orders.orders[o.ID] = o
	wants(t, b.post(path+"/cancel", nil), 409, "nicht mehr stornieren", "In Vorbereitung")
}

// What is served hot is taxed so, in one cart with the same served cold; the order
// keeps how each was served, whatever the catalog says by the time of a refund.
func TestHotAndColdInOneCart(t *testing.T) {
	b := open(t, "eu-central", "gb.localhost", nil)
	for _, p := range []world.Product{{Slug: "pasty", Name: "Pasty"}, {Slug: "hot-pasty", Name: "Hot pasty", ServedHot: true, ServedWith: "utensils"}} {
		p.TaxClass, p.SKUs = "savoury", []world.SKU{{Key: p.Slug, PriceMinor: 600, PriceVersion: 1}}
		b.catalog.products = append(b.catalog.products, p)
		b.orders.stock[p.Slug] = 9
		b.add(p.Slug, "2")
	}
	wants(t, b.get("/p/pasty"), 200, "zero-rated for VAT (0%)")
	wants(t, b.get("/p/hot-pasty"), 200, "20%")
	form := atCheckout(t, b, to("Ada Lovelace", "12 St James's Square", "London", "SW1Y 4LB", ""))
	w := b.post("/checkout", with(form, "step", "review"))

	// Between look and order it has become a cold one: the buyer is told.
	b.catalog.products[len(b.catalog.products)-1].ServedHot = false
	w = b.post("/checkout", again(t, w, form, "step", "place"))
	wants(t, w, 409)
	b.catalog.products[len(b.catalog.products)-1].ServedHot = true
	w = b.post("/checkout", again(t, w, form, "step", "place"))
	wants(t, w, 409)
	o, _ := lastOrder(t, b, b.post("/checkout", again(t, w, form, "step", "place")))
	if want := []world.OrderTax{{Label: "VAT", Rate: "0", NetMinor: 2760, Jurisdiction: "GB", Levy: "vat", Source: "HMRC VAT Notice 701/14 (via tideaccounting and farnellclarke summaries)"},
		{Label: "VAT", Rate: "20", NetMinor: 1000, TaxMinor: 200, Jurisdiction: "GB", Levy: "vat", Source: "HMRC VAT Notice 709/1; farnellclarke"}}; !slices.Equal(o.Taxes, want) {
		t.Errorf("%+v", o.Taxes)
	}
	for i, l := range o.Lines {
		hot := l.SKU == "hot-pasty"
		if l.ServedHot != hot || (l.ServedWith == "utensils") != hot {
			t.Errorf("kept as %+v", l)
		}
		want := int64(0)
		if hot {
			want = 100
		}
		if r, err := order.NewRefund(o, nil, []world.RefundLine{{Line: i + 1, Quantity: 1}}); err != nil || r.TaxMinor != want {
			t.Errorf("%s comes back as %+v, %v", l.SKU, r, err)
		}
	}
}

// What no rule taxes is not sold, and the buyer is told why.
func TestWhatNoRuleTaxesIsNotSold(t *testing.T) {
	b := openWith(t, nil)
	form := atCheckout(t, b, contactDE())
	for i := range b.catalog.products {
		b.catalog.products[i].ServedWith = "gift"
	}
	wants(t, b.post("/checkout", with(form, "step", "review")), 422)
	if len(b.orders.orders) > 0 {
		t.Error("it was ordered")
	}
}

// Who eats at the shop pays the tax of its tables, comes to a slot of those who pick
// up, gives no address, and finds on every paper how it was.
func TestEatAtTheShop(t *testing.T) {
	shipped := shippedYAML[world.World](t, "world.yaml")
	b := open(t, "ap-southeast", "jp.localhost", func(_ *Config, d *Deps) { d.World = &shipped })
	b.catalog.selling.Slots = hours()
	form := atCheckout(t, b, url.Values{"name": {"山田太郎"}, "email": {"a@example.com"}})
	look := b.post("/checkout", with(form, "step", "look", "fulfilment", "pickup"))
	wants(t, look, 200, "8%", "店内でお召し上がり")
	w := b.post("/checkout", again(t, look, form, "step", "look", "fulfilment", "eat_in"))
	wants(t, w, 200, `value="eat_in" checked`, "10%")
	lacks(t, w, `autocomplete="address-line1"`)
	// What was shown for taking away is not ordered for the table.
	wants(t, b.post("/checkout", again(t, look, form, "fulfilment", "eat_in", "step", "place")), 409)
	id, label := firstSlot(t, w)
	o, path := lastOrder(t, b, b.post("/checkout", again(t, w, form, "fulfilment", "eat_in", "slot", id, "step", "place")))
	if o.Fulfilment != world.EatIn || o.Supply != "eat_in" || o.Slot.ID != id || o.Contact.Line1 != "" || o.Jurisdiction != "JP" || len(o.Taxes) != 1 || o.Taxes[0].Rate != "10" {
		t.Errorf("%+v", o)
	}
	wants(t, b.get(path), 200, label, "<h2>店内でお召し上がり</h2>")
	wants(t, b.get(path+"/invoice"), 200, "店内飲食")
	m, err := b.shop.writeMail(t.Context(), world.QueuedMail{OrderID: o.ID, Kind: world.MailReady, N: 1, At: noon})
	if err != nil || !strings.Contains(m.Text, "お席") {
		t.Errorf("%+v, %v", m, err)
	}
}

// A market without tables takes such a form for a delivery, as any that it does not know.
func TestEatingIsNotOfferedEverywhere(t *testing.T) {
	b := openWith(t, nil)
	form := atCheckout(t, b, contactDE())
	w := b.post("/checkout", with(form, "step", "look", "fulfilment", "eat_in"))
	wants(t, w, 200, `value="delivery" checked`)
	lacks(t, w, "eat_in")
	a := openApp(t, b)
	a.put("brot", 2, "*")
	wants(t, a.send("POST", "/api/v1/quotes", api.QuoteAsked{Checkout: api.Checkout{Fulfilment: "eat_in", Method: "on_collection"}}), 400, "body.fulfilment")
}
