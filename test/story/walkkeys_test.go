package story

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"meridian/test/worldtest"
)

// TestCheckoutByKeyboard orders and pays by card with the keys Tab, Enter and Space,
// and letters: nothing is pointed at.
func TestCheckoutByKeyboard(t *testing.T) {
	w := theWorld(t)
	slug := w.Visitor(t, "gb", "").Page(t, "/").Slugs()[2]
	w.Restock(t, "gb", slug, 30)
	b := open(t, site(t, w, "gb"))
	b.tall()
	b.visit("/p/" + slug)
	b.tabTo("form.buy button")
	b.leads(200, b.press(kb.Enter))
	b.tabTo(`a[href="/checkout"]`)
	b.leads(200, b.press(kb.Enter))
	address := worldtest.Address(w.Market(t, "gb"), "Ada Lovelace", "keys@example.org")
	for _, field := range []string{"name", "email", "line1", "city", "postal_code"} {
		b.tabTo("#" + field)
		b.do(chromedp.KeyEvent(address.Get(field)))
	}
	b.tabTo(`input[name="method"]`)
	b.do(b.press(" "))
	if !js[bool](b, `document.activeElement.checked && document.activeElement.value === "card"`) {
		t.Error("Tab and Space do not choose to pay by card")
	}
	b.tabTo(`button[name="step"][value="place"]`)
	b.leads(200, b.press(kb.Enter))
	b.tabTo("#number")
	b.do(chromedp.KeyEvent("4242 4242 4242 4242"))
	b.leads(200, b.press(kb.Enter))
	b.placed()
	if number := b.text(".number"); !strings.HasPrefix(number, "SC-GB-") {
		t.Errorf("the order has the number %q", number)
	}
}

// tabTo presses Tab until an element has the focus, which has to be seen.
func (b *browser) tabTo(selector string) {
	b.t.Helper()
	for range 60 {
		b.tab()
		if js[bool](b, `(() => { const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
			if (!e.matches("`+strings.ReplaceAll(selector, `"`, `\"`)+`")) return false;
			if (s.outlineStyle === "none" || !(parseFloat(s.outlineWidth) > 0) || r.bottom < 0 || r.top > innerHeight) throw new Error("the focus cannot be seen");
			return true; })()`) {
			return
		}
	}
	b.t.Fatalf("Tab does not lead to %s; it is on %s", selector, js[string](b, `document.activeElement.outerHTML.slice(0, 160)`))
}

// placed waits until the order's page says that the order is placed. What takes
// longer than a buyer is let wait is finished soon after.
func (b *browser) placed() {
	b.t.Helper()
	eventually(b.t, pageWithin, "the order is placed", func() bool {
		if js[bool](b, `!!document.querySelector("[data-state=placed]")`) {
			return true
		}
		b.leads(200, chromedp.Reload())
		return false
	})
}

// TestAboutWhatItCostsElsewhere chooses dollars in the footer of a Japanese page:
// beside each price stands about what that is, and by which day's rates, and so it
// does on the next page.
func TestAboutWhatItCostsElsewhere(t *testing.T) {
	w := theWorld(t)
	texts, _ := shippedTexts(t)
	b := open(t, site(t, w, "jp"))
	b.visit("/")
	if b.text(".about") != "" {
		t.Error("another currency is shown before anybody asks")
	}
	b.do(chromedp.SetValue(chromedp.CSS("[data-rates] select"), "USD"))
	if !js[bool](b, `document.querySelector("[data-rates] select").dispatchEvent(new Event("change", { bubbles: true }))`) {
		t.Fatal("the choice was not taken")
	}
	about, _, _ := strings.Cut(texts.Locale("ja-JP").Text("rates.about", "Amount", "|"), "|")
	b.until("each price says about how many dollars it is", `[...document.querySelectorAll("[data-price]")].every((p) => /`+about+`.*\$/.test(p.querySelector(".about")?.textContent ?? ""))`)
	b.shows("[data-note]", "JPY")
	slug := w.Visitor(t, "jp", "").Page(t, "/").Slugs()[0]
	b.visit("/p/" + slug)
	b.shows(".price .about", "$")
}

// TestRatesThatAreOldSaySo gives the page's script rates that lists are missing since:
// more than one is said beside the rates' day, in the page's language.
func TestRatesThatAreOldSaySo(t *testing.T) {
	w := theWorld(t)
	texts, _ := shippedTexts(t)
	for market, locale := range map[string]string{"de": "de-DE", "jp": "ja-JP"} {
		want := texts.Locale(locale).Text("rates.missed", "Missed", "3")
		for missed, said := range map[int]bool{1: false, 3: true} {
			b := open(t, site(t, w, market))
			b.visit("/")
			if !js[bool](b, fmt.Sprintf(`(() => {
				const rate = { rate: "2", day: "2026-11-20", missed: %d };
				window.fetch = () => Promise.resolve(new Response(JSON.stringify({ base: "EUR", source: "a bank", rates: { USD: rate, JPY: rate } })));
				const choice = document.querySelector("[data-rates] select");
				choice.value = "USD";
				return choice.dispatchEvent(new Event("change", { bubbles: true }));
			})()`, missed)) {
				t.Fatal("the choice was not taken")
			}
			b.shows("[data-note]", "a bank")
			if got := strings.Contains(b.text("[data-note]"), want); got != said {
				t.Errorf("%s with %d lists missing: %q", market, missed, b.text("[data-note]"))
			}
		}
	}
}
