package httpcache

import (
	"net/http"
	"strings"
)

// validETag is s if it is an entity-tag (RFC 9110 §8.8.3), else empty.
func validETag(s string) string {
	if tag, rest, ok := cutETag(s); ok && rest == "" {
		return tag
	}
	return ""
}

// cutETag cuts an entity-tag off the front of s.
func cutETag[T string | []byte](s T) (tag, rest T, ok bool) {
	at := len(s) - len(opaque(s))
	if at == len(s) || s[at] != '"' {
		return s[:0], s, false
	}
	for at++; at < len(s); at++ {
		switch c := s[at]; {
		case c == '"':
			return s[:at+1], s[at+1:], true
		case c < 0x21 || c == 0x7f:
			return s[:0], s, false
		}
	}
	return s[:0], s, false
}

// opaque is an entity-tag without the mark of a weak one.
func opaque[T string | []byte](tag T) T {
	if len(tag) >= 2 && tag[0] == 'W' && tag[1] == '/' {
		return tag[2:]
	}
	return tag
}

// isStrong reports whether tag is a strong validator (RFC 9110 §8.8.1).
func isStrong(tag string) bool { return strings.HasPrefix(tag, `"`) }

// weakMatch is the weak comparison of RFC 9110 §8.8.3.2.
func weakMatch[T string | []byte](a T, b string) bool {
	return len(a) > 0 && string(opaque(a)) == opaque(b)
}

// matchesAny reports whether etag is in an If-None-Match list, or the list is
// "*" (RFC 9110 §13.1.2). Reading stops at what is not an entity-tag.
func matchesAny[T string | []byte](list T, etag string) bool {
	if isStar(list) {
		return true
	}
	for {
		for len(list) > 0 && (list[0] == ' ' || list[0] == '\t' || list[0] == ',') {
			list = list[1:]
		}
		tag, rest, ok := cutETag(list)
		if !ok {
			return false
		}
		if weakMatch(tag, etag) {
			return true
		}
		list = rest
	}
}

// isStar reports whether a field's value is "*", with or without space around it.
func isStar[T string | []byte](value T) bool {
	stars := 0
	for i := range len(value) {
		switch value[i] {
		case '*':
			stars++
		case ' ', '\t':
		default:
			return false
		}
	}
	return stars == 1
}

// condition is what a request says of the copy that its client has: If-None-Match
// in one line, and If-Modified-Since. One with more than one member is ignored
// (RFC 9110 §13.1.3), and so is not here.
type condition[T string | []byte] struct {
	tags, since       T
	hasTags, hasSince bool
}

// holdsFor reports whether the client's copy is as good as a response (RFC 9110
// §13.2.2, RFC 9111 §4.3.2). If-None-Match rules out If-Modified-Since.
func (c condition[T]) holdsFor(h *head) bool {
	switch {
	case h.status != http.StatusOK && h.status != http.StatusNonAuthoritativeInfo:
		return false
	case c.hasTags:
		return matchesAny(c.tags, h.etag)
	case !c.hasSince:
		return false
	}
	since, ok := parseDate(string(c.since), h.date)
	if !ok {
		return false
	}
	changed := h.lastModified
	if changed.IsZero() {
		changed = h.date
	}
	return !changed.After(since)
}

// notModified reports whether the answer to r is a 304.
func notModified(r *http.Request, h *head) bool {
	tags, hasTags := r.Header["If-None-Match"]
	since := r.Header["If-Modified-Since"]
	c := condition[string]{tags: strings.Join(tags, ", "), hasTags: hasTags, hasSince: len(since) == 1}
	if c.hasSince {
		c.since = since[0]
	}
	return c.holdsFor(h)
}

// contentFields describe content, which a 304 has none of (RFC 9110 §15.4.5).
var contentFields = []string{
	"Content-Length", "Content-Type", "Content-Encoding", "Content-Language", "Content-Range",
}

// keepNotModifiedFields takes out of h what a 304 should not carry. Last-Modified
// stays where it is the only validator.
func keepNotModifiedFields(h http.Header) {
	for _, name := range contentFields {
		delete(h, name)
	}
	if len(h["Etag"]) > 0 {
		delete(h, "Last-Modified")
	}
}
