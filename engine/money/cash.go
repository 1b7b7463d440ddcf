package money

import (
	"fmt"
	"math/big"

	"meridian/world"
)

// Cash is how a currency's sums are rounded when they are paid in coins, where
// the smallest coin is larger than the minor unit. It is for the whole of what
// is paid, once: never for a line, a tax or a payment by card.
type Cash struct {
	Currency string   // ISO 4217
	Step     int64    // the smallest coin, in minor units
	Rounding Rounding // to a multiple of it
	Since    string   // the day from which this coin is the smallest, YYYY-MM-DD
	Source   string   // who says so
}

// cashRules are reviewed by hand. A currency without a row is paid to the minor
// unit. Left out on purpose: EUR, where each state that rounds (Finland,
// Belgium, Ireland ...) has a law of its own and the currency alone does not
// tell; NZD, where a sum half-way between coins is the merchant's choice; INR
// and USD, which have lost coins but have no rule of rounding.
var cashRules = []Cash{
	{"AUD", 5, HalfUp, "1992-02-01", "Royal Australian Mint: 1 and 2 cent coins withdrawn; CLDR is silent"},
	{"CAD", 5, HalfUp, "2013-02-04", "Department of Finance Canada, rounding guidelines on the end of the cent; CLDR cashRounding 5"},
	{"CHF", 5, HalfUp, "2007-01-01", "Swissmint: the 1 Rappen coin withdrawn, 5 Rappen the smallest; CLDR cashRounding 5"},
	{"CZK", 100, HalfUp, "2008-09-01", "Act 634/1992 Coll. § 3(1)(c), to the nearest coin in circulation; CLDR cashDigits 0"},
	{"DKK", 50, HalfUp, "2008-10-01", "Danmarks Nationalbank: the 25 øre coin withdrawn; CLDR cashRounding 50"},
	{"HUF", 500, HalfUp, "2008-03-01", "Act III of 2008 on the withdrawal of the 1 and 2 forint coins"},
	{"NOK", 100, HalfUp, "2012-05-01", "Norges Bank: the 50 øre coin withdrawn; CLDR cashDigits 0"},
	{"SEK", 100, HalfUp, "2010-10-01", "Sveriges riksbank: the 50 öre coin withdrawn, 1 to 49 öre down, 50 to 99 up; CLDR cashDigits 0"},
}

// CashOf is how a currency is rounded in cash; ok is false for one that is paid
// to the minor unit (JPY, GBP).
func CashOf(currency string) (rule Cash, ok bool) {
	for _, rule := range cashRules {
		if rule.Currency == currency {
			return rule, true
		}
	}
	return Cash{}, false
}

// InCash is what is paid in coins for the amount, and how much more that is
// than the amount (less: negative). Books show the difference as a line of its
// own; the sale and its tax stay as they are. A currency without a rule in
// [CashOf] is paid as it is. It fails with [world.CodeTooLarge] past an int64.
func (a Amount) InCash() (paid, difference Amount, err error) {
	rule, ok := CashOf(a.Currency)
	if !ok {
		return a, Amount{Currency: a.Currency}, nil
	}
	if paid, err = a.RoundTo(rule.Step, rule.Rounding); err != nil {
		return Amount{}, Amount{}, err
	}
	difference, err = paid.Sub(a)
	return paid, difference, err
}

// RoundTo is the amount as a multiple of step minor units. It fails with
// [world.CodeInvalid] for a step below 1 or an unknown rounding, and with
// [world.CodeTooLarge] past an int64.
func (a Amount) RoundTo(step int64, rounding Rounding) (Amount, error) {
	if step < 1 {
		return Amount{}, world.E(world.CodeInvalid, "money.round_to",
			fmt.Sprintf("%d minor units are no step to round to; use 1 or more", step))
	}
	steps, err := RoundRat(big.NewRat(a.Minor, step), rounding)
	if err != nil {
		return Amount{}, err
	}
	return wholeMinor(new(big.Int).Mul(big.NewInt(steps), big.NewInt(step)), a.Currency, "money.round_to")
}

// wholeMinor is an amount of so many minor units, if they fit.
func wholeMinor(minor *big.Int, currency, op string) (Amount, error) {
	if !minor.IsInt64() {
		return Amount{}, overflow(op)
	}
	return Amount{Minor: minor.Int64(), Currency: currency}, nil
}
