// Package taxid reads the numbers under which businesses are registered for
// tax: VAT ids of the European Union, Great Britain, Northern Ireland and
// Switzerland, India's GSTIN and Japan's T number. It knows their forms and
// check digits; whether a number is in force only its register can say, which
// a [Register] asks. What a confirmed number changes is package tax's.
package taxid

import (
	"fmt"
	"regexp"
	"strings"

	"meridian/world"
)

// MaxText is the longest text that is read as a number, in bytes: the longest
// number with a separator behind every sign.
const MaxText = 40

// ID is a number of the right form with right check digits. The zero ID is none.
type ID struct {
	Country string // ISO 3166-1, but EL for Greece and XI for Northern Ireland, as the numbers have it
	Number  string // without the country's letters, unless they are part of it (CHE, T)
}

// String is the number as invoices print it and registers take it: with the
// country's letters where it has them ("DE136695976", "27AAPFU0939F1ZV").
func (id ID) String() string {
	if s, ok := schemes[id.Country]; ok && s.prefix {
		return id.Country + id.Number
	}
	return id.Number
}

// scheme is how a country's numbers look.
type scheme struct {
	name   string                // what its people call it
	prefix bool                  // written with the country's letters before it
	form   *regexp.Regexp        // of the number without separators
	check  func(n string) bool   // of one that has the form
	clean  func(n string) string // to the form that is kept; nil: as it is
	source string                // where the check digits are said
}

// Name is what a country calls its number ("USt-IdNr."); "" where none is known.
func Name(country string) string { return schemes[code(country)].name }

// Source says where a country's check digits are defined; "" where none is known.
func Source(country string) string { return schemes[code(country)].source }

// Parse reads a number of a country (ISO 3166-1; EL or GR, XI). Spaces, dots,
// hyphens and slashes between its signs are dropped, letters are made capital,
// and the country's own letters before it may be left out. It fails with
// [world.CodeInvalid] for another form or wrong check digits, and with
// [world.CodeUnprocessed] for a country whose numbers are not known, as the
// United States, which have none.
func Parse(country, text string) (ID, error) {
	country = code(country)
	s, ok := schemes[country]
	if !ok {
		return ID{}, world.E(world.CodeUnprocessed, "taxid.parse",
			fmt.Sprintf("numbers of %q are not known; leave it out, and tax is reckoned as for anybody", clip(country)))
	}
	wrong := func(why string) error {
		return world.E(world.CodeInvalid, "taxid.parse", fmt.Sprintf("%q is not a %s: %s", clip(text), s.name, why))
	}
	if len(text) > MaxText {
		return ID{}, wrong("it is too long")
	}
	n := separators.Replace(strings.ToUpper(text))
	if s.prefix {
		n = strings.TrimPrefix(n, country)
	}
	if !s.form.MatchString(n) {
		return ID{}, wrong("it has another form; copy it from the certificate of registration")
	}
	if s.clean != nil {
		n = s.clean(n)
	}
	if !s.check(n) {
		return ID{}, wrong("its check digits do not fit; a sign is mistyped")
	}
	return ID{Country: country, Number: n}, nil
}

// ParseVAT reads a VAT id that begins with its country's letters. It fails as
// [Parse] does.
func ParseVAT(text string) (ID, error) {
	n := separators.Replace(strings.ToUpper(text))
	if strings.HasPrefix(n, "CHE") {
		return Parse("CH", text)
	}
	if len(n) < 2 {
		return ID{}, world.E(world.CodeInvalid, "taxid.parse",
			fmt.Sprintf("%q is not a VAT id: it begins with two letters for the country", clip(text)))
	}
	return Parse(n[:2], text)
}

var separators = strings.NewReplacer(" ", "", "\u00a0", "", ".", "", "-", "", "/", "")

// code is a country's letters in its numbers.
func code(country string) string {
	country = strings.ToUpper(country)
	if country == "GR" {
		return "EL"
	}
	return country
}

// clip keeps a text from outside short in a message.
func clip(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
