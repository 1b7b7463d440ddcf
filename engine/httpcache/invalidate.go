package httpcache

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// fieldInvalidation names groups to invalidate (RFC 9875 §3).
const fieldInvalidation = "Cache-Group-Invalidation"

// invalidate removes what a success of an unsafe method has made untrue: what is
// stored for its target, for the URIs that its Location and Content-Location
// name on the same origin (RFC 9111 §4.4), and the groups of
// Cache-Group-Invalidation (RFC 9875 §3).
func (c *Cache) invalidate(r *http.Request, status int, response http.Header) {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return // safe (RFC 9110 §9.2.1)
	}
	if status < 200 || status > 399 {
		return
	}
	var p Purge
	if key, ok := c.cfg.KeyOf(asGet(r)); ok {
		p.Keys = append(p.Keys, key)
	}
	for _, name := range []string{"Location", "Content-Location"} {
		if u := sameOrigin(r, response.Get(name)); u != nil {
			if key, ok := c.cfg.KeyOf(asGetOf(r, u)); ok {
				p.Keys = append(p.Keys, key)
			}
		}
	}
	p.Groups = scoped(c.originOf(r), invalidatedGroups(response))
	if len(p.Keys) > 0 || len(p.Groups) > 0 {
		c.Purge(p)
	}
}

// invalidatedGroups reads Cache-Group-Invalidation; malformed it is ignored as a
// whole (RFC 9651 §4.2).
func invalidatedGroups(response http.Header) []string {
	field := response[fieldInvalidation]
	if len(field) == 0 {
		return nil
	}
	groups, err := parseStringList(strings.Join(field, ", "))
	if err != nil {
		return nil
	}
	return groups
}

// sameOrigin resolves a reference against r's target; nil unless it leads to the
// same origin: whoever answers for one must not empty the cache of another
// (RFC 9111 §4.4). A request without TLS may have had it further out, so only
// one that came over TLS tells the scheme.
func sameOrigin(r *http.Request, ref string) *url.URL {
	if ref == "" {
		return nil
	}
	target := *r.URL
	target.Host, target.Scheme = r.Host, "http"
	if r.TLS != nil {
		target.Scheme = "https"
	}
	u, err := target.Parse(ref)
	if err != nil || u.Opaque != "" || (u.Scheme != "http" && u.Scheme != "https") || (r.TLS != nil && u.Scheme != "https") {
		return nil
	}
	if hostAndPort(u.Scheme, u.Host) != hostAndPort(u.Scheme, r.Host) {
		return nil
	}
	return u
}

// hostAndPort is an authority in one way of writing: lower case, without the
// port that its scheme has anyway (RFC 9110 §4.2.3).
func hostAndPort(scheme, authority string) string {
	authority = strings.ToLower(authority)
	host, port, err := net.SplitHostPort(authority)
	if err != nil {
		return authority
	}
	if port == "" || (scheme == "http" && port == "80") || (scheme == "https" && port == "443") {
		if strings.Contains(host, ":") {
			return "[" + host + "]"
		}
		return host
	}
	return authority
}

// asGetOf is a GET of u by who sent r.
func asGetOf(r *http.Request, u *url.URL) *http.Request {
	g := r.WithContext(r.Context())
	g.Method = http.MethodGet
	g.URL = &url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery, ForceQuery: u.ForceQuery}
	if g.URL.Path == "" {
		g.URL.Path = "/" // RFC 9110 §4.2.3
	}
	g.RequestURI = g.URL.RequestURI()
	return g
}
