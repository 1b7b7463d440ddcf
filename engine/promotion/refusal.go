package promotion

import (
	"fmt"
	"slices"
	"time"

	"meridian/engine/money"
)

// Reason is why a code does not work. Reasons are stable: pages have a
// sentence for each.
type Reason string

// The reasons, from the farthest to the one that comes nearest to working.
// Where a code is of several promotions the nearest is told.
const (
	NotFound         Reason = "not_found"
	Ended            Reason = "ended"
	NotYet           Reason = "not_yet"
	NotTheseProducts Reason = "not_these_products" // none of the cart's lines is meant
	UsedUp           Reason = "used_up"            // by as many orders as it was for
	UsedByYou        Reason = "used_by_you"        // by this buyer, as often as one may
	TooFew           Reason = "too_few"            // pieces
	Minimum          Reason = "minimum"            // subtotal
	TooMany          Reason = "too_many"           // another code was taken
	NothingLeft      Reason = "nothing_left"       // others have taken all there was to take off
	ExcludedBy       Reason = "excluded_by"        // what was taken instead takes as much off, and they do not go together
)

var nearness = []Reason{NotFound, Ended, NotYet, NotTheseProducts, UsedUp, UsedByYou, TooFew, Minimum, TooMany, NothingLeft, ExcludedBy}

// Reasons are all reasons, from the farthest to the nearest.
func Reasons() []Reason { return slices.Clone(nearness) }

// Refusal says why a code does not work, and what it would take.
type Refusal struct {
	Code      string // as typed
	Reason    Reason
	Promotion string       // the id of the promotion that it is for; "" for not_found
	By        string       // of excluded_by: the label of the promotion taken instead
	Need      money.Amount // of minimum: the subtotal it takes
	Pieces    int          // of too_few: how many it takes
	At        time.Time    // of ended and not_yet: when
}

// stands is the first thing that keeps an offer from a cart.
func (o *offer) stands(c *cart, at time.Time, used Used) Refusal {
	r := Refusal{Promotion: o.ID}
	switch {
	case o.ended(at):
		r.Reason, r.At = Ended, o.To
	case o.notYet(at):
		r.Reason, r.At = NotYet, o.From
	case len(o.about) == 0:
		r.Reason = NotTheseProducts
	default:
		if r.Reason = o.spent(used); r.Reason == "" {
			o.enough(c, &r)
		}
	}
	return r
}

// spent tells whether a limit of uses is reached.
func (o *offer) spent(used Used) Reason {
	if o.MaxUses == 0 && o.MaxPerBuyer == 0 {
		return ""
	}
	total, byBuyer := used(o.ID)
	switch {
	case o.MaxPerBuyer > 0 && byBuyer >= o.MaxPerBuyer:
		return UsedByYou
	case o.MaxUses > 0 && total >= o.MaxUses:
		return UsedUp
	}
	return ""
}

// enough tells whether the cart has what the offer takes.
func (o *offer) enough(c *cart, r *Refusal) {
	switch pieces := o.Buy + o.Get; {
	case o.Kind == BuyXGetY && c.pieces(o.about) < pieces:
		r.Reason, r.Pieces = TooFew, pieces
	case c.full(o.about) < o.MinSubtotal.Minor:
		r.Reason, r.Need = Minimum, o.MinSubtotal
	}
}

// try is a code that was typed, and the offers that it is for.
type try struct {
	typed, code string
	offers      []int
	tooMany     bool
}

// try looks the codes up and marks the offers that they ask for. A code that
// was typed twice counts once.
func (l Limits) try(codes []string, offers []offer) ([]try, error) {
	if len(codes) > l.MaxTried {
		return nil, tooLarge(fmt.Sprintf("at most %d codes can be tried at once; leave some out", l.MaxTried))
	}
	kept := make([]padded, len(offers))
	for i, o := range offers {
		kept[i] = pad(o.code)
	}
	var tried []try
	working := 0
	for _, typed := range codes {
		t := try{typed: typed, code: Normalize(typed)}
		if slices.ContainsFunc(tried, func(u try) bool { return t.code != "" && u.code == t.code }) {
			continue
		}
		t.offers = matching(kept, t.code)
		if slices.ContainsFunc(t.offers, func(i int) bool { return offers[i].obstacle.Reason == "" }) {
			working++
			t.tooMany = working > l.MaxCodes
			for _, i := range t.offers {
				offers[i].asked = !t.tooMany
			}
		}
		tried = append(tried, t)
	}
	return tried, nil
}

// refusals says of each code without a discount why it has none.
func refusals(tried []try, offers []offer, best option) []Refusal {
	var refused []Refusal
	for _, t := range tried {
		if slices.ContainsFunc(best.discounts, func(d Discount) bool { return t.code != "" && d.Code == t.code }) {
			continue
		}
		nearest := Refusal{Reason: NotFound}
		for _, i := range t.offers {
			if r := offers[i].refusal(t, best); slices.Index(nearness, r.Reason) > slices.Index(nearness, nearest.Reason) {
				nearest = r
			}
		}
		nearest.Code = t.typed
		refused = append(refused, nearest)
	}
	return refused
}

// refusal is why an offer that was asked for takes nothing off.
func (o *offer) refusal(t try, best option) Refusal {
	r := o.obstacle
	if r.Reason != "" {
		return r
	}
	switch {
	case t.tooMany:
		r.Reason = TooMany
	case slices.Contains(best.members, o.ID) || best.total == 0:
		r.Reason = NothingLeft
	default:
		r.Reason, r.By = ExcludedBy, best.discounts[0].Label
	}
	return r
}
