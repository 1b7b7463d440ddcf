package accelerator

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// schemeField carries a request's scheme through the cache: it drops what an
// origin may act on and no key tells of, and X-Forwarded-Proto is such a field.
const schemeField = "Meridian-Scheme"

// loopField names the caches that a request has come by (RFC 8586).
const loopField = "Cdn-Loop"

// told are the fields that say who asks and how: the visitor's are replaced.
var told = []string{schemeField, "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Real-Ip"}

// forward notes who asks, and by which scheme. What a visitor says of that itself
// is believed from trusted proxies alone.
//
// One read may answer many visitors: the origin hears of the one that caused it.
func (a *Accelerator) forward(r *http.Request) {
	peer := peerOf(r.RemoteAddr)
	scheme, chain := schemeOf(r), []string(nil)
	if a.trusts(peer) {
		scheme = a.believedScheme(r)
		chain = members(r.Header["X-Forwarded-For"])
	}
	for _, name := range told {
		r.Header.Del(name)
	}
	if peer.IsValid() {
		r.Header.Set("X-Forwarded-For", strings.Join(append(chain, peer.String()), ", "))
		r.Header.Set("X-Real-Ip", a.client(peer, chain))
	}
	r.Header.Set(schemeField, scheme)
	r.Header.Add(loopField, a.loop)
}

// prepare tells the origin what it was asked by, and for: the key has both.
func prepare(out *http.Request) {
	scheme := out.Header.Get(schemeField)
	out.Header.Del(schemeField)
	out.Header.Set("X-Forwarded-Proto", scheme)
	out.Header.Set("X-Forwarded-Host", out.Host)
	chain := members(out.Header["X-Forwarded-For"])
	var peer netip.Addr
	if len(chain) > 0 {
		peer, _ = netip.ParseAddr(chain[len(chain)-1]) // ours; none for a Unix socket
	}
	out.Header.Set("Forwarded", forwarded(peer, out.Host, scheme)) // RFC 7239: this hop; the chain is in X-Forwarded-For
}

// client is the last address of the chain that is no trusted proxy.
func (a *Accelerator) client(peer netip.Addr, chain []string) string {
	if !a.trusts(peer) {
		return peer.String()
	}
	for _, s := range slices.Backward(chain) {
		ip, err := netip.ParseAddr(s)
		if err != nil {
			break
		}
		if !a.trusts(ip) {
			return ip.String()
		}
	}
	return peer.String()
}

func (a *Accelerator) trusts(ip netip.Addr) bool {
	return ip.IsValid() && slices.ContainsFunc(a.proxies, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) })
}

// believedScheme is what a trusted proxy says that the visitor used.
func (a *Accelerator) believedScheme(r *http.Request) string {
	switch said := r.Header.Get("X-Forwarded-Proto"); said {
	case "http", "https":
		return said
	}
	return schemeOf(r)
}

func schemeOf(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// forwarded is a member of Forwarded (RFC 7239 §4). An IPv6 address and a port
// need quotes.
func forwarded(peer netip.Addr, host, scheme string) string {
	who := "unknown"
	if peer.Is4() {
		who = peer.String()
	} else if peer.IsValid() {
		who = `"[` + peer.String() + `]"`
	}
	out := "for=" + who + ";proto=" + scheme
	if !strings.ContainsAny(host, "\"\\") {
		out += `;host="` + host + `"`
	}
	return out
}

// peerOf is a connection's far end; invalid for a Unix socket.
func peerOf(remote string) netip.Addr {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

// members are the members of a list field, without empty ones.
func members(lines []string) []string {
	var out []string
	for _, line := range lines {
		for m := range strings.SplitSeq(line, ",") {
			if m = strings.TrimSpace(m); m != "" {
				out = append(out, m)
			}
		}
	}
	return out
}

// looped reports whether a request has been here before (RFC 8586 §3).
func (a *Accelerator) looped(h http.Header) bool {
	return slices.Contains(members(h[loopField]), a.loop)
}

// bareHost is a host without its port and the brackets of IPv6.
func bareHost(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return strings.Trim(host, "[]")
}
