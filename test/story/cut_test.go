package story

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"meridian/test/worldtest"
)

// healedWithin is how long a PoP that was cut off may take to hear of what it
// has missed: to connect again and replay its feeds, over the real round trips.
const healedWithin = 10 * time.Second

// cut cuts a link or a place off and heals it with the test, if not before.
func cut(t *testing.T, w *worldtest.World, what, mode string) (heal func()) {
	t.Helper()
	admin := w.Admin(t)
	if a := admin.Send(t, http.MethodPost, "/"+what+"/cut", []byte(`{"mode": "`+mode+`"}`), "Content-Type", "application/json"); a.Status != http.StatusOK {
		t.Fatalf("cutting %s: %d %s", what, a.Status, a.Body)
	}
	mend := func() {
		if a := admin.Send(t, http.MethodPost, "/"+what+"/heal", nil); a.Status != http.StatusOK {
			t.Errorf("healing %s: %d %s", what, a.Status, a.Body)
		}
	}
	t.Cleanup(func() {
		if w.Running() {
			mend()
		}
	})
	return mend
}

// TestTokyoLosesSingapore cuts Tokyo's link to the region that it goes to. The
// pages and pictures that Tokyo has never asked for are there all the same,
// from another region.
func TestTokyoLosesSingapore(t *testing.T) {
	w := theWorld(t)
	visitor := w.Visitor(t, "jp", "tokyo")
	slugs := visitor.Page(t, "/").Slugs()
	heal := cut(t, w, "links/nrt/ap-southeast", "refuse")
	for _, slug := range slugs[len(slugs)-3:] {
		path := "/p/" + slug
		a := visitor.Get(t, path, "Accept", "text/html")
		if a.Status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, a.Status, a.Body)
		}
		if got := a.Header.Get("Meridian-PoP"); got != "nrt" {
			t.Errorf("%s was answered by %s, want nrt", path, got)
		}
		// The region that stands in may still have asked the market's own: that way is not cut.
		if way := a.Header.Get("Cache-Status"); strings.LastIndex(way, "shield-") == strings.LastIndex(way, "shield-ap-southeast") {
			t.Errorf("%s came by way of the shield that is cut off: %s", path, way)
		}
		if a.Page(t).Price() == "" {
			t.Errorf("%s shows no price", path)
		}
		picture := pictureOfPage(t, a.Page(t))
		if p := visitor.Get(t, picture, "Accept", "image/webp"); p.Status != http.StatusOK {
			t.Errorf("%s: %d %s", picture, p.Status, p.Body)
		}
	}
	heal()
	eventually(t, healedWithin, "jp's cart answers again", func() bool {
		return visitor.Get(t, "/cart", "Accept", "text/html").Status == http.StatusOK
	})
}

// TestAPoPThatWasCutOffCatchesUp changes a price while London is cut off from
// everywhere. After it is healed London hears of it; and once it has shown the
// new price, it never shows the old one.
func TestAPoPThatWasCutOffCatchesUp(t *testing.T) {
	for _, mode := range []string{"refuse", "blackhole"} {
		t.Run(mode, func(t *testing.T) {
			w := theWorld(t)
			london := w.AtPoP(t, "gb", "lhr")
			slug := london.Page(t, "/").Slugs()[0]
			path := "/p/" + slug
			before := london.Page(t, path).Price()
			owner := w.OwnerIn(t, "gb", "frankfurt") // not by way of London
			minor := owner.PriceTyped(t, slug) + 1
			heal := cut(t, w, "places/lhr", mode)
			owner.SavePrice(t, slug, minor)
			after := owner.Money(minor)
			if a := london.Get(t, path, "Accept", "text/html"); a.Status != http.StatusOK {
				t.Errorf("cut off, London does not answer from its cache: %d", a.Status)
			}
			heal()
			began, seen := time.Now(), false
			for time.Since(began) < healedWithin {
				switch got := london.Page(t, path).Price(); {
				case got == after && !seen:
					seen = true
					t.Logf("London showed the new price %d ms after it was healed", time.Since(began).Milliseconds())
					began = time.Now().Add(watchFor - healedWithin)
				case got == after:
				case got != before:
					t.Fatalf("London shows %q, neither %q nor %q", got, before, after)
				case seen:
					t.Fatalf("London went back to the old price %q", before)
				}
				time.Sleep(20 * time.Millisecond)
			}
			if !seen {
				t.Errorf("%s after it was healed London still shows the old price", healedWithin)
			}
		})
	}
}
