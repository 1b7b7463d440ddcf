package story

import "testing"

// TestWholePath walks the whole path: a picture goes in and comes out of every
// PoP, an owner changes a price and it is the price everywhere, visitors of
// every market buy, and their owners see it.
func TestWholePath(t *testing.T) {
	for _, mode := range []struct {
		name  string
		split bool
	}{{"one process", false}, {"a process a role", true}} {
		t.Run(mode.name, func(t *testing.T) {
			w := theWorld(t, mode.split)
			t.Run("picture", func(t *testing.T) { pictureOut(t, w) })
			for _, m := range w.Plan.Markets {
				t.Run("price "+m.ID, func(t *testing.T) { priceChange(t, w, m.ID) })
				t.Run("checkout "+m.ID, func(t *testing.T) { buys(t, w, m.ID) })
			}
			t.Run("sold out", func(t *testing.T) { soldOut(t, w) })
		})
	}
}
