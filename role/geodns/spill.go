package geodns

import (
	"net/netip"

	"meridian/engine/georoute"
	"meridian/world"
)

// spill is what becomes of the clients of a place whose first PoP is full: some,
// by their networks, are sent to a neighbour that has room.
type spill struct {
	from       world.Site
	candidates []georoute.Candidate
	rtt        georoute.RoundTrip
	led        map[string]*share // by the PoP that comes first
}

// find is the share that a client gets.
func (s *spill) find(client netip.Addr) *share {
	ranked := georoute.Policy{}.Rank(georoute.Client{Site: s.from, Network: world.NetworkOf(client)}, s.candidates, s.rtt)
	return s.led[ranked[0].Name]
}

// spilling is a share's spill; nil: its first PoP sheds nobody.
func (r router) spilling(of *routed, site string, s share) *spill {
	candidates := r.candidates(of)
	ranked := georoute.Rank(r.site(site), candidates, r.world.RoundTrip)
	if ranked[0].Reason == georoute.AllDown || r.shed == nil || r.shed(ranked[0].Name) == 0 {
		return nil
	}
	out := &spill{from: r.site(site), candidates: candidates, rtt: r.world.RoundTrip, led: map[string]*share{}}
	for i, c := range ranked {
		led := s
		led.pops = r.first(of, append([]georoute.Choice{c}, without(ranked, i)...))
		led.a, led.aaaa = r.sets(of.name, led.pops)
		out.led[c.Name] = &led
	}
	return out
}

func without(all []georoute.Choice, i int) []georoute.Choice {
	return append(append([]georoute.Choice{}, all[:i]...), all[i+1:]...)
}
