package stripe

import (
	"fmt"
	"slices"
	"strings"

	"meridian/engine/money"
	"meridian/world"
)

// How many decimals Stripe counts a currency by, where it is not two
// (docs.stripe.com/currencies, read with API version 2026-03-25). ISK and UGX
// have none by ISO 4217 and yet are told with two, which must be 00: so they
// stand in no list. HUF and TWD have two here; only payouts are whole.
var (
	zeroDecimal  = []string{"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
	threeDecimal = []string{"BHD", "JOD", "KWD", "OMR", "TND"}
)

// decimals is how many Stripe counts a currency by.
func decimals(currency string) int {
	switch {
	case slices.Contains(zeroDecimal, currency):
		return 0
	case slices.Contains(threeDecimal, currency):
		return 3
	}
	return 2
}

// maxAmount is the most that Stripe takes of most currencies: eight digits.
const maxAmount = 99_999_999

// toStripe is minor units, as ISO 4217 counts them, as Stripe counts them. It
// fails with unprocessed for what Stripe cannot say.
func toStripe(currency string, minor int64) (int64, error) {
	const op = "stripe.amount"
	digits, err := money.Digits(currency)
	if err != nil {
		return 0, world.Because(world.CodeUnprocessed, op, "There is no such currency.", err)
	}
	amount, exact := scale(minor, decimals(currency)-digits)
	switch {
	case minor < 1 || amount < 1 || amount > maxAmount:
		return 0, world.E(world.CodeUnprocessed, op, "Stripe does not take this amount.")
	case !exact, decimals(currency) == 3 && amount%10 != 0:
		return 0, world.E(world.CodeUnprocessed, op, fmt.Sprintf("Stripe cannot take so small a part of %s: round the total.", currency))
	}
	return amount, nil
}

// fromStripe is the other way.
func fromStripe(currency string, amount int64) (int64, error) {
	digits, err := money.Digits(currency)
	if err != nil {
		return 0, err
	}
	minor, exact := scale(amount, digits-decimals(currency))
	if !exact {
		return 0, world.E(world.CodeBadUpstream, "stripe.amount", "Stripe names an amount that the currency does not have.")
	}
	return minor, nil
}

// scale is n × 10^by; exact is false when that is no whole number, or too large.
func scale(n int64, by int) (_ int64, exact bool) {
	for ; by > 0; by-- {
		if n > 1<<58 || n < -(1<<58) {
			return 0, false
		}
		n *= 10
	}
	for ; by < 0; by++ {
		if n%10 != 0 {
			return 0, false
		}
		n /= 10
	}
	return n, true
}

// locales are the languages of Stripe's page that are of use to us by name
// (docs.stripe.com/js/appendix/supported_locales); others leave it to the browser.
var locales = []string{"bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fil", "fr", "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "ro", "ru", "sk", "sl", "sv", "th", "tr", "vi", "zh"}

// localeOf is what Stripe calls a locale (BCP 47).
func localeOf(locale string) string {
	language, _, _ := strings.Cut(locale, "-")
	switch {
	case locale == "en-GB":
		return locale
	case slices.Contains(locales, language):
		return language
	}
	return "auto"
}
