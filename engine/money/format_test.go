package money_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/engine/money"
)

func TestFormatPrintsTheMarketsTable(t *testing.T) {
	for _, c := range []struct {
		locale, currency string
		minor            int64
		want             string
	}{
		{"en-US", "USD", 123456750, "$1,234,567.50"},
		{"en-GB", "GBP", 123456750, "£1,234,567.50"},
		{"de-DE", "EUR", 123456750, "1.234.567,50\u00a0€"},
		{"fr-FR", "EUR", 123456750, "1\u202f234\u202f567,50\u00a0€"},
		{"sv-SE", "SEK", 123456750, "1\u00a0234\u00a0567,50\u00a0kr"},
		{"sv-SE", "SEK", -123456750, "\u22121\u00a0234\u00a0567,50\u00a0kr"},
		{"ja-JP", "JPY", 1234568, "\uffe51,234,568"},
		{"en-IN", "INR", 123456750, "₹12,34,567.50"},
		{"hi-IN", "INR", 123456750, "₹12,34,567.50"},
		{"en-SG", "SGD", 123456750, "$1,234,567.50"},
	} {
		if got := (money.Amount{Minor: c.minor, Currency: c.currency}).Format(c.locale); got != c.want {
			t.Errorf("%s %s %d: got %+q, want %+q", c.locale, c.currency, c.minor, got, c.want)
		}
	}
}

func TestFormatFallsBack(t *testing.T) {
	if got := (money.Amount{Minor: 1250, Currency: "EUR"}).Format("xx-XX"); got != "€12.50" {
		t.Errorf("unknown locale: %q", got)
	}
	if got := (money.Amount{Minor: 1250, Currency: "???"}).Format("de-DE"); got != "1250 ???" {
		t.Errorf("unknown currency: %q", got)
	}
}

// What a locale prints is, without groups, sign and symbol, what an owner of that
// locale may type.
func TestPrintedDigitsAreTheAmount(t *testing.T) {
	locales := []string{"en-US", "en-GB", "de-DE", "fr-FR", "ja-JP", "en-IN", "hi-IN", "sv-SE"}
	rapid.Check(t, func(t *rapid.T) {
		a := money.Amount{Minor: rapid.Int64().Draw(t, "minor"), Currency: rapid.SampledFrom(currencies).Draw(t, "currency")}
		locale := rapid.SampledFrom(locales).Draw(t, "locale")
		digits := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, a.Format(locale))
		want := strings.NewReplacer("-", "", ".", "").Replace(a.Decimal())
		if digits != want {
			t.Fatalf("%v in %s has the digits %q, want %q", a, locale, digits, want)
		}
	})
}

func TestFormatUnit(t *testing.T) {
	for _, c := range []struct{ number, currency, locale, want string }{
		{"4.8600", "EUR", "de-DE", "4,86\u00a0€"},
		{"1113.4250", "USD", "en-US", "$1,113.425"},
		{"4538.0000", "JPY", "ja-JP", "￥4,538"},
		{"0.3333", "GBP", "en-GB", "£0.3333"},
		{"123456.5000", "INR", "en-IN", "₹1,23,456.50"},
		{"-2.5000", "EUR", "en-GB", "-€2.50"},
		{"x", "EUR", "de-DE", "x"},
	} {
		if got := money.FormatUnit(c.number, c.currency, c.locale); got != c.want {
			t.Errorf("%s %s in %s: %q, want %q", c.number, c.currency, c.locale, got, c.want)
		}
	}
}
