package story

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestLoadingAgainSendsNothingAgain loads the pages anew that forms were answered
// with, and goes back: the browser has them at an address of their own,
// and no form is sent twice.
func TestLoadingAgainSendsNothingAgain(t *testing.T) {
	w := theWorld(t)
	slug := w.Visitor(t, "de", "").Page(t, "/").Slugs()[2]
	w.Restock(t, "de", slug, 30)
	b := open(t, site(t, w, "de"))
	at := func(want string, forms int) {
		t.Helper()
		if got := js[string](b, `location.pathname + location.search`); got != want {
			t.Errorf("the page is at %q, want %q", got, want)
		}
		if n := len(b.requests("POST", "/")); n != forms {
			t.Errorf("%d forms were sent, want %d", n, forms)
		}
	}
	quantity := `document.querySelector(".qty").value`
	b.visit("/p/" + slug)
	b.leads(200, b.click("form.buy button"))
	at("/cart?added="+slug, 1)
	b.leads(200, chromedp.Reload())
	at("/cart?added="+slug, 1)
	if got := js[string](b, quantity); got != "1" {
		t.Errorf("after loading the page again %s are in the cart", got)
	}
	b.leads(200, b.click(`a[href="/checkout"]`))
	for id, text := range map[string]string{"name": "Käthe Kollwitz", "email": "kaethe@example.org", "line1": "Weißenburger Straße 25", "city": "Berlin", "postal_code": "10405"} {
		b.fill(id, text)
	}
	b.do(b.click(payThere))
	b.leads(200, b.click(`button[name="step"][value="place"]`))
	number, page := b.text(".number"), js[string](b, `location.pathname`)
	at(page, 2)
	b.leads(200, chromedp.Reload())
	at(page, 2)
	if again := b.text(".number"); again != number || !strings.HasPrefix(page, "/orders/") {
		t.Errorf("%s at %s became %s", number, page, again)
	}
	js[bool](b, `(history.go(-2), true)`)
	b.until("the cart is back", `location.pathname === "/cart"`)
	at("/cart?added="+slug, 2)
}

// TestAFormSentAgainAddsOnce sends the very form of a press again, as a browser does
// that has had no answer: nothing more is added. The next press is a wish of its own.
func TestAFormSentAgainAddsOnce(t *testing.T) {
	w := theWorld(t)
	slug := w.Visitor(t, "de", "").Page(t, "/").Slugs()[2]
	w.Restock(t, "de", slug, 30)
	b := open(t, site(t, w, "de"))
	for _, want := range []string{"1", "2"} {
		b.visit("/p/" + slug)
		js[bool](b, `(document.querySelector("form.buy").addEventListener("formdata", (e) => sessionStorage.setItem("sent", new URLSearchParams(e.formData))), true)`)
		b.leads(200, b.click("form.buy button"))
		if got := js[int](b, `fetch("/cart", {method: "POST", body: new URLSearchParams(sessionStorage.getItem("sent"))}).then((answer) => answer.status)`); got != 200 {
			t.Errorf("the form sent again is answered with %d", got)
		}
		b.leads(200, chromedp.Reload())
		if got := js[string](b, `document.querySelector(".qty").value`); got != want {
			t.Errorf("%s are in the cart, want %s", got, want)
		}
	}
}
