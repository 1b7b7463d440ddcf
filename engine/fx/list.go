package fx

import (
	"archive/zip"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"meridian/engine/money"
	"meridian/engine/tax"
	"meridian/world"
)

// ECB is the source of lists that do not name one.
const ECB = "European Central Bank"

// List is what was published for one day.
type List struct {
	Source string
	Day    tax.Date
	Rates  map[string]Rate // by currency, at least one
}

// Quotes are the list's rates one by one, by currency.
func (l List) Quotes() []Quote {
	out := make([]Quote, 0, len(l.Rates))
	for currency, rate := range l.Rates {
		out = append(out, Quote{Currency: currency, Rate: rate, Day: l.Day, Source: l.Source})
	}
	slices.SortFunc(out, func(a, b Quote) int { return cmp.Compare(a.Currency, b.Currency) })
	return out
}

// Limits bound what is read.
type Limits struct {
	Bytes      int64 // of a file, and of what is unpacked from it
	Days       int   // lists in a file
	Currencies int   // on a list
}

// DefaultLimits hold the ECB's whole history (since 1999: 7,000 lists, 10 MB as
// XML) more than twice over.
var DefaultLimits = Limits{Bytes: 24 << 20, Days: 20_000, Currencies: 100}

// maxSource is the longest name of a source, in characters.
const maxSource = 120

// Read reads a file of the European Central Bank: eurofxref-daily.xml,
// eurofxref-hist-90d.xml and eurofxref-hist.xml, eurofxref.csv and
// eurofxref-hist.csv, or one of the two as it is packed in a zip. The lists come
// by day, the oldest first. The source is who the XML says has sent it; a CSV
// does not say, and is taken for the ECB's. Currencies that are not in ISO 4217
// today (DEM, before the euro's) are left out. It fails with
// [world.CodeInvalid] for anything else in the file, a day or a currency that
// comes twice and a file without a rate, and with [world.CodeTooLarge] past a
// limit: a file is taken whole or not at all.
func Read(file []byte, l Limits) ([]List, error) {
	if int64(len(file)) > l.Bytes {
		return nil, tooLarge("the file has more than %d bytes", l.Bytes)
	}
	if bytes.HasPrefix(file, []byte("PK\x03\x04")) {
		var err error
		if file, err = unpack(file, l); err != nil {
			return nil, err
		}
	}
	file = bytes.TrimPrefix(file, []byte("\xef\xbb\xbf")) // a byte order mark
	if !utf8.Valid(file) {
		return nil, invalid("the file is not text in UTF-8")
	}
	read := readCSV
	if bytes.HasPrefix(bytes.TrimSpace(file), []byte("<")) {
		read = readXML
	}
	b := &builder{limits: l, source: ECB, days: map[tax.Date]bool{}}
	if err := read(file, b); err != nil {
		return nil, err
	}
	return b.finish()
}

// unpack is the one file of a zip.
func unpack(file []byte, l Limits) ([]byte, error) {
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil || len(z.File) != 1 {
		return nil, invalid("the zip is not one file packed; download it again")
	}
	in, err := z.File[0].Open()
	if err != nil {
		return nil, invalid("the zip cannot be unpacked; download it again")
	}
	defer in.Close()
	out, err := io.ReadAll(io.LimitReader(in, l.Bytes+1)) // its own word on its size is not believed
	if err != nil {
		return nil, invalid("the zip cannot be unpacked; download it again")
	}
	if int64(len(out)) > l.Bytes {
		return nil, tooLarge("the file in the zip has more than %d bytes", l.Bytes)
	}
	return out, nil
}

// builder takes what a file says, and refuses what cannot be.
type builder struct {
	limits Limits
	source string
	lists  []List
	days   map[tax.Date]bool
}

// sender notes who has sent the file.
func (b *builder) sender(name string) error {
	if name == "" || utf8.RuneCountInString(name) > maxSource {
		return invalid("the sender's name is empty or has more than %d characters", maxSource)
	}
	b.source = name
	return nil
}

// day begins a list.
func (b *builder) day(text string) error {
	day, err := tax.ParseDate(text)
	if err != nil {
		return err
	}
	if b.days[day] {
		return invalid("there are two lists for %s", day)
	}
	if len(b.lists) == b.limits.Days {
		return tooLarge("there are more than %d lists", b.limits.Days)
	}
	b.days[day] = true
	b.lists = append(b.lists, List{Day: day, Rates: map[string]Rate{}})
	return nil
}

// rate adds to the list that was begun last.
func (b *builder) rate(currency, text string) error {
	if len(b.lists) == 0 {
		return invalid("a rate stands before any day")
	}
	list := b.lists[len(b.lists)-1]
	rate, err := ParseRate(text)
	if err != nil {
		return invalid("%s, %s: %v", list.Day, clip(currency), err)
	}
	if _, twice := list.Rates[currency]; twice || !isCode(currency) || currency == Base {
		return invalid("%s: %q is not the code of one more currency", list.Day, clip(currency))
	}
	if len(list.Rates) == b.limits.Currencies {
		return tooLarge("the list for %s has more than %d currencies", list.Day, b.limits.Currencies)
	}
	list.Rates[currency] = rate
	return nil
}

func (b *builder) finish() ([]List, error) {
	var out []List
	for _, list := range b.lists {
		list.Source = b.source
		for currency := range list.Rates {
			if _, err := money.Digits(currency); err != nil {
				delete(list.Rates, currency)
			}
		}
		if len(list.Rates) > 0 {
			out = append(out, list)
		}
	}
	if len(out) == 0 {
		return nil, invalid("there is no rate in the file; take one of the ECB's eurofxref files")
	}
	slices.SortFunc(out, func(a, b List) int { return a.Day.Compare(b.Day) })
	return out, nil
}

func isCode(s string) bool {
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return len(s) == 3
}

func invalid(format string, args ...any) error {
	return world.E(world.CodeInvalid, "fx.read", "These are no reference rates: "+fmt.Sprintf(format, args...)+".")
}

func tooLarge(format string, args ...any) error {
	return world.E(world.CodeTooLarge, "fx.read", "This is too much to be reference rates: "+fmt.Sprintf(format, args...)+".")
}
