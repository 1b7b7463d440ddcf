package story

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"meridian/test/worldtest"
	"meridian/world"
)

const (
	routedWithin = time.Minute // by all monitors and who follows them: seconds, but on a machine that has much else to do
	readingFor   = 3 * time.Second
	atOnce       = 5 * time.Second // below what it takes to wait for a region in vain
)

// stateOf is what the monitors say of a target, as a client comes to hear it.
func stateOf(t *testing.T, c *worldtest.Client, target string) world.HealthState {
	t.Helper()
	a := c.Get(t, world.HealthPagePath, "Accept", "application/json")
	var h world.Health
	if err := json.Unmarshal(a.Body, &h); a.Status != http.StatusOK || err != nil {
		t.Fatalf("the health of the world: %d %v %.200s", a.Status, err, a.Body)
	}
	return h.Of(target).State
}

// drain takes a target out, or brings it back.
func drain(t *testing.T, w *worldtest.World, c *worldtest.Client, target string, lift bool) {
	t.Helper()
	orderDrain(t, w, c, map[string]any{"target": target, "lift": lift})
}

// orderDrain is that, in an operator's words.
func orderDrain(t *testing.T, w *worldtest.World, c *worldtest.Client, order map[string]any) {
	t.Helper()
	body, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	var a worldtest.Answer
	for began := time.Now(); time.Since(began) < routedWithin; time.Sleep(200 * time.Millisecond) {
		a = c.Send(t, http.MethodPost, world.DrainsPath, body, "Content-Type", "application/json", "Authorization", "Bearer "+w.Secrets(t).DrainToken)
		if a.Status != http.StatusServiceUnavailable { // a monitor that is cut off for a moment takes no orders
			break
		}
	}
	if a.Status != http.StatusOK {
		t.Fatalf("the order %s: %d %s", body, a.Status, a.Body)
	}
}

// TestADrainedPoPGetsNoTravellers drains the PoP of Frankfurt: who stands there goes
// to another one, and reads why; and comes back when the drain is over.
func TestADrainedPoPGetsNoTravellers(t *testing.T) {
	w := theWorld(t)
	c := w.Visitor(t, "de", "frankfurt")
	through := func() (pop, bar string) {
		a := c.Get(t, "/", "Accept", "text/html")
		_, bar, _ = strings.Cut(string(a.Body), `<aside`)
		return a.Header.Get(world.HeaderPoP), fmt.Sprintf("%d %s", a.Status, bar)
	}
	eventually(t, routedWithin, "Frankfurt goes to its own PoP", func() bool { pop, _ := through(); return pop == "fra" })
	elsewhere := w.AtPoP(t, "us", "iad")
	drain(t, w, elsewhere, "pop/fra", false)
	lifted := false
	lift := func() {
		if !lifted && w.Running() {
			lifted = true
			drain(t, w, elsewhere, "pop/fra", true)
		}
	}
	t.Cleanup(lift)
	eventually(t, routedWithin, "Frankfurt goes elsewhere", func() bool { pop, _ := through(); return pop != "fra" })
	for range 20 {
		if pop, bar := through(); pop == "fra" || !strings.Contains(bar, "fra is draining (drained)") {
			t.Fatalf("a traveller came to %s; the bar gives no reason, or another: %s", pop, bar)
		}
	}
	if a := w.AtPoP(t, "de", "fra").Get(t, "/", "Accept", "text/html"); a.Status != http.StatusOK {
		t.Errorf("who goes on coming to the drained PoP gets %d", a.Status)
	}
	lift()
	eventually(t, routedWithin, "Frankfurt is back at its PoP", func() bool { pop, _ := through(); return pop == "fra" })
}

// TestReadersDoNotNoticeALostRegion cuts a region off from everything. Once the
// monitors have agreed nobody's read fails at any PoP, whether it is stored there or
// not; and its shops say at once, in their language, that they take no orders.
func TestReadersDoNotNoticeALostRegion(t *testing.T) {
	w := theWorld(t)
	far := w.AtPoP(t, "us", "sjc")
	eventually(t, routedWithin, "the region is well", func() bool { return stateOf(t, far, "shop/eu-central") == world.Healthy })
	var readers []*worldtest.Client
	for _, pop := range pops(w) {
		for _, market := range []string{"de", "us", "jp"} {
			readers = append(readers, w.AtPoP(t, market, pop))
		}
	}
	paths := map[string][]string{}
	for _, market := range []string{"de", "us", "jp"} {
		page := w.AtPoP(t, market, "iad").Page(t, "/")
		paths[market] = append(paths[market], "/", pictureOfPage(t, page))
		for _, slug := range page.Slugs() {
			paths[market] = append(paths[market], "/p/"+slug)
		}
	}
	heal := cut(t, w, "places/eu-central", "blackhole")
	var agreed uint64
	eventually(t, routedWithin, "the monitors agree", func() bool {
		view := viewOf(t, w)
		agreed = view.Issue.Version.Number
		return view.HealthView().Of("shield/eu-central").State == world.Down
	})
	eventually(t, routedWithin, "every PoP hears it", func() bool {
		heard := issues(t, w)
		return !slices.ContainsFunc(pops(w), func(pop string) bool { return heard[pop] < agreed })
	})
	var reads, failed atomic.Int64
	var all sync.WaitGroup
	until := time.Now().Add(readingFor)
	for i, c := range readers {
		asked := paths[[]string{"de", "us", "jp"}[i%3]]
		all.Go(func() {
			for n := 0; n < len(asked) || time.Now().Before(until); n++ {
				reads.Add(1)
				time.Sleep(20 * time.Millisecond)
				if a, err := c.Do(http.MethodGet, asked[n%len(asked)], nil, "Accept", "text/html,image/webp"); err != nil || a.Status != http.StatusOK {
					failed.Add(1)
					t.Errorf("%s of %s at %s: %d %v", asked[n%len(asked)], []string{"de", "us", "jp"}[i%3], pops(w)[i/3], a.Status, err)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d reads, %d failed", reads.Load(), failed.Load())

	began := time.Now()
	a := w.AtPoP(t, "de", "fra").Get(t, "/checkout", "Accept", "text/html")
	if took := time.Since(began); a.Status != http.StatusServiceUnavailable || took > atOnce || !strings.Contains(string(a.Body), "Gleich wieder da") || a.Header.Get("Retry-After") == "" {
		t.Errorf("the checkout of a lost region: %d after %v: %.300s", a.Status, took, a.Body)
	}
	heal()
	eventually(t, routedWithin, "the shop takes orders again", func() bool {
		return w.AtPoP(t, "de", "fra").Get(t, "/cart", "Accept", "text/html").Status == http.StatusOK
	})
}
