package edge

import (
	"net/http"
	"net/netip"
	"strings"

	"meridian/world"
)

// truncate is the network of a visitor's address, as a server writes it.
func truncate(remote string) string {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return ""
	}
	return world.NetworkOf(ap.Addr())
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
