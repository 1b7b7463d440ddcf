package geodns

import "meridian/platform/dnsserver"

// mostCNAMEs is how many aliases are followed inside the zone.
const mostCNAMEs = dnsserver.MostSets - 1

// Answer looks for what a query asks for; see [dnsserver.Source].
func (s *Server) Answer(q *dnsserver.Query, a *dnsserver.Answer) {
	v := s.now.Load()
	n := v.zone.nodes[dnsserver.Name(q.Name())]
	if n == nil {
		name := dnsserver.Name(q.Name())
		if !name.In(v.zone.origin) {
			a.Code = dnsserver.CodeRefused
			return
		}
		a.Deny(v.zone.soa, name, false, nil)
		return
	}
	for range mostCNAMEs {
		if n.alias == nil || q.Type == dnsserver.TypeCNAME || q.Type == dnsserver.TypeANY {
			v.atNode(n, q, a)
			return
		}
		a.Add(dnsserver.Timed{Set: n.alias, TTL: n.alias.TTL()})
		if !n.target.In(v.zone.origin) {
			return
		}
		next := v.zone.nodes[n.target]
		if next == nil { // RFC 6604 §3 would have the code be of the last alias: NOERROR is what caches expect
			a.Deny(v.zone.soa, n.target, false, nil)
			return
		}
		n = next
	}
}

// atNode answers with what a name has.
func (v *version) atNode(n *node, q *dnsserver.Query, a *dnsserver.Answer) {
	kind := q.Type
	if kind == dnsserver.TypeANY {
		a.Add(dnsserver.Timed{Set: n.any, TTL: n.any.TTL()})
		return
	}
	if n.routed != nil && (kind == dnsserver.TypeA || kind == dnsserver.TypeAAAA || n.routed.aliased) {
		if v.atRouted(n.routed, q, a) {
			return
		}
	} else if set := n.find(kind); set != nil {
		a.Add(dnsserver.Timed{Set: set, TTL: set.TTL()})
		return
	}
	a.Deny(v.zone.soa, n.any.Name(), true, n.types)
}

// atRouted answers by where the client is; false: there is nothing of the type.
func (v *version) atRouted(of *routed, q *dnsserver.Query, a *dnsserver.Answer) bool {
	share, scope := of.now.find(q.Client())
	a.Scope = uint8(min(scope, 128))
	var set *dnsserver.Set
	switch {
	case share.alias != nil:
		set = share.alias
	case q.Type == dnsserver.TypeA:
		set = share.a
	case q.Type == dnsserver.TypeAAAA:
		set = share.aaaa
	}
	if set == nil {
		return false
	}
	return a.Add(dnsserver.Timed{Set: set, TTL: of.now.ttl.Load()})
}
