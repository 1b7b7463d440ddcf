// Package money is exact arithmetic on prices: amounts in minor units of a
// currency, percentages without floats, roundings that have a name, and the
// reading and printing of amounts for people. What is owed to a state is
// reckoned with it in package tax.
package money

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/bojanz/currency"

	"meridian/world"
)

// Amount is a sum of money. The zero Amount has no currency and fits nowhere.
type Amount struct {
	Minor    int64  `json:"minor"`    // in minor units: cents, yen, paise
	Currency string `json:"currency"` // ISO 4217 code, upper case
}

// New is an amount of minor units. It fails with [world.CodeInvalid] for a
// currency that is not in ISO 4217.
func New(minor int64, currency string) (Amount, error) {
	if _, err := Digits(currency); err != nil {
		return Amount{}, err
	}
	return Amount{Minor: minor, Currency: currency}, nil
}

// Digits is how many decimals the currency's minor unit has: 2 for EUR, 0 for
// JPY, 3 for KWD (ISO 4217 as CLDR has it). It fails with [world.CodeInvalid]
// for a currency that is not known.
func Digits(code string) (int, error) {
	d, ok := currency.GetDigits(code)
	if !ok {
		return 0, world.E(world.CodeInvalid, "money.digits",
			fmt.Sprintf("%q is not a currency; use an ISO 4217 code such as EUR", clip(code)))
	}
	return int(d), nil
}

// Add is a + b. It fails with [world.CodeConflict] for two currencies and with
// [world.CodeTooLarge] past an int64.
func (a Amount) Add(b Amount) (Amount, error) {
	if err := a.sameCurrency("money.add", b); err != nil {
		return Amount{}, err
	}
	sum := a.Minor + b.Minor
	if (b.Minor > 0 && sum < a.Minor) || (b.Minor < 0 && sum > a.Minor) {
		return Amount{}, overflow("money.add")
	}
	return Amount{Minor: sum, Currency: a.Currency}, nil
}

// Sub is a - b. It fails as [Amount.Add] does.
func (a Amount) Sub(b Amount) (Amount, error) {
	if err := a.sameCurrency("money.sub", b); err != nil {
		return Amount{}, err
	}
	diff := a.Minor - b.Minor
	if (b.Minor > 0 && diff > a.Minor) || (b.Minor < 0 && diff < a.Minor) {
		return Amount{}, overflow("money.sub")
	}
	return Amount{Minor: diff, Currency: a.Currency}, nil
}

// Mul is a × n. It fails with [world.CodeTooLarge] past an int64.
func (a Amount) Mul(n int) (Amount, error) {
	if a.Minor == 0 || n == 0 {
		return Amount{Currency: a.Currency}, nil
	}
	product := a.Minor * int64(n)
	// MinInt64 × -1 divides back to itself, so the quotient alone cannot tell.
	wrapped := (a.Minor == math.MinInt64 && n == -1) || (int64(n) == math.MinInt64 && a.Minor == -1)
	if wrapped || product/int64(n) != a.Minor {
		return Amount{}, overflow("money.mul")
	}
	return Amount{Minor: product, Currency: a.Currency}, nil
}

// Compare is negative when a < b, zero when they are equal, positive when a > b.
// It fails with [world.CodeConflict] for two currencies.
func (a Amount) Compare(b Amount) (int, error) {
	if err := a.sameCurrency("money.compare", b); err != nil {
		return 0, err
	}
	return cmp.Compare(a.Minor, b.Minor), nil
}

// Sum adds amounts of one currency; of none it is zero in that currency. It
// fails as [Amount.Add] does. An intermediate overflow fails too, even when
// the whole would fit.
func Sum(currency string, amounts ...Amount) (Amount, error) {
	total, err := New(0, currency)
	if err != nil {
		return Amount{}, err
	}
	for _, a := range amounts {
		if total, err = total.Add(a); err != nil {
			return Amount{}, err
		}
	}
	return total, nil
}

// Decimal is the amount without its currency, with a point and all the
// decimals that the currency has: "34.90", "-0.05", "1200". An amount of an
// unknown currency is printed in whole minor units.
func (a Amount) Decimal() string {
	digits, err := Digits(a.Currency)
	if err != nil || digits == 0 {
		return strconv.FormatInt(a.Minor, 10)
	}
	sign, text := "", strconv.FormatInt(a.Minor, 10)
	if text[0] == '-' {
		sign, text = "-", text[1:]
	}
	if short := digits + 1 - len(text); short > 0 {
		text = strings.Repeat("0", short) + text
	}
	cut := len(text) - digits
	return sign + text[:cut] + "." + text[cut:]
}

// String is for logs and for programs: "34.90 EUR". Visitors are shown [Amount.Format].
func (a Amount) String() string { return a.Decimal() + " " + a.Currency }

func (a Amount) sameCurrency(op string, b Amount) error {
	if a.Currency == b.Currency && a.Currency != "" {
		return nil
	}
	return world.E(world.CodeConflict, op,
		fmt.Sprintf("amounts in %q and %q cannot be reckoned together; convert one first",
			clip(a.Currency), clip(b.Currency)))
}

func overflow(op string) error {
	return world.E(world.CodeTooLarge, op, "the amount is too large to be reckoned with; use smaller amounts")
}

// clip keeps a text from outside short in a message.
func clip(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
