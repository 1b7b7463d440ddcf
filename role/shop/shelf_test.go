package shop

import (
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

// No page outlives the next change by the calendar, and what was looked for is
// kept for a moment only.
func TestPagesEndWithWhatTheyShow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, "eu-central", "de.localhost", func(_ *Config, d *Deps) { d.Now = time.Now })
		b.catalog.categories = []world.Category{{Key: "cakes", Address: "torten", Name: "Torten"}}
		b.catalog.until = time.Now().Add(100 * time.Second)
		lives := func(life, searched string) {
			t.Helper()
			for path, want := range map[string]string{"/": life, "/p/torte": life, "/c/torten": life, "/search?q=Torte": searched} {
				if got := b.get(path).Header().Get("CDN-Cache-Control"); got != "max-age="+want+", stale-if-error=86400" {
					t.Errorf("%s: %q, want %s s", path, got, want)
				}
			}
		}
		lives("100", "60")
		time.Sleep(90 * time.Second)
		lives("10", "10")
		time.Sleep(20 * time.Second) // the replica is behind: nothing is kept
		lives("0", "0")
		b.catalog.until = time.Time{}
		lives("300", "60")
	})
}

func TestCategoriesAndSearch(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	b.catalog.categories = []world.Category{{Key: "cakes", Address: "torten", Addresses: []string{"torten", "kuchen"}, Name: "Torten <1>"}}
	b.catalog.products[0].Category = "cakes"
	w := b.get("/c/torten")
	wants(t, w, 200, "<h1>Torten &lt;1&gt;</h1>", `aria-current="page">Torten`, `href="/p/torte"`)
	lacks(t, w, `href="/p/brot"`)
	if got := w.Header().Get("Surrogate-Key"); got != "de/pages app/sweet-crumbs de/p/torte media/sweet-crumbs/2abcdefghjkmnpqr/alias de/c/cakes" {
		t.Errorf("groups %q", got)
	}
	for _, old := range []string{"/c/kuchen", "/c/cakes"} {
		if w := b.get(old); w.Code != 301 || w.Header().Get("Location") != "/c/torten" {
			t.Errorf("%s: %d to %s", old, w.Code, w.Header().Get("Location"))
		}
	}
	wants(t, b.get("/c/nothing"), 404)
	wants(t, b.get("/c/torten?after=made-up"), 404)

	wants(t, b.get("/search?q=+Brot+"), 200, `value="Brot"`, `role="status">1 Produkt`, `href="/p/brot"`)
	wants(t, b.get("/search?q=%3Cb%3E"), 200, "<q>&lt;b&gt;</q>", "nichts gefunden")
	wants(t, b.get("/search?q=x&after=bad"), 404)
	n := len(b.catalog.searched)
	wants(t, b.get("/search"), 200, `role="search"`)
	if len(b.catalog.searched) != n {
		t.Error("nothing was looked for")
	}
}

func TestAnOldAddressLeadsToTheNew(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	b.catalog.products[0].Address = "sahnetorte"
	if w := b.get("/p/torte"); w.Code != 301 || w.Header().Get("Location") != "/p/sahnetorte" || w.Header().Get("Surrogate-Key") == "" {
		t.Errorf("%d to %s", w.Code, w.Header().Get("Location"))
	}
	wants(t, b.get("/p/sahnetorte"), 200, "Torte")
}

func TestLabelAndSizes(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", func(_ *Config, d *Deps) { d.World.Markets[2].UnitPrices = true })
	p := &b.catalog.products[0]
	p.Ingredients, p.Allergens, p.MayContain = "*Weizen*mehl, <Zucker>", []world.Allergen{"wheat", "milk"}, []world.Allergen{"almond"}
	p.Nutrition, p.Lead = world.Nutrition{EnergyKJ: 1250, EnergyKcal: 300, FatMg: 19049, SaltMg: 50}, 24*time.Hour
	p.SKUs = []world.SKU{{Key: "torte", Sort: "20 cm", Net: 1400, NetUnit: "g", PriceMinor: 3990, BaseMinor: 3990},
		{Key: "torte-26", Sort: "26 cm", Net: 2400, NetUnit: "g", PriceMinor: 4790, BaseMinor: 5490, PriorMinor: 5290}}
	wants(t, b.get("/p/torte"), 200, "<strong>Weizen</strong>mehl, &lt;Zucker&gt;", "<strong>Weizen, Milch</strong>", "Mandeln", "Mindestens 24 Stunden vorher",
		"1250 kJ / 300 kcal", "19,0 g", "0,1 g", "28,50\u00a0€ je kg", "1,4 kg", `value="torte-26" required>`, "54,90\u00a0€</s>", "30 Tage zuvor: 52,90\u00a0€")
	wants(t, b.get("/"), 200, "ab 39,90\u00a0€")
}
