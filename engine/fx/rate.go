// Package fx reads lists of reference rates of exchange and converts amounts by
// them for display and for head office's sums. What it gives is no amount of
// money that anybody could charge: package money has those.
package fx

import (
	"fmt"
	"math/big"
	"strings"

	"meridian/engine/tax"
	"meridian/world"
)

// Base is the currency that every rate is for one of (the ECB's reference rates
// are units of a currency for one euro).
const Base = "EUR"

// maxRateText is the longest rate as text, in bytes, its point included. The
// longest that the ECB has published has nine.
const maxRateText = 24

// Rate is how many units of a currency one euro is, as it was published:
// "1.0867". It is above 0.
type Rate string

// ParseRate reads a rate: digits, or digits, a point and digits. It fails with
// [world.CodeInvalid] for anything else, so for signs, exponents, spaces and a
// rate of 0.
func ParseRate(text string) (Rate, error) {
	whole, fraction, found := strings.Cut(text, ".")
	if len(text) > maxRateText || !digits(whole) || found && !digits(fraction) || strings.Trim(text, "0.") == "" {
		return "", world.E(world.CodeInvalid, "fx.rate",
			fmt.Sprintf("%q is not a rate; write digits and a point, above 0, such as 1.0867", clip(text)))
	}
	return Rate(text), nil
}

// Rat is the rate as an exact fraction; nil for one that is none.
func (r Rate) Rat() *big.Rat {
	if _, err := ParseRate(string(r)); err != nil {
		return nil
	}
	x, _ := new(big.Rat).SetString(string(r)) // parsed
	return x
}

// Quote is one currency's rate of one day.
type Quote struct {
	Currency string   // ISO 4217, not [Base]
	Rate     Rate     //
	Day      tax.Date // of the list it stood on
	Source   string   // who published that
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// clip keeps a text from outside short in a message.
func clip(s string) string {
	const most = 40
	if r := []rune(strings.ToValidUTF8(s, "�")); len(r) > most {
		return string(r[:most]) + "…"
	}
	return strings.ToValidUTF8(s, "�")
}
