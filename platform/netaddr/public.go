package netaddr

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"

	"meridian/world"
)

// special are networks of the internet's address space that are no public
// place, by IANA's registries of special-purpose addresses (RFC 6890). Of IPv6
// only 2000::/3 is public at all.
var special = prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/3", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")

var globalUnicast = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

// Public reports whether an address is a place on the public internet: not of
// this machine, of a private network, or of one that carries another address in
// it.
func Public(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsValid() || a.Is6() && !globalUnicast.Contains(a.WithZone("")) {
		return false
	}
	return !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}

// PublicTransport is an HTTP transport to addresses that somebody else has
// chosen: it connects to the host of the URL, and only where its address is
// [Public] or in one of the networks of also. The address is looked at when it
// is connected to, whatever its name led to before. Another is refused with
// forbidden.
func PublicTransport(also []netip.Prefix, o TransportOptions) *http.Transport {
	o = o.withDefaults()
	t := Transport("tcp:localhost:443", o) // but for the dialling
	d := net.Dialer{Timeout: o.Connect, KeepAlive: o.KeepAlive, Control: func(_, address string, _ syscall.RawConn) error {
		return mayReach(address, also)
	}}
	t.DialContext = Counted(d.DialContext, o.Open)
	return t
}

func mayReach(address string, also []netip.Prefix) error {
	at, err := netip.ParseAddrPort(address)
	if err == nil && (Public(at.Addr()) || slices.ContainsFunc(also, func(p netip.Prefix) bool { return p.Contains(at.Addr().Unmap()) })) {
		return nil
	}
	return world.E(world.CodeForbidden, "netaddr.public", fmt.Sprintf("%.60s is no public address, and none of the networks that the settings allow.", address))
}
