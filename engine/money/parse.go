package money

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"meridian/world"
)

// The limits of a price that a person types, unless a [PriceForm] says otherwise.
const (
	DefaultMaxMinor = 1_000_000_000_000 // minor units: ten milliard euros
	maxPriceText    = 40                // bytes, spaces around it included
)

// PriceForm reads prices from a form.
type PriceForm struct {
	Currency string // ISO 4217
	Locale   string // BCP 47: its decimal separator is read beside the point; "" for the point alone
	MaxMinor int64  // the highest price, in minor units; 0 takes [DefaultMaxMinor]
}

// Parse reads a price without a locale: "34.90". See [PriceForm.Parse].
func Parse(text, currency string) (Amount, error) {
	return PriceForm{Currency: currency}.Parse(text)
}

// Parse reads a price: digits, then at most as many decimals as the currency
// has, after a point or the locale's separator. Spaces around it are dropped.
// Group separators are refused rather than guessed at: "1.234" is a thousand
// to one owner and one to another. It fails with [world.CodeInvalid], and with
// [world.CodeTooLarge] above the highest price; the message says what to write.
func (f PriceForm) Parse(text string) (Amount, error) {
	digits, err := Digits(f.Currency)
	if err != nil {
		return Amount{}, err
	}
	if len(text) > maxPriceText || !utf8.ValidString(text) {
		return Amount{}, priceError(world.CodeInvalid, text, f.example(digits))
	}
	text = strings.TrimSpace(text)
	whole, fraction, ok := f.split(text)
	if !ok {
		return Amount{}, priceError(world.CodeInvalid, text, f.example(digits))
	}
	if len(fraction) > digits {
		return Amount{}, priceError(world.CodeInvalid, text,
			fmt.Sprintf("%s has %d decimals; %s", f.Currency, digits, f.example(digits)))
	}
	return f.amount(text, whole+fraction+strings.Repeat("0", digits-len(fraction)))
}

func (f PriceForm) amount(text, minorDigits string) (Amount, error) {
	most := f.MaxMinor
	if most == 0 {
		most = DefaultMaxMinor
	}
	minor, err := strconv.ParseInt(minorDigits, 10, 64)
	if err != nil || minor > most {
		return Amount{}, priceError(world.CodeTooLarge, text,
			"the highest price is "+Amount{Minor: most, Currency: f.Currency}.String())
	}
	return Amount{Minor: minor, Currency: f.Currency}, nil
}

// split cuts a price at its decimal separator.
func (f PriceForm) split(text string) (whole, fraction string, ok bool) {
	point, group := '.', rune(0)
	if f.Locale != "" {
		point, group = separators(f.Locale)
	}
	if whole, fraction, ok = splitDecimal(text, point); ok {
		return whole, fraction, true
	}
	whole, fraction, ok = splitDecimal(text, '.')
	// Where the point parts groups, three digits behind it are most likely a
	// thousand, even in a currency that has three decimals.
	if ok && group == '.' && len(fraction) == 3 {
		return "", "", false
	}
	return whole, fraction, ok
}

func (f PriceForm) example(digits int) string {
	text := "write it without a sign or group separators, such as 34"
	if digits == 0 {
		return text
	}
	point := '.'
	if f.Locale != "" {
		point, _ = separators(f.Locale)
	}
	return text + string(point) + strings.Repeat("9", digits-1) + "0"
}

func priceError(code world.Code, text, advice string) error {
	return world.E(code, "money.parse", fmt.Sprintf("%q is not a price: %s", clip(strings.ToValidUTF8(text, "�")), advice))
}
