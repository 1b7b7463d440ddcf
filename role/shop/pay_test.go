package shop

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"meridian/engine/payment"
	"meridian/role/shop/api"
	"meridian/world"
)

// till is a shop with one order by card of this browser's, and a bank.
type till struct {
	*bench
	desk *desk
	bank *bank
	id   string
	form url.Values // that has placed it
}

func openTill(t *testing.T, region string) *till {
	t.Helper()
	k := &till{desk: newDesk(func() time.Time { return noon }), bank: newBank()}
	k.bench = open(t, region, "de.localhost", func(_ *Config, d *Deps) {
		d.Payments, d.Paid = k.desk, k.desk
		d.Providers = []MarketPay{{Market: "de", Name: "testpay", Provider: k.bank, Pages: "http://pay.test"}}
	})
	if region != "eu-central" {
		return k
	}
	k.form = with(atCheckout(t, k.bench, contactDE()), "step", "place")
	w := k.post("/checkout", k.form)
	if w.Code != 303 {
		t.Fatalf("%d", w.Code)
	}
	k.id = strings.TrimPrefix(w.Header().Get("Location"), "/orders/")
	k.byCard()
	return k
}

// byCard has the order await a payment.
func (k *till) byCard() {
	k.orders.mu.Lock()
	defer k.orders.mu.Unlock()
	o := k.orders.orders[k.id]
	o.Method, o.State, o.ExpiresAt = world.PayCard, world.OrderAwaitingPayment, noon.Add(time.Hour)
	k.orders.orders[k.id] = o
	k.desk.order = payment.Order{State: o.State, Currency: o.Currency, DueMinor: o.PayableMinor(), ExpiresAt: o.ExpiresAt}
}

func leads(t *testing.T, w *httptest.ResponseRecorder, to string) {
	t.Helper()
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != to {
		t.Fatalf("%d to %q, want %q", w.Code, w.Header().Get("Location"), to)
	}
}

func TestABuyerPaysAndComesBack(t *testing.T) {
	k := openTill(t, "eu-central")
	show := "/orders/" + k.id
	wants(t, k.get(show), 200, `href="`+show+`/pay"`)
	page := "http://pay.test/" + k.id + "-1"
	if len(k.id) == 26 && k.desk.begun {
		t.Error("a payment before anybody pays")
	}
	for range 2 { // the same payment, however often
		w := k.get(show + "/pay")
		if w.Code != 303 || !strings.HasPrefix(w.Header().Get("Location"), "http://pay.test/") {
			t.Fatalf("%d to %q, want %s", w.Code, w.Header().Get("Location"), page)
		}
	}
	if len(k.bank.byKey) != 1 {
		t.Errorf("%d payments", len(k.bank.byKey))
	}
	leads(t, k.get(show+"/paid"), show) // back without having paid
	if k.desk.order.State != world.OrderAwaitingPayment {
		t.Errorf("%+v", k.desk.order)
	}
	k.bank.pays(k.desk.row.Key)
	leads(t, k.get(show+"/paid"), show)
	if k.desk.order.State != world.OrderPlaced || k.desk.row.CapturedMinor != k.desk.order.DueMinor {
		t.Errorf("%+v\n%+v", k.desk.order, k.desk.row)
	}
	if strings.Contains(k.log.String(), "pay.test") {
		t.Errorf("the buyer's page is logged: %s", k.log)
	}
}

// Who may have paid is never asked to pay once more.
func TestAPaymentInDoubtIsNotAskedForAgain(t *testing.T) {
	k := openTill(t, "eu-central")
	show := "/orders/" + k.id
	told := func(checking bool, start string) {
		t.Helper()
		a := &app{bench: k.bench, cart: api.NewCart{Token: k.cookies[secureCart]}}
		if p := as[api.Order](t, a.send("GET", "/api/v1"+show, nil), 200).Payment; p.Checking != checking || p.Start != start {
			t.Errorf("%+v", p)
		}
	}
	start := "/api/v1" + show + "/payment"
	told(false, start)
	k.get(show + "/pay")
	wants(t, k.get(show), 200, `href="`+show+`/pay"`) // untouched
	told(false, start)
	k.bank.pays(k.desk.row.Key)
	k.bank.fails(func(string) error { return world.E(world.CodeUnavailable, "bank", "It is away.") })
	k.desk.lease = noon.Add(time.Minute) // somebody else looks just now
	leads(t, k.get(show+"/paid"), show+"?checking=1")
	page := k.get(show + "?checking=1")
	wants(t, page, 200, "Wir prüfen Ihre Zahlung", `href="`+show+`/paid"`)
	lacks(t, page, `href="`+show+`/pay"`)
	if got := page.Header().Get("Refresh"); got != "3; url="+show+"/paid?checking=1" {
		t.Errorf("Refresh: %q", got)
	}
	k.desk.lease = time.Time{}
	leads(t, k.get(show+"/paid?checking=1"), show+"?checking=2") // the provider does not answer
	page = k.get(show)                                           // the last look has failed, whatever the address says
	wants(t, page, 200, "Wir prüfen Ihre Zahlung")
	lacks(t, page, `href="`+show+`/pay"`)
	told(true, "")
	last := k.get(show + "?checking=20")
	wants(t, last, 200, "Wir prüfen Ihre Zahlung", `href="`+show+`/paid"`)
	if got := last.Header().Get("Refresh"); got != "" {
		t.Errorf("it goes on for ever: %q", got)
	}
	own := k.cookies
	k.cookies = map[string]string{}
	wants(t, k.get(show+"/paid"), 200, "Wir prüfen Ihre Zahlung")
	k.cookies = own
	k.bank.fails(nil)
	for len(k.shop.told) > 0 {
		<-k.shop.told
	}
	leads(t, k.get(show+"/paid?checking=2"), show)
	if k.desk.order.State != world.OrderPlaced || len(k.shop.told) != 1 {
		t.Errorf("%+v, told %d times", k.desk.order, len(k.shop.told))
	}
	told(true, "") // the money is there, the order does not know it yet
	placed := k.orders.orders[k.id]
	placed.State = world.OrderPlaced
	k.orders.orders[k.id] = placed
	told(false, "")
}

func TestAFailedPaymentCanBePaidAgain(t *testing.T) {
	k := openTill(t, "eu-central")
	show := "/orders/" + k.id
	k.get(show + "/pay")
	p := k.bank.byKey[k.desk.row.Key]
	p.State, p.URL, p.Failure, p.Version = world.PaymentFailed, "", world.FailureFunds, 9
	leads(t, k.get(show+"/paid"), show)
	page := k.get(show + "?checking=1") // an address from before
	wants(t, page, 200, `href="`+show+`/pay"`)
	if page.Header().Get("Refresh") != "" {
		t.Error("it looks again for nothing")
	}
}

func TestAnotherPaymentAfterOneThatIsOver(t *testing.T) {
	k := openTill(t, "eu-central")
	k.get("/orders/" + k.id + "/pay")
	first := k.desk.row.Key
	k.bank.byKey[first].State, k.bank.byKey[first].URL, k.bank.byKey[first].Failure, k.bank.byKey[first].Version = world.PaymentFailed, "", world.FailureAbandoned, 9
	if w := k.get("/orders/" + k.id + "/pay"); w.Code != 303 || !strings.HasSuffix(w.Header().Get("Location"), "-2") {
		t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
	}
}

func TestWhoMayPay(t *testing.T) {
	k := openTill(t, "eu-central")
	stranger := map[string]string{}
	own := k.cookies
	for path, want := range map[string]int{"/pay": 404, "/paid": 200} {
		k.cookies = stranger
		w := k.get("/orders/" + k.id + path)
		wants(t, w, want)
		lacks(t, w, "Jürgen")
		k.cookies = own
		wants(t, k.get("/orders/"+strings.Repeat("x", 26)+path), 404)
	}
	if k.desk.begun {
		t.Error("a payment was begun")
	}
	k.bank.fail = func(string) error { return world.E(world.CodeUnavailable, "bank", "It is away.") }
	wants(t, k.get("/orders/"+k.id+"/pay"), 503)
}

// What the provider does not take, such as less than its smallest sum, is told to the
// buyer while the order awaits its payment, and over for good once it does not.
func TestAPaymentThatTheProviderNeverTakes(t *testing.T) {
	k := openTill(t, "eu-central")
	asked := 0
	k.bank.fails(func(string) error {
		asked++
		return world.E(world.CodeUnprocessed, "bank", "This is too little.")
	})
	show := "/orders/" + k.id
	never := func(page *httptest.ResponseRecorder, status int) {
		t.Helper()
		wants(t, page, status, "lässt sich nicht mit Karte bezahlen", show+`/cancel"`)
		lacks(t, page, show+`/pay"`, "sobald die Zahlung bestätigt ist", "bei der Abholung oder Lieferung.")
	}
	never(k.get(show+"/pay"), 422)
	never(k.get(show), 200) // it is not offered again
	a := &app{bench: k.bench, cart: api.NewCart{Token: k.cookies[secureCart]}}
	if o := as[api.Order](t, a.send("GET", "/api/v1"+show, nil), 200); o.Payment.Failure != "not_by_card" || o.Payment.Start != "" {
		t.Errorf("%+v", o.Payment)
	}
	wants(t, a.send("POST", "/api/v1"+show+"/payment", nil), 422, "lässt sich nicht mit Karte bezahlen")
	k.desk.row.Failure = "" // who has asked was gone before the answer
	if _, err := k.shop.cashier.settle(t.Context(), k.desk.row.Key); !world.Is(err, world.CodeUnprocessed) || k.desk.row.Over() || k.desk.row.Failure != world.FailureNotByCard {
		t.Errorf("%+v, %v", k.desk.row, err)
	}
	k.desk.expire()
	for range 2 { // the second time there is nothing to ask
		asked = 0
		if _, err := k.shop.cashier.settle(t.Context(), k.desk.row.Key); err != nil || k.desk.row.State != world.PaymentVoided || k.desk.row.Ref != "" || !k.desk.row.DueAt.IsZero() || k.desk.row.Trouble != "" {
			t.Errorf("%+v, %v", k.desk.row, err)
		}
	}
	if asked != 0 {
		t.Errorf("asked %d times for what is over", asked)
	}
}

// What the provider refuses for another reason than the sum may work later: the buyer
// is told that it does not work now and can press again, operators after some tries.
func TestAPaymentThatTheProviderRefuses(t *testing.T) {
	k := openTill(t, "eu-central")
	k.bank.fails(func(string) error { return world.E(world.CodeInvalid, "bank", "It refuses the request.") })
	show := "/orders/" + k.id
	wants(t, k.get(show+"/pay"), 503)
	wants(t, k.get(show), 200, show+`/pay"`)
	a := &app{bench: k.bench, cart: api.NewCart{Token: k.cookies[secureCart]}}
	wants(t, a.send("POST", "/api/v1"+show+"/payment", nil), 503)
	if o := as[api.Order](t, a.send("GET", "/api/v1"+show, nil), 200); o.Payment.Failure != "" || o.Payment.Start == "" {
		t.Errorf("%+v", o.Payment)
	}
	due := k.desk.row.DueAt
	for n := range k.shop.cashier.pace.Patience {
		if k.desk.row.Trouble != "" {
			t.Errorf("told after %d: %+v", n, k.desk.row)
		}
		if _, err := k.shop.cashier.settle(t.Context(), k.desk.row.Key); !world.Is(err, world.CodeInvalid) || k.desk.row.Failure != "" || n > 0 && !k.desk.row.DueAt.After(due) {
			t.Errorf("%d: %+v, %v", n, k.desk.row, err)
		}
		due = k.desk.row.DueAt
	}
	if k.desk.row.Trouble != "It refuses the request." {
		t.Errorf("not told: %+v", k.desk.row)
	}
	k.desk.expire()
	if _, err := k.shop.cashier.settle(t.Context(), k.desk.row.Key); err != nil || k.desk.row.State != world.PaymentVoided || k.desk.row.Trouble != "" {
		t.Errorf("%+v, %v", k.desk.row, err)
	}
}

// A provider that takes the sum after all is paid by.
func TestAProviderTakesASumAfterAll(t *testing.T) {
	k := openTill(t, "eu-central")
	k.bank.fails(func(string) error { return world.E(world.CodeUnprocessed, "bank", "This is too little.") })
	show := "/orders/" + k.id
	wants(t, k.get(show+"/pay"), 422)
	k.bank.fails(nil)
	if _, err := k.shop.cashier.settle(t.Context(), k.desk.row.Key); err != nil || k.desk.row.Failure != "" {
		t.Fatalf("%+v, %v", k.desk.row, err)
	}
	wants(t, k.get(show), 200, show+`/pay"`)
}

func (k *till) message(id, signature, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(id))
	r.Header.Set("Signature", signature)
	r.Header.Set("Key", k.desk.row.Key)
	return k.do(r)
}

func TestMessagesOfAProvider(t *testing.T) {
	k := openTill(t, "eu-central")
	k.get("/orders/" + k.id + "/pay")
	for _, c := range []struct {
		id, signature, path string
		want                int
	}{
		{"e1", "good", "/payments/testpay", 204}, {"e1", "good", "/payments/testpay", 204}, {"e2", "bad", "/payments/testpay", 401},
		{"e3", "good", "/payments/stripe", 404}, {strings.Repeat("x", int(k.shop.cfg.MaxHook)+1), "good", "/payments/testpay", 413},
	} {
		if w := k.message(c.id, c.signature, c.path); w.Code != c.want || w.Header().Get("Cache-Control") != "no-store" || strings.Contains(w.Body.String(), "<html") {
			t.Errorf("%.9s %s %s: %d, want %d", c.id, c.signature, c.path, w.Code, c.want)
		}
	}
	if k.desk.wakes != 1 {
		t.Errorf("one message counts %d times", k.desk.wakes)
	}
	select {
	case <-k.shop.cashier.nudge:
	default:
		t.Error("nobody looks")
	}
	wants(t, k.get("/payments/testpay"), 405)
	away := openTill(t, "us-east")
	if w := away.message("e1", "good", "/payments/testpay"); w.Code != 421 {
		t.Errorf("away from home: %d", w.Code)
	}
}

func TestFormsMayLeadToTheProvider(t *testing.T) {
	k := openTill(t, "eu-central")
	if policy := k.get("/cart").Header().Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' http://pay.test;") {
		t.Errorf("%s", policy)
	}
	plain := open(t, "eu-central", "de.localhost", nil)
	if policy := plain.get("/cart").Header().Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self';") {
		t.Errorf("%s", policy)
	}
}

func TestOperatorsSeePayments(t *testing.T) {
	k := openTill(t, "eu-central")
	k.get("/orders/" + k.id + "/pay")
	ask := func(method, path, key string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("Authorization", "Bearer "+key)
		return k.do(r)
	}
	one := PaymentsPath + "/" + k.desk.row.Key
	for _, path := range []string{PaymentsPath + "?limit=5", one} {
		if w := ask("GET", path, "wrong"); w.Code != 401 {
			t.Errorf("%s with a wrong key: %d", path, w.Code)
		}
	}
	wants(t, ask("GET", PaymentsPath+"?limit=5", "wire-key"), 200, k.desk.row.Key)
	wants(t, ask("GET", PaymentsPath+"?limit=1001", "wire-key"), 400)
	wants(t, ask("GET", one, "wire-key"), 200, `"next":"wait"`, `"matches":true`)
	k.bank.pays(k.desk.row.Key)
	wants(t, ask("POST", one+"/reconcile", "wire-key"), 200, `"state":"captured"`, `"next":"rest"`)
}

func TestFailuresHaveTexts(t *testing.T) {
	for _, f := range []world.PaymentFailure{world.FailureDeclined, world.FailureFunds, world.FailureLost, world.FailureExpiredCard, world.FailureNumber, world.FailureAuthentication, world.FailureAbandoned, world.FailureNotByCard, "odd"} {
		if key := failureText(f); testTexts(t).Locale("de-DE").Text(key) == "" || (f == world.FailureLost || f == "odd") && key != "payment.declined" {
			t.Errorf("%s: %s", f, key)
		}
	}
}
