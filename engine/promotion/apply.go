package promotion

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"meridian/engine/money"
	"meridian/world"
)

// Discount is what one promotion takes off an order. Its lines sum to its total.
type Discount struct {
	Promotion string // its id
	Label     string
	Code      string // the code that it was given for, normalised; "" for none
	Lines     []LineDiscount
	Total     money.Amount // positive
}

// LineDiscount is what is taken off one line.
type LineDiscount struct {
	Line   int          // the line's place among those given
	Amount money.Amount // positive
}

// Applied is what becomes of a cart.
type Applied struct {
	Discounts []Discount     // in the order in which they were taken off
	Lines     []money.Amount // what is left of each line, as given: what tax is reckoned from
	Total     money.Amount   // of all discounts
	Refused   []Refusal      // the codes that do not work, as they were typed
}

// Used tells in how many orders a promotion was used, by all buyers and by
// this one.
type Used func(id string) (total, byBuyer int)

// Apply is [Limits.Apply] under [DefaultLimits].
func Apply(promotions []Promotion, lines []Line, codes []string, at time.Time, used Used) (Applied, error) {
	return DefaultLimits.Apply(promotions, lines, codes, at, used)
}

// Apply reckons which promotions a cart gets and what each takes off which
// line. Those that go together are taken off by rank, then id, each from what
// the ones before have left. An exclusive one is taken alone, where that is
// more than all of those together. A fraction of a minor unit is rounded half
// up, once a promotion, and shared among its lines; no line falls below zero.
// Neither the order of the promotions nor that of the lines matters. Of codes
// the first that work are taken, up to MaxCodes.
//
// It fails with [world.CodeInvalid] for an empty cart, a line or a promotion
// that cannot be and two promotions of one id, with [world.CodeConflict] for
// amounts in two currencies, and with [world.CodeTooLarge] past a limit. A
// code that does not work is no failure: see Applied.Refused.
func (l Limits) Apply(promotions []Promotion, lines []Line, codes []string, at time.Time, used Used) (Applied, error) {
	c, err := l.newCart(lines)
	if err != nil {
		return Applied{}, err
	}
	offers, err := l.offers(promotions, c, at, used)
	if err != nil {
		return Applied{}, err
	}
	tried, err := l.try(codes, offers)
	if err != nil {
		return Applied{}, err
	}
	best, err := choose(c, offers)
	if err != nil {
		return Applied{}, err
	}
	return Applied{
		Discounts: best.discounts, Lines: best.remaining(c), Total: c.amount(best.total),
		Refused: refusals(tried, offers, best),
	}, nil
}

// offer is a promotion as it stands to a cart.
type offer struct {
	Promotion
	code     string // normalised
	about    []int
	obstacle Refusal // Reason "" for none
	asked    bool    // automatic, or its code was typed and counts
}

// offers checks the promotions and sorts them by rank, then id.
func (l Limits) offers(promotions []Promotion, c *cart, at time.Time, used Used) ([]offer, error) {
	if len(promotions) > l.MaxPromotions {
		return nil, tooLarge(fmt.Sprintf("a market can have at most %d promotions; remove those that ended", l.MaxPromotions))
	}
	offers, seen := make([]offer, len(promotions)), make(map[string]bool, len(promotions))
	for i, p := range promotions {
		if err := l.Check(p); err != nil {
			return nil, err
		}
		if seen[p.ID] {
			return nil, wrong(p, "there are two of this id; give each its own")
		}
		seen[p.ID] = true
		if err := c.sameCurrency(p); err != nil {
			return nil, err
		}
		offers[i] = offer{Promotion: p, code: Normalize(p.Code), about: c.about(p), asked: p.Code == ""}
	}
	slices.SortFunc(offers, func(a, b offer) int {
		return cmp.Or(cmp.Compare(b.Rank, a.Rank), cmp.Compare(a.ID, b.ID))
	})
	for i := range offers {
		offers[i].obstacle = offers[i].stands(c, at, used)
	}
	return offers, nil
}

func (c *cart) sameCurrency(p Promotion) error {
	for _, a := range []money.Amount{p.Amount, p.MinSubtotal} {
		if a.Minor != 0 && a.Currency != c.currency {
			return world.E(world.CodeConflict, "promotion.apply",
				fmt.Sprintf("promotion %q is in %q and the cart in %s; write it in the market's currency", clip(p.ID), clip(a.Currency), c.currency))
		}
	}
	return nil
}

// option is one way of applying promotions to a cart.
type option struct {
	members   []string // ids of the promotions that were applied
	discounts []Discount
	left      []int64 // of each line of the cart
	total     int64
}

// choose takes all that go together, or one exclusive promotion where that
// takes more off; of exclusive ones that take the same, the first.
func choose(c *cart, offers []offer) (option, error) {
	var together []offer
	var options [][]offer
	for _, o := range offers {
		switch {
		case !o.asked || o.obstacle.Reason != "":
		case o.Exclusive:
			options = append(options, []offer{o})
		default:
			together = append(together, o)
		}
	}
	best, err := c.take(together)
	for _, alone := range options {
		if err != nil {
			break
		}
		var other option
		if other, err = c.take(alone); other.total > best.total {
			best = other
		}
	}
	return best, world.Wrap("promotion.apply", err)
}

// take takes offers off a cart, one after the other.
func (c *cart) take(offers []offer) (option, error) {
	o := option{left: make([]int64, len(c.lines))}
	for i, line := range c.lines {
		o.left[i] = line.full
	}
	for _, offer := range offers {
		o.members = append(o.members, offer.ID)
		taken, err := c.off(offer.Promotion, offer.about, o.left)
		if err != nil {
			return option{}, err
		}
		d := Discount{Promotion: offer.ID, Label: offer.Label, Code: offer.code, Total: c.amount(0)}
		for i, minor := range taken {
			o.left[i] -= minor
			d.Total.Minor += minor
			d.Lines = append(d.Lines, LineDiscount{Line: c.lines[i].at, Amount: c.amount(minor)})
		}
		if d.Total.Minor > 0 {
			slices.SortFunc(d.Lines, func(a, b LineDiscount) int { return cmp.Compare(a.Line, b.Line) })
			o.discounts, o.total = append(o.discounts, d), o.total+d.Total.Minor
		}
	}
	return o, nil
}

// remaining is what is left of each line, as the lines were given.
func (o option) remaining(c *cart) []money.Amount {
	left := make([]money.Amount, len(c.lines))
	for i, line := range c.lines {
		left[line.at] = c.amount(o.left[i])
	}
	return left
}
