package money

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"meridian/world"
)

// Rate is an exact share in parts per million: 7 % is 70000, 0.125 % is 1250.
// As text, in JSON too, it is a percentage: "7", "0.125".
type Rate int64

// The bounds of a rate. Four decimals of a percent hold every tax rate that is
// law today (New York City's 8.875 among them).
const (
	RateDecimals         = 4                // of a percent
	partsPerPercent      = 10_000           // ten to the RateDecimals
	partsPerOne          = 1_000_000        // the whole
	MaxRate         Rate = 10_000_000       // 1000 %: more is a slip of the pen
	maxRateText          = len("1000.0000") // bytes
)

// ParsePercent reads a percentage: "5.5", "0.125", "0". It fails with
// [world.CodeInvalid] for signs, exponents, more than [RateDecimals] decimals
// and rates above [MaxRate].
func ParsePercent(text string) (Rate, error) {
	whole, fraction, ok := splitDecimal(text, '.')
	if !ok || len(text) > maxRateText {
		return 0, rateError(text, "write it with digits and a point, such as 5.5")
	}
	if len(fraction) > RateDecimals {
		return 0, rateError(text, fmt.Sprintf("at most %d decimals", RateDecimals))
	}
	parts, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", RateDecimals-len(fraction)), 10, 64)
	if err != nil || Rate(parts) > MaxRate {
		return 0, rateError(text, "at most "+MaxRate.Percent())
	}
	return Rate(parts), nil
}

// Percent is the rate as a percentage, as short as it can be said: "5.5".
func (r Rate) Percent() string {
	sign, parts := "", int64(r)
	if parts < 0 {
		sign, parts = "-", -parts
	}
	text := sign + strconv.FormatInt(parts/partsPerPercent, 10)
	if rest := parts % partsPerPercent; rest != 0 {
		text += "." + strings.TrimRight(fmt.Sprintf("%0*d", RateDecimals, rest), "0")
	}
	return text
}

// Rat is the rate as an exact fraction of one: 7 % is 7/100.
func (r Rate) Rat() *big.Rat { return big.NewRat(int64(r), partsPerOne) }

// MarshalText is [Rate.Percent].
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.Percent()), nil }

// UnmarshalText is [ParsePercent].
func (r *Rate) UnmarshalText(text []byte) error {
	parsed, err := ParsePercent(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}

func rateError(text, advice string) error {
	return world.E(world.CodeInvalid, "money.rate",
		fmt.Sprintf("%q is not a rate in percent: %s", clip(text), advice))
}

// splitDecimal cuts "digits" or "digits<point>digits". ok is false for
// anything else: signs, groups, spaces, a point without digits on both sides.
func splitDecimal(text string, point rune) (whole, fraction string, ok bool) {
	whole, fraction, found := strings.Cut(text, string(point))
	if !allDigits(whole) || (found && !allDigits(fraction)) {
		return "", "", false
	}
	return whole, fraction, true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
