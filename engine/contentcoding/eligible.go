package contentcoding

import (
	"net/http"
	"strings"
)

// DefaultMinBytes is the content below which coding is not worth its CPU and its
// header: little of it would fit in fewer packets.
const DefaultMinBytes = 1024

// textTypes are media types that compress well, beside text/* and those that
// end in +json, +xml or +text.
var textTypes = map[string]bool{
	"application/javascript": true, "application/x-javascript": true, "application/ecmascript": true,
	"application/json": true, "application/manifest+json": true, "application/x-ndjson": true, "application/jsonl": true,
	"application/xml": true, "application/xml-dtd": true, "application/graphql": true, "application/yaml": true,
	"application/toml": true, "application/sql": true, "application/rtf": true, "application/wasm": true,
	"application/vnd.ms-fontobject": true, "application/x-font-ttf": true, "application/x-protobuf": true,
	"font/ttf": true, "font/otf": true, "font/collection": true, "font/sfnt": true,
	"image/svg+xml": true, "image/bmp": true, "image/x-icon": true, "image/vnd.microsoft.icon": true,
	"model/gltf-binary": true, "model/obj": true, "model/stl": true,
}

// worthIt reports whether a media type compresses well.
func worthIt(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	t = strings.ToLower(strings.TrimSpace(t))
	switch {
	case t == "text/event-stream": // each event must come at once
		return false
	case strings.HasPrefix(t, "text/"), strings.HasSuffix(t, "+json"), strings.HasSuffix(t, "+xml"), strings.HasSuffix(t, "+text"):
		return true
	}
	return textTypes[t]
}

// negotiable reports whether the response has a coded form, for those who accept
// one: it is whole, plain text, long enough, may be transformed, and everybody
// may see it.
func negotiable(r *http.Request, response *http.Response, minBytes int64) bool {
	h := response.Header
	switch {
	case response.StatusCode != http.StatusOK && response.StatusCode != http.StatusNonAuthoritativeInfo &&
		response.StatusCode != http.StatusNotFound && response.StatusCode != http.StatusGone:
		return false
	case len(h["Content-Encoding"]) > 0, len(h["Content-Range"]) > 0, r.Method != http.MethodGet:
		return false
	case response.ContentLength >= 0 && response.ContentLength < minBytes:
		return false
	}
	return worthIt(h.Get("Content-Type")) && forEverybody(r, h)
}

// forEverybody reports whether the response may be coded as far as its
// directives go: no no-transform (RFC 9111 §5.2.2.6), and nothing that may hold a
// visitor's secret. The length of compressed content tells something of secrets
// that stand beside text that somebody else can choose (BREACH), so what is
// private, sets a cookie or answers a cookie without being marked for sharing is
// left as it is.
func forEverybody(r *http.Request, h http.Header) bool {
	if len(h["Set-Cookie"]) > 0 || len(r.Header["Authorization"]) > 0 {
		return false
	}
	marked := len(h["Expires"]) > 0
	for _, name := range []string{"Cache-Control", "Cdn-Cache-Control"} {
		for _, line := range h[name] {
			for member := range strings.SplitSeq(line, ",") {
				directive, _, _ := strings.Cut(member, "=")
				switch strings.ToLower(strings.TrimSpace(directive)) {
				case "no-transform", "private", "no-store":
					return false
				case "public", "s-maxage", "max-age":
					marked = true
				}
			}
		}
	}
	return marked || len(r.Header["Cookie"]) == 0
}

// addVary has the response's caches keep one for each Accept-Encoding.
func addVary(h http.Header) {
	for _, line := range h["Vary"] {
		for member := range strings.SplitSeq(line, ",") {
			if m := strings.TrimSpace(member); m == "*" || strings.EqualFold(m, "Accept-Encoding") {
				return
			}
		}
	}
	lines := h["Vary"]
	h["Vary"] = append(lines[:len(lines):len(lines)], "Accept-Encoding")
}
