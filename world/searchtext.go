package world

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxSearch is the most characters of what somebody looks for; more is cut off.
const MaxSearch = 80

// SearchText is what somebody looks for, in one form: without what cannot be seen,
// with single spaces, of at most [MaxSearch] characters. Caches and the catalog go
// by it. "" when nothing is left.
func SearchText(typed string) string {
	var b strings.Builder
	n, gap := 0, false
	for _, c := range typed {
		switch {
		case unicode.IsSpace(c):
			gap = n > 0
			continue
		case c == utf8.RuneError || !unicode.IsPrint(c) && !unicode.Is(unicode.Cf, c):
			continue
		}
		if gap && n+1 < MaxSearch {
			b.WriteByte(' ')
			n++
		}
		if gap = false; n == MaxSearch {
			break
		}
		b.WriteRune(c)
		n++
	}
	return strings.TrimRight(b.String(), " ")
}
