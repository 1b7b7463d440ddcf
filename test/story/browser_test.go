package story

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"meridian/test/worldtest"
)

// A layout may shift by this much while it loads and still be counted as good
// (https://web.dev/articles/cls).
const goodShift = 0.1

func site(t *testing.T, w *worldtest.World, market string) string {
	return strings.TrimSuffix(w.Visitor(t, market, "").URL("/"), "/")
}

// TestBrowseAndBuy clicks through list, product, cart and checkout, with a
// slip in the postcode that is told beside its field.
func TestBrowseAndBuy(t *testing.T) {
	w := theWorld(t)
	slug := w.Visitor(t, "de", "").Page(t, "/").Slugs()[1]
	w.Restock(t, "de", slug, 30)
	b := open(t, site(t, w, "de"))
	b.visit("/")
	picturesLoad(b, "the list")
	b.leads(200, b.click(fmt.Sprintf(`a[href="/p/%s"]`, slug)))
	picturesLoad(b, "the product")
	price := b.text(".price")
	b.leads(200, b.click("form.buy button"))
	if !strings.Contains(b.text("main"), price) {
		t.Errorf("the cart does not show the price %q: %s", price, b.text("main"))
	}
	b.leads(200, b.click(`a[href="/checkout"]`))
	for id, text := range map[string]string{"name": "Käthe Kollwitz", "email": "kaethe@example.org", "line1": "Weißenburger Straße 25", "city": "Berlin", "postal_code": "1040"} {
		b.fill(id, text)
	}
	b.do(b.click(payThere))
	b.leads(422, b.click(`button[name="step"][value="place"]`))
	if wrong := b.text("#postal_code-wrong"); wrong == "" || js[string](b, `document.getElementById("postal_code").getAttribute("aria-describedby")`) != "postal_code-wrong" {
		t.Errorf("the postcode's field does not tell what is wrong: %q", wrong)
	}
	if at := js[string](b, `document.activeElement.id`); at != "wrong" && at != "postal_code" {
		t.Errorf("the focus is on %q, want the summary of what is wrong or the field", at)
	}
	if got := js[string](b, `document.getElementById("name").value`); got != "Käthe Kollwitz" {
		t.Errorf("what was typed is lost: %q", got)
	}
	b.fill("postal_code", "10405")
	total := b.text(".sums .total td")
	b.leads(200, b.click(`button[name="step"][value="place"]`))
	number := b.text(".number")
	if !strings.HasPrefix(number, "SC-DE-") || b.text(".sums .total td") != total {
		t.Errorf("the order has the number %q and the total %q, want %q", number, b.text(".sums .total td"), total)
	}
	ownerReads(t, b, w, number)
}

// payThere is the choice of paying when the goods are handed over: such an order is
// placed at once. The story of paying by card is another one.
const payThere = `input[name="method"][value="on_collection"]`

// ownerReads signs the owner in, in the same browser, and finds the order.
func ownerReads(t *testing.T, b *browser, w *worldtest.World, number string) {
	t.Helper()
	ownerIn(b, w, "de")
	if !strings.Contains(b.text("main"), number) {
		t.Errorf("the owner does not see %s: %s", number, b.text("main"))
	}
}

// ownerIn signs a market's owner in.
func ownerIn(b *browser, w *worldtest.World, market string) {
	b.t.Helper()
	b.visit("/owner/")
	b.fill("email", worldtest.OwnerEmail(market))
	b.fill("password", w.Secrets(b.t).Owners[market])
	b.leads(200, b.click("form button.main"))
}

// picturesLoad scrolls nowhere: it asks for all pictures at once, and wants
// each to be one, with its place kept for it from the start.
func picturesLoad(b *browser, page string) {
	b.t.Helper()
	got := js[struct{ All, Broken, Unsized int }](b, `(async () => {
		const all = [...document.images];
		all.forEach((i) => { i.loading = "eager"; });
		await Promise.all(all.map((i) => i.complete || new Promise((done) => { i.onload = i.onerror = done; })));
		return { All: all.length, Broken: all.filter((i) => i.naturalWidth === 0).length,
			Unsized: all.filter((i) => !(i.getAttribute("width") > 0 && i.getAttribute("height") > 0)).length };
	})()`)
	if got.All == 0 || got.Broken > 0 || got.Unsized > 0 {
		b.t.Errorf("%s: of %d pictures %d are broken and %d have no width and height", page, got.All, got.Broken, got.Unsized)
	}
	shift := js[float64](b, `new Promise((done) => {
		let sum = 0;
		new PerformanceObserver((l) => l.getEntries().forEach((e) => { if (!e.hadRecentInput) sum += e.value; })).observe({ type: "layout-shift", buffered: true });
		requestAnimationFrame(() => requestAnimationFrame(() => done(sum)));
	})`)
	if shift > goodShift {
		b.t.Errorf("%s shifts by %.3f while it loads", page, shift)
	}
}

// TestTravellersBar stands in Tokyo by the bar at the foot of a German page.
func TestTravellersBar(t *testing.T) {
	w := theWorld(t)
	b := open(t, site(t, w, "de"))
	b.visit("/")
	if way := b.text(".mbar-way"); !strings.Contains(way, "fra") {
		t.Errorf("at home the page came by way of %q, want fra", way)
	}
	b.leads(200, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Evaluate[bool](`(() => { const city = document.getElementById("mbar-city");
			city.value = "tokyo"; return city.dispatchEvent(new Event("change", { bubbles: true })); })()`)(ctx, target)
		return chromedp.Void{}, err
	})
	if way := b.text(".mbar-way"); !strings.Contains(way, "nrt") || !strings.Contains(way, "Tokyo") {
		t.Errorf("from Tokyo the page came by way of %q, want nrt", way)
	}
	if b.text(".mbar-ms strong") == "" {
		t.Error("the bar does not tell how long the page took")
	}
}

// TestKeyboardOnly puts a product into the cart without a pointer.
func TestKeyboardOnly(t *testing.T) {
	w := theWorld(t)
	slug := w.Visitor(t, "gb", "").Page(t, "/").Slugs()[2]
	w.Restock(t, "gb", slug, 30)
	b := open(t, site(t, w, "gb"))
	b.visit("/p/" + slug)
	b.tab()
	if !js[bool](b, `document.activeElement.classList.contains("skip")`) {
		t.Error("the first stop of the Tab key is not the way past the head of the page")
	}
	b.do(b.press(kb.Enter))
	for range 12 {
		b.tab()
		if !js[bool](b, `(() => { const e = document.activeElement, s = getComputedStyle(e); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== "none"; })()`) {
			t.Errorf("the focus cannot be seen on %s", js[string](b, `document.activeElement.outerHTML.slice(0, 120)`))
		}
		if js[bool](b, `document.activeElement.id === "quantity"`) {
			b.do(b.press(kb.ArrowUp))
		}
		if js[bool](b, `document.activeElement.matches("form.buy button")`) {
			b.leads(200, b.press(kb.Enter))
			if got := js[string](b, fmt.Sprintf(`document.getElementById("q-%s").value`, slug)); got != "2" {
				t.Errorf("the cart holds %q, want 2", got)
			}
			return
		}
	}
	t.Error("the button was not reached by the Tab key in twelve steps from the skip link")
}

// TestPhone looks at every kind of page on a small screen: none is wider.
func TestPhone(t *testing.T) {
	w := theWorld(t)
	// German has the longest words, Japanese breaks anywhere, Hindi is the tallest.
	for _, v := range []struct{ market, prefix string }{{"de", ""}, {"jp", ""}, {"in", "/hi-in"}} {
		market := v.market
		t.Run(market, func(t *testing.T) {
			slug := w.Visitor(t, market, "").Page(t, "/").Slugs()[1]
			w.Restock(t, market, slug, 30)
			b := open(t, site(t, w, market))
			b.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
			b.visit(v.prefix + "/")
			fits(b)
			b.visit(v.prefix + "/p/" + slug)
			fits(b)
			b.leads(200, b.click("form.buy button"))
			fits(b)
			b.leads(200, b.click(fmt.Sprintf(`a[href="%s/checkout"]`, v.prefix)))
			fits(b)
			b.leads(422, b.click(`button.main[name="step"]`))
			fits(b)
			b.visit("/owner/")
			fits(b)
			ownerIn(b, w, market)
			for _, path := range []string{"/owner/", "/owner/products", "/owner/products/" + slug, "/owner/prices", "/owner/stock", "/owner/promotions", "/owner/new-promotion", "/owner/hours", "/owner/pictures", "/owner/systems", "/owner/letters"} {
				b.visit(path)
				fits(b)
			}
		})
	}
}

func fits(b *browser) {
	b.t.Helper()
	got := js[struct {
		Path, Widest string
		Width        int
	}](b, `(() => { let widest = null, right = 390;
		for (const e of document.querySelectorAll("body *")) { const r = e.getBoundingClientRect(); if (r.right > right + 0.5) { right = r.right; widest = e; } }
		return { Path: location.pathname, Width: document.documentElement.scrollWidth, Widest: widest ? widest.outerHTML.slice(0, 120) : "" }; })()`)
	if got.Width > 390 {
		b.t.Errorf("%s is %d pixels wide on a screen of 390: %s", got.Path, got.Width, got.Widest)
	}
}
