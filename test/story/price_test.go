package story

import (
	"strings"
	"testing"

	"meridian/test/worldtest"
)

// priceChange tells how an owner changes a price and visitors everywhere see it.
func priceChange(t *testing.T, w *worldtest.World, market string) {
	shop := w.Visitor(t, market, "")
	slug := shop.Page(t, "/").Slugs()[0]
	owner := w.Owner(t, market)
	before := shop.Page(t, "/p/"+slug).Price()
	minor := owner.PriceTyped(t, slug) + 1
	after := shop.Money(minor)
	looks := looksAt(t, w, market, map[string]func(worldtest.Answer) (string, error){
		"/p/" + slug: seesPrice((*worldtest.Page).Price),
		"/":          seesPrice(func(p *worldtest.Page) string { return p.ListPrice(slug) }),
	})
	saved := owner.SavePrice(t, slug, minor)
	if !strings.Contains(saved.Page(t).Text(), "Saved: "+after) {
		t.Fatalf("the owner's page does not say that %s is saved: %s", after, saved.Page(t).Text())
	}
	turn(t, looks, before, after, saved.Came)
}

// seesPrice reads a price off a page.
func seesPrice(of func(*worldtest.Page) string) func(worldtest.Answer) (string, error) {
	return func(a worldtest.Answer) (string, error) {
		p, err := a.ReadPage()
		if err != nil {
			return "", err
		}
		return of(p), nil
	}
}
