package httpcache

import (
	"strconv"
	"strings"
	"time"
)

// verdict is what this cache did with a request, as Cache-Status tells it
// (RFC 9211 §2).
type verdict struct {
	hit       bool
	fwd       string // why it went upstream (§2.2): uri-miss, vary-miss, stale, request, bypass, method
	fwdStatus int    // what the upstream answered; 0 where it did not
	stored    bool
	collapsed string // "", "collapsed" or "collapsed=?0"
	detail    string // a token

	ttl    time.Duration
	hasTTL bool
}

// member is our member of Cache-Status. key is shown where it is not empty.
func (v verdict) member(name, key string) string {
	b := make([]byte, 0, 96)
	b = append(b, name...)
	if v.hit {
		b = append(b, "; hit"...)
	}
	if v.fwd != "" {
		b = append(append(b, "; fwd="...), v.fwd...)
	}
	if v.fwdStatus != 0 {
		b = strconv.AppendInt(append(b, "; fwd-status="...), int64(v.fwdStatus), 10)
	}
	if v.stored {
		b = append(b, "; stored"...)
	}
	if v.hasTTL {
		b = strconv.AppendInt(append(b, "; ttl="...), int64(v.ttl/time.Second), 10)
	}
	if v.collapsed != "" {
		b = append(append(b, "; "...), v.collapsed...)
	}
	if key != "" {
		b = append(append(b, "; key="...), quoteString(key)...)
	}
	if v.detail != "" {
		b = append(append(b, "; detail="...), memberName(v.detail)...)
	}
	return string(b)
}

// appendMember puts our member after those that upstream caches sent: the first
// is the nearest to the origin (RFC 9211 §2).
func appendMember(before []string, member string) []string {
	if len(before) == 0 {
		return []string{member}
	}
	return []string{strings.Join(before, ", ") + ", " + member}
}

// quoteString is s as a structured-field String (RFC 9651 §4.1.6); what such a
// String cannot hold becomes "?".
func quoteString(s string) string {
	b := []byte{'"'}
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20 || c >= 0x7f:
			b = append(b, '?')
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}

// memberName is a cache's name, or a detail, as a Token where it is one, else as a
// String (RFC 9211 §2, §2.8).
func memberName(name string) string {
	for i := range len(name) {
		if c := name[i]; !isTokenByte(c) && c != ':' && c != '/' {
			return quoteString(name)
		}
	}
	if name == "" || (!isAlpha(name[0]) && name[0] != '*') {
		return quoteString(name)
	}
	return name
}
