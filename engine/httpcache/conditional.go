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
func cutETag(s string) (tag, rest string, ok bool) {
	quoted := strings.TrimPrefix(s, "W/")
	if !strings.HasPrefix(quoted, `"`) {
		return "", s, false
	}
	end := strings.IndexByte(quoted[1:], '"')
	if end < 0 {
		return "", s, false
	}
	n := len(s) - len(quoted) + end + 2
	for i := range n {
		if c := s[i]; c < 0x21 || c == 0x7f {
			return "", s, false
		}
	}
	return s[:n], s[n:], true
}

// isStrong reports whether tag is a strong validator (RFC 9110 §8.8.1).
func isStrong(tag string) bool { return strings.HasPrefix(tag, `"`) }

// weakMatch is the weak comparison of RFC 9110 §8.8.3.2.
func weakMatch(a, b string) bool {
	return a != "" && strings.TrimPrefix(a, "W/") == strings.TrimPrefix(b, "W/")
}

// matchesAny reports whether etag is in an If-None-Match list, or the list is
// "*" (RFC 9110 §13.1.2). Reading stops at what is not an entity-tag.
func matchesAny(list, etag string) bool {
	if strings.TrimSpace(list) == "*" {
		return true
	}
	for {
		list = strings.TrimLeft(list, " \t,")
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

// notModified reports whether the client's own copy is as good as the response
// (RFC 9110 §13.2.2, RFC 9111 §4.3.2). If-None-Match rules out If-Modified-Since.
func notModified(r *http.Request, h *head) bool {
	if h.status != http.StatusOK && h.status != http.StatusNonAuthoritativeInfo {
		return false
	}
	if list, ok := r.Header["If-None-Match"]; ok {
		return matchesAny(strings.Join(list, ", "), h.etag)
	}
	field := r.Header["If-Modified-Since"]
	if len(field) != 1 { // RFC 9110 §13.1.3: ignored with more than one member
		return false
	}
	since, ok := parseDate(field[0], h.date)
	if !ok {
		return false
	}
	changed := h.lastModified
	if changed.IsZero() {
		changed = h.date
	}
	return !changed.After(since)
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
