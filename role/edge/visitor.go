package edge

import (
	"net/http"
	"net/netip"
	"strings"
)

// truncate keeps of a visitor's address what tells the network, not the
// person: the first 24 bits of IPv4, 48 of IPv6.
func truncate(remote string) string {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return ""
	}
	bits := 24
	if a := ap.Addr().Unmap(); a.Is6() {
		bits = 48
	}
	p, err := ap.Addr().Unmap().Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// varying adds a field to the Vary of a successful response.
type varying struct {
	http.ResponseWriter
	field string
}

// WriteHeader adds the field to Vary, once.
func (v *varying) WriteHeader(status int) {
	addVary(v.Header(), v.field)
	v.ResponseWriter.WriteHeader(status)
}

func addVary(h http.Header, field string) {
	if !strings.Contains(strings.ToLower(h.Get("Vary")), strings.ToLower(field)) {
		h.Add("Vary", field)
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (v *varying) Unwrap() http.ResponseWriter { return v.ResponseWriter }
