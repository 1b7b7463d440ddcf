package geodns

import (
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"

	"meridian/engine/georoute"
	"meridian/engine/prefixes"
	"meridian/engine/whereabouts"
	"meridian/platform/dnsserver"
	"meridian/world"
)

// routing is what a routed name is answered with, and for how long. Both are
// replaced whole when health changes.
type routing struct {
	plans atomic.Pointer[prefixes.Table[*plan]]
	ttl   atomic.Uint32 // seconds
}

// plan is what clients of one place get: most often one share.
type plan struct{ shares []share }

// share is what one provider gives, and how many clients are its.
type share struct {
	provider string
	seed     uint64
	weight   float64
	pops     []string // of our own
	a, aaaa  *dnsserver.Set
	alias    *dnsserver.Set // of another CDN
	spill    *spill         // nil: all of its clients get the same
}

// find is the share that a client gets, and the scope for which that is so, in bits.
func (n *routing) find(client netip.Addr) (of *share, scope int) {
	p, scope := n.plans.Load().Find(client)
	of = &p.shares[0]
	if len(p.shares) > 1 {
		of = split(p.shares, client)
		scope = max(scope, networkBits(client))
	}
	if of.spill != nil {
		of = of.spill.find(client)
		scope = max(scope, networkBits(client))
	}
	return of, scope
}

// router makes plans for one version of zone, places and health.
type router struct {
	world     *world.World
	addresses map[string][]netip.Addr
	elsewhere string
	ttl       uint32 // the longest
	drained   []string
	view      world.HealthView
	shed      func(pop string) float64 // the share of its clients that a PoP sends on; nil: none
}

// table is the plans of a name for all places.
func (r router) table(of *routed, places *prefixes.Table[whereabouts.Place]) *prefixes.Table[*plan] {
	known := map[string]*plan{} // so that places with the same plan are one
	return prefixes.Map(places, func(at whereabouts.Place) *plan {
		p, key := r.plan(of, r.whole(at))
		if known[key] == nil {
			known[key] = p
		}
		return known[key]
	})
}

// whole is a place with what is missing from it.
func (r router) whole(at whereabouts.Place) whereabouts.Place {
	if at.Site == "" {
		at.Site = r.elsewhere
	}
	if at.Continent == "" {
		site, _ := r.world.SiteByID(at.Site)
		at.Continent = site.Continent
	}
	return at
}

// plan is what clients at a place get, and a key that equal plans share.
func (r router) plan(of *routed, at whereabouts.Place) (*plan, string) {
	p, key := &plan{}, ""
	for i, v := range r.judge(of, at) {
		if !v.Used {
			continue
		}
		provider := of.Providers[i]
		s := share{provider: provider.Name, seed: seed(provider.Name), weight: float64(provider.Weight)}
		if provider.own() {
			s.pops = r.choose(of, at.Site)
			s.a, s.aaaa = r.sets(of.name, s.pops)
			s.spill = r.spilling(of, at.Site, s)
		} else {
			target, _ := dnsserver.ParseName(provider.Target) // checked by check
			s.alias = dnsserver.NewSet(of.name, dnsserver.TypeCNAME, r.ttl, []byte(target))
		}
		p.shares = append(p.shares, s)
		key += provider.Name + " " + strings.Join(s.pops, " ") + ","
		if s.spill != nil {
			key += "spilt from " + at.Site + ","
		}
	}
	return p, key
}

// sets are the addresses of PoPs.
func (r router) sets(name dnsserver.Name, pops []string) (a, aaaa *dnsserver.Set) {
	var four, six [][]byte
	for _, pop := range pops {
		for _, addr := range r.addresses[pop] {
			if kind, data := dnsserver.Address(addr); kind == dnsserver.TypeA {
				four = append(four, data)
			} else {
				six = append(six, data)
			}
		}
	}
	if four != nil {
		a = dnsserver.NewSet(name, dnsserver.TypeA, r.ttl, four...)
	}
	if six != nil {
		aaaa = dnsserver.NewSet(name, dnsserver.TypeAAAA, r.ttl, six...)
	}
	return a, aaaa
}

// choose is the PoPs that a client near a site gets.
func (r router) choose(of *routed, site string) []string {
	return r.first(of, r.rank(of, georoute.Client{Site: r.site(site)}))
}

// first is the PoPs that are given of a rank: of the best state that there is; all
// of them where all are lost, never none.
func (r router) first(of *routed, ranked []georoute.Choice) []string {
	var out []string
	for i, c := range ranked {
		if i < of.count && c.State == ranked[0].State || c.Reason == georoute.AllDown {
			out = append(out, c.Name)
		}
	}
	return out
}

func (r router) rank(of *routed, client georoute.Client) []georoute.Choice {
	return georoute.Policy{}.Rank(client, r.candidates(of), r.world.RoundTrip)
}

// site is a site by its id; one that is unknown is nowhere: ties fall to the name.
func (r router) site(id string) world.Site {
	s, _ := r.world.SiteByID(id)
	return s
}

// candidates are a name's PoPs as health has them.
func (r router) candidates(of *routed) []georoute.Candidate {
	out := make([]georoute.Candidate, len(of.pops))
	for i, id := range of.pops {
		pop, _ := r.world.PoPByID(id)
		h := r.state(world.TargetPoP, id)
		out[i] = georoute.Candidate{Name: id, Site: r.site(pop.Site), State: h.State, Load: h.Load}
		if r.shed != nil {
			out[i].Shed = r.shed(id)
		}
	}
	return out
}

// state is what is known of a PoP or provider: the config's order goes first.
func (r router) state(kind, name string) world.TargetHealth {
	h := r.view.Of(world.Target(kind, name))
	if slices.Contains(r.drained, name) {
		h.State, h.Reason = world.Draining, world.ReasonDrained
	}
	return h
}

// usable reports whether new clients may be sent to where a state is.
func usable(s world.HealthState) bool { return s == world.Healthy || s == world.Degraded }

// ProviderReason says why a provider is used, or is not.
type ProviderReason string

// The reasons.
const (
	Cheapest   ProviderReason = "cheapest"    // used: nothing that can be used costs less
	Dearer     ProviderReason = "dearer"      // a cheaper one can be used
	Elsewhere  ProviderReason = "elsewhere"   // it is not for the client's continent
	Unusable   ProviderReason = "unusable"    // it is down or drained
	NoneUsable ProviderReason = "none_usable" // used though it is down or drained: so are all
)

// Verdict is why a provider is used, or is not.
type Verdict struct {
	Name   string            `json:"name"`
	Used   bool              `json:"used"`
	Reason ProviderReason    `json:"reason"`
	State  world.HealthState `json:"state"`
	Weight int               `json:"weight"`
	Cost   float64           `json:"cost"`
	Target string            `json:"target,omitempty"` // "": our own PoPs
}

// judge says of each provider of a name whether clients at a place get it.
func (r router) judge(of *routed, at whereabouts.Place) []Verdict {
	out := make([]Verdict, len(of.Providers))
	here := func(p Provider) bool { return len(p.Continents) == 0 || slices.Contains(p.Continents, at.Continent) }
	anywhere := !slices.ContainsFunc(of.Providers, here)
	for i, p := range of.Providers {
		out[i] = Verdict{Name: p.Name, State: r.provider(of, p), Weight: p.Weight, Cost: p.Cost, Target: p.Target, Reason: Unusable}
		switch {
		case !anywhere && !here(p):
			out[i].Reason = Elsewhere
		case usable(out[i].State):
			out[i].Reason = Cheapest
		}
	}
	if !cheapest(out, Cheapest) {
		for i, v := range out {
			if v.Reason == Unusable {
				out[i].Reason = NoneUsable
			}
		}
		cheapest(out, NoneUsable)
	}
	return out
}

// cheapest has those of a reason used that cost least; false: there are none.
func cheapest(all []Verdict, reason ProviderReason) bool {
	least, found := 0.0, false
	for _, v := range all {
		if v.Reason == reason && (!found || v.Cost < least) {
			least, found = v.Cost, true
		}
	}
	for i, v := range all {
		switch {
		case v.Reason != reason:
		case v.Cost > least:
			all[i].Reason = Dearer
		default:
			all[i].Used = true
		}
	}
	return found
}

// provider is a provider's state; ours is that of the best of our PoPs.
func (r router) provider(of *routed, p Provider) world.HealthState {
	if !p.own() || slices.Contains(r.drained, p.Name) {
		return r.state(world.TargetCDN, p.Name).State
	}
	states := []world.HealthState{world.Healthy, world.Degraded, world.Draining, world.Down}
	best := len(states) - 1
	for _, pop := range of.pops {
		best = min(best, max(0, slices.Index(states, r.state(world.TargetPoP, pop).State)))
	}
	return states[best]
}

// check refuses what the world does not have.
func (r router) check(z *zone) error {
	for pop := range r.addresses {
		if _, ok := r.world.PoPByID(pop); !ok {
			return bad("the world has no PoP %q; use the id of one of its own", pop)
		}
	}
	names := []string{}
	for _, of := range z.routed {
		for _, p := range of.Providers {
			names = append(names, p.Name)
			if _, err := dnsserver.ParseName(p.Target); err != nil && !p.own() {
				return bad("names: %s: the target of %s, %q, is no name", of.Routed.Name, p.Name, p.Target)
			}
		}
	}
	for _, d := range r.drained {
		if _, ok := r.world.PoPByID(d); !ok && !slices.Contains(names, d) {
			return bad("drained: there is no PoP and no provider %q", d)
		}
	}
	if _, ok := r.world.SiteByID(r.elsewhere); !ok && r.elsewhere != "" {
		return bad("elsewhere: the world has no site %q; use the id of one of its sites", r.elsewhere)
	}
	return nil
}
