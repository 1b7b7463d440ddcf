// Package promotion lowers a cart's lines by what the shop gives away: a
// percentage, an amount, or the cheapest pieces of several, of itself or for a
// code. What is left of a line is what package tax then reckons from, so a
// discount lowers the tax in shops of either kind.
package promotion

import (
	"fmt"
	"time"

	"meridian/engine/money"
	"meridian/world"
)

// Kind is how a promotion lowers prices.
type Kind string

// The kinds.
const (
	Percent  Kind = "percent"     // a share of the lines that it is about
	Amount   Kind = "amount"      // a sum off those lines together, once an order
	BuyXGetY Kind = "buy_x_get_y" // Get pieces are free for every Buy + Get, the cheapest of all
)

const whole = money.Rate(1_000_000) // 100 %, in parts per million

// Promotion is one offer of a market. Its zero dates are open ends, its zero
// limits no limits.
type Promotion struct {
	ID          string       `json:"id"`                      // unique in its market
	Label       string       `json:"label"`                   // what buyers read, in their language
	Kind        Kind         `json:"kind"`                    //
	Percent     money.Rate   `json:"percent,omitempty"`       // of [Percent]: above 0, at most 100 %
	Amount      money.Amount `json:"amount,omitzero"`         // of [Amount]: positive
	Buy         int          `json:"buy,omitempty"`           // of [BuyXGetY]: pieces that are paid for
	Get         int          `json:"get,omitempty"`           // and pieces that are free with them
	Code        string       `json:"code,omitempty"`          // what a buyer types for it; "" applies of itself
	SKUs        []string     `json:"skus,omitempty"`          // what it is about; with no SKU and
	Categories  []string     `json:"categories,omitempty"`    // no category named, everything
	MinSubtotal money.Amount `json:"min_subtotal,omitzero"`   // of what it is about, at prices before any discount
	From        time.Time    `json:"from,omitzero"`           // the first moment
	To          time.Time    `json:"to,omitzero"`             // the first moment after it
	Exclusive   bool         `json:"exclusive,omitempty"`     // never beside another
	Rank        int          `json:"rank,omitempty"`          // those that go together: the highest first
	MaxUses     int          `json:"max_uses,omitempty"`      // orders
	MaxPerBuyer int          `json:"max_per_buyer,omitempty"` // orders of one buyer
}

// Limits bound the work of one cart. Every one of them must be positive.
type Limits struct {
	MaxPromotions int // in force or not, that are looked through
	MaxTargets    int // SKUs and categories of one promotion
	MaxPieces     int // that one [BuyXGetY] buys and gets
	MaxLines      int // of a cart
	MaxQuantity   int // of a line
	MaxCodes      int // that take effect on one order
	MaxTried      int // codes that are looked up for one order
}

// DefaultLimits are a shop's offers. One code an order is what buyers expect;
// a shop that allows more sets MaxCodes.
var DefaultLimits = Limits{MaxPromotions: 200, MaxTargets: 500, MaxPieces: 100, MaxLines: 100, MaxQuantity: 10_000, MaxCodes: 1, MaxTried: 5}

// Check tells whether a promotion can be kept. It fails with
// [world.CodeInvalid], saying what to mend, and with [world.CodeTooLarge] past
// a limit.
func (l Limits) Check(p Promotion) error {
	if p.ID == "" {
		return refuse("a promotion has no id; give it one")
	}
	if p.Code != "" && !codeForm(Normalize(p.Code)) {
		return wrong(p, fmt.Sprintf("a code is %d to %d letters A to Z and digits, with hyphens between", MinCode, MaxCode))
	}
	if !p.From.IsZero() && !p.To.IsZero() && !p.From.Before(p.To) {
		return wrong(p, "it ends before it begins; put its end later")
	}
	if p.MaxUses < 0 || p.MaxPerBuyer < 0 || p.MinSubtotal.Minor < 0 {
		return wrong(p, "a limit is negative; leave it out for none")
	}
	if n := len(p.SKUs) + len(p.Categories); n > l.MaxTargets {
		return tooLarge(fmt.Sprintf("promotion %q names %d products and categories, of at most %d; name a category", clip(p.ID), n, l.MaxTargets))
	}
	return l.checkKind(p)
}

func (l Limits) checkKind(p Promotion) error {
	switch p.Kind {
	case Percent:
		if p.Percent <= 0 || p.Percent > whole {
			return wrong(p, "its percentage is not above 0 and at most 100")
		}
	case Amount:
		if _, err := money.Digits(p.Amount.Currency); err != nil || p.Amount.Minor <= 0 {
			return wrong(p, "its amount is not a positive sum of a currency")
		}
	case BuyXGetY:
		if p.Buy < 1 || p.Get < 1 {
			return wrong(p, "it needs at least one piece to buy and one to get")
		}
		if p.Buy > l.MaxPieces || p.Get > l.MaxPieces-p.Buy {
			return tooLarge(fmt.Sprintf("promotion %q is about more than %d pieces at once; make it smaller", clip(p.ID), l.MaxPieces))
		}
	default:
		return wrong(p, fmt.Sprintf("%q is no kind; use %s, %s or %s", clip(string(p.Kind)), Percent, Amount, BuyXGetY))
	}
	return nil
}

func (p Promotion) notYet(at time.Time) bool { return !p.From.IsZero() && at.Before(p.From) }

func (p Promotion) ended(at time.Time) bool { return !p.To.IsZero() && !at.Before(p.To) }

func wrong(p Promotion, what string) error {
	return refuse(fmt.Sprintf("promotion %q: %s", clip(p.ID), what))
}

func refuse(message string) error {
	return world.E(world.CodeInvalid, "promotion.check", message)
}

func tooLarge(message string) error {
	return world.E(world.CodeTooLarge, "promotion.check", message)
}

// clip keeps a text from outside short in a message.
func clip(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
