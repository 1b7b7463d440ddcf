package checkout

import (
	"fmt"
	"time"

	"meridian/engine/promotion"
	"meridian/engine/slots"
	"meridian/engine/tax"
	"meridian/world"
)

// Selling is what a market's owner has set beside products and prices, as its
// catalog has it at one moment.
type Selling struct {
	Promotions []promotion.Promotion // that are in force or will be, with labels in one locale
	Slots      []slots.Rule
	Closed     []Closed
}

// Closed is a day on which a market hands nothing over; by one way, or by none
// at all where Kind is "".
type Closed struct {
	Day  tax.Date
	Kind slots.Kind
}

// Week is when a market hands goods over, as its owner keeps it: the week's table
// and the days that are out of it.
type Week struct {
	Slots   []slots.Rule
	Closed  []Closed
	Version int64 // counts its changes from 1
}

// Check tells whether a week can be kept. It fails as [slots.Limits.Check] does, and
// with [world.CodeInvalid] for a closed day that is named twice or of no kind.
func (w Week) Check(l slots.Limits) error {
	if err := l.Check(w.Slots); err != nil {
		return err
	}
	if len(w.Closed) > l.MaxClosed {
		return world.E(world.CodeTooLarge, "checkout.week", fmt.Sprintf("There are %d closed days, of at most %d: remove those that are over.", len(w.Closed), l.MaxClosed))
	}
	seen := map[Closed]bool{}
	for _, c := range w.Closed {
		if c.Kind != "" && c.Kind != slots.PickUp && c.Kind != slots.Delivery || seen[c] {
			return world.E(world.CodeInvalid, "checkout.week", fmt.Sprintf("The closed day %s is named twice, or for neither %s nor %s: mend it.", c.Day, slots.PickUp, slots.Delivery))
		}
		seen[c] = true
	}
	return nil
}

// Calendar are the slots of a way of fulfilment that can be chosen at a moment,
// in order, days in all; lead is how long the slowest product takes to make. A
// market without rules has none. It fails as [slots.Limits.Calendar] does.
func (s Selling) Calendar(f world.Fulfilment, zone *time.Location, now time.Time, lead time.Duration, days int) ([]slots.Slot, error) {
	rules, closed := s.hours(f)
	return slots.Calendar(rules, closed, zone, now, lead, days)
}

// SlotKind is the kind of slots that a way of fulfilment has: who eats at the shop
// comes when others pick up.
func SlotKind(f world.Fulfilment) slots.Kind {
	if f.AtShop() {
		return slots.PickUp
	}
	return slots.Delivery
}

// hours are the rules and closed days of one way of fulfilment.
func (s Selling) hours(f world.Fulfilment) (rules []slots.Rule, closed []tax.Date) {
	kind := SlotKind(f)
	for _, r := range s.Slots {
		if r.Kind == kind {
			rules = append(rules, r)
		}
	}
	for _, c := range s.Closed {
		if c.Kind == "" || c.Kind == kind {
			closed = append(closed, c.Day)
		}
	}
	return rules, closed
}

// LeadOf is how long the slowest of a cart's products takes to make.
func LeadOf(cart []Line) time.Duration {
	var most time.Duration
	for _, l := range cart {
		most = max(most, l.Offer.Lead)
	}
	return most
}

// Place is whose tax an order owes: where the shop stands for what is handed
// over there, else where it goes to, as [ContactRules.Jurisdiction] has it.
func (t Terms) Place(r ContactRules, f world.Fulfilment, c world.Contact) (string, error) {
	if f.AtShop() {
		return t.Seller, nil
	}
	return r.Jurisdiction(c)
}
