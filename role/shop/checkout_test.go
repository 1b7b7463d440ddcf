package shop

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"meridian/world"
)

func contactDE() url.Values {
	return url.Values{"name": {"Jürgen Weiß"}, "email": {"j@example.de"}, "line1": {"Weg 1"}, "city": {"Köln"}, "postal_code": {"50667"}}
}

func with(form url.Values, pairs ...string) url.Values {
	out := url.Values{}
	for k, v := range form {
		out[k] = v
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		out.Set(pairs[i], pairs[i+1])
	}
	return out
}

// atCheckout fills a cart and loads the form; the values that go along are returned.
func atCheckout(t *testing.T, b *bench, contact url.Values) url.Values {
	t.Helper()
	b.add("brot", "3")
	w := b.get("/checkout")
	wants(t, w, 200)
	return with(contact, "key", hidden(t, w, "key"), "quoted", hidden(t, w, "quoted"))
}

func TestCartInPlainForms(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	wants(t, b.get("/cart"), 200, "Warenkorb")
	w := b.post("/cart", url.Values{"action": {"add"}, "slug": {"brot"}, "quantity": {"2"}})
	if w.Code != 303 || w.Header().Get("Location") != "/cart?added=brot" {
		t.Fatalf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	c := w.Result().Cookies()[0]
	if c.Name != "__Host-cart" || c.Path != "/" || c.Domain != "" || len(c.Value) != 26 || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie %+v", c)
	}
	w = b.get("/cart?added=brot")
	wants(t, w, 200, "10,40\u00a0€", `data-cart-count="2">2<`, `value="2"`, "Brot ")
	if w.Header().Get("Cache-Control") != "private, no-store" || w.Header().Get("ETag") != "" || w.Header().Get("Surrogate-Key") != "" {
		t.Errorf("headers %v", w.Header())
	}
	b.add("brot", "1")
	wants(t, b.post("/cart", url.Values{"action": {"set"}, "slug": {"brot"}, "quantity": {"7"}}), 303)
	wants(t, b.get("/cart"), 200, "36,40\u00a0€")
	for _, bad := range []string{"49", "-1", "x", ""} {
		wants(t, b.post("/cart", url.Values{"action": {"set"}, "slug": {"brot"}, "quantity": {bad}}), 422, "von 1 bis 48")
	}
	wants(t, b.post("/cart", url.Values{"action": {"add"}, "slug": {"brot"}, "quantity": {"0"}}), 422, "von 1 bis 48")
	wants(t, b.post("/cart", url.Values{"action": {"set"}, "slug": {"brot"}, "quantity": {"48"}}), 303)
	wants(t, b.post("/cart", url.Values{"action": {"remove"}, "slug": {"brot"}}), 303)
	lacks(t, b.get("/cart"), "Brot")
	wants(t, b.post("/cart", url.Values{"action": {"add"}, "slug": {"nothing"}, "quantity": {"1"}}), 422)
	wants(t, b.post("/cart", url.Values{"action": {"burn"}, "slug": {"brot"}}), 400)
	wants(t, b.post("/cart", url.Values{"action": {"add"}, "slug": {"../x"}, "quantity": {"1"}}), 400)
}

func TestCartSaysWhatIsShort(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	b.add("torte", "6")
	w := b.get("/cart")
	wants(t, w, 200, "Nur noch 5 Stück", `aria-describedby="w-torte"`, `<p class="wrong" id="w-torte">`, `role="alert" id="wrong"`, `<a href="#q-torte">`)
	lacks(t, w, `href="/checkout"`)
	if w := b.get("/checkout"); w.Code != 303 || w.Header().Get("Location") != "/cart" {
		t.Errorf("checkout of what is not there: %d", w.Code)
	}
	b.catalog.products = b.catalog.products[1:]
	w = b.get("/cart")
	wants(t, w, 200, `id="w-torte"`, `value="remove"`)
	lacks(t, w, `href="/checkout"`)
}

func TestCartSaysHowFewAreLeft(t *testing.T) {
	for _, c := range []struct {
		left, wanted int
		want, not    string
	}{
		{fewLeft + 1, 1, `name="quantity"`, `class="left"`},
		{fewLeft, 1, `<span class="left">Nur noch 5 Stück</span>`, `class="wrong"`},
		{20, 21, `<span class="left">Nur noch 20 Stück</span>`, "Ausverkauft"},
		{0, 1, `<span class="left">Ausverkauft</span>`, `name="quantity"`},
	} {
		b := open(t, "eu-central", "de.localhost", nil)
		b.add("brot", strconv.Itoa(c.wanted))
		b.orders.stock["brot"] = c.left
		w := b.get("/cart")
		wants(t, w, 200, c.want)
		lacks(t, w, c.not)
	}
	b := open(t, "eu-central", "de.localhost", nil)
	b.add("brot", "1")
	b.orders.stock["brot"] = 0
	wants(t, b.get("/cart"), 200, `<a href="#r-brot">`, `id="r-brot"`)
}

func TestCartThatIsFullSaysSo(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", func(c *Config, _ *Deps) { c.MaxLines = 1 })
	b.add("brot", "1")
	wants(t, b.post("/cart", url.Values{"action": {"add"}, "slug": {"torte"}, "quantity": {"1"}}), 422, "Mehr verschiedene Artikel")
}

func TestOnlyTheHomeRegionHasCarts(t *testing.T) {
	b := open(t, "us-east", "de.localhost", nil)
	for _, path := range []string{"/cart", "/checkout", "/orders", "/orders/" + strings.Repeat("a", 26)} {
		w := b.get(path)
		wants(t, w, 421)
		if !strings.Contains(w.Header().Get("Cache-Control"), "no-store") {
			t.Errorf("%s may be kept: %v", path, w.Header())
		}
	}
}

func TestForeignFormsAndLargeOnesAreRefused(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", func(c *Config, _ *Deps) { c.MaxForm = 1024 })
	form := url.Values{"action": {"add"}, "slug": {"brot"}, "quantity": {"1"}}
	if w := b.post("/cart", form, "Sec-Fetch-Site", "cross-site"); w.Code != 403 {
		t.Errorf("another site's form: %d", w.Code)
	}
	if w := b.post("/cart", form, "Sec-Fetch-Site", "", "Origin", "https://evil.example"); w.Code != 403 {
		t.Errorf("another origin's form: %d", w.Code)
	}
	fill := 1024 - len(form.Encode()) - len("&x=")
	wants(t, b.post("/cart", with(form, "x", strings.Repeat("y", fill))), 303)
	wants(t, b.post("/cart", with(form, "x", strings.Repeat("y", fill+1))), 413)
}

func TestCheckoutWholeWay(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	form := atCheckout(t, b, contactDE())
	w := b.get("/checkout")
	wants(t, w, 200, "Zahlungspflichtig bestellen", `autocomplete="postal-code"`, `autocomplete="email"`, `<label for="line1">`, "15,60\u00a0€", "1,02\u00a0€")
	w = b.post("/checkout", with(form, "step", "place"))
	if w.Code != 303 || !strings.HasPrefix(w.Header().Get("Location"), "/orders/") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	page := w.Header().Get("Location")
	wants(t, b.get(page), 200, "SC-DE-", "Jürgen Weiß", "50667 Köln", "15,60\u00a0€", "21. November 2026, 13:00 Uhr", `data-cart-count="0"`)
	wants(t, b.get("/orders"), 200, "SC-DE-", page)
	again := b.post("/checkout", with(form, "step", "place"))
	if again.Code != 303 || again.Header().Get("Location") != page || b.orders.stock["brot"] != 47 {
		t.Errorf("sent twice: %d to %q, %d left", again.Code, again.Header().Get("Location"), b.orders.stock["brot"])
	}
	var o world.Order
	for _, o = range b.orders.orders {
	}
	if o.NetMinor != 1458 || o.TaxMinor != 102 || o.TotalMinor != 1560 || o.Jurisdiction != "DE" || o.Lines[0].PriceVersion != 4 || o.Locale != "de-DE" || !o.PlacedAt.Equal(noon) {
		t.Errorf("kept %+v", o)
	}
	b.cookies[secureCart] = strings.Repeat("b", 26)
	w = b.get(page)
	wants(t, w, 404)
	lacks(t, w, "Jürgen")
	lacks(t, b.get("/orders"), "SC-DE-")
	delete(b.cookies, secureCart)
	wants(t, b.get(page), 404)
}

func TestCheckoutSaysWhatIsWrongAndKeepsTheRest(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	form := atCheckout(t, b, contactDE())
	w := b.post("/checkout", with(form, "step", "place", "email", "nobody", "postal_code", "123", "name", ""))
	wants(t, w, 422, `id="wrong" role="alert" tabindex="-1"`, `<a href="#email">`, `<a href="#postal_code">`, `<a href="#name">`,
		`aria-invalid="true" aria-describedby="email-wrong"`, `aria-describedby="postal_code-wrong"`, `placeholder="10115"`, `id="postal_code-wrong"`,
		`value="nobody"`, `value="Weg 1"`, `value="Köln"`)
	if hidden(t, w, "key") != form.Get("key") || len(b.orders.orders) != 0 {
		t.Error("a form with errors changed its key or placed an order")
	}
}

func TestCheckoutTellsAChangedPriceAndAsksAgain(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	form := atCheckout(t, b, contactDE())
	b.catalog.setPrice("brot", 560)
	w := b.post("/checkout", with(form, "step", "place"))
	wants(t, w, 409, "5,20\u00a0€", "5,60\u00a0€", "16,80\u00a0€", `value="Jürgen Weiß"`)
	if len(b.orders.orders) != 0 {
		t.Fatal("an order was placed at a price that was not shown")
	}
	w = b.post("/checkout", with(form, "step", "place", "quoted", hidden(t, w, "quoted")))
	wants(t, w, 303)
	// A price that has changed and changed back is what was shown.
	form = atCheckout(t, b, contactDE())
	b.catalog.setPrice("brot", 900)
	b.catalog.setPrice("brot", 560)
	wants(t, b.post("/checkout", with(form, "step", "place")), 303)
}

func TestCheckoutOfAnotherQuantityThanShownAsksAgain(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	form := atCheckout(t, b, contactDE())
	b.add("brot", "1")
	wants(t, b.post("/checkout", with(form, "step", "place")), 409, "20,80\u00a0€")
	for _, quoted := range []string{"", "DE;1", "DE;x;brot:1:1:bread", strings.Repeat("DE;", 100)} {
		wants(t, b.post("/checkout", with(form, "step", "place", "quoted", quoted)), 409)
	}
	if len(b.orders.orders) != 0 {
		t.Error("an order was placed that was not shown")
	}
}

func TestCheckoutOfferWhatIsLeft(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	form := atCheckout(t, b, contactDE())
	b.orders.stock["brot"] = 2
	w := b.post("/checkout", with(form, "step", "place"))
	wants(t, w, 422, `name="step" value="trim"`, `value="Jürgen Weiß"`)
	lacks(t, w, `value="place"`)
	w = b.post("/checkout", with(form, "step", "trim"))
	wants(t, w, 200, "10,40\u00a0€", `value="Jürgen Weiß"`, `value="place"`)
	wants(t, b.post("/checkout", with(form, "step", "place", "quoted", hidden(t, w, "quoted"))), 303)
	if b.orders.stock["brot"] != 0 {
		t.Errorf("%d left", b.orders.stock["brot"])
	}
}

// Somebody may be faster between the look at the stock and the order.
func TestCheckoutThatLosesTheRace(t *testing.T) {
	for _, code := range []world.Code{world.CodeUnprocessed, world.CodeConflict} {
		b := open(t, "eu-central", "de.localhost", nil)
		form := atCheckout(t, b, contactDE())
		b.orders.err = world.E(code, "fake", "")
		wants(t, b.post("/checkout", with(form, "step", "place")), 409, "Es wurde noch nichts bestellt", `value="Jürgen Weiß"`)
	}
	b := open(t, "eu-central", "de.localhost", nil)
	form := atCheckout(t, b, contactDE())
	b.orders.err = world.E(world.CodeUnavailable, "fake", "")
	wants(t, b.post("/checkout", with(form, "step", "place")), 503, "keine Bestellungen an")
}

func TestCheckoutSentManyTimesAtOnceIsOneOrder(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	form := atCheckout(t, b, contactDE())
	cart := b.cookies[secureCart]
	places := make([]string, 20)
	var wg sync.WaitGroup
	for i := range places {
		wg.Go(func() {
			mine := &bench{t: t, handler: b.handler, host: b.host, cookies: map[string]string{secureCart: cart}}
			places[i] = mine.post("/checkout", with(form, "step", "place")).Header().Get("Location")
		})
	}
	wg.Wait()
	for _, p := range places {
		if p != places[0] || !strings.HasPrefix(p, "/orders/") {
			t.Errorf("led to %q and %q", places[0], p)
		}
	}
	if len(b.orders.orders) != 1 || b.orders.stock["brot"] != 47 {
		t.Errorf("%d orders, %d left", len(b.orders.orders), b.orders.stock["brot"])
	}
}

// A form is sent twice at once and takes all that there is: whichever answer the
// browser shows, it is the order and not that nothing is left.
func TestCheckoutSentTwiceTakesTheLast(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	form := atCheckout(t, b, contactDE())
	b.orders.stock["brot"] = 3
	var first string
	b.orders.looked = func() {
		b.orders.looked = nil
		first = b.post("/checkout", with(form, "step", "place")).Header().Get("Location")
	}
	w := b.post("/checkout", with(form, "step", "place"))
	if got := w.Header().Get("Location"); w.Code != 303 || got != first || !strings.HasPrefix(first, "/orders/") {
		t.Errorf("the first led to %q, the second to %d %q", first, w.Code, got)
	}
}

func TestCheckoutWhereTheStateDecidesTheTax(t *testing.T) {
	b := open(t, "us-east", "us.localhost", nil)
	b.add("torte", "2")
	w := b.get("/checkout")
	wants(t, w, 200, `<select id="state" name="state" autocomplete="address-level1" required>`, `<option value="CA">`, `name="step" value="review"`, "Sales tax depends on your ZIP code.", "Show total with tax", `<option value="NY">New York</option>`)
	lacks(t, w, `value="place"`)
	contact := url.Values{"name": {"Ann"}, "email": {"a@example.com"}, "line1": {"1 Main St"}, "city": {"Fresno"}, "postal_code": {"93650"},
		"key": {hidden(t, w, "key")}, "quoted": {hidden(t, w, "quoted")}}
	wants(t, b.post("/checkout", with(contact, "step", "place")), 422, `<a href="#state">State: Please choose a state from the list.`, `value="Ann"`)
	w = b.post("/checkout", with(contact, "step", "review", "state", "CA"))
	wants(t, w, 200, `<option value="CA" selected>`, "Sales tax (California): none on these goods", "$0.00", "$2,469.00", `value="place"`)
	review := with(contact, "state", "CA", "quoted", hidden(t, w, "quoted"))
	// Another place than the one that the total was shown for is shown first.
	wants(t, b.post("/checkout", with(review, "step", "place", "state", "NY", "postal_code", "10001")), 409, `<option value="NY" selected>`)
	// A state that is not the postal code's, and a code outside all areas, are told at their fields.
	w = b.post("/checkout", with(review, "step", "place", "state", "NY"))
	wants(t, w, 422, `<a href="#state">State: 93650 lies in another state. Please correct the ZIP code or the state.`)
	lacks(t, w, `value="place"`)
	w = b.post("/checkout", with(review, "step", "place", "postal_code", "60601"))
	wants(t, w, 422, `<a href="#postal_code">ZIP code: We do not deliver to 60601 yet; choose pick-up or another address.`)
	lacks(t, w, `value="place"`)
	w = b.post("/checkout", with(review, "step", "place"))
	wants(t, w, 303)
	wants(t, b.get(w.Header().Get("Location")), 200, "Fresno, CA 93650", "Sales tax (California): none on these goods")
}

func TestCheckoutWithoutAKeyIsShownAgain(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	form := atCheckout(t, b, contactDE())
	w := b.post("/checkout", with(form, "step", "place", "key", "short"))
	wants(t, w, 200, "Es wurde noch nichts bestellt")
	if len(hidden(t, w, "key")) != 26 || len(b.orders.orders) != 0 {
		t.Error("no new key, or an order without one")
	}
}

func TestEmptyCartHasNoCheckout(t *testing.T) {
	b := open(t, "ap-southeast", "in.localhost", nil)
	if w := b.get("/hi-in/checkout"); w.Code != 303 || w.Header().Get("Location") != "/hi-in/cart" {
		t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	if w := b.post("/checkout", url.Values{"key": {strings.Repeat("k", 26)}, "step": {"place"}}); w.Code != 303 {
		t.Errorf("%d", w.Code)
	}
	wants(t, b.get("/hi-in/cart"), 200, `<html lang="hi-IN">`)
}

func TestStatesThatAreDeliveredTo(t *testing.T) {
	b := open(t, "ap-southeast", "in.localhost", nil)
	b.add("brot", "1")
	wants(t, b.get("/hi-in/checkout"), 200, `<select id="state" name="state" autocomplete="address-level1" required>`, `<option value="MH">महाराष्ट्र</option>`, `action="/hi-in/checkout"`, `value="place"`)
}

// TestAnAddressIsAskedForAsItIsWritten has the fields of an address in the order of
// the locale's post, with the postal code beside what it stands next to.
func TestAnAddressIsAskedForAsItIsWritten(t *testing.T) {
	texts := testTexts(t)
	for locale, want := range map[string]string{
		"de-DE": "line1 line2 [postal_code city] state", "en-GB": "line1 line2 city [state postal_code]",
		"en-US": "line1 line2 city [state postal_code]", "ja-JP": "[postal_code state] city line1 line2",
		"en-IN": "line1 line2 [city postal_code] state", "hi-IN": "line1 line2 [city postal_code] state",
	} {
		var fields []formField
		for _, f := range contactFields {
			if f.address {
				fields = append(fields, formField{Name: string(f.name)})
			}
		}
		var got []string
		open := false
		for _, f := range (&site{texts: texts.Locale(locale)}).asWritten(fields) {
			name := f.Name
			if f.Half && !open {
				name = "[" + name
			} else if f.Half {
				name += "]"
			}
			open = open != f.Half
			got = append(got, name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", locale, got, want)
		}
	}
}

// What was given back whole is not the buyer's to cancel, and a cancellation has
// the letter sent soon.
func TestWhenABuyerMayCancel(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	w := b.post("/checkout", with(atCheckout(t, b, contactDE()), "step", "place"))
	show := w.Header().Get("Location")
	id := strings.TrimPrefix(show, "/orders/")
	cancel := `action="` + show + `/cancel"`
	wants(t, b.get(show), 200, cancel)
	var all []world.RefundLine
	for i, l := range b.orders.orders[id].Lines {
		all = append(all, world.RefundLine{Line: i + 1, Quantity: l.Quantity})
	}
	b.orders.refunds[id] = []world.Refund{{OrderID: id, N: 1, Lines: all}}
	lacks(t, b.get(show), cancel)
	delete(b.orders.refunds, id)
	for len(b.shop.told) > 0 {
		<-b.shop.told
	}
	b.post(show+"/cancel", nil)
	if b.orders.orders[id].State != world.OrderCancelled || len(b.shop.told) != 1 {
		t.Errorf("%s, told %d times", b.orders.orders[id].State, len(b.shop.told))
	}
}
