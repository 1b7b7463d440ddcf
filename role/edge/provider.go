package edge

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"strings"

	"meridian/engine/cdnkey"
	"meridian/engine/tier"
	"meridian/world"
)

// HeaderProviderKey is how an outside CDN that fetches from an edge shows who it
// is.
const HeaderProviderKey = "Meridian-Provider-Key"

// Provider is an outside CDN that has this edge as its origin: it is told what
// it needs to cache rightly, and what no visitor is told.
type Provider struct {
	Name string // the operator's for it
	Kind string // fastly, cloudflare or varnish: which fields it reads
	Key  string // what it sends as [HeaderProviderKey]: 16 characters or more
}

// kind is how a vendor is spoken to.
type kind struct {
	keys     string // field of the keys
	between  string // two keys
	most     int    // bytes of that field; an answer with more is not kept
	lifetime string // field that speaks to this cache alone, before Cache-Control
	visitor  string // field in which it sends the visitor's address
	varies   bool   // it keeps answers apart by Vary, not only by Accept-Encoding
}

// kinds are the vendors. Sources: Fastly, "Surrogate-Key" (keys between spaces, 16
// KiB), "Surrogate-Control", "Fastly-Client-IP"; Cloudflare, "Purge cache by
// cache-tags" (tags between commas, 16 KB), "CDN-Cache-Control" (its own field goes
// first), "CF-Connecting-IP", and "Origin Cache Control" on Vary; Varnish, parameter
// http_resp_hdr_len (8 KiB a line), the rest by our VCL.
var kinds = map[string]kind{
	"fastly":     {keys: "Surrogate-Key", between: " ", most: 16 << 10, lifetime: "Surrogate-Control", visitor: "Fastly-Client-Ip", varies: true},
	"cloudflare": {keys: "Cache-Tag", between: ",", most: 16_000, lifetime: "Cloudflare-Cdn-Cache-Control", visitor: "Cf-Connecting-Ip"},
	"varnish":    {keys: "Surrogate-Key", between: " ", most: 8_000, lifetime: "Surrogate-Control", visitor: "Meridian-Visitor", varies: true},
}

// minProviderKey is the least length of a provider's key.
const minProviderKey = 16

func validateProviders(list []Provider) error {
	for i, p := range list {
		bad := func(m string) error { return tier.Bad("edge", fmt.Sprintf("providers[%d].%s", i, m)) }
		if _, ok := kinds[p.Kind]; !ok {
			return bad("kind must be fastly, cloudflare or varnish")
		}
		if !world.ValidName(p.Name) {
			return bad("name must be small letters, digits and hyphens")
		}
		if len(p.Key) < minProviderKey || !world.Printable(p.Key, 256) {
			return bad(fmt.Sprintf("key must have %d to 256 visible characters", minProviderKey))
		}
	}
	return nil
}

// providerOf is the kind of the provider that a request comes from; false for a
// visitor. Every key is compared, so that the time says nothing.
func (e *Edge) providerOf(r *http.Request) (k kind, ok bool) {
	shown := sha256.Sum256([]byte(r.Header.Get(HeaderProviderKey)))
	for _, p := range e.cfg.Providers {
		want := sha256.Sum256([]byte(p.Key))
		if subtle.ConstantTimeCompare(shown[:], want[:]) == 1 {
			k, ok = kinds[p.Kind], true
		}
	}
	return k, ok
}

// asOrigin readies a request of a provider and what is answered to it. It is
// called before what is not a visitor's to say is dropped.
func (e *Edge) asOrigin(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, *http.Request) {
	if len(e.cfg.Providers) == 0 || r.Header.Get(HeaderProviderKey) == "" {
		return w, r
	}
	k, ok := e.providerOf(r)
	if !ok {
		return w, r
	}
	r = r.WithContext(context.WithValue(r.Context(), groupsShown{}, true))
	if ip := net.ParseIP(strings.TrimSpace(r.Header.Get(k.visitor))); ip != nil {
		r.RemoteAddr = net.JoinHostPort(ip.String(), "0")
	}
	return &forProvider{ResponseWriter: w, kind: k, edge: e, route: world.RouteOf(r.Method, r.URL.Path), host: r.Host, path: r.URL.EscapedPath()}, r
}

// groupsShown marks a request whose answer keeps its groups until they have been
// written as the provider's keys.
type groupsShown struct{}

// showGroups reports whether a request comes from a provider.
func showGroups(r *http.Request) bool { return r.Context().Value(groupsShown{}) != nil }

// forProvider is an answer to a provider.
type forProvider struct {
	http.ResponseWriter
	kind       kind
	edge       *Edge
	route      world.Route
	host, path string

	begun bool
}

// groupFields are the fields that name groups, and the one that tiers go by.
var groupFields = []string{"Surrogate-Key", "Cache-Tag", "Cache-Groups", "Cache-Group-Invalidation"}

// WriteHeader replaces what tiers tell one another by what the provider reads.
func (f *forProvider) WriteHeader(status int) {
	if status < 200 || f.begun {
		f.ResponseWriter.WriteHeader(status)
		return
	}
	f.begun = true
	h := f.Header()
	keys := cdnkey.ForResponse(f.edge.deps.World, strings.Fields(strings.Join(h["Surrogate-Key"], " ")), f.host, f.path)
	lifetime := h.Get("CDN-Cache-Control")
	for _, name := range groupFields {
		h.Del(name)
	}
	h.Del("CDN-Cache-Control")
	if lifetime == "" {
		lifetime = h.Get("Cache-Control")
	}
	field := strings.Join(keys, f.kind.between)
	if !f.mayKeep(status, h, lifetime) || len(field) > f.kind.most {
		h.Set(f.kind.lifetime, "no-store")
	} else {
		h.Set(f.kind.lifetime, lifetime)
		h.Set(f.kind.keys, field)
	}
	f.ResponseWriter.WriteHeader(status)
}

// mayKeep reports whether the provider may keep an answer: what is for everybody,
// says for how long, and is no older than it says. What is served stale here has
// been purged, or could not be validated.
func (f *forProvider) mayKeep(status int, h http.Header, lifetime string) bool {
	switch f.route {
	case world.RouteImage, world.RoutePage, world.RouteManifest:
	default:
		return false
	}
	switch status {
	case http.StatusOK, http.StatusPartialContent, http.StatusNotModified, http.StatusMovedPermanently, http.StatusNotFound, http.StatusGone:
	default:
		return false
	}
	forbidden := strings.ToLower(lifetime)
	switch {
	case !strings.Contains(forbidden, "max-age") && !strings.Contains(forbidden, "s-maxage"):
		return false
	case strings.Contains(forbidden, "private"), strings.Contains(forbidden, "no-store"), strings.Contains(forbidden, "no-cache"), len(h["Set-Cookie"]) > 0:
		return false
	case strings.Contains(strings.Join(h["Cache-Status"], ","), "detail=stale-"):
		return false
	}
	return f.kind.varies || onlyByCoding(h["Vary"])
}

// onlyByCoding reports whether Vary names nothing but Accept-Encoding.
func onlyByCoding(vary []string) bool {
	for name := range strings.SplitSeq(strings.Join(vary, ","), ",") {
		if name = strings.TrimSpace(name); name != "" && !strings.EqualFold(name, "Accept-Encoding") {
			return false
		}
	}
	return true
}

// Write begins the answer where nobody has.
func (f *forProvider) Write(b []byte) (int, error) {
	if !f.begun {
		f.WriteHeader(http.StatusOK)
	}
	return f.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (f *forProvider) Unwrap() http.ResponseWriter { return f.ResponseWriter }
