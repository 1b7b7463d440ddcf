package postgres_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

// asBoth are a region's orders as the owner role has them, and as its superuser.
func asBoth(t *testing.T, stock int) (owner, super *postgres.OrderStore, c *postgres.Cluster) {
	t.Helper()
	conn := pgtest.Resident(t)
	c = pgtest.Cluster(t, "resident-here", "here", conn)
	if err := postgres.SeedStock(t.Context(), c.Pool, []postgres.SeedProduct{{Market: "de", Slug: "brezel", Stock: stock}}); err != nil {
		t.Fatal(err)
	}
	return postgres.NewOrderStore(asOwner(t, "resident-here", conn, true)), postgres.NewOrderStore(c), c
}

func TestStockIsKeptByHand(t *testing.T) {
	s, super, _ := asBoth(t, 9)
	o := ordered(t, super, map[string]int{"brezel": 4})
	o.State, o.Method, o.ExpiresAt = world.OrderAwaitingPayment, world.PayCard, time.Now().Add(time.Hour)
	if _, _, err := super.Place(t.Context(), o, "key-0123456789abcdef", draw); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		act    world.StockAct
		sku    string
		pieces int
		reason string
		onHand int
		code   world.Code
	}{
		{world.ActReceive, "brezel", 3, "", 12, ""},
		{world.ActWriteOff, "brezel", 8, "stale", 4, ""},
		{world.ActWriteOff, "brezel", 1, "stale", 4, world.CodeConflict}, // reserved
		{world.ActCount, "brezel", 3, "counted", 4, world.CodeConflict},
		{world.ActCount, "brezel", 4, "counted", 4, ""}, // as it was: no movement
		{world.ActCount, "brezel", 20, "counted", 20, ""},
		{world.ActCount, "bun", 5, "counted", 5, ""}, // never received before
		{world.ActCount, "roll", 0, "counted", 0, ""},
		{world.ActWriteOff, "roll", 1, "gone", 0, world.CodeConflict},
		{world.ActReceive, "roll", world.MaxStockPieces, "", world.MaxStockPieces, ""},
		{world.ActReceive, "roll", world.MaxStockPieces + 1, "", 0, world.CodeInvalid},
		{world.ActReceive, "roll", 0, "", 0, world.CodeInvalid},
		{world.ActCount, "roll", -1, "counted", 0, world.CodeInvalid},
		{world.ActWriteOff, "roll", 1, "", 0, world.CodeInvalid},
		{world.ActReceive, "roll", 1, strings.Repeat("ä", world.MaxStockReason+1), 0, world.CodeInvalid},
		{"steal", "roll", 1, "why", 0, world.CodeInvalid},
	} {
		l, err := s.KeepStock(t.Context(), world.StockChange{Market: "de", SKU: c.sku, Act: c.act, Pieces: c.pieces, Who: "o@example.com", Reason: c.reason})
		if world.CodeOf(err) != c.code || l.OnHand != c.onHand {
			t.Errorf("%s %s %d: %+v, %v", c.act, c.sku, c.pieces, l, err)
		}
		if c.code == world.CodeConflict && c.sku == "brezel" && !strings.Contains(err.Error(), "4 of them reserved") {
			t.Errorf("%v", err)
		}
	}
	all, err := s.Movements(t.Context(), "de", "brezel", 0, 10)
	if err != nil || len(all) != 5 {
		t.Fatalf("%+v, %v", all, err)
	}
	if m := all[0]; m.Kind != world.StockCorrect || m.OnHand != 16 || m.Who != "o@example.com" || m.Note != "counted" || m.OrderID != "" || m.At.IsZero() {
		t.Errorf("%+v", m)
	}
	if m := all[3]; m.Kind != world.StockReserve || m.Reserved != 4 || m.OrderID != o.ID || !strings.HasPrefix(m.Number, "SC-DE-") {
		t.Errorf("%+v", m)
	}
	if older, err := s.Movements(t.Context(), "de", "brezel", all[2].ID, 1); err != nil || len(older) != 1 || older[0].ID != all[3].ID {
		t.Errorf("%+v, %v", older, err)
	}
	if faults, err := s.StockFaults(t.Context(), "de", 5); err != nil || len(faults) > 0 {
		t.Errorf("%v, %v", faults, err)
	}
}

// Of two first counts of a SKU at once the later holds, not both together.
func TestFirstCountsDoNotAddUp(t *testing.T) {
	s, _, c := asBoth(t, 9)
	tx, err := c.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if _, err := tx.Exec(t.Context(), `select stock_count('de', 'bun', 10, 'o@example.com', 'counted')`); err != nil {
		t.Fatal(err)
	}
	over := make(chan error, 1)
	go func() {
		l, err := s.KeepStock(t.Context(), world.StockChange{Market: "de", SKU: "bun", Act: world.ActCount, Pieces: 12, Reason: "counted"})
		if l.OnHand != 12 {
			t.Errorf("%+v", l)
		}
		over <- err
	}()
	blocked(t, c, 1)
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
	all, err := s.Movements(t.Context(), "de", "bun", 0, 10)
	if err != nil || len(all) != 2 || all[0].Kind != world.StockCorrect || all[0].OnHand != 2 || all[1].Kind != world.StockReceive {
		t.Errorf("%+v, %v", all, err)
	}
	if faults, err := s.StockFaults(t.Context(), "de", 5); err != nil || len(faults) > 0 {
		t.Errorf("%v, %v", faults, err)
	}
}

// What no code of ours does is done here by hand, by who may do everything.
func TestFaultsOfStockAreFound(t *testing.T) {
	s, super, c := asBoth(t, 9)
	o := ordered(t, super, map[string]int{"brezel": 4})
	o.State, o.Method, o.ExpiresAt = world.OrderAwaitingPayment, world.PayCard, time.Now().Add(time.Hour)
	if _, _, err := super.Place(t.Context(), o, "key-0123456789abcdef", draw); err != nil {
		t.Fatal(err)
	}
	seed := []postgres.SeedProduct{{Market: "de", Slug: "roll", Stock: 5}, {Market: "de", Slug: "well", Stock: 5}, {Market: "gb", Slug: "scone", Stock: 5}}
	if err := postgres.SeedStock(t.Context(), c.Pool, seed); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		"update stock_level set reserved = 3 where sku = 'brezel'",
		"delete from stock_level where sku = 'roll'",
		"update stock_level set on_hand = 6 where sku = 'scone'",
		"insert into stock_level values ('de', 'nothing', 2)",
	} {
		if _, err := c.Pool.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	want := []world.StockFault{
		{SKU: "brezel", OnHand: 9, Moved: 9, Reserved: 3, MovedReserved: 4, Ordered: 4},
		{SKU: "nothing", OnHand: 2},
		{SKU: "roll", Moved: 5},
	}
	if got, err := s.StockFaults(t.Context(), "de", 5); err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := s.StockFaults(t.Context(), "de", 2); err != nil || !slices.Equal(got, want[:2]) {
		t.Errorf("no more than asked for: %+v, %v", got, err)
	}
	if got, err := s.StockFaults(t.Context(), "gb", 5); err != nil || !slices.Equal(got, []world.StockFault{{SKU: "scone", OnHand: 6, Moved: 5}}) {
		t.Errorf("another market's: %+v, %v", got, err)
	}
	if got, err := s.StockFaults(t.Context(), "us", 5); err != nil || len(got) > 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAnActIsCarriedOutOnce(t *testing.T) {
	s, _, _ := asBoth(t, 9)
	c := world.StockChange{Market: "de", SKU: "brezel", Act: world.ActReceive, Pieces: 5, Key: "key-1"}
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			if _, err := s.KeepStock(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := stockOf(t, s, "brezel"); n != 14 {
		t.Errorf("%d", n)
	}
	c.Pieces = 6
	if _, err := s.KeepStock(t.Context(), c); !world.Is(err, world.CodeConflict) || !strings.Contains(err.Error(), "key") {
		t.Errorf("the key of something else: %v", err)
	}
	c.Market = "gb"
	if l, err := s.KeepStock(t.Context(), c); err != nil || l.OnHand != 6 {
		t.Errorf("another market's key: %+v, %v", l, err)
	}
}

func TestAStepIsTakenOnceAndAtItsVersion(t *testing.T) {
	s, super, _ := asBoth(t, 9)
	o, _, err := super.Place(t.Context(), ordered(t, super, map[string]int{"brezel": 2}), "key-0123456789abcdef", draw)
	if err != nil {
		t.Fatal(err)
	}
	step := func(event world.OrderEvent, key string, expect int64) (world.Order, error) {
		return s.Change(t.Context(), world.OrderStep{OrderID: o.ID, Event: event, By: world.ByOwner, Who: "till", At: time.Now(), Key: key, Expect: expect})
	}
	if _, err := step(world.OrderAccept, "k1", 2); !world.Is(err, world.CodePrecondition) {
		t.Errorf("a version to come: %v", err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if got, err := step(world.OrderAccept, "k1", 1); err != nil || got.State != world.OrderPreparing || got.Version != 2 {
				t.Errorf("%+v, %v", got.State, err)
			}
		})
	}
	all.Wait()
	if _, err := step(world.OrderMakeReady, "k1", 2); !world.Is(err, world.CodeConflict) {
		t.Errorf("the key of another step: %v", err)
	}
	if _, err := step(world.OrderMakeReady, "k2", 1); !world.Is(err, world.CodePrecondition) {
		t.Errorf("a version that is gone: %v", err)
	}
	if got, err := step(world.OrderMakeReady, "k2", 2); err != nil || got.State != world.OrderReady {
		t.Errorf("%+v, %v", got.State, err)
	}
	if got, err := step(world.OrderAccept, "k1", 1); err != nil || got.State != world.OrderReady { // late, and still the same
		t.Errorf("%+v, %v", got.State, err)
	}
	refund := world.Refund{OrderID: o.ID, Key: "r1", Expect: 2, At: time.Now(), By: world.ByOwner, Lines: []world.RefundLine{{Line: 1, Quantity: 1}}}
	if _, err := s.Refund(t.Context(), refund); !world.Is(err, world.CodePrecondition) {
		t.Errorf("%v", err)
	}
	refund.Expect = 3
	for range 2 { // the second time its version is gone: the key tells
		if r, err := s.Refund(t.Context(), refund); err != nil || r.N != 1 {
			t.Errorf("%+v, %v", r, err)
		}
	}
	refund.Lines[0].Restock = true
	if _, err := s.Refund(t.Context(), refund); !world.Is(err, world.CodeConflict) {
		t.Errorf("the key of another refund: %v", err)
	}
}

func TestUsesOfPromotionsAreCounted(t *testing.T) {
	s, super, _ := asBoth(t, 9)
	for i, limit := range []int{0, 0, 5} {
		o := ordered(t, super, map[string]int{"brezel": 1})
		o.Discounts = []world.OrderDiscount{{Promotion: "free", Label: "Free", Minor: 10}, {Promotion: "limited", Label: "Limited", Minor: 10, MaxUses: limit}}
		o.DiscountMinor, o.Lines[0].DiscountMinor = 20, 20
		if _, _, err := super.Place(t.Context(), o, "key-0123456789abcdef", draw); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if _, err := s.Change(t.Context(), world.OrderStep{OrderID: o.ID, Event: world.OrderCancel, By: world.ByOwner, At: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
	}
	uses, err := s.PromotionUses(t.Context(), "de", []string{"free", "limited", "other"})
	if err != nil || uses["free"] != 2 || uses["limited"] != 2 || uses["other"] != 0 {
		t.Errorf("%v, %v", uses, err)
	}
	if uses, err := s.PromotionUses(t.Context(), "gb", []string{"free"}); err != nil || uses["free"] != 0 {
		t.Errorf("another market's: %v, %v", uses, err)
	}
}

// Who listens hears of what another process tells, and of what came before it listened.
func TestWhatIsOwedIsTold(t *testing.T) {
	conn := pgtest.Resident(t)
	shop, owner := pgtest.Cluster(t, "resident-here", "here", conn), asOwner(t, "resident-here", conn, true)
	ctx, cancel := context.WithCancel(t.Context())
	heard, over := make(chan struct{}, 10), make(chan error)
	go func() { over <- shop.Told(ctx, func() { heard <- struct{}{} }) }()
	<-heard
	for range 2 {
		if err := owner.Tell(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-heard
	}
	cancel()
	if err := <-over; err != nil {
		t.Error(err)
	}
}
