// Package order knows what may become of an order once it is written: its
// states, who may lead it from one to the next and when, what a refund of some
// of its pieces comes to, and which of its log is the buyer's to see.
package order

import (
	"time"

	"meridian/world"
)

// Reason says why an event is refused; pages translate it.
type Reason string

// The reasons.
const (
	Unknown     Reason = "unknown"      // no such state or event
	NotYours    Reason = "not_yours"    // somebody else may do that
	TooEarly    Reason = "too_early"    // something else comes first
	TooLate     Reason = "too_late"     // the order has gone past it
	Already     Reason = "already"      // that has happened
	Final       Reason = "final"        // the order has come to its end
	NotDue      Reason = "not_due"      // its time has not run out
	NoCard      Reason = "no_card"      // it is not paid for by card
	NothingLeft Reason = "nothing_left" // all of it was given back
)

// Facts are what guards look at.
type Facts struct {
	Method    world.PaymentMethod
	Now       time.Time
	ExpiresAt time.Time // of an order that awaits payment
	Remaining int       // pieces that no refund has given back
}

// FactsOf are an order's facts at a moment. given are the refunds that it has had.
func FactsOf(o world.Order, given []world.Refund, now time.Time) Facts {
	f := Facts{Method: o.Method, Now: now, ExpiresAt: o.ExpiresAt}
	for i, l := range o.Lines {
		f.Remaining += l.Quantity - returned(given, i+1)
	}
	return f
}

// Next is the state that an event leads to, or why it leads nowhere.
func Next(from world.OrderState, event world.OrderEvent, by world.Actor, f Facts) (to world.OrderState, refused Reason) {
	row, ok := transitions[from]
	if !ok {
		return "", Unknown
	}
	c, ok := row[event]
	switch {
	case !ok:
		return "", Unknown
	case c.refused != "":
		return "", c.refused
	case !c.allows(by):
		return "", NotYours
	case c.guard != nil:
		if refused := c.guard(by, f); refused != "" {
			return "", refused
		}
	}
	return c.to, ""
}

// May are the events by which somebody can move an order now, in the order in
// which a page offers them.
func May(from world.OrderState, by world.Actor, f Facts) []world.OrderEvent {
	var out []world.OrderEvent
	for _, e := range Events {
		if _, refused := Next(from, e, by, f); refused == "" {
			out = append(out, e)
		}
	}
	return out
}

// Live reports whether an order holds goods, a slot and its uses of promotions,
// or has handed them over: all states but those that gave them back.
func Live(s world.OrderState) bool {
	return s != world.OrderCancelled && s != world.OrderExpired
}

// Shown is a log as the buyer is shown it: without the names of staff, and
// with the words only of what staff tell a buyer, a cancellation or a refund.
func Shown(log []world.OrderNote) []world.OrderNote {
	out := make([]world.OrderNote, len(log))
	for i, n := range log {
		n.Who = ""
		if n.By != world.ByOwner || n.Event != world.OrderCancel && n.Event != world.OrderRefund {
			n.Text = ""
		}
		out[i] = n
	}
	return out
}
