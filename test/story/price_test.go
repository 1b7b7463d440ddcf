package story

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meridian/test/worldtest"
)

// priceLimit is the promise: a request that begins a second after the owner's
// page said saved shows the new price, at every PoP, at the real round trips.
//
// It is the request's beginning that counts. How long an answer takes on a
// machine that also runs the tests says nothing about the promise; which price
// it carries does. The slowest of the six needs about half a second, so the
// limit leaves as much again for a busy machine.
const priceLimit = time.Second

// cachedWithin is how long a PoP may take to have a page that is asked for
// again and again; a PoP that has just started first waits for its feeds.
const cachedWithin = 20 * time.Second

// watchFor is how long each page is looked at again after it showed the new
// price: it must never go back.
const watchFor = 500 * time.Millisecond

// priceChange tells how an owner changes a price and visitors everywhere see it.
func priceChange(t *testing.T, w *worldtest.World, market string) {
	shop := w.Visitor(t, market, "")
	slug := shop.Page(t, "/").Slugs()[0]
	owner := w.Owner(t, market)
	before := shop.Page(t, "/p/"+slug).Price()
	minor := owner.PriceTyped(t, slug) + 1
	after := shop.Money(minor)
	pages := []struct {
		path  string
		price func(*worldtest.Page) string
	}{
		{"/p/" + slug, func(p *worldtest.Page) string { return p.Price() }},
		{"/", func(p *worldtest.Page) string { return p.ListPrice(slug) }},
	}
	type watch struct {
		pop, path string
		client    *worldtest.Client
		price     func(*worldtest.Page) string
	}
	var watches []watch
	for _, pop := range pops(w) {
		for _, p := range pages {
			v := watch{pop, p.path, w.AtPoP(t, market, pop), p.price}
			// What is not in a cache could not be old.
			eventually(t, cachedWithin, pop+" keeps "+p.path, func() bool {
				return strings.Contains(edgeStatus(v.client.Get(t, p.path, "Accept", "text/html")), "hit")
			})
			watches = append(watches, v)
		}
	}
	saved := owner.SavePrice(t, slug, minor)
	if !strings.Contains(saved.Page(t).Text(), "Saved: "+after) {
		t.Fatalf("the owner's page does not say that %s is saved: %s", after, saved.Page(t).Text())
	}
	took := make([]time.Duration, len(watches))
	var wg sync.WaitGroup
	for i, v := range watches {
		wg.Go(func() {
			var err error
			if took[i], err = turns(v.client, v.path, v.price, before, after, saved.Came); err != nil {
				t.Errorf("%s %s: %v", v.pop, v.path, err)
			}
		})
	}
	wg.Wait()
	last := slices.Index(took, slices.Max(took))
	t.Logf("the last to show the new price was %s, %d ms after it was saved", watches[last].pop, took[last].Milliseconds())
}

// turns asks for a page until it shows the new price, and a while longer. It
// tells how long after it was saved the new price was there.
func turns(c *worldtest.Client, path string, price func(*worldtest.Page) string, before, after string, saved time.Time) (took time.Duration, err error) {
	var since time.Time
	for {
		a, err := c.Do(http.MethodGet, path, nil, "Accept", "text/html")
		if err != nil {
			return took, err
		}
		if a.Status != http.StatusOK {
			return took, fmt.Errorf("%d: %s", a.Status, a.Body)
		}
		p, err := a.ReadPage()
		if err != nil {
			return took, err
		}
		switch got := price(p); {
		case got == after && since.IsZero():
			since, took = a.Came, a.Came.Sub(saved)
		case got == after:
			if a.Came.Sub(since) > watchFor {
				return took, nil
			}
		case got != before:
			return took, fmt.Errorf("shows %q, neither the old price %q nor the new %q", got, before, after)
		case !since.IsZero():
			return took, fmt.Errorf("went back to the old price %q: %s", before, a.Header.Values("Cache-Status"))
		case a.Asked.Sub(saved) > priceLimit:
			return took, fmt.Errorf("shows the old price %q to a request made %d ms after the new one was saved: %s", before, a.Asked.Sub(saved).Milliseconds(), a.Header.Values("Cache-Status"))
		}
		time.Sleep(10 * time.Millisecond)
	}
}
