package httpcache

import (
	"net/http"
	"slices"
	"strings"
)

// unkeyed are fields by which servers and frameworks let a request say that it
// is for another host, path, scheme or method than its first line has.
var unkeyed = []string{
	"Forwarded", "X-Forwarded-Host", "X-Forwarded-Server", "X-Forwarded-Port", "X-Forwarded-Proto",
	"X-Forwarded-Protocol", "X-Forwarded-Scheme", "X-Forwarded-Ssl", "X-Forwarded-Prefix", "X-Forwarded-Path",
	"X-Forwarded-Uri", "X-Forwarded-Url", "X-Host", "X-Http-Host-Override", "X-Original-Host", "X-Original-Url",
	"X-Original-Uri", "X-Rewrite-Url", "X-Url-Scheme", "X-Scheme", "Front-End-Https", "X-Http-Method", "X-Http-Method-Override",
	"X-Method-Override", "X-Proxy-Url", "X-Proxy-Host", "Base-Url", "Destination", "Proxy", "X-Backend-Host", "X-Middleware-Prefetch",
	"X-Middleware-Subrequest",
}

// DefaultUnkeyed are the fields that [Config.Unkeyed] stands for when it is nil:
// those by which a request may claim another host, path, scheme or method.
func DefaultUnkeyed() []string { return slices.Clone(unkeyed) }

// keyByTarget is the default of [Config.KeyOf]: the request as it goes upstream,
// byte for byte. A host with what cannot be in one would make one key of two targets.
func keyByTarget(r *http.Request) (string, bool) {
	if strings.ContainsAny(r.Host, "/?#@\\ ") {
		return "", false
	}
	return r.Host + r.URL.RequestURI(), true
}

// isAmbiguous reports whether two servers may take an escaped path for different
// ones: one decodes, normalises or cuts what another does not (RFC 3986 §6.2.2).
func isAmbiguous(path string) bool {
	if strings.Contains(path, "//") || strings.ContainsAny(path, ";\\") {
		return true
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	for i := 0; i+2 < len(path); i++ {
		if path[i] != '%' {
			continue
		}
		switch c := unhex(path[i+1])<<4 | unhex(path[i+2]); {
		case c < 0x20, c == 0x7f, strings.IndexByte("/\\.;?#%", c) >= 0:
			return true
		}
	}
	return false
}

// unhex is the value of a hexadecimal digit.
func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return (c | 0x20) - 'a' + 10
}
