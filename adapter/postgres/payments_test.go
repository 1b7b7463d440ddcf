package postgres_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/engine/payment"
	"meridian/world"
)

// till is the shop's stores, with the shop's rights and no more.
type till struct {
	*postgres.PaymentStore
	orders *postgres.OrderStore
	super  *postgres.Cluster
	now    time.Time
}

func newTill(t *testing.T) *till {
	t.Helper()
	orders, super := asShop(t)
	if err := postgres.SeedStock(t.Context(), super.Pool, []postgres.SeedProduct{{Market: "de", Slug: "brezel", Stock: 500}}); err != nil {
		t.Fatal(err)
	}
	return &till{postgres.NewPaymentStore(orders.Cluster()), orders, super, time.Now().UTC().Truncate(time.Microsecond)}
}

// awaiting is an order that awaits its payment.
func (k *till) awaiting(t *testing.T) world.Order {
	t.Helper()
	o := ordered(t, k.orders, map[string]int{"brezel": 2})
	o.State, o.Method, o.ExpiresAt, o.PlacedAt = world.OrderAwaitingPayment, world.PayCard, k.now.Add(time.Hour), k.now
	placed, _, err := k.orders.Place(t.Context(), o, id26(), draw)
	if err != nil {
		t.Fatal(err)
	}
	return placed
}

func (k *till) begin(t *testing.T, o world.Order) world.PaymentRow {
	t.Helper()
	p, err := k.Begin(t.Context(), o.ID, "testpay", k.now, k.now.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func said(p world.PaymentRow, state world.PaymentState, version, captured, refunded int64) world.Payment {
	q := p.Payment
	q.Ref, q.State, q.Version, q.CapturedMinor, q.RefundedMinor = "ref-"+p.Key, state, version, captured, refunded
	return q
}

func TestAnOrderHasOnePaymentAtATime(t *testing.T) {
	k := newTill(t)
	o := k.awaiting(t)
	var all sync.WaitGroup
	keys := make([]string, 8)
	for i := range keys {
		all.Go(func() {
			p, err := k.Begin(t.Context(), o.ID, "testpay", k.now, k.now.Add(time.Minute))
			if err != nil {
				t.Error(err)
			}
			keys[i] = p.Key
		})
	}
	all.Wait()
	if keys = slices.Compact(keys); len(keys) != 1 || keys[0] != o.ID+"-1" {
		t.Fatalf("%q", keys)
	}
	p := k.begin(t, o)
	if p.AmountMinor != o.TotalMinor || p.Currency != "EUR" || p.State != world.PaymentOpened || p.Version != 0 || !p.DueAt.Equal(k.now.Add(time.Minute)) {
		t.Errorf("%+v", p)
	}
	for n := 2; ; n++ {
		if err := k.Save(t.Context(), p.Key, said(p, world.PaymentFailed, 5, 0, 0), k.now); err != nil {
			t.Fatal(err)
		}
		next, err := k.Begin(t.Context(), o.ID, "testpay", k.now, k.now)
		if world.Is(err, world.CodeConflict) && n == 21 {
			break
		}
		if err != nil || next.Key != fmt.Sprintf("%s-%d", o.ID, n) {
			t.Fatalf("the next after a failure: %+v, %v", next, err)
		}
		p = next
	}
	if list, err := k.OfOrder(t.Context(), o.ID); err != nil || len(list) != 20 || list[0].Attempt != 20 {
		t.Errorf("%d, %v", len(list), err)
	}
	if _, err := k.Begin(t.Context(), id26(), "testpay", k.now, k.now); !world.Is(err, world.CodeNotFound) {
		t.Errorf("no order: %v", err)
	}
	collected := ordered(t, k.orders, map[string]int{"brezel": 1})
	if _, _, err := k.orders.Place(t.Context(), collected, id26(), draw); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Begin(t.Context(), collected.ID, "testpay", k.now, k.now); !world.Is(err, world.CodeNotFound) {
		t.Errorf("paid on collection: %v", err)
	}
}

func TestWhatAProviderSaidIsNeverUnsaid(t *testing.T) {
	k := newTill(t)
	p := k.begin(t, k.awaiting(t))
	for _, s := range []world.Payment{said(p, world.PaymentAuthorised, 2, 0, 0), said(p, world.PaymentCaptured, 3, p.AmountMinor, 0), said(p, world.PaymentAuthorised, 2, 0, 0), said(p, world.PaymentOpened, 1, 0, 0)} {
		if err := k.Save(t.Context(), p.Key, s, k.now); err != nil {
			t.Fatal(err)
		}
	}
	got, err := k.Payment(t.Context(), p.Key)
	if err != nil || got.State != world.PaymentCaptured || got.Version != 3 || got.CapturedMinor != p.AmountMinor || got.Ref != "ref-"+p.Key {
		t.Errorf("%+v, %v", got, err)
	}
	other := said(p, world.PaymentCaptured, 4, p.AmountMinor, 0)
	other.Ref = "another"
	if err := k.Save(t.Context(), p.Key, other, k.now); err != nil {
		t.Fatal(err)
	}
	if got, _ = k.Payment(t.Context(), p.Key); got.Version != 3 {
		t.Errorf("another payment's: %+v", got)
	}
	for name, bad := range map[string]world.Payment{
		"more than there is": said(p, world.PaymentCaptured, 5, p.AmountMinor+1, 0), "more back than taken": said(p, world.PaymentCaptured, 5, p.AmountMinor, p.AmountMinor+1),
		"voided with money": said(p, world.PaymentVoided, 5, p.AmountMinor, 0), "captured without": said(p, world.PaymentCaptured, 5, 0, 0),
	} {
		if err := k.Save(t.Context(), p.Key, bad, k.now); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// One lease at a time; what comes while somebody holds it is not lost.
func TestLeases(t *testing.T) {
	k := newTill(t)
	ctx := t.Context()
	o := k.awaiting(t)
	p := k.begin(t, o)
	until := k.now.Add(time.Minute)
	if keys, err := k.ClaimDue(ctx, k.now, until, 10); err != nil || len(keys) != 0 {
		t.Errorf("before it is due: %q, %v", keys, err)
	}
	if ok, err := k.Claim(ctx, p.Key, k.now, until); !ok || err != nil {
		t.Fatal(ok, err)
	}
	later := k.now.Add(time.Minute - 1)
	if ok, err := k.Claim(ctx, p.Key, later, later.Add(time.Minute)); ok || err != nil {
		t.Errorf("taken twice: %v, %v", ok, err)
	}
	if keys, err := k.ClaimDue(ctx, later, later.Add(time.Minute), 10); err != nil || len(keys) != 0 {
		t.Errorf("taken twice: %q, %v", keys, err)
	}
	_, order, wakes, err := k.Case(ctx, p.Key)
	if err != nil || order.State != world.OrderAwaitingPayment || order.DueMinor != o.TotalMinor || order.Currency != "EUR" || !order.ExpiresAt.Equal(o.ExpiresAt.Truncate(time.Microsecond)) {
		t.Fatalf("%+v, %v", order, err)
	}
	if key, fresh, err := k.Heard(ctx, "testpay", world.PaymentEvent{ID: "e1", Key: p.Key}, k.now); key != p.Key || !fresh || err != nil {
		t.Fatal(key, fresh, err)
	}
	if err := k.Release(ctx, p.Key, until, wakes, time.Time{}, 0, ""); err != nil {
		t.Fatal(err)
	}
	keys, err := k.ClaimDue(ctx, k.now, until, 10)
	if err != nil || !slices.Equal(keys, []string{p.Key}) {
		t.Fatalf("what came meanwhile is lost: %q, %v", keys, err)
	}
	if _, _, wakes, err = k.Case(ctx, p.Key); err != nil {
		t.Fatal(err)
	}
	if err := k.Release(ctx, p.Key, until.Add(1000), wakes, time.Time{}, 7, "x"); err != nil { // by one whose lease it is not
		t.Fatal(err)
	}
	if ok, _ := k.Claim(ctx, p.Key, k.now, until); ok {
		t.Error("a stranger has released it")
	}
	if err := k.Release(ctx, p.Key, until, wakes, k.now.Add(time.Hour), 3, "why"); err != nil {
		t.Fatal(err)
	}
	if at, err := k.NextDue(ctx); err != nil || !at.Equal(k.now.Add(time.Hour)) {
		t.Errorf("%s, %v", at, err)
	}
	if got, _ := k.Payment(ctx, p.Key); got.Tries != 3 || got.Trouble != "why" {
		t.Errorf("%+v", got)
	}
	if ok, err := k.Claim(ctx, p.Key, until, until.Add(time.Minute)); !ok || err != nil {
		t.Error("released, and not to be had", ok, err)
	}
	if ok, err := k.Claim(ctx, p.Key, until.Add(time.Minute), until.Add(2*time.Minute)); !ok || err != nil {
		t.Error("a lease that has passed is still held", ok, err)
	}
}

func TestAMessageCountsOnce(t *testing.T) {
	k := newTill(t)
	ctx := t.Context()
	p := k.begin(t, k.awaiting(t))
	if err := k.Save(ctx, p.Key, said(p, world.PaymentOpened, 1, 0, 0), k.now); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		provider string
		e        world.PaymentEvent
		key      string
		fresh    bool
	}{
		{"testpay", world.PaymentEvent{ID: "e1", Ref: "ref-" + p.Key}, p.Key, true}, {"testpay", world.PaymentEvent{ID: "e1", Ref: "ref-" + p.Key}, p.Key, false},
		{"testpay", world.PaymentEvent{ID: "e2", Key: p.Key}, p.Key, true}, {"testpay", world.PaymentEvent{ID: "e3", Ref: "other"}, "", false},
		{"testpay", world.PaymentEvent{ID: "e4"}, "", false}, {"stripe", world.PaymentEvent{ID: "e5", Key: p.Key}, "", false},
	} {
		if key, fresh, err := k.Heard(ctx, c.provider, c.e, k.now); key != c.key || fresh != c.fresh || err != nil {
			t.Errorf("%d: %q, %v, %v", i, key, fresh, err)
		}
	}
	if n, err := k.ForgetEvents(ctx, k.now.Add(time.Second), 1); n != 1 || err != nil {
		t.Errorf("forgotten: %d, %v", n, err)
	}
	if n, err := k.ForgetEvents(ctx, k.now, 10); n != 0 || err != nil {
		t.Errorf("forgotten too early: %d, %v", n, err)
	}
}

// Whoever changes an order wakes its payment without knowing of it.
func TestChangesOfAnOrderWakeItsPayment(t *testing.T) {
	k := newTill(t)
	ctx := t.Context()
	rest := func(p world.PaymentRow) {
		t.Helper()
		until := k.now.Add(time.Minute)
		if ok, err := k.Claim(ctx, p.Key, k.now, until); !ok || err != nil {
			t.Fatal(ok, err)
		}
		_, _, wakes, err := k.Case(ctx, p.Key)
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Release(ctx, p.Key, until, wakes, time.Time{}, 0, ""); err != nil {
			t.Fatal(err)
		}
	}
	due := func(what string, p world.PaymentRow) {
		t.Helper()
		got, err := k.Payment(ctx, p.Key)
		if err != nil || got.DueAt.IsZero() {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	o := k.awaiting(t)
	p := k.begin(t, o)
	rest(p)
	if _, err := k.orders.Authorised(ctx, o.ID, "r", k.now); err != nil {
		t.Fatal(err)
	}
	due("placed", p)
	if err := k.Save(ctx, p.Key, said(p, world.PaymentCaptured, 3, p.AmountMinor, 0), k.now); err != nil {
		t.Fatal(err)
	}
	rest(p)
	if sums, err := k.Unsettled(ctx, k.now, k.now.Add(-time.Hour)); err != nil || sums.Mismatches != 0 || len(sums.Unsettled) != 0 {
		t.Errorf("all is well: %+v, %v", sums, err)
	}
	given, err := k.orders.Refund(ctx, world.Refund{OrderID: o.ID, Key: "k", At: k.now, By: world.ByOwner, Who: "o@x", Lines: []world.RefundLine{{Line: 1, Quantity: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	due("refunded", p)
	_, order, _, err := k.Case(ctx, p.Key)
	if want := []payment.Owed{{N: given.N, Minor: given.TotalMinor}}; err != nil || !slices.Equal(order.Owed, want) || order.Refunds != given.TotalMinor {
		t.Errorf("%+v, %v; want %+v", order, err, want)
	}
	rest(p)
	if sums, err := k.Unsettled(ctx, k.now, k.now.Add(-time.Hour)); err != nil || sums.Mismatches != 1 {
		t.Errorf("money is owed and nobody sees to it: %+v, %v", sums, err)
	}
	lapsed := k.awaiting(t)
	q := k.begin(t, lapsed)
	rest(q)
	if n, err := k.orders.ExpireOrders(ctx, k.now.Add(2*time.Hour), 10); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	due("expired", q)
	sums, err := k.Unsettled(ctx, time.Now().Add(time.Hour), k.now.Add(-time.Hour))
	if err != nil || sums.Unsettled[world.PaymentOpened] != 1 || sums.Overdue < 59*time.Minute {
		t.Errorf("%+v, %v", sums, err)
	}
	if _, err := k.Begin(ctx, lapsed.ID, "testpay", k.now, k.now); !world.Is(err, world.CodeConflict) {
		t.Errorf("a payment of what has expired: %v", err)
	}
}

func TestPaymentsAreListed(t *testing.T) {
	k := newTill(t)
	a := k.begin(t, k.awaiting(t))
	k.begin(t, k.awaiting(t))
	if err := k.Save(t.Context(), a.Key, said(a, world.PaymentVoided, 2, 0, 0), k.now); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		market string
		state  world.PaymentState
		limit  int
		want   int
	}{{"", "", 10, 2}, {"de", "", 10, 2}, {"gb", "", 10, 0}, {"de", world.PaymentOpened, 10, 1}, {"", "", 1, 1}} {
		if got, err := k.List(t.Context(), c.market, c.state, false, c.limit); err != nil || len(got) != c.want {
			t.Errorf("%+v: %d, %v", c, len(got), err)
		}
	}
	if got, err := k.List(t.Context(), "", "", true, 10); err != nil || len(got) != 0 {
		t.Errorf("in trouble: %+v, %v", got, err)
	}
}

// A payment that failed hears of what becomes of its order by the next one: it must
// not take a paid order for one without money.
func TestAFailedPaymentKnowsOfTheNext(t *testing.T) {
	k := newTill(t)
	ctx := t.Context()
	o := k.awaiting(t)
	first := k.begin(t, o)
	if err := k.Save(ctx, first.Key, said(first, world.PaymentFailed, 2, 0, 0), k.now); err != nil {
		t.Fatal(err)
	}
	if _, of, _, err := k.Case(ctx, first.Key); err != nil || of.Elsewhere {
		t.Errorf("the only one: %+v, %v", of, err)
	}
	next := k.begin(t, o)
	if err := k.Save(ctx, next.Key, said(next, world.PaymentAuthorised, 2, 0, 0), k.now); err != nil {
		t.Fatal(err)
	}
	if _, err := k.orders.Authorised(ctx, o.ID, "r", k.now); err != nil {
		t.Fatal(err)
	}
	if keys, err := k.ClaimDue(ctx, time.Now().Add(time.Minute), time.Now().Add(2*time.Minute), 10); err != nil || len(keys) != 2 {
		t.Fatalf("both are woken: %q, %v", keys, err)
	}
	p, of, _, err := k.Case(ctx, first.Key)
	if s := payment.Next(of, p.Payment); err != nil || s.Do != payment.Rest {
		t.Errorf("the one that failed: %+v of %+v, %v", s, of, err)
	}
	p, of, _, err = k.Case(ctx, next.Key)
	if s := payment.Next(of, p.Payment); err != nil || s.Do != payment.Capture {
		t.Errorf("the one that pays: %+v of %+v, %v", s, of, err)
	}
}
