package invoice

import (
	"bytes"
	_ "embed" // the page's template
	"fmt"
	"html/template"
	"regexp"
	"slices"

	"meridian/engine/money"
	"meridian/engine/tax"
	"meridian/world"
)

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("invoice").Parse(pageSource))

// Words gives the text of a key in a reader's language, with its placeholders filled
// in by pairs of names and values. "" for a text that there is not.
type Words func(key string, pairs ...any) string

// kinds are all, for the names that readers know them by.
var kinds = []Kind{Full, Simplified, Receipt, Supply, Mixed, Credit}

// TitleKey is the text that names a kind in a reader's language.
func (k Kind) TitleKey() string { return "invoice.kind_" + string(k) }

// PageKeys are the texts that a page asks for.
func PageKeys() []string {
	keys := []string{"invoice.date", "invoice.rate"}
	for _, m := range regexp.MustCompile(`\.T "([a-z0-9_.]+)"`).FindAllStringSubmatch(pageSource, -1) {
		keys = append(keys, m[1])
	}
	for _, k := range kinds {
		keys = append(keys, k.TitleKey())
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// page is what the template is given.
type page struct {
	Document
	Locale, CSS string
	words       Words
}

// Page is a document as HTML, to be read and printed: the law's own words as they
// are in the document, all others in a locale. css is the address of its style
// sheet. What the document lacks is not on it.
func (d Document) Page(locale string, words Words, css string) ([]byte, error) {
	var out bytes.Buffer
	err := pageTemplate.Execute(&out, page{Document: d, Locale: locale, CSS: css, words: words})
	return out.Bytes(), world.Wrap("invoice.page", err)
}

// T is a text in the reader's language.
func (p page) T(key string, pairs ...any) string { return p.words(key, pairs...) }

// Heading names the document in the reader's language.
func (p page) Heading() string { return p.words(p.Kind.TitleKey()) }

// Money prints an amount.
func (p page) Money(a money.Amount) string { return a.Format(p.Locale) }

// Rate prints a rate in percent.
func (p page) Rate(percent string) string {
	return p.words("invoice.rate", "Rate", money.Decimal(percent, p.Locale))
}

// Unit prints the price of a piece without tax, with the decimals that it needs and
// no fewer than the currency has.
func (p page) Unit(number string) string {
	return money.FormatUnit(number, p.Total.Net.Currency, p.Locale)
}

// Day prints a day.
func (p page) Day(d tax.Date) string {
	return p.words("invoice.date", "Year", d.Year, "Month", fmt.Sprintf("%02d", d.Month), "Day", fmt.Sprintf("%02d", d.Day))
}

// Codes tells whether a line has a code beside its goods.
func (p page) Codes() bool {
	return slices.ContainsFunc(p.Lines, func(l Line) bool { return l.Code != "" })
}
