package money_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/engine/money"
	"meridian/world"
)

func TestParseAccepts(t *testing.T) {
	for _, c := range []struct {
		text, currency, locale string
		want                   int64
	}{
		{"34.90", "EUR", "", 3490},
		{"34.9", "EUR", "", 3490},
		{"34", "EUR", "", 3400},
		{" 34.90 ", "EUR", "", 3490},
		{"\u00a034.90\u00a0", "EUR", "", 3490},
		{"0", "EUR", "", 0},
		{"0034.90", "EUR", "", 3490},
		{"34,90", "EUR", "de-DE", 3490},
		{"34.90", "EUR", "de-DE", 3490},
		{"34,90", "EUR", "fr-FR", 3490},
		{"34,90", "SEK", "sv-SE", 3490},
		{"34.90", "INR", "hi-IN", 3490},
		{"1200", "JPY", "ja-JP", 1200},
		{"1.200", "KWD", "", 1200},
		{"1.200", "KWD", "en-US", 1200},
		{"1,200", "KWD", "de-DE", 1200},
	} {
		form := money.PriceForm{Currency: c.currency, Locale: c.locale}
		got, err := form.Parse(c.text)
		if err != nil || got != (money.Amount{Minor: c.want, Currency: c.currency}) {
			t.Errorf("%q %s %s: got %v, %v; want %d", c.text, c.currency, c.locale, got, err, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ text, currency, locale string }{
		{"", "EUR", ""},
		{"-1", "EUR", ""},
		{"+1", "EUR", ""},
		{"−1", "EUR", "sv-SE"},
		{"1e3", "EUR", ""},
		{"34,90", "EUR", ""},
		{"34,90", "EUR", "en-GB"},
		{"34.901", "EUR", ""},
		{"1.234", "EUR", "de-DE"},
		{"1,234", "EUR", "en-US"},
		{"1.234,50", "EUR", "de-DE"},
		{"1,234.50", "USD", "en-US"},
		{"1.200", "KWD", "de-DE"}, // a thousand there
		{"12.0", "JPY", "ja-JP"},
		{".5", "EUR", ""},
		{"5.", "EUR", ""},
		{"1 000", "EUR", "fr-FR"},
		{"€5", "EUR", "de-DE"},
		{"５", "JPY", "ja-JP"},
		{"0x10", "EUR", ""},
		{"NaN", "EUR", ""},
		{"\xff", "EUR", ""},
		{strings.Repeat("0", 41), "EUR", ""},
		{"5", "XYZ", ""},
		{"5", "", ""},
	} {
		form := money.PriceForm{Currency: c.currency, Locale: c.locale}
		if got, err := form.Parse(c.text); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%q %s %s: got %v, %v", c.text, c.currency, c.locale, got, err)
		}
	}
}

func TestParseStopsAtTheHighestPrice(t *testing.T) {
	if got, err := money.Parse("10000000000.00", "EUR"); err != nil || got.Minor != money.DefaultMaxMinor {
		t.Errorf("the highest: %v, %v", got, err)
	}
	for _, text := range []string{"10000000000.01", "99999999999999999999999999"} {
		if got, err := money.Parse(text, "EUR"); !world.Is(err, world.CodeTooLarge) {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	form := money.PriceForm{Currency: "JPY", MaxMinor: 500}
	if got, err := form.Parse("500"); err != nil || got.Minor != 500 {
		t.Errorf("its own highest: %v, %v", got, err)
	}
	if _, err := form.Parse("501"); !world.Is(err, world.CodeTooLarge) || !strings.Contains(err.Error(), "500 JPY") {
		t.Errorf("above its own highest: %v", err)
	}
}

func TestMessagesShowWhatToWrite(t *testing.T) {
	_, err := money.PriceForm{Currency: "EUR", Locale: "de-DE"}.Parse("12,345")
	for _, part := range []string{`"12,345"`, "EUR has 2 decimals", "34,90"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
}

func TestParseReadsBackWhatIsPrinted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := money.Amount{
			Minor:    rapid.Int64Range(0, math.MaxInt64).Draw(t, "minor"),
			Currency: rapid.SampledFrom(currencies).Draw(t, "currency"),
		}
		form := money.PriceForm{Currency: a.Currency, MaxMinor: math.MaxInt64}
		if back, err := form.Parse(a.Decimal()); err != nil || back != a {
			t.Fatalf("%v came back as %v, %v", a, back, err)
		}
		form.Locale = "de-DE"
		if back, err := form.Parse(strings.Replace(a.Decimal(), ".", ",", 1)); err != nil || back != a {
			t.Fatalf("%v in German came back as %v, %v", a, back, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"34.90", "34,90", "1.234,56", "-1", "1e9", "9223372036854775808", "５", "\xff", " 1 "} {
		f.Add(text, "EUR", "de-DE")
		f.Add(text, "JPY", "")
		f.Add(text, "KWD", "en-US")
	}
	f.Fuzz(func(t *testing.T, text, currency, locale string) {
		a, err := money.PriceForm{Currency: currency, Locale: locale}.Parse(text)
		if err != nil {
			if world.CodeOf(err) == world.CodeInternal {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if a.Minor < 0 || a.Minor > money.DefaultMaxMinor || a.Currency != currency {
			t.Fatalf("%q was read as %v", text, a)
		}
		if back, err := money.Parse(a.Decimal(), currency); err != nil || back != a {
			t.Fatalf("%q is %v, which reads as %v, %v", text, a, back, err)
		}
	})
}
