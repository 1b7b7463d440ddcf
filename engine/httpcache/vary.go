package httpcache

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// parseVary reads Vary (RFC 9110 §12.5.5) into sorted canonical names; all is
// true for "*", which no later request can match.
func parseVary(values []string) (names []string, all bool) {
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			name = strings.TrimSpace(name)
			if name == "*" {
				return nil, true
			}
			if name != "" {
				names = append(names, textproto.CanonicalMIMEHeaderKey(name))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), false
}

// variantOf is the secondary key of RFC 9111 §4.1: the request's values of the
// named fields, exactly as sent. Bytes that a field cannot hold keep the parts
// apart, and an absent field apart from an empty one.
func variantOf(vary []string, request http.Header) string {
	if len(vary) == 0 {
		return ""
	}
	var b strings.Builder
	for _, name := range vary {
		for _, v := range request[name] {
			b.WriteByte(1)
			b.WriteString(v)
		}
		b.WriteByte(0)
	}
	return b.String()
}
