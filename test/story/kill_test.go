package story

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"meridian/test/worldtest"
)

// What is under way when the world is killed, and how often it is.
const (
	buyers        = 8
	ordersEach    = 3
	usualKills    = 2
	killsVariable = "STORY_KILLS" // sets another number
)

// seedVariable repeats a run's moments.
const seedVariable = "STORY_SEED"

// purchase is one form on its way, and what its sender knows of it.
type purchase struct {
	client *worldtest.Client
	form   url.Values
	order  string // "" when no answer came
}

// TestKillDuringCheckout kills the world with kill -9 while many order at
// once. Whoever was sent to an order has it; whoever heard nothing sends the
// same form again and gets one order, not two; and the stock has gone down by
// what was sold.
func TestKillDuringCheckout(t *testing.T) {
	w := theWorld(t)
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv(seedVariable), 10, 64); err == nil {
		seed = s
	}
	t.Logf("%s=%d", seedVariable, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	slug := w.Visitor(t, "de", "").Page(t, "/").Slugs()[0]
	kills := usualKills
	if n, err := strconv.Atoi(os.Getenv(killsVariable)); err == nil {
		kills = n
	}
	for round := range kills {
		name := fmt.Sprintf("Round %d of %d", round, seed)
		const stock = buyers*ordersEach + 5
		w.Restock(t, "de", slug, stock)
		all := prepare(t, w, slug, name, buyers*ordersEach)
		orderAndKill(t, w, all, 1+random.IntN(buyers*(ordersEach-1)), time.Duration(random.IntN(15_000))*time.Microsecond)
		w.WaitGone(t, goneWithin)
		w.Start(t, w.Options())
		settle(t, all)
		if got := w.Stock(t, "de", slug); got != stock-len(all) {
			t.Errorf("round %d: %d are left of %d after %d orders", round, got, stock, len(all))
		}
		onceEach(t, w, name, len(all))
	}
}

// prepare fills carts and forms until only the last button is to be pressed.
func prepare(t *testing.T, w *worldtest.World, slug, name string, n int) []*purchase {
	t.Helper()
	var all []*purchase
	for range n {
		c := w.Visitor(t, "de", "")
		if err := c.Add(slug, 1); err != nil {
			t.Fatal(err)
		}
		form, _ := c.Form(t, worldtest.Address(c.Market, name, "buyer@example.org"))
		all = append(all, &purchase{client: c, form: form})
	}
	return all
}

// orderAndKill sends the forms, some at once, and kills the world a moment
// after so many orders were acknowledged.
func orderAndKill(t *testing.T, w *worldtest.World, all []*purchase, after int, moment time.Duration) {
	t.Helper()
	var acknowledged atomic.Int64
	enough := make(chan struct{})
	var wg sync.WaitGroup
	for b := range buyers {
		wg.Go(func() {
			for _, p := range all[b*ordersEach : (b+1)*ordersEach] {
				path, err := p.client.Place(p.form)
				if err != nil {
					continue // no answer, or one that says that the world is ending
				}
				p.order = path
				if acknowledged.Add(1) == int64(after) {
					close(enough)
				}
			}
		})
	}
	everything := make(chan struct{})
	go func() { wg.Wait(); close(everything) }()
	select {
	case <-enough:
		time.Sleep(moment) // a random moment is what is tested, not an interval
	case <-everything:
		t.Errorf("only %d of %d orders were taken by a world that was well", acknowledged.Load(), len(all))
	}
	w.Kill(t)
	<-everything
	t.Logf("killed %v after order %d; %d of %d were acknowledged", moment, after, acknowledged.Load(), len(all))
}

// settle looks at every order that was acknowledged, and sends every form again.
func settle(t *testing.T, all []*purchase) {
	t.Helper()
	for i, p := range all {
		if p.order != "" && p.client.Order(t, p.order).Number == "" {
			t.Errorf("order %d was acknowledged as %s and is not there", i, p.order)
		}
		path, err := p.client.Place(p.form)
		if err != nil {
			t.Errorf("form %d, sent again: %v", i, err)
			continue
		}
		if p.order != "" && path != p.order {
			t.Errorf("form %d was acknowledged as %s and, sent again, as %s", i, p.order, path)
		}
	}
}

// onceEach counts the round's orders: one a cart.
func onceEach(t *testing.T, w *worldtest.World, name string, want int) {
	t.Helper()
	conn := w.Resident(t, w.Market(t, "de").HomeRegion)
	defer conn.Close(context.Background())
	var orders, carts int
	if err := conn.QueryRow(t.Context(), "select count(*), count(distinct cart_id) from orders where name = $1", name).Scan(&orders, &carts); err != nil {
		t.Fatal(err)
	}
	if orders != want || carts != want {
		t.Errorf("%d orders of %d carts are stored, want %d of %d", orders, carts, want, want)
	}
}
