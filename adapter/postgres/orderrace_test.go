package postgres_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/engine/order"
	"meridian/engine/promotion"
	"meridian/world"
)

// race is a shop that many buyers, an owner, a provider of payments and the
// passing of time work on at once.
type race struct {
	t     *testing.T
	s     *postgres.OrderStore
	start map[string]int
	now   time.Time

	mu  sync.Mutex
	ids []string
}

const (
	raceSlot     = "pickup-2026-11-23-0900"
	raceCapacity = 9
	raceUses     = 6
	racePerBuyer = 2
)

// expected are what an operation may be told: it is too late, or there is no more.
func (r *race) expected(what string, err error) {
	switch world.CodeOf(err) {
	case "", world.CodeConflict, world.CodeUnprocessed, world.CodeForbidden:
	default:
		r.t.Errorf("%s: %v", what, err)
	}
}

// place orders something, and sends the order twice now and then.
func (r *race) place(rng *rand.Rand) {
	want := map[string]int{}
	for _, sku := range []string{"a", "b", "c"} {
		if n := rng.IntN(4); n > 0 {
			want[sku] = n
		}
	}
	if len(want) == 0 {
		return
	}
	o := ordered(r.t, r.s, want)
	o.Contact.Email = fmt.Sprintf("Buyer%d@example.com", rng.IntN(4))
	if rng.IntN(2) == 0 {
		o.State, o.Method, o.ExpiresAt = world.OrderAwaitingPayment, world.PayCard, r.now.Add(time.Duration(rng.IntN(3)-1)*time.Minute)
	}
	if rng.IntN(2) == 0 {
		start := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
		o.Slot = world.OrderSlot{ID: raceSlot, Start: start, End: start.Add(time.Hour), Capacity: raceCapacity}
	}
	if rng.IntN(2) == 0 {
		o.Discounts = []world.OrderDiscount{{Promotion: "ten", Label: "Ten", Code: "TEN", MaxUses: raceUses, PerBuyer: racePerBuyer}}
	}
	for i, l := range o.Lines {
		o.TaxShares = append(o.TaxShares, world.TaxShare{Line: i + 1, Tax: 1, NetMinor: l.LineMinor - l.TaxMinor, TaxMinor: l.TaxMinor})
	}
	var wg sync.WaitGroup
	for range 1 + rng.IntN(2) {
		wg.Go(func() {
			mine := o
			mine.ID = id26()
			placed, _, err := r.s.Place(r.t.Context(), mine, "key-"+o.CartID, draw)
			r.expected("place", err)
			if err == nil {
				r.mu.Lock()
				r.ids = append(r.ids, placed.ID)
				r.mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// change does something to an order that is there.
func (r *race) change(rng *rand.Rand) {
	r.mu.Lock()
	if len(r.ids) == 0 {
		r.mu.Unlock()
		return
	}
	id := r.ids[rng.IntN(len(r.ids))]
	r.mu.Unlock()
	ctx := r.t.Context()
	step := world.OrderStep{OrderID: id, At: r.now}
	switch rng.IntN(8) {
	case 0, 1:
		_, err := r.s.Authorised(ctx, id, "pay-"+id, r.now)
		r.expected("authorise", err)
		return
	case 2:
		_, err := r.s.ExpireOrders(ctx, r.now, 5)
		r.expected("expire", err)
		return
	case 3, 4:
		line := rng.IntN(3) + 1
		_, err := r.s.Refund(ctx, world.Refund{OrderID: id, Key: fmt.Sprint("refund-", rng.IntN(3)), At: r.now, By: world.ByOwner, Who: "o@example.com", Reason: "squashed",
			Lines: []world.RefundLine{{Line: line, Quantity: 1 + rng.IntN(2), Restock: rng.IntN(2) == 0}}})
		if world.CodeOf(err) != world.CodeInvalid { // the order has no such line
			r.expected("refund", err)
		}
		return
	case 5:
		step.Event, step.By = world.OrderCancel, []world.Actor{world.ByBuyer, world.ByOwner, world.ByPayment}[rng.IntN(3)]
	case 6:
		step.Event, step.By = world.OrderAccept, world.ByOwner
	case 7:
		step.Event, step.By = []world.OrderEvent{world.OrderMakeReady, world.OrderComplete}[rng.IntN(2)], world.ByOwner
	}
	_, err := r.s.Change(ctx, step)
	r.expected(string(step.Event), err)
}

// Many hands at once, in any order: what the ledger, the levels, the slot and the
// promotion say in the end is what the orders say, none was overdrawn, each order's
// log is a walk through the table of states, and each cart's key is one order.
func TestWhateverRunsAtOnceTheLedgerIsRight(t *testing.T) {
	r := &race{t: t, start: map[string]int{"a": 25, "b": 31, "c": 40}, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	s, c := newOrders(t, r.start)
	r.s = s
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	const hands, each = 8, 14
	var wg sync.WaitGroup
	for hand := range hands {
		rng := rand.New(rand.NewPCG(seed, uint64(hand)))
		wg.Go(func() {
			for range each {
				if rng.IntN(2) == 0 {
					r.place(rng)
				} else {
					r.change(rng)
				}
			}
		})
	}
	wg.Wait()
	faults, err := s.StockFaults(t.Context(), "de", 10)
	if err != nil || len(faults) > 0 {
		t.Errorf("faults %+v, %v", faults, err)
	}
	var orders, keys int
	if err := c.Pool.QueryRow(t.Context(), `select count(*), count(distinct (cart_id, idempotency_key)) from orders`).Scan(&orders, &keys); err != nil || orders != keys {
		t.Errorf("%d orders by %d keys, %v", orders, keys, err)
	}
	r.audit(orders)
}

// audit reckons what there should be from the orders.
func (r *race) audit(orders int) {
	t, ctx := r.t, r.t.Context()
	levels, err := r.s.Stock(ctx, "de", []string{"a", "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	onHand, reserved := map[string]int{}, map[string]int{}
	for sku, n := range r.start {
		onHand[sku] = n
	}
	slots, uses, byBuyer := 0, 0, map[string]int{}
	seen := map[string]bool{}
	for _, id := range r.ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		o, err := r.s.Order(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		log, refunds, err := r.s.History(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		r.walk(o, log, refunds)
		for i, l := range o.Lines {
			switch {
			case o.State == world.OrderAwaitingPayment:
				reserved[l.SKU] += l.Quantity
			case o.State != world.OrderExpired && log[0].To == world.OrderPlaced || len(log) > 1 && log[1].To == world.OrderPlaced:
				onHand[l.SKU] -= l.Quantity
				for _, g := range refunds {
					for _, back := range g.Lines {
						if back.Line == i+1 && back.Restock {
							onHand[l.SKU] += back.Quantity
						}
					}
				}
			}
		}
		if order.Live(o.State) {
			if o.Slot.ID != "" {
				slots++
			}
			if len(o.Discounts) > 0 {
				uses++
				byBuyer[o.Contact.Email]++
			}
		}
	}
	for sku := range r.start {
		if l := levels[sku]; l.OnHand != onHand[sku] || l.Reserved != reserved[sku] || l.Available() < 0 {
			t.Errorf("%s: %+v, by the orders %d on hand, %d reserved", sku, l, onHand[sku], reserved[sku])
		}
	}
	used, err := r.s.SlotUse(ctx, "de", []string{raceSlot})
	if err != nil || used[raceSlot] != slots || slots > raceCapacity {
		t.Errorf("the slot has %d, by the orders %d of %d, %v", used[raceSlot], slots, raceCapacity, err)
	}
	for email, n := range byBuyer {
		total, mine, err := r.s.PromotionUse(ctx, "de", email, []promotion.Promotion{{ID: "ten", MaxUses: raceUses, MaxPerBuyer: racePerBuyer}})
		if err != nil || total["ten"] != uses || mine["ten"] != n || uses > raceUses || n > racePerBuyer {
			t.Errorf("used %v, by %s %v; by the orders %d, %d, %v", total, email, mine, uses, n, err)
		}
	}
	if len(seen) != orders {
		t.Errorf("%d orders were answered for, %d are there", len(seen), orders)
	}
	t.Logf("%d orders, %d in the slot, %d by promotion", orders, slots, uses)
}

// walk follows an order's log through the table of states.
func (r *race) walk(o world.Order, log []world.OrderNote, refunds []world.Refund) {
	state, back := world.OrderState(""), int64(0)
	for i, n := range log {
		if n.N != int64(i+1) || n.From != state {
			r.t.Errorf("%s: entry %d begins at %q, after %q: %+v", o.ID, i+1, n.From, state, n)
		}
		if i > 0 {
			facts := order.Facts{Method: o.Method, Now: n.At, ExpiresAt: n.At, Remaining: 1}
			if to, refused := order.Next(n.From, n.Event, n.By, facts); to != n.To || refused != "" {
				r.t.Errorf("%s: %s by %s led from %s to %s: %s", o.ID, n.Event, n.By, n.From, n.To, refused)
			}
		}
		state = n.To
	}
	if state != o.State || int64(len(log)) != o.Version {
		r.t.Errorf("%s is %s in version %d; its log of %d ends at %s", o.ID, o.State, o.Version, len(log), state)
	}
	for i, g := range refunds {
		back += g.TotalMinor
		if g.N != i+1 || g.NetMinor+g.TaxMinor != g.TotalMinor || g.Settled != (o.Method != world.PayCard) {
			r.t.Errorf("refund %+v", g)
		}
	}
	whole := o.State == world.OrderCancelled && len(log) > 1 && log[len(log)-1].From != world.OrderAwaitingPayment
	if back != o.RefundedMinor || whole && back != o.TotalMinor {
		r.t.Errorf("%s: %d given back, %d by its refunds, of %d (%s)", o.ID, o.RefundedMinor, back, o.TotalMinor, o.State)
	}
}
