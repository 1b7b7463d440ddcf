package story

import (
	"strings"
	"testing"

	"meridian/test/worldtest"
)

// priceChange tells how an owner changes a price and visitors everywhere see it.
func priceChange(t *testing.T, w *worldtest.World, market string) {
	shop := w.Visitor(t, market, "")
	slug, before := soldInOneSort(t, shop)
	owner := w.Owner(t, market)
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

// soldInOneSort is the first product of a shop's list that is sold in one sort, with
// its price: the list says the same of it as its own page, not "from" the lowest.
func soldInOneSort(t *testing.T, shop *worldtest.Client) (slug, price string) {
	t.Helper()
	list := shop.Page(t, "/")
	for _, slug := range list.Slugs() {
		if price := shop.Page(t, "/p/"+slug).Price(); price == list.ListPrice(slug) {
			return slug, price
		}
	}
	t.Fatal("no product of the list is sold in one sort")
	return "", ""
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
