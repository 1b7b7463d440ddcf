package geodns

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"meridian/engine/georoute"
	"meridian/platform/dnsserver"
	"meridian/world"
)

// Explanation is why a client gets what it gets of a routed name.
type Explanation struct {
	Name      string       `json:"name"`
	Client    netip.Addr   `json:"client"`
	Site      string       `json:"site"`  // "": none is known, and no "elsewhere" either
	Known     bool         `json:"known"` // whether prefixes or database hold the client; else it is taken to be elsewhere
	Continent string       `json:"continent,omitempty"`
	Scope     netip.Prefix `json:"scope"`    // everybody in it gets the same
	TTL       int          `json:"ttl"`      // seconds
	Provider  string       `json:"provider"` // the one that the client gets
	Target    string       `json:"target,omitempty"`
	Providers []Verdict    `json:"providers"`
	PoPs      []Choice     `json:"pops"` // our own, the best first
}

// Choice is one of our PoPs.
type Choice struct {
	PoP       string             `json:"pop"`
	Given     bool               `json:"given"`
	RTT       time.Duration      `json:"rtt"`
	Basis     georoute.Basis     `json:"basis"`
	Reason    georoute.Reason    `json:"reason"`
	State     world.HealthState  `json:"state"`
	Because   world.HealthReason `json:"because"`
	Addresses []netip.Addr       `json:"addresses"`
}

// Explain tells why a client gets what it gets of a name. Errors are
// [world.CodeNotFound] for a name that is not routed here.
func (s *Server) Explain(name string, client netip.Addr) (Explanation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.now.Load()
	of, err := v.routedAs(name)
	if err != nil {
		return Explanation{}, err
	}
	client = client.Unmap()
	r := s.router(v)
	r.view = s.routed
	at, _ := v.places.Lookup(client)
	share, bits := of.now.find(client)
	scope, _ := client.Prefix(bits)
	whole := r.whole(at)
	e := Explanation{
		Name: of.name.String(), Client: client, Site: whole.Site, Continent: whole.Continent, Known: at.Site != "", Scope: scope, TTL: int(of.now.ttl.Load()),
		Provider: share.provider, Providers: r.judge(of, whole),
	}
	if share.alias != nil {
		target, _ := dnsserver.ReadName(share.alias.Data()[0])
		e.Target = target.String()
	}
	for _, c := range r.rank(of, georoute.Client{Site: r.site(whole.Site), Network: world.NetworkOf(client)}) {
		h := r.state(world.TargetPoP, c.Name)
		e.PoPs = append(e.PoPs, Choice{
			PoP: c.Name, Given: slices.Contains(share.pops, c.Name), RTT: c.RTT, Basis: c.Basis, Reason: c.Reason,
			State: h.State, Because: h.Reason, Addresses: v.addresses[c.Name],
		})
	}
	return e, nil
}

// routedAs finds a routed name.
func (v *version) routedAs(text string) (*routed, error) {
	name, err := dnsserver.ParseName(text)
	if n := v.zone.nodes[name]; err == nil && n != nil && n.routed != nil {
		return n.routed, nil
	}
	var names []string
	for _, of := range v.zone.routed {
		names = append(names, of.name.String())
	}
	return nil, world.E(world.CodeNotFound, "geodns.explain", fmt.Sprintf("%q is not answered by where the client is; the names that are: %v.", text, names))
}
