package money

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"meridian/world"
)

// Charm names the endings that an owner's prices have: with "end_99" a price
// of 12.34 becomes 11.99. It is a tool for owners, for prices that were
// converted or raised by a percentage; nothing is charged by it that an owner
// has not saved as a price.
type Charm struct {
	Name   string // "end_99"
	Period int64  // in minor units: prices of the rule lie this far apart
	Ending int64  // in minor units, below the period: what is beyond a multiple of it
}

// asItIs is a charm that everybody may choose: any whole minor unit.
var asItIs = Charm{Name: "as_it_is", Period: 1}

// charms by currency, the usual one first. These are customs of trade, not law;
// an owner may take another of the row, and "as_it_is" always.
var charms = map[string][]Charm{
	"USD": cents, "GBP": cents, "EUR": cents, "SGD": cents, "AUD": cents, "CAD": cents, "NZD": cents,
	"CHF": {{"end_95", 100, 95}, {"end_90", 100, 90}, {"whole", 100, 0}}, // no coin below 0.05
	"SEK": wholeNines, "NOK": wholeNines, "DKK": wholeNines,
	"INR": wholeNines,
	"JPY": {{"tens", 10, 0}, {"end_80", 100, 80}, {"end_98", 100, 98}, {"hundreds", 100, 0}},
}

var (
	cents = []Charm{{"end_99", 100, 99}, {"end_95", 100, 95}, {"end_90", 100, 90}, {"end_50", 100, 50}, {"whole", 100, 0}}
	// 9, 19, 29 whole units, without decimals; or 99, 199; or tens.
	wholeNines = []Charm{{"nines", 1000, 900}, {"end_99", 10_000, 9900}, {"fives", 500, 0}, {"tens", 1000, 0}, {"whole", 100, 0}}
)

// Charms are the rules that an owner may choose from for a currency, the usual
// one first, and last "as_it_is", which holds for every currency.
func Charms(currency string) []Charm {
	return append(slices.Clone(charms[currency]), asItIs)
}

// CharmOf is a currency's rule by its name; "" takes the usual one. It fails
// with [world.CodeInvalid] for a name that the currency has not, and names those
// that it has.
func CharmOf(currency, name string) (Charm, error) {
	known := Charms(currency)
	if name == "" {
		return known[0], nil
	}
	var names []string
	for _, charm := range known {
		if charm.Name == name {
			return charm, nil
		}
		names = append(names, charm.Name)
	}
	return Charm{}, world.E(world.CodeInvalid, "money.charm",
		fmt.Sprintf("%q is not a rule for prices in %s; use %s", clip(name), clip(currency), strings.Join(names, ", ")))
}

// Put is the rule's price nearest to an exact number of minor units; half-way
// it is the higher one. What is free stays free, and what is not never becomes
// so: the least price is the rule's first above nothing. It fails with
// [world.CodeInvalid] for a price below nothing or a rule that is none, and
// with [world.CodeTooLarge] past an int64.
func (c Charm) Put(exact *big.Rat, currency string) (Amount, error) {
	if c.Period < 1 || c.Ending < 0 || c.Ending >= c.Period {
		return Amount{}, world.E(world.CodeInvalid, "money.charm", "the rule's ending is not below its period; take one of money.Charms")
	}
	if exact.Sign() < 0 {
		return Amount{}, world.E(world.CodeInvalid, "money.charm", "a price is not below nothing; use 0 or more")
	}
	if exact.Sign() == 0 {
		return New(0, currency)
	}
	if _, err := Digits(currency); err != nil {
		return Amount{}, err
	}
	beyond := new(big.Rat).Sub(exact, new(big.Rat).SetInt64(c.Ending))
	periods, err := RoundRat(beyond.Quo(beyond, new(big.Rat).SetInt64(c.Period)), HalfUp)
	if err != nil {
		return Amount{}, err
	}
	first := int64(0)
	if c.Ending == 0 {
		first = 1
	}
	minor := new(big.Int).Mul(big.NewInt(max(periods, first)), big.NewInt(c.Period))
	return wholeMinor(minor.Add(minor, big.NewInt(c.Ending)), currency, "money.charm")
}

// Raise is a price changed by a rate, down for one below 0, and put to the rule,
// both in one step: nothing is rounded in between. It fails as [Charm.Put]
// does, so also for a rate below -100 %.
func (c Charm) Raise(price Amount, by Rate) (Amount, error) {
	factor := new(big.Rat).Add(big.NewRat(1, 1), by.Rat())
	return c.Put(factor.Mul(factor, new(big.Rat).SetInt64(price.Minor)), price.Currency)
}
