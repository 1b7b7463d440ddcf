package story

import (
	_ "embed"
	"fmt"
	"strings"

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
