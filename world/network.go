package world

import "net/netip"

// NetworkOf keeps of an address what tells the network, not the person: the
// first 24 bits of IPv4, 48 of IPv6, as a prefix. "" for an address that is none.
func NetworkOf(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	a = a.Unmap()
	bits := 24
	if a.Is6() {
		bits = 48
	}
	return netip.PrefixFrom(a.WithZone(""), bits).Masked().String()
}
