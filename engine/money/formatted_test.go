package money_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/engine/money"
	"meridian/world"
)

func TestParseFormattedForgivesWhatCopyingChanges(t *testing.T) {
	for _, c := range []struct {
		text, locale, currency string
		want                   int64
	}{
		{"1.234,50 €", "de-DE", "EUR", 123450},         // a plain space
		{" 1.234,50\u00a0€\n", "de-DE", "EUR", 123450}, // spaces around it
		{"-1 234,50 kr", "sv-SE", "SEK", -123450},      // hyphen for minus
		{"1\u202f234,50 €", "fr-FR", "EUR", 123450},    //
		{"\u200e$12.00", "en-US", "USD", 1200},         // a mark of direction
		{"١٬٢٣٤٫٥٠٠ د.ك.", "ar-KW", "KWD", 1234500},    // Arabic digits
		{"-$92,233,720,368,547,758.08", "en-US", "USD", -9223372036854775808},
	} {
		got, err := money.ParseFormatted(c.text, c.locale, c.currency)
		if err != nil || got != (money.Amount{Minor: c.want, Currency: c.currency}) {
			t.Errorf("%q: got %v, %v; want %d", c.text, got, err, c.want)
		}
	}
}

func TestParseFormattedRefusesWhatIsNotPrinted(t *testing.T) {
	for _, c := range []struct{ text, locale, currency string }{
		{"", "de-DE", "EUR"},
		{"€", "de-DE", "EUR"},
		{"12,50", "de-DE", "EUR"},      // no symbol
		{"€12,50", "de-DE", "EUR"},     // the wrong side
		{"1234,50 €", "de-DE", "EUR"},  // no group
		{"1.23,50 €", "de-DE", "EUR"},  // a group of two
		{"12.34,50 €", "de-DE", "EUR"}, //
		{"1,234.50 €", "de-DE", "EUR"}, // English separators
		{"12 €", "de-DE", "EUR"},       // no decimals
		{"12,500 €", "de-DE", "EUR"},   // one too many
		{"012,50 €", "de-DE", "EUR"},   //
		{"--12,50 €", "de-DE", "EUR"},  //
		{"12,50- €", "de-DE", "EUR"},   //
		{"-0,00 €", "de-DE", "EUR"},    // there is no amount below zero that prints so
		{"$12.50", "en-US", "EUR"},     // another currency's sign
		{"12,50 € 3", "de-DE", "EUR"},  //
		{"$12.50\xff", "en-US", "USD"}, //
		{"$12.50", "en-US", "XYZ"},     //
		{"$1" + strings.Repeat(" ", 160), "en-US", "USD"},
	} {
		if got, err := money.ParseFormatted(c.text, c.locale, c.currency); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%q: got %v, %v", c.text, got, err)
		}
	}
	if _, err := money.ParseFormatted("$92,233,720,368,547,758.08", "en-US", "USD"); !world.Is(err, world.CodeTooLarge) {
		t.Errorf("past an int64: %v", err)
	}
	_, err := money.ParseFormatted("12", "de-DE", "EUR")
	if err == nil || !strings.Contains(err.Error(), `1.234,50`) {
		t.Errorf("%v does not show what to write", err)
	}
}

func TestEveryAmountSurvivesPrinting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := money.Amount{Minor: rapid.Int64().Draw(t, "minor"), Currency: rapid.SampledFrom(currencies).Draw(t, "currency")}
		locale := rapid.SampledFrom(append(shippedLocales, "ar-KW", "de-CH", "fa-IR", "bn-BD", "xx")).Draw(t, "locale")
		if back, err := money.ParseFormatted(a.Format(locale), locale, a.Currency); err != nil || back != a {
			t.Fatalf("%v is printed %q, which reads as %v, %v", a, a.Format(locale), back, err)
		}
	})
}

func FuzzParseFormatted(f *testing.F) {
	for _, text := range []string{"1.234,50 €", "$12.00", "−1 234,50 kr", "٣", "", "-", "\xff", "￥1,200", "₹12,34,567.50"} {
		f.Add(text, "de-DE", "EUR")
		f.Add(text, "sv-SE", "SEK")
		f.Add(text, "hi-IN", "INR")
	}
	f.Fuzz(func(t *testing.T, text, locale, currency string) {
		a, err := money.ParseFormatted(text, locale, currency)
		if err != nil {
			if world.CodeOf(err) == world.CodeInternal {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if back, err := money.ParseFormatted(a.Format(locale), locale, currency); err != nil || back != a {
			t.Fatalf("%q reads as %v, printed %q, which reads as %v, %v", text, a, a.Format(locale), back, err)
		}
	})
}
