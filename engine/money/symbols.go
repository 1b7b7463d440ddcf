package money

import (
	"strings"

	"github.com/bojanz/currency"
)

// codeSymbols are the currencies that a locale writes by their codes though
// English has a sign for them: "1 200 JPY" in Sweden. CLDR gives the code as
// the symbol there; the library takes a code for a symbol that is missing, and
// would print the English sign. Rows are by locale, or by language for all its
// locales that have none. Read from CLDR 48 as ICU 78.2 has it.
var codeSymbols = map[string]string{
	"ar":    "PHP",
	"da":    "PHP",
	"de":    "PHP",
	"de-CH": "EUR PHP",
	"en-AU": "BRL CAD CNY EUR GBP HKD ILS INR JPY KRW MXN NZD PHP TWD USD VND XAF XCD XOF",
	"es":    "AUD BRL CAD CNY GBP HKD ILS INR JPY KRW MXN NZD PHP TWD XAF XCD XOF",
	"es-MX": "AUD BRL CAD CNY EUR GBP HKD ILS INR JPY KRW NZD PHP TWD USD VND XAF XCD XOF",
	"es-US": "AUD BRL CAD CNY EUR GBP HKD ILS INR KRW MXN NZD PHP TWD VND XAF XCD XOF",
	"fi":    "AUD BRL CAD CNY HKD ILS INR KRW MXN NZD PHP TWD VND XCD XPF",
	"fr":    "CNY HKD JPY PHP TWD XCD",
	"fr-CA": "ILS INR KRW MXN PHP TWD VND XAF XCD XOF XPF",
	"hi":    "PHP",
	"it":    "BRL HKD INR JPY KRW MXN TWD USD VND",
	"ja":    "PHP",
	"ko":    "PHP",
	"nb":    "AUD BRL CAD CNY HKD ILS INR JPY KRW MXN NZD PHP TWD USD VND XAF XCD XPF",
	"nl":    "PHP XPF",
	"pl":    "AUD CAD CNY GBP HKD ILS INR JPY KRW MXN NZD PHP TWD USD VND",
	"pt":    "PHP",
	"sv":    "AUD CNY GBP HKD INR JPY KRW NZD PHP TWD VND",
}

// symbolsOf is what the library is to print in place of its own symbols.
func symbolsOf(locale currency.Locale) map[string]string {
	row, ok := codeSymbols[locale.String()]
	if !ok {
		row = codeSymbols[locale.Language]
	}
	symbols := make(map[string]string)
	for code := range strings.FieldsSeq(row) {
		symbols[code] = code
	}
	return symbols
}
