package imagegrid

import (
	"cmp"
	"slices"
	"strings"
)

// MaxAcceptLength is how many bytes of Accept are read. Browsers send under
// 200; a longer header is answered as if it were missing.
const MaxAcceptLength = 1024

// Preference is the formats that a client accepts, the one that it likes best
// first and "" behind the last.
type Preference [3]Format

// Prefer reduces an Accept header to what it says of the formats.
//
// It follows RFC 9110 §12.5.1: the format with the highest weight comes first, and
// the smaller file (avif, then webp, then jpeg) between equals. A wildcard speaks
// for jpeg only: image/* and */* are sent by clients that cannot show avif or
// webp, so these two count only where they are named with a weight above 0. Parts
// that are malformed are passed over.
func Prefer(accept string) Preference {
	var p Preference
	if len(accept) > MaxAcceptLength {
		return p
	}
	weights := weigh(accept)
	liked := slices.DeleteFunc(Formats(), func(f Format) bool { return weights[f] == 0 })
	slices.SortStableFunc(liked, func(a, b Format) int { return cmp.Compare(weights[b], weights[a]) })
	copy(p[:], liked)
	return p
}

// Among is the format to send of those that there are. When none fits the answer
// is jpeg, because a picture serves a reader better than a 406.
func (p Preference) Among(formats []Format) Format {
	for _, f := range p {
		if f != "" && slices.Contains(formats, f) {
			return f
		}
	}
	return JPEG
}

// Negotiate is the format to send to who sends this Accept header, of all that
// there are.
func Negotiate(accept string) Format { return Prefer(accept).Among(Formats()) }

// weigh is the weight of each format in thousandths. For jpeg the most specific
// range counts (RFC 9110 §12.5.1): image/jpeg, else image/*, else */*.
func weigh(accept string) map[Format]int {
	weights := make(map[Format]int, 3)
	specific := 0
	for element := range elements(accept) {
		mediaRange, q, ok := parseRange(element)
		if !ok {
			continue
		}
		switch mediaRange {
		case "image/avif":
			weights[AVIF] = max(weights[AVIF], q)
		case "image/webp":
			weights[WebP] = max(weights[WebP], q)
		case "image/jpeg", "image/*", "*/*":
			s := map[string]int{"*/*": 1, "image/*": 2, "image/jpeg": 3}[mediaRange]
			if s > specific {
				specific, weights[JPEG] = s, q
			} else if s == specific {
				weights[JPEG] = max(weights[JPEG], q)
			}
		}
	}
	return weights
}

// elements yields the members of a comma-separated list (RFC 9110 §5.6.1); a
// comma inside a quoted string does not separate.
func elements(list string) func(yield func(string) bool) {
	return splitUnquoted(list, ',')
}

func splitUnquoted(s string, sep byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start, quoted := 0, false
		for i := 0; i < len(s); i++ {
			switch {
			case quoted && s[i] == '\\':
				i++
			case s[i] == '"':
				quoted = !quoted
			case s[i] == sep && !quoted:
				if !yield(s[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(s[start:])
	}
}

// parseRange reads `type/subtype *( OWS ";" OWS parameter )`. A range that has a
// parameter other than q asks for something narrower than what is served, so it
// is not taken. What follows q is an old accept-ext and changes nothing.
func parseRange(element string) (mediaRange string, q int, ok bool) {
	q = 1000
	first := true
	for part := range splitUnquoted(element, ';') {
		part = strings.Trim(part, " \t")
		if first {
			mediaRange, first = strings.ToLower(part), false
			continue
		}
		if part == "" { // RFC 9110 §5.6.6 allows empty parameters
			continue
		}
		name, value, found := strings.Cut(part, "=")
		if !found || !strings.EqualFold(name, "q") {
			return "", 0, false
		}
		q, ok = parseWeight(value)
		return mediaRange, q, ok
	}
	return mediaRange, q, true
}

// parseWeight reads a qvalue (RFC 9110 §12.4.2) in thousandths: 0 or 1 with at
// most three decimals, and never above 1.
func parseWeight(s string) (thousandths int, ok bool) {
	if s == "" || len(s) > 5 || (s[0] != '0' && s[0] != '1') || (len(s) > 1 && s[1] != '.') {
		return 0, false
	}
	q := int(s[0]-'0') * 1000
	place := 100
	for i := 2; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		q += int(s[i]-'0') * place
		place /= 10
	}
	return q, q <= 1000
}
