package checkout

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"meridian/world"
)

// Clean is a contact as it should be stored: without spaces around the fields
// and invisible marks within them, postal codes and states' codes in upper case, and
// what Japanese keyboards type in full width (１２３ー４５６７) in plain
// ASCII where only ASCII has a meaning. Cleaning twice is cleaning once.
func Clean(c world.Contact) world.Contact {
	return world.Contact{
		Name:       text(c.Name),
		Email:      text(narrow(c.Email)),
		Phone:      text(dashes(narrow(c.Phone))),
		Line1:      text(c.Line1),
		Line2:      text(c.Line2),
		City:       text(c.City),
		State:      state(text(c.State)),
		PostalCode: upper(text(dashes(narrow(c.PostalCode)))),
		Company:    text(c.Company),
		TaxID:      upper(text(dashes(narrow(c.TaxID)))),
	}
}

// text drops what cannot be seen: the direction marks that come along when an
// address is copied from a phone's contacts, byte order marks, outer spaces.
// Joiners stay, for Indian names need them.
func text(s string) string {
	s = keepBroken(s, func(r rune) rune {
		if r == '\ufeff' || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	})
	return strings.TrimSpace(s)
}

// narrow turns the full-width forms of ASCII (U+FF01 to U+FF5E) and the
// ideographic space into ASCII.
func narrow(s string) string {
	return keepBroken(s, func(r rune) rune {
		switch {
		case r >= '！' && r <= '～':
			return r - '！' + '!'
		case r == '\u3000':
			return ' '
		}
		return r
	})
}

// dashes turns what is typed for a hyphen between digits into one.
func dashes(s string) string {
	return keepBroken(s, func(r rune) rune {
		if unicode.Is(unicode.Pd, r) || r == '−' || r == 'ー' {
			return '-'
		}
		return r
	})
}

// maxStateCode is the length of the longest code of a state (ISO 3166-2): what
// is longer is a name, and stays as it was written.
const maxStateCode = 3

func state(s string) string {
	if utf8.RuneCountInString(s) > maxStateCode {
		return s
	}
	return upper(s)
}

func upper(s string) string { return keepBroken(s, unicode.ToUpper) }

// keepBroken maps the characters of s. Broken UTF-8 is left as it is for
// [ContactRules.Validate] to refuse: strings.Map would turn it into U+FFFD.
func keepBroken(s string, mapping func(rune) rune) string {
	if strings.ToValidUTF8(s, "") != s {
		return s
	}
	return strings.Map(mapping, s)
}
