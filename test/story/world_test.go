package story

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"meridian/test/worldtest"
)

// goneWithin is the promise: so long after Ctrl-C or kill -9 nothing is left.
const goneWithin = 6 * time.Second

// TestCtrlCLeavesNothing interrupts the world: it ends well, with all that it
// started, and the next start finds what was stored.
func TestCtrlCLeavesNothing(t *testing.T) {
	w := theShippedWorld(t, false)
	c := w.Visitor(t, "jp", "")
	slug := c.Page(t, "/").Slugs()[0]
	w.Restock(t, "jp", slug, 20)
	o := c.Buy(t, slug, 1, "山田 花子", "hanako@example.org")
	picture := pictureOf(t, c) + "320x240"
	began := time.Now()
	if code := w.Stop(t); code != 0 {
		t.Errorf("exit code %d after Ctrl-C:\n%s", code, w.Logs())
	}
	w.WaitGone(t, goneWithin-time.Since(began))
	t.Logf("Ctrl-C to the last process: %d ms", time.Since(began).Milliseconds())
	w.Start(t, worldtest.Options{})
	if again := c.Order(t, o.Path); again.Number != o.Number || again.Total != o.Total {
		t.Errorf("after the restart the order is %+v, was %+v", again, o)
	}
	if n := w.Stock(t, "jp", slug); n != 19 {
		t.Errorf("after the restart %d are left, want 19", n)
	}
	for _, pop := range pops(w) {
		if a := w.AtPoP(t, "jp", pop).Get(t, picture); a.Status != http.StatusOK {
			t.Errorf("after the restart %s answers for a picture with %d", pop, a.Status)
		}
	}
}

// village is a whole world of one region, one PoP and one shop.
const village = `name: Village Bakery
app: village
main_region: here
zones: [{id: land, name: Land}]
sites: [{id: town, name: Town, lat: 52.5, lon: 13.4}]
rtt: []
link: {jitter_ms: 0, region_mbit: 1000, access_mbit: 50, same_site_ms: 1}
regions: [{id: here, name: Here, zone: land, site: town, number: 1}]
pops: [{id: pop, name: Town, site: town}]
markets:
  - id: de
    name: Village Bakery
    country: DE
    host: de.localhost
    currency: EUR
    locales: [de-DE]
    home_region: here
    time_zone: Europe/Berlin
    city: town
    tax: {prices: inclusive, rounding: half_up, per: rate}
    delivery: [{name: Deutschland, tax: DE}]
    postal: {pattern: '[0-9]{5}', example: '10115', states: false}
cities: [{id: town, name: Town, site: town, access_ms: 5}]
`

// TestTwoWorldsSideBySide runs a world of its own beside the shipped one. They
// share a host name and nothing else; and --fresh begins one anew, not both.
func TestTwoWorldsSideBySide(t *testing.T) {
	first := theShippedWorld(t, false)
	file := filepath.Join(t.TempDir(), "village.yaml")
	if err := os.WriteFile(file, []byte(village), 0o644); err != nil {
		t.Fatal(err)
	}
	if said := first.Run(t, "world", "check", file); said.Code != 0 {
		t.Fatalf("world check: %s%s", said.Out, said.Err)
	}
	second := worldtest.New(t, file)
	second.Start(t, worldtest.Options{})
	customer := second.Visitor(t, "de", "")
	slug := customer.Page(t, "/").Slugs()[0]
	stock, here := first.Stock(t, "de", slug), second.Stock(t, "de", slug)
	o := customer.Buy(t, slug, 1, "Lise Meitner", "lise@example.org")
	if n := second.Stock(t, "de", slug); n != here-1 {
		t.Errorf("%d are left, want %d", n, here-1)
	}
	if n := first.Stock(t, "de", slug); n != stock {
		t.Errorf("an order in one world took from the other: %d are left, were %d", n, stock)
	}
	if title := first.Visitor(t, "de", "").Page(t, "/").Texts("title"); strings.Contains(title[0], "Village") {
		t.Errorf("the first world shows the second's shop: %q", title)
	}
	twice(t, first)
	if code := second.Stop(t); code != 0 {
		t.Errorf("exit code %d after Ctrl-C", code)
	}
	second.WaitGone(t, goneWithin)
	second.Start(t, worldtest.Options{Fresh: true})
	if a := customer.Get(t, o.Path, "Accept", "text/html"); a.Status != http.StatusNotFound {
		t.Errorf("after --fresh the old order is answered with %d, want 404", a.Status)
	}
	if n := second.Stock(t, "de", slug); n != here {
		t.Errorf("after --fresh %d are left, want %d as at first", n, here)
	}
	first.Visitor(t, "de", "").Page(t, "/")
	if code := second.Stop(t); code != 0 {
		t.Errorf("exit code %d after Ctrl-C", code)
	}
}

// twice starts a world where one runs: it is told where, and harms nothing.
func twice(t *testing.T, w *worldtest.World) {
	t.Helper()
	said := w.Run(t, "up", "--fresh", "--dir", w.Dir, "--port", strconv.Itoa(w.Port))
	if said.Code == 0 || !strings.Contains(said.Err, "already runs") || !strings.Contains(said.Err, strconv.Itoa(w.Port)) {
		t.Errorf("a second world on the same directory: exit code %d, %q", said.Code, said.Err)
	}
}

// TestWholePath walks the whole path: a picture goes in and comes out of every
// PoP, an owner changes a price and it is the price everywhere, visitors of
// every market buy, and their owners see it.
func TestWholePath(t *testing.T) {
	for _, mode := range []struct {
		name  string
		split bool
	}{{"one process", false}, {"a process a role", true}} {
		t.Run(mode.name, func(t *testing.T) {
			w := theShippedWorld(t, mode.split)
			t.Run("picture", func(t *testing.T) { pictureOut(t, w) })
			t.Run("markets", func(t *testing.T) {
				for _, m := range w.Plan.Markets {
					t.Run(m.ID, func(t *testing.T) {
						t.Parallel() // the way is long, and no market knows of another
						t.Run("price", func(t *testing.T) { priceChange(t, w, m.ID) })
						t.Run("checkout", func(t *testing.T) { buys(t, w, m.ID) })
					})
				}
			})
			t.Run("sold out", func(t *testing.T) { soldOut(t, w) })
		})
	}
}

// TestKillLeavesNothing kills the first process of a world of many, which can
// then tidy up nothing: its children go all the same.
func TestKillLeavesNothing(t *testing.T) {
	w := theShippedWorld(t, true)
	if n := len(w.Left()); n < 30 {
		t.Fatalf("only %d processes are found: there are 18 roles and 12 servers", n)
	}
	c := w.Visitor(t, "us", "")
	slug := c.Page(t, "/").Slugs()[0]
	w.Restock(t, "us", slug, 20)
	o := c.Buy(t, slug, 1, "Grace Hopper", "grace@example.org")
	w.Kill(t)
	w.WaitGone(t, goneWithin)
	w.Start(t, worldtest.Options{})
	if again := c.Order(t, o.Path); again.Number != o.Number {
		t.Errorf("after kill -9 the order is %+v, was %+v", again, o)
	}
}
