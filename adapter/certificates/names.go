package certificates

import (
	"crypto/tls"
	"strings"
)

// index finds a certificate by the name that a client asks for.
type index struct {
	byName map[string]*tls.Certificate
	first  *tls.Certificate // for clients that name no host
}

// newIndex lists certificates by their names, the first one of a name winning.
func newIndex(certs []*tls.Certificate) *index {
	x := &index{byName: map[string]*tls.Certificate{}}
	for _, c := range certs {
		if x.first == nil {
			x.first = c
		}
		for _, n := range c.Leaf.DNSNames {
			x.add(n, c)
		}
		for _, ip := range c.Leaf.IPAddresses {
			x.add(ip.String(), c)
		}
	}
	return x
}

func (x *index) add(name string, c *tls.Certificate) {
	name = strings.ToLower(name)
	if x.byName[name] == nil {
		x.byName[name] = c
	}
}

// find is the certificate of a name: its own, or that of a wildcard for its
// first label (RFC 6125 §6.4.3); nil where there is none.
func (x *index) find(name string) *tls.Certificate {
	if name == "" {
		return x.first
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if c := x.byName[name]; c != nil {
		return c
	}
	_, rest, ok := strings.Cut(name, ".")
	if !ok {
		return nil
	}
	return x.byName["*."+rest]
}
