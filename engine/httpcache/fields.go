package httpcache

import (
	"net/http"
	"net/textproto"
	"strings"

	"meridian/world"
)

// hopByHop are the fields of one connection (RFC 9110 §7.6.1) and those that a
// cache must not store (RFC 9111 §3.1).
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	"Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization",
}

// neverHopByHop are fields meant for all recipients, which Connection must not
// name (RFC 9110 §7.6.1). Who names them all the same would have them go unread:
// a response would lose its no-store, a request what a tier before us has said.
var neverHopByHop = map[string]bool{
	"Cache-Control": true, "Cdn-Cache-Control": true, "Surrogate-Control": true, "Vary": true,
	"Date": true, "Age": true, "Expires": true, "Etag": true, "Last-Modified": true, "Set-Cookie": true,
	"Content-Length": true, "Content-Encoding": true, "Content-Type": true, "Content-Range": true,
	fieldSurrogateKey: true, fieldCacheTag: true, fieldCacheGroups: true, fieldInvalidation: true,
	"Host": true, "Authorization": true, "Via": true, "Forwarded": true,
	"X-Forwarded-For": true, "X-Forwarded-Host": true, "X-Forwarded-Proto": true,
	world.HeaderMinCursor: true, world.HeaderMinPosition: true, world.HeaderClient: true, "X-Request-Id": true,
}

// removeHopByHop takes out the fields of this connection and those that
// Connection names (RFC 9110 §7.6.1).
func removeHopByHop(h http.Header) {
	for _, v := range h["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			if name = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)); !neverHopByHop[name] {
				delete(h, name)
			}
		}
	}
	for _, name := range hopByHop {
		delete(h, name)
	}
}

// endToEnd is r without hop-by-hop fields, and with its host in lower case. A
// client could otherwise have a field removed on the way up that the stored
// response is selected by, or have its way of writing the host in a response that
// others get.
func endToEnd(r *http.Request) *http.Request {
	if host := strings.ToLower(r.Host); host != r.Host {
		r = r.WithContext(r.Context())
		r.Host = host
	}
	for _, name := range hopByHop {
		if _, ok := r.Header[name]; ok {
			c := r.WithContext(r.Context())
			c.Header = r.Header.Clone()
			removeHopByHop(c.Header)
			return c
		}
	}
	return r
}

// conditions are the fields of a request that make its answer conditional or
// partial (RFC 9110 §13.1, §14.2); a fill asks for the whole.
var conditions = []string{
	"If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range", "Range",
}

// isConditional reports whether r has one of them.
func isConditional(r *http.Request) bool {
	for _, name := range conditions {
		if len(r.Header[name]) > 0 {
			return true
		}
	}
	return false
}

// notUpdated are the fields that a 304 does not change in a stored response
// (RFC 9111 §3.2): its length, and what the store relies on to use the content.
var notUpdated = map[string]bool{"Content-Length": true, "Content-Encoding": true, "Content-Range": true}

// updated is a stored header with the fields of a 304 put in (RFC 9111 §3.2),
// hop-by-hop fields among them: whoever reads it as a response takes those out.
func updated(stored, from http.Header) http.Header {
	out := stored.Clone()
	for name, values := range from {
		if !notUpdated[name] {
			out[name] = values
		}
	}
	// The stored date tells when the stored response was made; the validation is newer.
	if len(from["Date"]) == 0 {
		delete(out, "Date")
	}
	return out
}
