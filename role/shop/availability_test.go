package shop

import (
	"context"
	"slices"
	"strings"
	"testing"

	"meridian/world"
)

// What has sold out is said on every page that shows it and in the API; it cannot be
// chosen, and can again once it is back.
func TestPagesSayWhatIsSoldOut(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	b.catalog.products[0].SKUs = []world.SKU{{Key: "torte", Sort: "20 cm", PriceMinor: 3990, PriceVersion: 1}, {Key: "torte-26", Sort: "26 cm", PriceMinor: 5490, PriceVersion: 1}}
	tell := func(soldOut bool, skus ...string) {
		t.Helper()
		for _, sku := range skus {
			b.orders.turns = append(b.orders.turns, world.Availability{SKU: sku, SoldOut: soldOut})
		}
		if n, err := b.shop.tellTurns(t.Context(), 10); err != nil || n != len(skus) {
			t.Fatalf("%d are told, %v", n, err)
		}
	}
	const label, button = "Ausverkauft", `<button class="main">`
	for _, path := range []string{"/", "/p/torte", "/p/brot"} {
		lacks(t, b.get(path), label)
	}

	tell(true, "torte")
	w := b.get("/p/torte")
	wants(t, w, 200, label, button, `value="torte" required disabled>`, `value="torte-26" required checked>`, `<p class="price num" data-price="54.90">`)
	lacks(t, b.get("/"), label, "39,90") // there is one sort left
	wants(t, b.get("/"), 200, `data-price="54.90">54,90`)
	lacks(t, b.get("/p/brot"), label)
	wants(t, b.get("/api/v1/products/torte"), 200, `"sku":"torte","sort":"20 cm"`, `"available":false`, `"available":true`)

	tell(true, "torte-26")
	w = b.get("/p/torte")
	wants(t, w, 200, label, "39,90")
	lacks(t, w, button, `id="quantity"`, "checked")
	if n := strings.Count(b.get("/").Body.String(), label); n != 1 {
		t.Errorf("the front page says it %d times", n)
	}
	wants(t, b.get("/p/brot"), 200, label, button) // of the other one, beside

	tell(false, "torte", "torte-26")
	wants(t, b.get("/p/torte"), 200, button)
	lacks(t, b.get("/p/torte"), label)
}

// What is homed here is told and compared, and nothing of other regions' markets, whose
// stock this shop cannot see. One market that cannot be told of keeps no other back.
func TestStockIsComparedForTheRegionsOwnMarkets(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	b.catalog.products[1].SKUs[0].SoldOut = true
	if n, err := b.shop.compareStock(t.Context(), 1); n != 0 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	all := []world.Availability{{SKU: "brot", SoldOut: true}, {SKU: "torte"}}
	if c := b.orders.compared; len(c) != 2 || !slices.Equal(c["de"], all) || !slices.Equal(c["gb"], all) {
		t.Errorf("compared: %v", c)
	}
	b.orders.turns = []world.Availability{{SKU: "torte", SoldOut: true}}
	b.orders.poisoned = "gb" // which comes first
	if n, err := b.shop.tellTurns(t.Context(), 10); n != 1 || !world.Is(err, world.CodeInternal) || !b.catalog.products[0].SoldOut() {
		t.Errorf("with one market that fails %d are told, %v", n, err)
	}
	b.catalog.err = world.E(world.CodeUnavailable, "fake", "")
	if _, err := b.shop.compareStock(t.Context(), 10); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("without a catalog: %v", err)
	}
}

func (c *fakeCatalog) SetAvailability(_ context.Context, _ string, standing []world.Availability) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range standing {
		for i := range c.products {
			for j := range c.products[i].SKUs {
				if k := &c.products[i].SKUs[j]; k.Key == a.SKU {
					k.SoldOut = a.SoldOut
				}
			}
		}
	}
	return c.err
}

func (c *fakeCatalog) Availability(_ context.Context, market, after string, limit int) (out []world.Availability, err error) {
	for _, p := range c.all(market) {
		for _, k := range p.SKUs {
			if k.Key > after {
				out = append(out, world.Availability{SKU: k.Key, SoldOut: k.SoldOut})
			}
		}
	}
	slices.SortFunc(out, func(a, b world.Availability) int { return strings.Compare(a.SKU, b.SKU) })
	return out[:min(limit, len(out))], c.err
}

// stockTurns are what fakeOrders know of stock that turned.
type stockTurns struct {
	turns    []world.Availability
	compared map[string][]world.Availability // by market
	poisoned string                          // a market whose turns cannot be told
}

func (o *fakeOrders) TellTurns(_ context.Context, market string, limit int, tell func([]world.Availability) error) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := min(limit, len(o.turns))
	switch {
	case market == o.poisoned:
		return 0, world.E(world.CodeInternal, "fake", "")
	case market != "de" || n == 0:
		return 0, nil
	}
	if err := tell(o.turns[:n]); err != nil {
		return 0, err
	}
	o.turns = o.turns[n:]
	return n, nil
}

func (o *fakeOrders) CompareStock(_ context.Context, market string, said []world.Availability) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.compared == nil {
		o.compared = map[string][]world.Availability{}
	}
	o.compared[market] = append(o.compared[market], said...)
	return 0, nil
}
