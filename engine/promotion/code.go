package promotion

import (
	"crypto/subtle"
	"strings"
	"unicode"
)

// The lengths of a code, in characters.
const (
	MinCode = 3
	MaxCode = 32
)

// maxTyped is how many bytes of what a buyer typed are looked at: more is no
// code, even of characters that take four bytes each.
const maxTyped = 4 * MaxCode

// Normalize is a code as it is kept and compared: capitals of ASCII, without
// spaces and what cannot be seen, with the letters and digits of full width
// (U+FF01 to U+FF5E) and the many dashes as plain ones: it comes from phones,
// letters and Japanese keyboards. What is too long or has another character
// is no code: "".
func Normalize(typed string) string {
	if len(typed) > maxTyped {
		return ""
	}
	var b strings.Builder
	for _, r := range typed {
		switch {
		case r >= '！' && r <= '～':
			r = r - '！' + '!'
		case unicode.Is(unicode.Pd, r) || r == '−' || r == 'ー':
			r = '-'
		}
		switch {
		case unicode.IsSpace(r) || unicode.Is(unicode.Cf, r):
		case r >= 'a' && r <= 'z':
			b.WriteRune(r - 'a' + 'A')
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			b.WriteRune(r)
		default:
			return ""
		}
	}
	if b.Len() > MaxCode {
		return ""
	}
	return b.String()
}

// codeForm tells whether a normalised code is one.
func codeForm(code string) bool {
	return len(code) >= MinCode && len(code) <= MaxCode && !strings.HasPrefix(code, "-") && !strings.HasSuffix(code, "-")
}

// padded is a code at one length for all, so that comparing takes the same
// work whatever was typed.
type padded [MaxCode]byte

func pad(code string) (p padded) {
	copy(p[:], code)
	return p
}

// matching are the places of the promotions that a code is for. Each is
// compared whole, so the time tells nothing of the codes there are.
func matching(codes []padded, code string) []int {
	typed := pad(code)
	var found []int
	for i := range codes {
		if subtle.ConstantTimeCompare(codes[i][:], typed[:]) == 1 && codeForm(code) {
			found = append(found, i)
		}
	}
	return found
}
