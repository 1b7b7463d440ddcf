package shop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"meridian/engine/payment"
	"meridian/world"
)

// desk keeps one order and its payment, as the resident cluster does.
type desk struct {
	mu     sync.Mutex
	order  payment.Order
	row    world.PaymentRow
	wakes  int64
	lease  time.Time
	begun  bool
	events map[string]bool
	now    func() time.Time
	fail   func(string) error // before a deed: it is not done
}

func (d *desk) may(what string) error {
	if d.fail == nil {
		return nil
	}
	return d.fail(what)
}

func (d *desk) Begin(_ context.Context, orderID, provider string, now, due time.Time) (world.PaymentRow, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.order.State != world.OrderAwaitingPayment {
		return world.PaymentRow{}, world.E(world.CodeConflict, "desk", "no")
	}
	if !d.begun || d.row.Over() {
		d.begun = true
		d.row = world.PaymentRow{Key: fmt.Sprintf("%s-%d", orderID, d.row.Attempt+1), OrderID: orderID, Market: "de", Attempt: d.row.Attempt + 1, OpenedAt: now, DueAt: due,
			Payment: world.Payment{Provider: provider, State: world.PaymentOpened, Currency: d.order.Currency, AmountMinor: d.order.DueMinor}}
	}
	return d.row, nil
}

func (d *desk) OfOrder(context.Context, string) ([]world.PaymentRow, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.begun {
		return nil, nil
	}
	return []world.PaymentRow{d.row}, nil
}

func (d *desk) List(context.Context, string, world.PaymentState, bool, int) ([]world.PaymentRow, error) {
	return d.OfOrder(context.Background(), "")
}

func (d *desk) Claim(_ context.Context, key string, now, until time.Time) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.begun || d.lease.After(now) || key != d.row.Key {
		return false, nil
	}
	d.lease = until
	return true, nil
}

func (d *desk) ClaimDue(_ context.Context, now, until time.Time, _ int) ([]string, error) {
	if err := d.may("claim"); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.begun || d.row.DueAt.IsZero() || d.row.DueAt.After(now) || d.lease.After(now) {
		return nil, nil
	}
	d.lease = until
	return []string{d.row.Key}, nil
}

func (d *desk) NextDue(context.Context) (time.Time, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lease.After(d.row.DueAt) && !d.row.DueAt.IsZero() {
		return d.lease, nil
	}
	return d.row.DueAt, nil
}

func (d *desk) Case(context.Context, string) (world.PaymentRow, payment.Order, int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.row, d.order, d.wakes, d.may("case")
}

func (d *desk) Save(_ context.Context, key string, p world.Payment, _ time.Time) error {
	if err := d.may("save"); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if key == d.row.Key && p.Version >= d.row.Version {
		d.row.Payment = p
	}
	return nil
}

func (d *desk) Release(_ context.Context, key string, until time.Time, wakes int64, due time.Time, tries int, trouble string) error {
	if err := d.may("release"); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if key != d.row.Key || !d.lease.Equal(until) {
		return nil
	}
	d.lease, d.row.Tries, d.row.Trouble = time.Time{}, tries, trouble
	if wakes == d.wakes {
		d.row.DueAt = due
	}
	return nil
}

func (d *desk) Heard(_ context.Context, _ string, e world.PaymentEvent, now time.Time) (string, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.begun || e.Ref != d.row.Ref && e.Key != d.row.Key {
		return "", false, nil
	}
	if d.events[e.ID] {
		return d.row.Key, false, nil
	}
	d.events[e.ID] = true
	d.wake(now)
	return d.row.Key, true, nil
}

func (d *desk) wake(now time.Time) {
	if d.begun {
		d.row.DueAt, d.wakes = now, d.wakes+1
	}
}

func (d *desk) ForgetEvents(context.Context, time.Time, int) (int, error) { return 0, nil }
func (d *desk) Unsettled(context.Context, time.Time, time.Time) (world.PaymentSums, error) {
	return world.PaymentSums{Mismatches: 3}, nil
}

func (d *desk) become(state world.OrderState) {
	d.order.State = state
	d.wake(d.now())
}

func (d *desk) Authorised(context.Context, string, string, time.Time) (world.Order, error) {
	if err := d.may("authorised"); err != nil {
		return world.Order{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch d.order.State {
	case world.OrderAwaitingPayment:
		d.become(world.OrderPlaced)
	case world.OrderExpired, world.OrderCancelled:
		return world.Order{}, world.E(world.CodeConflict, "desk", "it is over")
	}
	return world.Order{}, nil
}

func (d *desk) Unpaid(context.Context, string, string, time.Time) error {
	if err := d.may("unpaid"); err != nil {
		return err
	}
	d.cancel()
	return nil
}

func (d *desk) cancel() {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch d.order.State {
	case world.OrderPlaced:
		if rest := d.order.DueMinor - d.order.Refunds; rest > 0 {
			d.order.Owed, d.order.Refunds = append(d.order.Owed, payment.Owed{N: 99, Minor: rest}), d.order.DueMinor
		}
		d.become(world.OrderCancelled)
	case world.OrderAwaitingPayment:
		d.become(world.OrderCancelled)
	}
}

func (d *desk) expire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.order.State == world.OrderAwaitingPayment {
		d.become(world.OrderExpired)
	}
}

func (d *desk) RefundSettled(_ context.Context, _ string, n int, _ time.Time) error {
	if err := d.may("settled"); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, o := range d.order.Owed {
		if o.N == n {
			d.order.Owed = append(d.order.Owed[:i:i], d.order.Owed[i+1:]...)
			break
		}
	}
	return nil
}

// bank is a provider that can fail before a deed and after it.
type bank struct {
	mu    sync.Mutex
	byKey map[string]*world.Payment
	done  map[string]int64 // deeds by key
	fail  func(string) error
	asked int
}

// fails has every deed fail as told; nil: none.
func (b *bank) fails(how func(string) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = how
}

func newBank() *bank { return &bank{byKey: map[string]*world.Payment{}, done: map[string]int64{}} }

func (b *bank) do(ref, key string, minor int64, deed func(p *world.Payment) error) (world.Payment, error) {
	b.mu.Lock()
	fail := b.fail
	b.mu.Unlock()
	if fail != nil {
		if err := fail("before"); err != nil {
			return world.Payment{}, err
		}
	}
	b.mu.Lock()
	b.asked++
	p := b.byKey[ref]
	if p == nil {
		b.mu.Unlock()
		return world.Payment{}, world.E(world.CodeNotFound, "bank", "none")
	}
	var err error
	if before, ok := b.done[key]; key != "" && ok {
		if before != minor {
			err = world.E(world.CodeConflict, "bank", "another deed")
		}
	} else if err = deed(p); err == nil && key != "" {
		b.done[key] = minor
		p.Version++
	}
	out := *p
	b.mu.Unlock()
	if err == nil && fail != nil {
		err = fail("after")
	}
	if err != nil {
		return world.Payment{}, err
	}
	return out, nil
}

func (b *bank) Open(_ context.Context, r world.PaymentRequest) (world.Payment, error) {
	b.mu.Lock()
	if b.byKey[r.Key] == nil {
		b.byKey[r.Key] = &world.Payment{Provider: "testpay", Ref: r.Key, URL: "http://pay.test/" + r.Key, State: world.PaymentOpened, Currency: r.Currency, AmountMinor: r.Minor, Version: 1}
	}
	b.mu.Unlock()
	return b.do(r.Key, "", 0, func(*world.Payment) error { return nil })
}

func (b *bank) Look(_ context.Context, ref string) (world.Payment, error) {
	return b.do(ref, "", 0, func(*world.Payment) error { return nil })
}

func conflict() error { return world.E(world.CodeConflict, "bank", "its state does not allow it") }

func (b *bank) Capture(_ context.Context, ref, key string, minor int64) (world.Payment, error) {
	return b.do(ref, key, minor, func(p *world.Payment) error {
		if p.State != world.PaymentAuthorised {
			return conflict()
		}
		p.State, p.CapturedMinor = world.PaymentCaptured, minor
		return nil
	})
}

func (b *bank) Void(_ context.Context, ref, key string) (world.Payment, error) {
	return b.do(ref, key, 0, func(p *world.Payment) error {
		if p.State == world.PaymentCaptured {
			return conflict()
		}
		p.State, p.URL = world.PaymentVoided, ""
		return nil
	})
}

func (b *bank) Refund(_ context.Context, ref, key string, minor int64) (world.Payment, error) {
	return b.do(ref, key, minor, func(p *world.Payment) error {
		if p.State != world.PaymentCaptured || minor > p.CapturedMinor-p.RefundedMinor {
			return conflict()
		}
		p.RefundedMinor += minor
		return nil
	})
}

func (b *bank) Event(h http.Header, body []byte, _ time.Time) (world.PaymentEvent, error) {
	if h.Get("Signature") != "good" {
		return world.PaymentEvent{}, world.E(world.CodeUnsigned, "bank", "unsigned")
	}
	return world.PaymentEvent{ID: string(body), Key: h.Get("Key")}, nil
}

// pays is what the buyer does, if anybody still may.
func (b *bank) pays(ref string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.byKey[ref]; p != nil && p.State == world.PaymentOpened {
		p.State, p.URL, p.Version = world.PaymentAuthorised, "", p.Version+1
	}
}

func (b *bank) refuses(ref string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.byKey[ref]; p != nil && p.State == world.PaymentAuthorised {
		p.State, p.Failure, p.Version = world.PaymentFailed, world.FailureFunds, p.Version+1
	}
}

func (b *bank) all() (out []world.Payment) {
	for _, p := range b.byKey {
		out = append(out, *p)
	}
	return out
}

func newDesk(now func() time.Time) *desk {
	return &desk{now: now, events: map[string]bool{}, order: payment.Order{State: world.OrderAwaitingPayment, Currency: "EUR", DueMinor: 1000, ExpiresAt: now().Add(30 * time.Minute)}}
}

func newTestCashier(d *desk, b *bank, now func() time.Time) *cashier {
	return &cashier{
		told:     func() {},
		payments: d, paid: d, providers: []MarketPay{{Market: "de", Name: "testpay", Provider: b}}, now: now, log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		pace:  payment.Pace{First: 20 * time.Second, Longest: 5 * time.Minute, Retry: time.Second, Patience: 6},
		lease: time.Minute, batch: 4, poll: 30 * time.Second, nudge: make(chan struct{}, 1),
		request: func(_ context.Context, row world.PaymentRow) (world.PaymentRequest, error) {
			return world.PaymentRequest{Key: row.Key, Currency: row.Currency, Minor: row.AmountMinor}, nil
		},
	}
}

// Whatever fails, wherever, and whoever does what in between: in the end the money
// is what the order says.
func TestTheMoneyIsWhatTheOrderSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := noon
		now := func() time.Time { return clock }
		d, b := newDesk(now), newBank()
		c := newTestCashier(d, b, now)
		stop := errors.New("the process ends here")
		faulty := func(what string) error {
			switch rapid.IntRange(0, 11).Draw(t, what) {
			case 0:
				return world.E(world.CodeTimeout, "fault", "too slow")
			case 1:
				return stop
			}
			return nil
		}
		d.fail, b.fail = faulty, faulty
		key := func() string { return d.row.Key }
		refunds := 0
		t.Repeat(map[string]func(*rapid.T){
			"begin": func(t *rapid.T) {
				if row, err := d.Begin(t.Context(), "o", "testpay", clock, clock); err == nil && rapid.Bool().Draw(t, "opened") {
					_, _ = b.Open(t.Context(), world.PaymentRequest{Key: row.Key, Currency: row.Currency, Minor: row.AmountMinor})
				}
			},
			"pay":    func(*rapid.T) { b.pays(key()) },
			"refuse": func(*rapid.T) { b.refuses(key()) },
			"expire": func(*rapid.T) { d.expire() },
			"cancel": func(*rapid.T) { d.cancel() },
			"give back": func(t *rapid.T) {
				if rest := d.order.DueMinor - d.order.Refunds; d.order.State == world.OrderPlaced && rest > 0 {
					refunds++
					minor := rapid.Int64Range(1, rest).Draw(t, "minor")
					d.order.Owed, d.order.Refunds = append(d.order.Owed, payment.Owed{N: refunds, Minor: minor}), d.order.Refunds+minor
					d.wake(clock)
				}
			},
			"settle": func(t *rapid.T) { _, _ = c.settle(t.Context(), key()) },
			"a message": func(t *rapid.T) {
				_, _, _ = d.Heard(t.Context(), "testpay", world.PaymentEvent{ID: rapid.StringMatching(`[a-d]`).Draw(t, "id"), Key: key()}, clock)
			},
			"time": func(t *rapid.T) { clock = clock.Add(time.Duration(rapid.IntRange(1, 120).Draw(t, "s")) * time.Second) },
			"": func(t *rapid.T) {
				for _, p := range b.all() {
					if p.RefundedMinor > p.CapturedMinor || p.State == world.PaymentVoided && p.CapturedMinor > 0 {
						t.Fatalf("%+v", p)
					}
				}
			},
		})
		d.fail, b.fail = nil, nil
		d.expire()
		for range 40 { // rounds of the reconciler, with nobody helping
			clock = clock.Add(10 * time.Minute)
			if _, err := c.round(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if !payment.Matches(d.order, b.all()...) || len(d.order.Owed) > 0 && d.begun || d.row.Trouble != "" || !d.row.DueAt.IsZero() {
			t.Fatalf("%+v\n%+v\n%+v", d.order, d.row, b.all())
		}
	})
}

// Nobody comes back and no message comes: the reconciler finds the money by itself,
// and does not ask all the time.
func TestNobodyTellsUs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, b := newDesk(time.Now), newBank()
		c := newTestCashier(d, b, time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.reconcile(ctx) }()
		row, err := d.Begin(ctx, "o", "testpay", time.Now(), time.Now().Add(c.pace.First))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Open(ctx, world.PaymentRequest{Key: row.Key, Currency: "EUR", Minor: 1000}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if b.asked > 12 {
			t.Errorf("asked %d times in ten minutes", b.asked)
		}
		b.pays(row.Key)
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		if d.order.State != world.OrderPlaced || d.row.CapturedMinor != 1000 || !d.row.DueAt.IsZero() {
			t.Errorf("%+v\n%+v", d.order, d.row)
		}
		asked := b.asked
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if b.asked != asked {
			t.Errorf("asked %d times of what is at rest", b.asked-asked)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A message is acted on at once, and an order that expires ends its payment.
func TestTheReconcilerIsNudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, b := newDesk(time.Now), newBank()
		c := newTestCashier(d, b, time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go c.reconcile(ctx)
		row, _ := d.Begin(ctx, "o", "testpay", time.Now(), time.Now().Add(time.Hour))
		if _, err := b.Open(ctx, world.PaymentRequest{Key: row.Key, Currency: "EUR", Minor: 1000}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		b.pays(row.Key)
		if _, _, err := d.Heard(ctx, "testpay", world.PaymentEvent{ID: "e", Key: row.Key}, time.Now()); err != nil {
			t.Fatal(err)
		}
		c.wake()
		synctest.Wait()
		if d.row.State != world.PaymentCaptured {
			t.Errorf("%+v", d.row)
		}
		cancel()
		synctest.Wait()
	})
}

// What fails again and again is tried later each time, told to operators, and
// finished when it works again.
func TestAProviderThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, b := newDesk(time.Now), newBank()
		c := newTestCashier(d, b, time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		row, _ := d.Begin(ctx, "o", "testpay", time.Now(), time.Now())
		if _, err := b.Open(ctx, world.PaymentRequest{Key: row.Key, Currency: "EUR", Minor: 1000}); err != nil {
			t.Fatal(err)
		}
		b.pays(row.Key)
		tried := 0
		b.fails(func(string) error { tried++; return world.E(world.CodeUnavailable, "bank", "It is away.") })
		go c.reconcile(ctx)
		time.Sleep(time.Hour)
		synctest.Wait()
		if tried < 10 || tried > 30 || d.row.Trouble != "It is away." {
			t.Errorf("tried %d times, trouble %q", tried, d.row.Trouble)
		}
		b.fails(nil)
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		if d.row.State != world.PaymentCaptured || d.row.Trouble != "" || d.row.Tries != 0 {
			t.Errorf("%+v", d.row)
		}
		cancel()
		synctest.Wait()
	})
}
