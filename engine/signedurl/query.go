package signedurl

import (
	"strconv"
	"strings"

	"meridian/engine/keyring"
)

// Limits of a query.
const (
	MaxQuery  = 96 // bytes; the longest that is signed has 4+11 + 5+16 + 5+43 = 84
	maxExpiry = 11 // digits of seconds since 1970: until the year 5138
)

// proof is what a query says.
type proof struct {
	exp, kid string
	until    int64  // exp as a number
	sum      []byte // the signature
}

// parse reads a query that has exp, kid and sig, in any order, each once, and
// nothing else. A value has one spelling.
func parse(query string) (p proof, ok bool) {
	if len(query) > MaxQuery {
		return proof{}, false
	}
	var sig string
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		var to *string
		switch name {
		case "exp":
			to = &p.exp
		case "kid":
			to = &p.kid
		case "sig":
			to = &sig
		}
		if to == nil || *to != "" || value == "" {
			return proof{}, false
		}
		*to = value
	}
	if p.until, ok = parseExpiry(p.exp); !ok || p.kid == "" {
		return proof{}, false
	}
	var err error
	p.sum, err = encoding.DecodeString(sig)
	// Its length is looked at too: the decoder passes over line ends.
	return p, err == nil && len(p.sum) == keyring.Size && len(sig) == encoding.EncodedLen(keyring.Size)
}

func parseExpiry(s string) (int64, bool) {
	if s == "" || len(s) > maxExpiry || s[0] == '0' || s[0] == '+' || s[0] == '-' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
