package postgres_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/world"
)

// A contest: far more checkouts than there are pieces.
const (
	usualContest    = 200
	contestPieces   = 20
	contestVariable = "CONTEST_CHECKOUTS" // another number; above it the pieces are a twentieth of it
	contestSeed     = "CONTEST_SEED"      // the same contest again
	contestHands    = 24                  // how many are at it at once
)

// contest is one product that everybody wants.
type contest struct {
	t     *testing.T
	s     *postgres.OrderStore
	start time.Time

	mu     sync.Mutex
	orders map[string]string // by cart, as it was told
	sold   atomic.Int64
	cut    atomic.Int64
}

// buy is one checkout: the form is sent by one or two windows, each of which may
// stop waiting and send it again. Half pay by card; of those some never do, and
// their time passes.
func (k *contest) buy(rng *rand.Rand) (short bool) {
	o := ordered(k.t, k.s, map[string]int{"torte": 1})
	card, pays := rng.IntN(2) == 0, rng.IntN(3) > 0
	if card {
		o.State, o.Method, o.ExpiresAt = world.OrderAwaitingPayment, world.PayCard, k.start.Add(time.Minute)
	}
	var wg sync.WaitGroup
	var refused atomic.Bool
	for range 1 + rng.IntN(2) {
		patience := time.Duration(rng.IntN(8000)) * time.Microsecond
		wg.Go(func() {
			if k.send(o, patience) == world.CodeUnprocessed {
				refused.Store(true)
			}
		})
	}
	wg.Wait()
	k.mu.Lock()
	id := k.orders[o.CartID]
	k.mu.Unlock()
	if id == "" {
		return refused.Load()
	}
	switch {
	case !card:
		k.sold.Add(1)
	case pays:
		// Another hand's expiry may have come between: then it is too late.
		switch _, err := k.s.Authorised(k.t.Context(), id, "pay-"+id, k.start); {
		case err == nil:
			k.sold.Add(1)
		case !world.Is(err, world.CodeConflict):
			k.t.Errorf("paid: %v", err)
		}
	default:
		if _, err := k.s.ExpireOrders(k.t.Context(), k.start.Add(2*time.Minute), 1); err != nil {
			k.t.Error(err)
		}
	}
	return false
}

// send sends a form until it has an answer: at first with little patience.
func (k *contest) send(o world.Order, patience time.Duration) world.Code {
	key := "key-" + o.CartID
	for try := 0; ; try++ {
		wait := time.Minute
		if try < 2 {
			wait = patience
		}
		ctx, cancel := context.WithTimeout(k.t.Context(), wait)
		mine := o
		mine.ID = id26()
		placed, _, err := k.s.Place(ctx, mine, key, draw)
		cut := ctx.Err() != nil
		cancel()
		if cut {
			k.cut.Add(1)
			continue
		}
		switch code := world.CodeOf(err); code {
		case "":
			k.mu.Lock()
			defer k.mu.Unlock()
			if was := k.orders[o.CartID]; was != "" && was != placed.ID {
				k.t.Errorf("cart %s was told of %s and of %s", o.CartID, was, placed.ID)
			}
			k.orders[o.CartID] = placed.ID
			return ""
		case world.CodeUnprocessed, world.CodeConflict:
			return code
		default:
			k.t.Errorf("place: %v", err)
			return code
		}
	}
}

// However many want the last pieces at once, however often and impatiently they
// send, and however many of them then do not pay: what was there is sold, once
// each, and no more.
func TestAContestSellsWhatThereIs(t *testing.T) {
	checkouts, pieces, seed := usualContest, contestPieces, rand.Uint64()
	if n, err := strconv.Atoi(os.Getenv(contestVariable)); err == nil && n > usualContest {
		checkouts, pieces = n, max(contestPieces, n/20)
	}
	if n, err := strconv.ParseUint(os.Getenv(contestSeed), 10, 64); err == nil {
		seed = n
	}
	t.Logf("%s=%d %s=%d", contestSeed, seed, contestVariable, checkouts)
	s, c := newOrders(t, map[string]int{"torte": pieces})
	k := &contest{t: t, s: s, start: time.Now(), orders: map[string]string{}}
	var wg sync.WaitGroup
	var next, refused atomic.Int64
	for hand := range contestHands {
		rng := rand.New(rand.NewPCG(seed, uint64(hand)))
		wg.Go(func() {
			for next.Add(1) <= int64(checkouts) {
				if k.buy(rng) {
					refused.Add(1)
				}
			}
		})
	}
	wg.Wait()
	for i := 0; k.sold.Load() < int64(pieces) && i < checkouts; i++ { // who comes after a time has passed
		if _, err := s.ExpireOrders(t.Context(), k.start.Add(2*time.Minute), checkouts); err != nil {
			t.Fatal(err)
		}
		k.buy(rand.New(rand.NewPCG(seed, uint64(contestHands+i))))
	}
	if _, err := s.ExpireOrders(t.Context(), k.start.Add(2*time.Minute), checkouts); err != nil {
		t.Fatal(err)
	}
	k.judge(c, pieces)
	t.Logf("%d told of an order, %d refused, %d waits broken off", len(k.orders), refused.Load(), k.cut.Load())
}

// judge looks into the database.
func (k *contest) judge(c *postgres.Cluster, pieces int) {
	var onHand, reserved, placed, open, double, moved int
	err := c.Pool.QueryRow(k.t.Context(), `select l.on_hand, l.reserved,
		(select count(*) from orders where state = 'placed'), (select count(*) from orders where state = 'awaiting_payment'),
		(select count(*) from (select 1 from orders group by cart_id having count(*) > 1) d),
		(select sum(on_hand) from stock_movement m where m.sku = l.sku)
		from stock_level l where l.sku = 'torte'`).Scan(&onHand, &reserved, &placed, &open, &double, &moved)
	if err != nil {
		k.t.Fatal(err)
	}
	got, want := fmt.Sprint(onHand, reserved, moved, placed, open, double), fmt.Sprint(0, 0, 0, pieces, 0, 0)
	if got != want {
		k.t.Errorf("left, reserved, by the ledger, placed, waiting, carts with two orders: %s, want %s", got, want)
	}
	if faults, err := k.s.StockFaults(k.t.Context(), "de", 10); err != nil || len(faults) > 0 {
		k.t.Errorf("faults %+v, %v", faults, err)
	}
}
