package shop

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"meridian/world"
)

// asked is a form as the pages' script sends it.
func asked(form url.Values) url.Values { return with(form, answerField, answerPage) }

// at fails unless an answer is a page that says what its address is, and tells it.
func at(t *testing.T, w *httptest.ResponseRecorder, status int, texts ...string) string {
	t.Helper()
	to := w.Header().Get("Content-Location")
	wants(t, w, status, append(texts, ` data-address="`+to+`"`)...)
	if to == "" || w.Header().Get("Location") != "" || w.Header().Get("Cache-Control") != "private, no-store" {
		t.Errorf("header %v", w.Header())
	}
	return to
}

func TestAFormIsAnsweredWithThePageItself(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	add := url.Values{"action": {"add"}, "slug": {"brot"}, "quantity": {"3"}}
	first := b.post("/cart", asked(add))
	if to := at(t, first, 200, "15,60\u00a0€", `data-cart-count="3"`); to != "/cart?added=brot" {
		t.Errorf("at %q", to)
	}
	if got := b.get("/cart?added=brot").Body.String(); withoutAddress(first) != got {
		t.Errorf("its own address shows something else:\n%s", got)
	}
	if to := at(t, b.post("/cart", asked(url.Values{"action": {"set"}, "slug": {"brot"}, "quantity": {"2"}})), 200, `value="2"`); to != "/cart" {
		t.Errorf("at %q", to)
	}
	form := b.get("/checkout")
	place := asked(with(contactDE(), "key", hidden(t, form, "key"), "quoted", hidden(t, form, "quoted"), "step", "place"))
	w := b.post("/checkout", place)
	page := at(t, w, 200, "SC-DE-", "50667 Köln", `data-cart-count="0"`)
	if got := b.get(page).Body.String(); !strings.HasPrefix(page, "/orders/") || withoutAddress(w) != got {
		t.Errorf("%q shows something else:\n%s", page, got)
	}
	if to := at(t, b.post("/checkout", place), 200, "SC-DE-"); to != page || b.orders.stock["brot"] != 48 {
		t.Errorf("sent again: at %q, %d left", to, b.orders.stock["brot"])
	}
	if to := at(t, b.post("/checkout", with(place, "key", strings.Repeat("a", 26))), 200, "leer"); to != "/cart" {
		t.Errorf("with nothing to order: at %q", to)
	}
	if to := at(t, b.post(page+"/cancel", asked(url.Values{})), 200, `data-state="cancelled"`); to != page {
		t.Errorf("cancelled: at %q", to)
	}
}

func withoutAddress(w *httptest.ResponseRecorder) string {
	return regexp.MustCompile(` data-address="[^"]*"`).ReplaceAllString(w.Body.String(), "")
}

func TestARefusalHasNoOtherAddress(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	w := b.post("/cart", asked(url.Values{"action": {"add"}, "slug": {"brot"}, "quantity": {"0"}}))
	wants(t, w, 422)
	lacks(t, w, "data-address")
	if w.Header().Get("Content-Location") != "" {
		t.Errorf("header %v", w.Header())
	}
}

// What was done is led to, though its page cannot be made just now.
func TestAPageThatCannotBeMadeIsLedTo(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/cart", nil)
	r.PostForm = asked(url.Values{})
	w := httptest.NewRecorder()
	lead(w, r, "/cart", func() error { return world.E(world.CodeUnavailable, "test", "") })
	leads(t, w, "/cart")
	if w.Header().Get("Content-Location") != "" {
		t.Errorf("header %v", w.Header())
	}
}

func TestABuyerWithTheScriptIsLedStraightToTheProvider(t *testing.T) {
	k := openTill(t, "eu-central")
	w := k.post("/checkout", asked(k.form))
	if to := w.Header().Get("Location"); w.Code != 303 || !strings.HasPrefix(to, "http://pay.test/") || len(k.bank.byKey) != 1 {
		t.Errorf("%d to %q, %d payments", w.Code, to, len(k.bank.byKey))
	}
	leads(t, k.post("/checkout", k.form), "/orders/"+k.id+"/pay")
	k.bank.fails(func(string) error { return world.E(world.CodeUnavailable, "bank", "") })
	leads(t, k.post("/checkout", asked(k.form)), "/orders/"+k.id+"/pay")
}
