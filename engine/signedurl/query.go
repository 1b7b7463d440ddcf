package signedurl

import (
	"strconv"
	"strings"
)

// Limits of a query.
const (
	MaxQuery  = 96 // bytes; the longest that is signed has 4+11 + 5+16 + 5+43 = 84
	maxExpiry = 11 // digits of seconds since 1970: until the year 5138
	sigLength = 43 // of 32 bytes in base 64 without padding
)

// proof is what a query says.
type proof struct {
	exp, kid, sig string
	until         int64 // exp as a number
}

// parse reads a query that has exp, kid and sig, in any order, each once, and
// nothing else. There is no other spelling of a value: nothing is decoded.
func parse(query string) (p proof, ok bool) {
	if len(query) > MaxQuery {
		return proof{}, false
	}
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		var to *string
		switch name {
		case "exp":
			to = &p.exp
		case "kid":
			to = &p.kid
		case "sig":
			to = &p.sig
		}
		if to == nil || *to != "" || value == "" {
			return proof{}, false
		}
		*to = value
	}
	p.until, ok = parseExpiry(p.exp)
	if !ok || !validKeyID(p.kid) || !validSignature(p.sig) {
		return proof{}, false
	}
	return p, true
}

func parseExpiry(s string) (int64, bool) {
	if s == "" || len(s) > maxExpiry || s[0] == '0' || s[0] == '+' || s[0] == '-' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

func validKeyID(s string) bool {
	if s == "" || len(s) > MaxKeyID {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9') {
			return false
		}
	}
	return true
}

// validSignature looks at the length alone: the text is compared, not decoded.
func validSignature(s string) bool { return len(s) == sigLength }
