package geodns

import (
	"net/netip"
	"slices"
	"time"

	"meridian/platform/dnsserver"
)

// zone is what a config says of names. It is never changed.
type zone struct {
	origin dnsserver.Name
	soa    dnsserver.Timed // as it stands beside a denial
	nodes  map[dnsserver.Name]*node
	routed []*routed // by name
}

// node is a name that exists.
type node struct {
	sets   []*dnsserver.Set
	types  []dnsserver.Type // all that it can have, for any client
	alias  *dnsserver.Set   // its CNAME
	target dnsserver.Name
	any    *dnsserver.Set
	routed *routed // nil: not by where the client is
}

// routed is a name that is answered by where the client is.
type routed struct {
	Routed
	name  dnsserver.Name
	pops  []string // sorted
	count int
	now   routing // what it is answered with

	aliased bool // clients may be sent to another CDN, by an alias that stands for every type
}

// nsTTL is how long the zone's own records are kept, in seconds: a day.
const nsTTL = 86400

// defaultTTL is that of records that have none.
const defaultTTL = 5 * time.Minute

// newZone reads a config's zone. Its serial is the time of that: a later config
// has a later one (RFC 1982, until 2106).
func newZone(c Config, now time.Time) (*zone, error) {
	z := &zone{nodes: map[dnsserver.Name]*node{}}
	var err error
	if z.origin, err = dnsserver.ParseName(c.Zone); err != nil {
		return nil, bad("zone: %q is no name", c.Zone)
	}
	if err := z.addApex(c, now); err != nil {
		return nil, err
	}
	if err := z.addRecords(c); err != nil {
		return nil, err
	}
	for _, r := range c.Names {
		if err := z.addRouted(r, c); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(z.routed, func(a, b *routed) int { return compare(a.name, b.name) })
	return z, z.finish()
}

func compare(a, b dnsserver.Name) int {
	switch x, y := a.String(), b.String(); {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func seconds(d time.Duration) uint32 { return uint32(d / time.Second) }

func (z *zone) addApex(c Config, now time.Time) error {
	mailbox, err := dnsserver.ParseName(c.Hostmaster)
	if err != nil {
		return bad("hostmaster: %q is no name", c.Hostmaster)
	}
	var servers [][]byte
	for _, s := range c.NameServers {
		name, err := dnsserver.ParseName(s)
		if err != nil {
			return bad("name_servers: %q is no name", s)
		}
		servers = append(servers, []byte(name))
	}
	soa := dnsserver.SOA{
		Server: dnsserver.Name(servers[0]), Mailbox: mailbox, Serial: uint32(now.Unix()),
		// Nobody transfers this zone: these are what RIPE-203 recommends.
		Refresh: 86400, Retry: 7200, Expire: 3600000, Minimum: seconds(c.Negative),
	}
	apex := z.at(z.origin)
	set := dnsserver.NewSet(z.origin, dnsserver.TypeSOA, nsTTL, soa.Data())
	z.soa = dnsserver.Timed{Set: set, TTL: min(nsTTL, soa.Minimum)}
	apex.sets = append(apex.sets, set, dnsserver.NewSet(z.origin, dnsserver.TypeNS, nsTTL, servers...))
	return nil
}

// taken are the types that records may have.
var taken = []dnsserver.Type{
	dnsserver.TypeA, dnsserver.TypeAAAA, dnsserver.TypeCNAME, dnsserver.TypeTXT, dnsserver.TypeCAA, dnsserver.TypeMX,
	dnsserver.TypeSRV, dnsserver.TypeHTTPS, dnsserver.TypeSVCB, dnsserver.TypeTLSA,
}

func (z *zone) addRecords(c Config) error {
	records, err := dnsserver.ParseRecords(z.origin, c.Records, defaultTTL)
	if err != nil {
		return bad("records: %v", err)
	}
	type key struct {
		name dnsserver.Name
		kind dnsserver.Type
	}
	var order []key
	sets := map[key][]dnsserver.Record{}
	for _, r := range records {
		switch {
		case !slices.Contains(taken, r.Type):
			return bad("records: %v: a record of type %v is not served here", r.Name, r.Type)
		case !r.Name.In(z.origin):
			return bad("records: %v is not in the zone %v", r.Name, z.origin)
		case r.Name.Wild():
			return bad("records: %v: there are no wildcards here; name each", r.Name)
		}
		k := key{r.Name, r.Type}
		if sets[k] == nil {
			order = append(order, k)
		}
		if !slices.ContainsFunc(sets[k], func(has dnsserver.Record) bool { return string(has.Data) == string(r.Data) }) {
			sets[k] = append(sets[k], r)
		}
	}
	for _, k := range order {
		var data [][]byte
		for _, r := range sets[k] {
			data = append(data, r.Data)
		}
		ttl := sets[k][0].TTL // of the set, whose TTLs are one (RFC 2181 §5.2)
		n := z.at(k.name)
		n.sets = append(n.sets, dnsserver.NewSet(k.name, k.kind, ttl, data...))
	}
	return nil
}

// at is the node of a name, made with those above it where there is none.
func (z *zone) at(name dnsserver.Name) *node {
	n := z.nodes[name]
	if n == nil {
		n = &node{any: dnsserver.MinimalANY(name)}
		z.nodes[name] = n
		if name != z.origin {
			z.at(name.Parent())
		}
	}
	return n
}

func (z *zone) addRouted(r Routed, c Config) error {
	name := z.origin
	if r.Name != "@" {
		var err error
		if name, err = dnsserver.ParseName(r.Name + "." + z.origin.String()); err != nil || r.Name == "" || !name.In(z.origin) || name.Wild() {
			return bad("names: %q is no name relative to the zone", r.Name)
		}
	}
	if err := r.check(); err != nil {
		return err
	}
	of := &routed{Routed: r, name: name, pops: slices.Clone(r.PoPs), count: max(1, r.Count)}
	if len(of.Providers) == 0 {
		of.Providers = []Provider{{Name: "pops", Weight: 1}}
	}
	of.aliased = slices.ContainsFunc(of.Providers, func(p Provider) bool { return !p.own() })
	if len(of.pops) == 0 {
		for pop := range c.Addresses {
			of.pops = append(of.pops, pop)
		}
	}
	slices.Sort(of.pops)
	of.pops = slices.Compact(of.pops)
	for _, pop := range of.pops {
		if len(c.Addresses[pop]) == 0 {
			return bad("names: %s: the PoP %q has no addresses", r.Name, pop)
		}
	}
	if len(of.pops) == 0 && slices.ContainsFunc(of.Providers, Provider.own) {
		return bad("names: %s: no PoP has addresses", r.Name)
	}
	n := z.at(name)
	if n.routed != nil {
		return bad("names: %s is there twice", r.Name)
	}
	n.routed = of
	z.routed = append(z.routed, of)
	return nil
}

// own reports whether a provider is our own PoPs.
func (p Provider) own() bool { return p.Target == "" }

// finish refuses what no resolver could make sense of, and notes what each name
// has.
func (z *zone) finish() error {
	for name, n := range z.nodes {
		if err := n.finish(name); err != nil {
			return err
		}
	}
	apex := z.nodes[z.origin]
	for _, d := range apex.find(dnsserver.TypeNS).Data() {
		name := dnsserver.Name(d)
		n := z.nodes[name]
		if name.In(z.origin) && (n == nil || n.find(dnsserver.TypeA) == nil && n.find(dnsserver.TypeAAAA) == nil) {
			return bad("name_servers: %v has no address among the records", name)
		}
	}
	return nil
}

func (n *node) finish(name dnsserver.Name) error {
	for _, s := range n.sets {
		n.types = append(n.types, s.Type())
	}
	if n.alias = n.find(dnsserver.TypeCNAME); n.alias != nil {
		if len(n.alias.Data()) > 1 {
			return bad("records: %v has several CNAMEs", name)
		}
		if len(n.sets) > 1 || n.routed != nil {
			return bad("records: %v has a CNAME and something else", name) // RFC 2181 §10.1
		}
		n.target, _ = dnsserver.ReadName(n.alias.Data()[0])
	}
	if n.routed == nil {
		return nil
	}
	if n.find(dnsserver.TypeA) != nil || n.find(dnsserver.TypeAAAA) != nil {
		return bad("names: %v has addresses among the records too", name)
	}
	if n.routed.aliased && len(n.sets) > 0 {
		return bad("names: %v has other records, and so cannot be sent to another CDN by CNAME: choose a name of its own", name)
	}
	n.types = append(n.types, dnsserver.TypeA, dnsserver.TypeAAAA)
	return nil
}

// find is the node's set of a type; nil: it has none.
func (n *node) find(kind dnsserver.Type) *dnsserver.Set {
	for _, s := range n.sets {
		if s.Type() == kind {
			return s
		}
	}
	return nil
}

// addressesOf reads a config's addresses.
func addressesOf(c Config) (map[string][]netip.Addr, error) {
	out := map[string][]netip.Addr{}
	for pop, list := range c.Addresses {
		for _, text := range list {
			a, err := netip.ParseAddr(text)
			if err != nil || a.Zone() != "" {
				return nil, bad("addresses: %s: %q is no address", pop, text)
			}
			out[pop] = append(out[pop], a.Unmap())
		}
	}
	return out, nil
}
