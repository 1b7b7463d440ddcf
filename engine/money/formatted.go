package money

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"meridian/world"
)

// maxFormatted is the longest text that may be a printed amount, in bytes: an
// int64 in the digits of any script, its groups, its sign and its symbol.
const maxFormatted = 160

// zeros are the noughts of the digits that locales are printed in: Latin,
// Arabic, Persian, Bengali, Devanagari and Burmese (CLDR, numbering systems).
var zeros = []rune{'0', '٠', '۰', '০', '०', '၀'}

// ParseFormatted reads an amount that was printed by [Amount.Format] in the
// locale, with its sign, groups and symbol: "−1 234,50 kr". It takes the very
// text that Format prints and no other: "1.234 €" or "1234,50 €" is not how
// Germany writes any amount, and is refused rather than guessed at. Only kinds
// of spaces, the two minus signs and invisible marks of direction are not told
// apart, since copying a text changes those. What an owner types is read by
// [PriceForm]. It fails with [world.CodeInvalid], and with
// [world.CodeTooLarge] past an int64.
func ParseFormatted(text, locale, currency string) (Amount, error) {
	if _, err := Digits(currency); err != nil {
		return Amount{}, err
	}
	if len(text) > maxFormatted || !utf8.ValidString(text) {
		return Amount{}, formattedError(text, locale, currency)
	}
	plain := plainly(text)
	minor, err := strconv.ParseInt(signedDigits(plain), 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return Amount{}, overflow("money.parse_formatted")
	}
	a := Amount{Minor: minor, Currency: currency}
	if err != nil || plainly(a.Format(locale)) != plain {
		return Amount{}, formattedError(text, locale, currency)
	}
	return a, nil
}

// plainly gives the characters that look alike one form.
func plainly(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\u2212':
			return '-'
		case unicode.IsSpace(r) || r == '\u202f':
			return ' '
		case unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, text))
}

// signedDigits are the digits of a text in Latin, behind a minus if it has one.
func signedDigits(plain string) string {
	var digits strings.Builder
	if strings.ContainsRune(plain, '-') {
		digits.WriteByte('-')
	}
	for _, r := range plain {
		for _, zero := range zeros {
			if r >= zero && r <= zero+9 {
				digits.WriteByte(byte('0' + r - zero))
			}
		}
	}
	return digits.String()
}

func formattedError(text, locale, currency string) error {
	sample := Amount{Minor: 123450, Currency: currency}.Format(locale)
	return world.E(world.CodeInvalid, "money.parse_formatted", fmt.Sprintf(
		"%q is not an amount of %s as it is printed for %q; write it like %q",
		clip(strings.ToValidUTF8(text, "�")), currency, clip(locale), sample))
}
