package shop

import (
	"context"
	"testing"
	"time"

	"meridian/world"
)

func (c *fakeCatalog) Categories(context.Context, string, string, time.Time) ([]world.Category, time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.menus++
	return c.categories, c.until, c.err
}

// menuShop has one category, and a clock that is set by hand.
func menuShop(t *testing.T, change func(*Config)) (b *bench, now *time.Time) {
	now = new(time.Time)
	*now = noon
	b = open(t, "ap-southeast", "in.localhost", func(c *Config, d *Deps) {
		d.Now = func() time.Time { return *now }
		if change != nil {
			change(c)
		}
	})
	b.catalog.categories = []world.Category{{Key: "cakes", Address: "cakes", Name: "Cakes"}}
	return b, now
}

// asks fails unless a request has the catalog asked for categories, or not.
func (b *bench) asks(what string, want bool, path string, headers ...string) {
	b.t.Helper()
	before := b.catalog.menus
	if w := b.get(path, headers...); w.Code != 200 {
		b.t.Errorf("%s: %d", what, w.Code)
	}
	if got := b.catalog.menus > before; got != want {
		b.t.Errorf("%s: the catalog was asked: %v, want %v", what, got, want)
	}
}

func TestMenuIsKeptForAMoment(t *testing.T) {
	b, now := menuShop(t, nil)
	b.asks("the first", true, "/")
	for _, path := range []string{"/p/brot", "/c/cakes", "/search?q=Brot", "/api/v1/categories", "/api/v1/products?category=cakes", "/"} {
		b.asks("after the first, "+path, false, path)
	}
	b.asks("another locale", true, "/hi-in/")
	b.host = "de.localhost"
	b.asks("another market", true, "/p/brot")
	b.host = "in.localhost"
	*now = noon.Add(time.Second - 1)
	b.asks("to the end of the moment", false, "/")
	*now = noon.Add(time.Second)
	b.asks("behind it", true, "/")

	every, _ := menuShop(t, func(c *Config) { c.MenuKeep = 0 })
	every.asks("none is kept, first", true, "/")
	every.asks("none is kept, second", true, "/")
}

// What a cache demands was told it with what it was to forget: a menu that was read
// before will not do. Demands of other clusters are for pictures.
func TestMenuMeetsTheDemand(t *testing.T) {
	const older, newer = "catalog-ap-southeast@1:0/100", "catalog-ap-southeast@1:0/200"
	b, _ := menuShop(t, nil)
	b.asks("the first", true, "/")
	b.asks("a demand after none", true, "/", world.HeaderMinPosition, older)
	b.asks("the same demand", false, "/", world.HeaderMinPosition, older)
	b.asks("a newer demand", true, "/", world.HeaderMinPosition, newer)
	b.asks("an older demand", false, "/", world.HeaderMinPosition, older)
	b.asks("no demand", false, "/")
	b.asks("a demand of another cluster", false, "/", world.HeaderMinPosition, "catalog-us-east@9:0/900")
	b.asks("another timeline", true, "/", world.HeaderMinPosition, "catalog-ap-southeast@2:0/100")
}

// Nothing is said of what was for sale before the calendar's change, neither by what
// the shop kept nor by what it gave to caches.
func TestMenuEndsWithTheCalendar(t *testing.T) {
	b, now := menuShop(t, nil)
	b.catalog.until = noon.Add(300 * time.Millisecond)
	b.asks("the first", true, "/")
	*now = noon.Add(300*time.Millisecond - 1)
	b.asks("before the change", false, "/")
	b.catalog.until = noon.Add(70 * time.Second)
	*now = noon.Add(300 * time.Millisecond)
	b.asks("from the change on", true, "/")

	*now = noon.Add(30 * time.Second)
	for _, path := range []string{"/api/v1/categories", "/search"} {
		if got := b.get(path).Header().Get("CDN-Cache-Control"); got != "max-age=40, stale-if-error=86400" {
			t.Errorf("%s may be kept for %q, want up to the change", path, got)
		}
	}
}

// A menu that could not be read is not kept.
func TestMenuThatFailedIsReadAgain(t *testing.T) {
	b, _ := menuShop(t, nil)
	b.catalog.err = world.E(world.CodeUnavailable, "fake", "")
	if w := b.get("/api/v1/categories"); w.Code != 503 {
		t.Errorf("%d", w.Code)
	}
	b.catalog.err = nil
	b.asks("again", true, "/api/v1/categories")
}
