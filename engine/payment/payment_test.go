package payment_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/engine/payment"
	"meridian/world"
)

func paymentAt(state world.PaymentState, version, captured, refunded int64) world.Payment {
	return world.Payment{Provider: "p", Ref: "r", State: state, Currency: "EUR", AmountMinor: 100, CapturedMinor: captured, RefundedMinor: refunded, Version: version}
}

func TestJoin(t *testing.T) {
	const (
		opened, asks, held, taken, failed, voided = world.PaymentOpened, world.PaymentActionRequired, world.PaymentAuthorised, world.PaymentCaptured, world.PaymentFailed, world.PaymentVoided
	)
	at := paymentAt
	other := at(opened, 2, 0, 0)
	other.Ref = "x"
	dear := at(opened, 2, 0, 0)
	dear.AmountMinor = 101
	for name, c := range map[string]struct {
		have, said world.Payment
		takes, bad bool
	}{
		"the first":              {world.Payment{Currency: "EUR", AmountMinor: 100}, at(opened, 1, 0, 0), true, false},
		"newer":                  {at(opened, 1, 0, 0), at(held, 2, 0, 0), true, false},
		"skipped":                {at(opened, 1, 0, 0), at(taken, 5, 100, 20), true, false},
		"older":                  {at(held, 2, 0, 0), at(opened, 1, 0, 0), false, false},
		"older, and the end":     {at(taken, 3, 100, 0), at(held, 2, 0, 0), false, false},
		"the same":               {at(held, 2, 0, 0), at(held, 2, 0, 0), false, false},
		"to and fro":             {at(opened, 2, 0, 0), at(asks, 2, 0, 0), true, false},
		"back to the card":       {at(asks, 2, 0, 0), at(opened, 3, 0, 0), true, false},
		"refunded":               {at(taken, 3, 100, 0), at(taken, 4, 100, 30), true, false},
		"a refund came back":     {at(taken, 4, 100, 30), at(taken, 5, 100, 0), true, false},
		"refused at the capture": {at(held, 2, 0, 0), at(failed, 3, 0, 0), true, false},
		"another payment":        {at(opened, 1, 0, 0), other, false, true},
		"another amount":         {at(opened, 1, 0, 0), dear, false, true},
		"back from the end":      {at(voided, 2, 0, 0), at(held, 3, 0, 0), false, true},
		"failed and taken":       {at(failed, 2, 0, 0), at(taken, 3, 100, 0), false, true},
		"taken and voided":       {at(taken, 2, 100, 0), at(voided, 3, 0, 0), false, true},
		"less taken":             {at(taken, 2, 100, 0), at(taken, 3, 90, 0), false, true},
		"too much back":          {at(taken, 2, 100, 0), at(taken, 3, 100, 101), false, true},
		"taken without money":    {at(held, 2, 0, 0), at(taken, 3, 0, 0), false, true},
		"money without taking":   {at(held, 2, 0, 0), at(held, 3, 100, 0), false, true},
		"a state of its own":     {at(held, 2, 0, 0), at("odd", 3, 0, 0), false, true},
	} {
		got, err := payment.Join(c.have, c.said)
		want := c.have
		if c.takes {
			want = c.said
		}
		if got != want || c.bad != world.Is(err, world.CodeBadUpstream) || !c.bad && err != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestNext(t *testing.T) {
	order := func(s world.OrderState) payment.Order {
		return payment.Order{State: s, Currency: "EUR", DueMinor: 100}
	}
	owing := func(s world.OrderState, sum int64, owed ...payment.Owed) payment.Order {
		o := order(s)
		o.Refunds, o.Owed = sum, owed
		return o
	}
	const (
		awaits, placed, done, cancelled, expired = world.OrderAwaitingPayment, world.OrderPlaced, world.OrderCompleted, world.OrderCancelled, world.OrderExpired
	)
	elsewhere := func(o payment.Order) payment.Order {
		o.Elsewhere = true
		return o
	}
	held, dear := paymentAt(world.PaymentAuthorised, 2, 0, 0), paymentAt(world.PaymentAuthorised, 2, 0, 0)
	dear.AmountMinor = 101
	for name, c := range map[string]struct {
		o    payment.Order
		p    world.Payment
		want payment.Step
	}{
		"the buyer decides":             {order(awaits), paymentAt(world.PaymentOpened, 1, 0, 0), payment.Step{Do: payment.Wait}},
		"the bank asks":                 {order(awaits), paymentAt(world.PaymentActionRequired, 1, 0, 0), payment.Step{Do: payment.Wait}},
		"nobody is to pay any more":     {order(expired), paymentAt(world.PaymentOpened, 1, 0, 0), payment.Step{Do: payment.Void}},
		"paid":                          {order(awaits), held, payment.Step{Do: payment.Place}},
		"placed":                        {order(placed), held, payment.Step{Do: payment.Capture, Minor: 100}},
		"eaten already":                 {order(done), held, payment.Step{Do: payment.Capture, Minor: 100}},
		"paid too late":                 {order(expired), held, payment.Step{Do: payment.Void}},
		"paid and cancelled":            {owing(cancelled, 100, payment.Owed{N: 1, Minor: 100}), held, payment.Step{Do: payment.Void}},
		"another total":                 {order(awaits), dear, payment.Step{Do: payment.Void}},
		"captured":                      {order(placed), paymentAt(world.PaymentCaptured, 3, 100, 0), payment.Step{Do: payment.Rest}},
		"captured by hand":              {order(awaits), paymentAt(world.PaymentCaptured, 3, 100, 0), payment.Step{Do: payment.Place}},
		"a part goes back":              {owing(placed, 30, payment.Owed{N: 1, Minor: 30}), paymentAt(world.PaymentCaptured, 3, 100, 0), payment.Step{Do: payment.Refund, Minor: 30, N: 1}},
		"it did, and is not noted":      {owing(cancelled, 100, payment.Owed{N: 1, Minor: 100}), paymentAt(world.PaymentCaptured, 4, 100, 100), payment.Step{Do: payment.Refund, Minor: 100, N: 1}},
		"all noted":                     {owing(cancelled, 100), paymentAt(world.PaymentCaptured, 4, 100, 100), payment.Step{Do: payment.Rest}},
		"captured for nothing":          {order(expired), paymentAt(world.PaymentCaptured, 3, 100, 0), payment.Step{Do: payment.Refund, Minor: 100}},
		"the rest of it":                {owing(placed, 100, payment.Owed{N: 2, Minor: 70}), paymentAt(world.PaymentCaptured, 4, 100, 30), payment.Step{Do: payment.Refund, Minor: 70, N: 2}},
		"without money, cancelled":      {owing(cancelled, 100, payment.Owed{N: 1, Minor: 100}), paymentAt(world.PaymentVoided, 3, 0, 0), payment.Step{Do: payment.Settle, N: 1}},
		"without money, settled":        {owing(cancelled, 100), paymentAt(world.PaymentVoided, 3, 0, 0), payment.Step{Do: payment.Rest}},
		"without money, placed":         {order(placed), paymentAt(world.PaymentFailed, 3, 0, 0), payment.Step{Do: payment.Cancel}},
		"another one pays for it":       {elsewhere(order(placed)), paymentAt(world.PaymentFailed, 3, 0, 0), payment.Step{Do: payment.Rest}},
		"another one gives it back":     {elsewhere(owing(cancelled, 100, payment.Owed{N: 1, Minor: 100})), paymentAt(world.PaymentFailed, 3, 0, 0), payment.Step{Do: payment.Rest}},
		"another one paid for the meal": {elsewhere(order(done)), paymentAt(world.PaymentVoided, 3, 0, 0), payment.Step{Do: payment.Rest}},
		"what was free goes back":       {owing(placed, 30, payment.Owed{N: 1, Minor: 0}, payment.Owed{N: 2, Minor: 30}), paymentAt(world.PaymentCaptured, 3, 100, 0), payment.Step{Do: payment.Settle, N: 1}},
		"declined for good, may try on": {order(awaits), paymentAt(world.PaymentFailed, 3, 0, 0), payment.Step{Do: payment.Rest}},
	} {
		if got := payment.Next(c.o, c.p); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	for name, c := range map[string]struct {
		o payment.Order
		p world.Payment
	}{
		"more is owed than there is":  {owing(placed, 130, payment.Owed{N: 2, Minor: 100}), paymentAt(world.PaymentCaptured, 4, 100, 30)},
		"a refund came back":          {owing(placed, 30), paymentAt(world.PaymentCaptured, 5, 100, 0)},
		"less was captured":           {order(placed), paymentAt(world.PaymentCaptured, 3, 90, 0)},
		"eaten and not paid":          {order(done), paymentAt(world.PaymentFailed, 3, 0, 0)},
		"over, a part is still ours":  {owing(cancelled, 30), paymentAt(world.PaymentCaptured, 4, 100, 30)},
		"a refund by somebody's hand": {order(placed), paymentAt(world.PaymentCaptured, 4, 100, 5)},
	} {
		if got := payment.Next(c.o, c.p); got.Do != payment.Tell || got.Why == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// bank is a provider as simple as it can be.
type bank struct {
	p       world.Payment
	refunds map[int]int64 // by the order's refund
	said    []world.Payment
}

func (b *bank) tell(change func()) {
	change()
	b.p.Version++
	b.said = append(b.said, b.p)
}

// shop is our side: what it has noted, and what it does by Next.
type shop struct {
	o     payment.Order
	known world.Payment
}

// do carries one step out; crashed: what was done is not noted.
func (s *shop) do(t *rapid.T, b *bank, step payment.Step, crashed bool) {
	switch step.Do {
	case payment.Place:
		s.o.State = world.OrderPlaced // one transaction: done and noted
	case payment.Capture:
		switch b.p.State {
		case world.PaymentAuthorised:
			b.tell(func() { b.p.State, b.p.CapturedMinor = world.PaymentCaptured, step.Minor })
		case world.PaymentVoided, world.PaymentFailed:
		}
	case payment.Void:
		switch b.p.State {
		case world.PaymentOpened, world.PaymentActionRequired, world.PaymentAuthorised:
			b.tell(func() { b.p.State = world.PaymentVoided })
		case world.PaymentVoided, world.PaymentFailed, world.PaymentCaptured:
		}
	case payment.Refund:
		if _, ok := b.refunds[step.N]; !ok {
			if step.Minor > b.p.CapturedMinor-b.p.RefundedMinor {
				t.Fatalf("more would go back than there is: %+v of %+v", step, b.p)
			}
			b.refunds[step.N] = step.Minor
			b.tell(func() { b.p.RefundedMinor += step.Minor })
		}
		if !crashed && step.N > 0 {
			s.o.Owed = s.o.Owed[1:]
		}
	case payment.Settle:
		s.o.Owed = s.o.Owed[1:]
	case payment.Cancel:
		s.cancel()
	case payment.Tell:
		t.Fatalf("an operator is needed: %s\n%+v\n%+v", step.Why, s.o, b.p)
	}
	if !crashed {
		s.hear(t, b.p)
	}
}

func (s *shop) cancel() {
	switch s.o.State {
	case world.OrderPlaced:
		if rest := s.o.DueMinor - s.o.Refunds; rest > 0 {
			s.o.Owed, s.o.Refunds = append(s.o.Owed, payment.Owed{N: len(s.o.Owed) + 10, Minor: rest}), s.o.DueMinor
		}
		s.o.State = world.OrderCancelled
	case world.OrderAwaitingPayment:
		s.o.State = world.OrderCancelled
	}
}

func (s *shop) hear(t *rapid.T, said world.Payment) {
	known, err := payment.Join(s.known, said)
	if err != nil {
		t.Fatal(err)
	}
	s.known = known
}

// settle goes on until there is nothing to do.
func (s *shop) settle(t *rapid.T, b *bank) {
	for range 20 {
		s.hear(t, b.p)
		step := payment.Next(s.o, s.known)
		if step.Do == payment.Rest || step.Do == payment.Wait {
			return
		}
		s.do(t, b, step, false)
	}
	t.Fatalf("it never rests: %+v, %+v", s.o, b.p)
}

// Whatever buyers, banks, messages, crashes and cancellations do in whatever order,
// in the end the money is what the order says, and nothing is captured and voided.
func TestTheMoneyIsWhatTheOrderSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &bank{p: paymentAt(world.PaymentOpened, 1, 0, 0), refunds: map[int]int64{}}
		s := &shop{o: payment.Order{State: world.OrderAwaitingPayment, Currency: "EUR", DueMinor: 100}, known: world.Payment{Currency: "EUR", AmountMinor: 100}}
		refunds := 0
		t.Repeat(map[string]func(*rapid.T){
			"the buyer pays": func(*rapid.T) {
				if b.p.State == world.PaymentOpened || b.p.State == world.PaymentActionRequired {
					b.tell(func() { b.p.State = world.PaymentAuthorised })
				}
			},
			"the bank asks": func(*rapid.T) {
				if b.p.State == world.PaymentOpened {
					b.tell(func() { b.p.State = world.PaymentActionRequired })
				}
			},
			"the bank declines": func(*rapid.T) {
				if b.p.State == world.PaymentActionRequired {
					b.tell(func() { b.p.State, b.p.Failure = world.PaymentOpened, world.FailureDeclined })
				}
			},
			"the bank gives nothing after all": func(*rapid.T) {
				if b.p.State == world.PaymentAuthorised {
					b.tell(func() { b.p.State = world.PaymentFailed })
				}
			},
			"an old message": func(t *rapid.T) {
				if len(b.said) > 0 {
					s.hear(t, rapid.SampledFrom(b.said).Draw(t, "message"))
				}
			},
			"a look": func(t *rapid.T) { s.hear(t, b.p) },
			"a step": func(t *rapid.T) { s.do(t, b, payment.Next(s.o, s.known), rapid.Bool().Draw(t, "crashed")) },
			"the order expires": func(*rapid.T) {
				if s.o.State == world.OrderAwaitingPayment {
					s.o.State = world.OrderExpired
				}
			},
			"the order is cancelled": func(*rapid.T) { s.cancel() },
			"pieces go back": func(t *rapid.T) {
				if rest := s.o.DueMinor - s.o.Refunds; s.o.State == world.OrderPlaced && rest > 0 {
					refunds++
					minor := rapid.Int64Range(1, rest).Draw(t, "minor")
					s.o.Owed, s.o.Refunds = append(s.o.Owed, payment.Owed{N: refunds + 100, Minor: minor}), s.o.Refunds+minor
				}
			},
			"": func(t *rapid.T) {
				if b.p.State == world.PaymentVoided && b.p.CapturedMinor != 0 {
					t.Fatalf("captured and voided: %+v", b.p)
				}
			},
		})
		s.settle(t, b)
		if s.o.State == world.OrderAwaitingPayment { // nobody pays any more
			s.o.State = world.OrderExpired
			s.settle(t, b)
		}
		if !payment.Matches(s.o, b.p) || len(s.o.Owed) > 0 {
			t.Fatalf("%+v\n%+v", s.o, b.p)
		}
	})
}

// The order of arrival makes no difference.
func TestJoinIsTheSameInAnyOrder(t *testing.T) {
	said := []world.Payment{
		paymentAt(world.PaymentOpened, 1, 0, 0), paymentAt(world.PaymentActionRequired, 2, 0, 0), paymentAt(world.PaymentOpened, 3, 0, 0),
		paymentAt(world.PaymentAuthorised, 4, 0, 0), paymentAt(world.PaymentCaptured, 5, 100, 0), paymentAt(world.PaymentCaptured, 6, 100, 40), paymentAt(world.PaymentCaptured, 7, 100, 0),
	}
	rapid.Check(t, func(t *rapid.T) {
		known, newest := world.Payment{Currency: "EUR", AmountMinor: 100}, int64(0)
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(said)-1), 1, 30).Draw(t, "order") {
			var err error
			if known, err = payment.Join(known, said[i]); err != nil {
				t.Fatal(err)
			}
			newest = max(newest, said[i].Version)
			if known != said[newest-1] {
				t.Fatalf("%+v, want version %d", known, newest)
			}
		}
	})
}

func TestPace(t *testing.T) {
	p := payment.Pace{First: 10 * time.Second, Longest: 5 * time.Minute, Retry: time.Second, Patience: 3}
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ age, expires, want time.Duration }{
		{0, time.Hour, 10 * time.Second}, {10 * time.Second, time.Hour, 10 * time.Second}, {40 * time.Second, time.Hour, 40 * time.Second},
		{20 * time.Minute, time.Hour, 5 * time.Minute}, {20 * time.Minute, time.Minute, time.Minute}, {20 * time.Minute, -time.Minute, 5 * time.Minute},
	} {
		if got := p.Look(noon.Add(-c.age), noon.Add(c.expires), noon); got != noon.Add(c.want) {
			t.Errorf("%+v: %s", c, got.Sub(noon))
		}
	}
	for _, c := range []struct {
		tries       int
		after, want time.Duration
	}{{1, 0, time.Second}, {2, 0, 2 * time.Second}, {4, 0, 8 * time.Second}, {40, 0, 5 * time.Minute}, {1, time.Minute, time.Minute}, {1, time.Hour, 5 * time.Minute}} {
		if got := p.Again(c.tries, c.after, noon); got != noon.Add(c.want) {
			t.Errorf("%+v: %s", c, got.Sub(noon))
		}
	}
}
