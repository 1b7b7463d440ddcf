package story

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// auditScript looks at a page as it is drawn and returns what is wrong with it.
//
//go:embed testdata/audit.js
var auditScript string

// audited looks at the page that is open on a wide screen and on a phone: one
// first heading, names for every control, contrast (WCAG 2.2, 1.4.3), targets
// that a finger can hit (2.5.8), nothing wider than the screen.
func audited(b *browser, name string) {
	b.t.Helper()
	for _, screen := range []struct {
		name          string
		width, height int64
		kind          []chromedp.EmulateViewportOption
	}{
		{"wide", 1280, 900, nil},
		{"phone", 390, 844, []chromedp.EmulateViewportOption{chromedp.EmulateMobile, chromedp.EmulateTouch}},
	} {
		b.do(chromedp.EmulateViewport(screen.width, screen.height, screen.kind...))
		if wrong := js[[]string](b, auditScript); len(wrong) > 0 {
			b.t.Errorf("%s on a %s screen:\n%s", name, screen.name, strings.Join(wrong, "\n"))
		}
		b.shot(fmt.Sprintf("%s-%s", name, screen.name))
	}
	b.tall()
}

// TestPagesAreForEverybody looks at the shop's pages and the owners', with a cart
// and a form that was filled in wrongly.
func TestPagesAreForEverybody(t *testing.T) {
	w := theWorld(t)
	slug := w.Visitor(t, "de", "").Page(t, "/").Slugs()[3]
	w.Restock(t, "de", slug, 30)
	b := open(t, site(t, w, "de"))
	b.tall()
	look := func(path, name string) {
		b.visit(path)
		audited(b, name)
	}
	look("/", "list")
	look("/p/"+slug, "product")
	b.leads(200, b.click("form.buy button"))
	audited(b, "cart")
	look("/checkout", "checkout")
	b.leads(422, b.click(`button[name="step"][value="place"]`))
	audited(b, "checkout-wrong")
	look("/owner/", "sign-in")
	ownerIn(b, w, "de")
	look("/owner/", "owners-orders")
	look("/owner/products", "owners-products")
	look("/owner/products/"+slug, "owners-product")
}
