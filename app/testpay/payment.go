package testpay

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"meridian/world"
)

// asked is what a payment was opened with; the same key must ask the same.
type asked struct {
	Key         string `json:"key"`
	OrderID     string `json:"order_id"`
	Number      string `json:"number"`
	Currency    string `json:"currency"`
	Minor       int64  `json:"minor"`
	Description string `json:"description"`
	ReturnURL   string `json:"return_url"`
	CancelURL   string `json:"cancel_url"`
	Locale      string `json:"locale"`
}

// refund is one giving back. Its key is its name.
type refund struct {
	Minor int64       `json:"minor"`
	State refundState `json:"state"`
	Due   time.Time   `json:"due,omitzero"` // when what is on its way gets there, or comes back
}

type refundState string

const (
	refundPending refundState = "pending"
	refundDone    refundState = "done"
	refundBack    refundState = "returned"
)

// event is a message that has not been taken yet.
type event struct {
	ID    string    `json:"id"`
	Kind  string    `json:"kind"`
	At    time.Time `json:"at"`
	Due   time.Time `json:"due"`
	Tries int       `json:"tries,omitempty"`
}

// payment is all that is kept of one. It is changed by its methods alone, which
// are pure: a copy is changed, written down, and only then shown.
type payment struct {
	Ref      string             `json:"ref"`
	Account  string             `json:"account"`
	Page     string             `json:"page"` // the secret part of the buyer's address
	Asked    asked              `json:"asked"`
	State    world.PaymentState `json:"state"`
	Captured int64              `json:"captured,omitempty"`
	Capture  string             `json:"capture_key,omitempty"`
	Refunds  map[string]refund  `json:"refunds,omitempty"` // by key
	Card     string             `json:"card,omitempty"`    // the conduct's name, never a number
	Failure  string             `json:"failure,omitempty"`
	Declines int                `json:"declines,omitempty"`
	Stumbled bool               `json:"stumbled,omitempty"` // the one failure of a capture has been
	Version  int64              `json:"version"`
	Events   []event            `json:"events,omitempty"`
	Opened   time.Time          `json:"opened"`
}

func (p payment) clone() payment {
	p.Refunds, p.Events = maps.Clone(p.Refunds), slices.Clone(p.Events)
	return p
}

// refunded is what went back or is on its way.
func (p payment) refunded() (sum int64) {
	for _, r := range p.Refunds {
		if r.State != refundBack {
			sum += r.Minor
		}
	}
	return sum
}

// open reports whether the buyer may still pay.
func (p payment) open() bool {
	return p.State == world.PaymentOpened || p.State == world.PaymentActionRequired
}

// rules are what the changes of a payment go by.
type rules struct {
	late     time.Duration
	pageLife time.Duration
	declines int
}

// to takes a payment a state further, or tells of something new in the same.
func (p *payment) to(state world.PaymentState, kind string, now time.Time, late time.Duration) {
	p.State, p.Version = state, p.Version+1
	e := event{ID: fmt.Sprintf("evt_%s_%d", p.Ref, p.Version), Kind: kind, At: now, Due: now}
	switch conductOf(p.Card).Hooks {
	case hooksLost:
		return
	case hooksDoubled:
		p.Events = append(p.Events, e)
	case hooksLate:
		e.Due = now.Add(late)
	case hooksReordered:
		if p.State == world.PaymentAuthorised {
			e.Due = now.Add(late)
		}
	}
	p.Events = append(p.Events, e)
}

// pay is what the buyer's card does.
func (p *payment) pay(c conduct, r rules, now time.Time) {
	p.Card, p.Failure = c.Name, ""
	switch {
	case c.Declined != "":
		p.decline(c.Declined, r, now)
	case c.Bank:
		p.to(world.PaymentActionRequired, "payment.action_required", now, r.late)
	default:
		p.to(world.PaymentAuthorised, "payment.authorised", now, r.late)
	}
}

// bank is what the buyer says on the bank's page.
func (p *payment) bank(yes bool, r rules, now time.Time) {
	if yes {
		p.to(world.PaymentAuthorised, "payment.authorised", now, r.late)
		return
	}
	p.decline(world.FailureAuthentication, r, now)
}

// decline lets the buyer try again, but not for ever.
func (p *payment) decline(why string, r rules, now time.Time) {
	p.Failure, p.Declines = why, p.Declines+1
	if p.Declines >= r.declines {
		p.to(world.PaymentFailed, "payment.failed", now, r.late)
		return
	}
	p.to(world.PaymentOpened, "payment.declined", now, r.late)
}

// capture takes what is held; refused is the bank's no.
func (p *payment) capture(key string, minor int64, r rules, now time.Time) (refused bool, err error) {
	const op = "testpay.capture"
	switch {
	case p.State == world.PaymentCaptured && p.Capture == key && p.Captured == minor:
		return false, nil
	case p.State == world.PaymentCaptured:
		return false, world.E(world.CodeConflict, op, "It is captured already, by another key or amount.")
	case p.State != world.PaymentAuthorised:
		return false, world.E(world.CodeConflict, op, fmt.Sprintf("It is %s: only an authorised payment can be captured.", p.State))
	case minor > p.Asked.Minor:
		return false, world.E(world.CodeInvalid, op, "More cannot be captured than was authorised.")
	case conductOf(p.Card).Capture == captureRefused:
		p.Failure = world.FailureFunds
		p.to(world.PaymentFailed, "payment.failed", now, r.late)
		return true, nil
	}
	p.Captured, p.Capture = minor, key
	p.to(world.PaymentCaptured, "payment.captured", now, r.late)
	return false, nil
}

func (p *payment) void(r rules, now time.Time) error {
	switch p.State {
	case world.PaymentVoided, world.PaymentFailed:
		return nil
	case world.PaymentCaptured:
		return world.E(world.CodeConflict, "testpay.void", "It is captured: refund it.")
	}
	p.to(world.PaymentVoided, "payment.voided", now, r.late)
	return nil
}

func (p *payment) refund(key string, minor int64, r rules, now time.Time) error {
	const op = "testpay.refund"
	if before, ok := p.Refunds[key]; ok {
		if before.Minor != minor {
			return world.E(world.CodeConflict, op, "This key gave another amount back.")
		}
		return nil
	}
	switch {
	case p.State != world.PaymentCaptured:
		return world.E(world.CodeConflict, op, fmt.Sprintf("It is %s: only what is captured can go back.", p.State))
	case minor > p.Captured-p.refunded():
		return world.E(world.CodeConflict, op, "More cannot go back than is left of what was captured.")
	}
	done := refund{Minor: minor, State: refundDone}
	if conductOf(p.Card).Refund != refundAtOnce {
		done = refund{Minor: minor, State: refundPending, Due: now.Add(r.late)}
	}
	if p.Refunds == nil {
		p.Refunds = map[string]refund{}
	}
	p.Refunds[key] = done
	p.to(p.State, "payment.refunded", now, r.late)
	return nil
}

// settle does what time does, and reports whether it did anything.
func (p *payment) settle(r rules, now time.Time) (changed bool) {
	if p.open() && !now.Before(p.Opened.Add(r.pageLife)) {
		p.Failure = world.FailureAbandoned
		p.to(world.PaymentFailed, "payment.failed", now, r.late)
		changed = true
	}
	for _, key := range slices.Sorted(maps.Keys(p.Refunds)) {
		f := p.Refunds[key]
		if f.State != refundPending || now.Before(f.Due) {
			continue
		}
		f.State, f.Due = refundDone, time.Time{}
		kind := "payment.refund_done"
		if conductOf(p.Card).Refund == refundReturns {
			f.State, kind = refundBack, "payment.refund_returned"
		}
		p.Refunds[key] = f
		p.to(p.State, kind, now, r.late)
		changed = true
	}
	return changed
}

// due is when something is to be done by itself next; false for never.
func (p *payment) due(r rules) (at time.Time, ok bool) {
	sooner := func(t time.Time) {
		if !ok || t.Before(at) {
			at, ok = t, true
		}
	}
	for _, e := range p.Events {
		sooner(e.Due)
	}
	for _, f := range p.Refunds {
		if f.State == refundPending {
			sooner(f.Due)
		}
	}
	if p.open() {
		sooner(p.Opened.Add(r.pageLife))
	}
	return at, ok
}
