package money

import (
	"strings"
	"unicode"

	"github.com/bojanz/currency"
)

// Format is the amount as a visitor of the locale (BCP 47) expects it, by CLDR:
// "1.234.567,50 €" for de-DE. A locale that is not known is printed as its
// language is, else as English. An amount of an unknown currency is printed as
// [Amount.String] has it. [ParseFormatted] reads it back.
func (a Amount) Format(locale string) string {
	value, err := currency.NewAmountFromInt64(a.Minor, a.Currency)
	if err != nil {
		return a.String()
	}
	return formatter(locale).Format(value)
}

// FormatUnit is a price in major units ("4.8567"), which may be finer than the
// currency's minor unit, as [Amount.Format] has amounts: with no more decimals than
// it needs and no fewer than the currency has, at most six. What is no number, or of
// a currency that is not known, is returned as it is.
func FormatUnit(number, code, locale string) string {
	value, err := currency.NewAmount(number, code)
	if err != nil {
		return number
	}
	f := formatter(locale)
	f.MaxDigits = 6
	return f.Format(value)
}

// Decimal is a number with a point as a locale (BCP 47) writes it: "7,5" for de-DE.
// No groups are made.
func Decimal(number, locale string) string {
	if strings.Contains(Amount{Minor: 1050, Currency: "EUR"}.Format(locale), "10,50") {
		return strings.Replace(number, ".", ",", 1)
	}
	return number
}

func formatter(locale string) *currency.Formatter {
	known := currency.NewLocale(locale)
	f := currency.NewFormatter(known)
	// The library would print up to six decimals; a price has its currency's.
	f.MaxDigits = currency.DefaultDigits
	f.SymbolMap = symbolsOf(known)
	return f
}

// separators are the locale's decimal and group separators. The library keeps
// its tables to itself, so they are read off a number that it prints.
func separators(locale string) (decimal, group rune) {
	f := formatter(locale)
	f.CurrencyDisplay = currency.DisplayNone
	sample, err := currency.NewAmountFromInt64(123456789, "EUR")
	if err != nil {
		return '.', 0
	}
	var marks []rune
	for _, r := range f.Format(sample) {
		if !unicode.IsDigit(r) && !unicode.Is(unicode.Cf, r) {
			marks = append(marks, r)
		}
	}
	if len(marks) == 0 {
		return '.', 0
	}
	decimal = marks[len(marks)-1]
	if len(marks) > 1 {
		group = marks[0]
	}
	return decimal, group
}
