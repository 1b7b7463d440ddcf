// Package payment knows what a payment's states lead to, how what a provider
// says is joined with what was known, and what is to be done next so that the
// money of an order is in the end what the order says. What becomes of the order
// itself is package order's.
package payment

import (
	"slices"
	"time"

	"meridian/world"
)

// forward is where each state may lead, by [world.PaymentState]. A provider may
// be seen to have skipped states: nobody saw them.
var forward = map[world.PaymentState][]world.PaymentState{
	"":                          {world.PaymentOpened, world.PaymentActionRequired, world.PaymentAuthorised, world.PaymentCaptured, world.PaymentFailed, world.PaymentVoided},
	world.PaymentOpened:         {world.PaymentOpened, world.PaymentActionRequired, world.PaymentAuthorised, world.PaymentCaptured, world.PaymentFailed, world.PaymentVoided},
	world.PaymentActionRequired: {world.PaymentOpened, world.PaymentActionRequired, world.PaymentAuthorised, world.PaymentCaptured, world.PaymentFailed, world.PaymentVoided},
	world.PaymentAuthorised:     {world.PaymentAuthorised, world.PaymentCaptured, world.PaymentFailed, world.PaymentVoided},
	world.PaymentCaptured:       {world.PaymentCaptured},
	world.PaymentFailed:         {world.PaymentFailed},
	world.PaymentVoided:         {world.PaymentVoided},
}

// Join is what is known of a payment after a provider has said said. What is
// older than what is known, or says the same, changes nothing. It fails with
// bad_upstream, and leaves what is known, when the provider contradicts itself:
// another payment's name, amount or currency, a state that cannot follow, or sums
// that cannot be.
func Join(have, said world.Payment) (world.Payment, error) {
	contradiction := func(what string) (world.Payment, error) {
		return have, world.E(world.CodeBadUpstream, "payment.join", "The provider of payments contradicts itself: "+what+". Look at this payment there.")
	}
	switch {
	case have.Ref != "" && (said.Ref != have.Ref || said.Provider != have.Provider):
		return contradiction("it names another payment")
	case said.AmountMinor != have.AmountMinor || said.Currency != have.Currency:
		return contradiction("the amount is another one")
	case said.CapturedMinor < 0 || said.CapturedMinor > said.AmountMinor || said.RefundedMinor < 0 || said.RefundedMinor > said.CapturedMinor,
		(said.State == world.PaymentCaptured) != (said.CapturedMinor > 0):
		return contradiction("its sums cannot be")
	case said.Version < have.Version:
		return have, nil
	case said.Version == have.Version && !undecided(said.State):
		return have, nil
	case !slices.Contains(forward[have.State], said.State):
		return contradiction("it was " + string(have.State) + " and is " + string(said.State))
	case have.State == world.PaymentCaptured && said.CapturedMinor != have.CapturedMinor:
		return contradiction("what was captured has changed")
	}
	return said, nil
}

// undecided is a state in which the buyer still has something to do.
func undecided(s world.PaymentState) bool {
	return s == world.PaymentOpened || s == world.PaymentActionRequired
}

// Order is what a payment must know of its order.
type Order struct {
	State     world.OrderState
	Currency  string
	DueMinor  int64     // what the buyer pays
	ExpiresAt time.Time // while it awaits payment
	Owed      []Owed    // refunds whose money has not gone back, the oldest first
	Refunds   int64     // the sum of all its refunds
	Elsewhere bool      // another of its payments is not over: what becomes of the order is that one's to say
}

// Owed is a refund that is to be paid.
type Owed struct {
	N     int // its number within the order
	Minor int64
}

// Do is what is to be done next.
type Do string

// What is to be done.
const (
	Rest    Do = "rest"    // nothing, until somebody does something
	Wait    Do = "wait"    // look again later: the buyer has not decided
	Place   Do = "place"   // tell the order that its money is certain
	Capture Do = "capture" // take Minor
	Void    Do = "void"    // end it
	Refund  Do = "refund"  // give Minor back, for the refund N, or for none: 0
	Settle  Do = "settle"  // note that the refund N is done: there is no money to give back
	Cancel  Do = "cancel"  // the order: its money is not to be had after all
	Tell    Do = "tell"    // nothing that we may do by ourselves mends it: an operator is told why
)

// Step is one thing to do, and why if it is for operators.
type Step struct {
	Do    Do
	Minor int64
	N     int
	Why   string
}

// Next is what is to be done with a payment that is known as p, for its order.
// Whoever does it asks again afterwards, with what is known then; after Rest,
// Wait and Tell there is nothing to ask. Each step is safe to be done again, so a
// crash between deciding, doing and noting loses nothing.
func Next(o Order, p world.Payment) Step {
	switch p.State {
	case world.PaymentAuthorised:
		return authorised(o, p)
	case world.PaymentCaptured:
		return captured(o, p)
	case world.PaymentFailed, world.PaymentVoided:
		return over(o)
	}
	if o.State == world.OrderAwaitingPayment {
		return Step{Do: Wait}
	}
	return Step{Do: Void} // nobody is to pay for it any more
}

// live reports whether an order stands, so that its money is ours.
func live(s world.OrderState) bool {
	switch s {
	case world.OrderPlaced, world.OrderPreparing, world.OrderReady, world.OrderCompleted:
		return true
	}
	return false
}

func authorised(o Order, p world.Payment) Step {
	switch {
	case p.AmountMinor != o.DueMinor || p.Currency != o.Currency:
		return Step{Do: Void} // held for another total than the order's: it is never taken
	case o.State == world.OrderAwaitingPayment:
		return Step{Do: Place}
	case live(o.State):
		return Step{Do: Capture, Minor: o.DueMinor}
	}
	return Step{Do: Void}
}

func captured(o Order, p world.Payment) Step {
	left := p.CapturedMinor - p.RefundedMinor
	settled := o.Refunds // of them, those that are noted as done; one may be done and not noted
	for _, r := range o.Owed {
		settled -= r.Minor
	}
	switch {
	case o.State == world.OrderAwaitingPayment && p.CapturedMinor == o.DueMinor && p.Currency == o.Currency:
		return Step{Do: Place} // somebody has captured it at the provider's
	case len(o.Owed) > 0 && o.Owed[0].Minor == 0:
		return Step{Do: Settle, N: o.Owed[0].N} // of free goods: no provider gives nothing back
	case len(o.Owed) > 0 && o.Owed[0].Minor <= p.CapturedMinor-settled:
		return Step{Do: Refund, Minor: o.Owed[0].Minor, N: o.Owed[0].N}
	case len(o.Owed) > 0:
		return Step{Do: Tell, Why: "More is owed to the buyer than is left of what was captured."}
	case !live(o.State) && left > 0 && p.RefundedMinor == 0:
		return Step{Do: Refund, Minor: left}
	case !live(o.State) && left > 0:
		return Step{Do: Tell, Why: "The order is over, and a part of its money has not gone back."}
	case live(o.State) && (p.CapturedMinor != o.DueMinor || p.Currency != o.Currency):
		return Step{Do: Tell, Why: "What was captured is not the order's total."}
	case live(o.State) && p.RefundedMinor != o.Refunds:
		return Step{Do: Tell, Why: "What has gone back is not what the order's refunds say: one may have come back from the bank."}
	}
	return Step{Do: Rest}
}

// over is a payment without money. A buyer whose first payment failed may have
// paid by the next: that the first has none is no reason to cancel, and what is
// owed is not its to settle.
func over(o Order) Step {
	switch {
	case o.Elsewhere:
		return Step{Do: Rest}
	case o.State == world.OrderCompleted:
		return Step{Do: Tell, Why: "The buyer has the goods, and there is no money for them."}
	case live(o.State):
		return Step{Do: Cancel}
	case len(o.Owed) > 0:
		return Step{Do: Settle, N: o.Owed[0].N}
	}
	return Step{Do: Rest}
}

// Matches reports whether the money is what the order says: what an order's
// payments hold, captured less refunded, is its total less its refunds where it
// stands, and nothing where it does not.
func Matches(o Order, payments ...world.Payment) bool {
	var have int64
	for _, p := range payments {
		have += p.CapturedMinor - p.RefundedMinor
	}
	if live(o.State) {
		return have == o.DueMinor-o.Refunds
	}
	return have == 0
}
