package geodns

import (
	"fmt"
	"slices"
	"time"

	"meridian/engine/whereabouts"
	"meridian/platform/dnsserver"
	"meridian/world"
)

// Config is what a name server is told.
type Config struct {
	Listen      []string            `yaml:"listen" doc:"addresses for UDP and TCP, host:port; each host one address of the machine"`
	Place       string              `yaml:"place" doc:"the region or PoP that this role runs in"`
	Zone        string              `yaml:"zone" doc:"the zone's name, as shop.example"`
	NameServers []string            `yaml:"name_servers" doc:"the zone's name servers; their addresses are among records"`
	Hostmaster  string              `yaml:"hostmaster" doc:"who answers for the zone, as a name: hostmaster.shop.example"`
	Records     string              `yaml:"records" doc:"all other records, as in a zone file; names are relative to the zone"`
	Names       []Routed            `yaml:"names" doc:"names that are answered by where the client is"`
	Addresses   map[string][]string `yaml:"addresses" doc:"each PoP's IPv4 and IPv6 addresses"`
	Drained     []string            `yaml:"drained" doc:"PoPs and providers that get no new clients, beside what the health feed says"`

	// Sources tell where clients are. They are a section of the machine's own.
	whereabouts.Sources `yaml:"-"`

	Elsewhere string `yaml:"elsewhere" doc:"site of clients whose place the file's location does not tell; none: PoPs come by name"`

	TTL      time.Duration `yaml:"ttl" doc:"of routed names, at most: while nothing has changed for as long as settle"`
	TTLMin   time.Duration `yaml:"ttl_min" doc:"of routed names, at least: right after a change, while one of their PoPs is degraded, and while the health feed is frozen"`
	Settle   time.Duration `yaml:"settle" doc:"how long after a change of health the TTL takes to grow from ttl_min to ttl"`
	Negative time.Duration `yaml:"negative_ttl" doc:"for how long a name or type that does not exist is remembered"`

	UDPBytes    int           `yaml:"udp_bytes" doc:"longest answer over UDP, in bytes"`
	ScopeIPv4   int           `yaml:"scope_ipv4" doc:"longest scope of an answer by client subnet, in bits"`
	ScopeIPv6   int           `yaml:"scope_ipv6" doc:"the same for IPv6"`
	NSID        string        `yaml:"nsid" doc:"what this server is called to who asks; none: it does not tell"`
	CookieKeys  []string      `yaml:"cookie_keys" doc:"keys of 32 hexadecimal digits that cookies are made with, the same on all servers of the zone; the first makes, all are taken; none: one of this run's own" secret:"true"`
	Rate        int           `yaml:"rate" doc:"equal answers a second to one network without a cookie; 0: no limit"`
	RateTracked int           `yaml:"rate_tracked" doc:"how many networks and answers can be counted at once; 8 bytes each"`
	Connections int           `yaml:"connections" doc:"most TCP connections at once"`
	PerClient   int           `yaml:"connections_per_client" doc:"most of them from one address"`
	Idle        time.Duration `yaml:"idle" doc:"how long a TCP connection may be silent"`

	DNSSEC DNSSEC `yaml:"dnssec"`
}

// Routed is a name that is answered by where the client is.
type Routed struct {
	Name      string     `yaml:"name" doc:"relative to the zone; @ is the zone itself"`
	PoPs      []string   `yaml:"pops" doc:"the PoPs that may be given; none: all that have addresses"`
	Count     int        `yaml:"count" doc:"how many PoPs are given at once, the nearest first"`
	Providers []Provider `yaml:"providers" doc:"who serves the name, where that is not our PoPs alone"`
}

// Provider is our own PoPs or another CDN. Of those that are healthy and serve
// the client's continent the cheapest are taken, and split the clients by weight.
type Provider struct {
	Name       string   `yaml:"name" doc:"ours for our own PoPs, else the name of one of the machine's cdns, whose target its clients are sent to and whose health is that of cdn/NAME in the feed"`
	Target     string   `yaml:"-"` // the name that clients are sent to by CNAME; none: our own PoPs
	Weight     int      `yaml:"weight" doc:"its share beside others of the same cost"`
	Cost       float64  `yaml:"cost" doc:"what it costs, in any unit: a dearer one is used only when no cheaper one can be"`
	Continents []string `yaml:"continents" doc:"continents that it is used for: AF, AN, AS, EU, NA, OC, SA; none: all"`
}

// DNSSEC is how the zone is signed.
type DNSSEC struct {
	Keys []string      `yaml:"keys" doc:"pairs of key files as dnssec-keygen and meridian dns key write them, each named without its ending: K….key and K….private; none: the zone is not signed"`
	Life time.Duration `yaml:"life" doc:"how long a signature holds; it is made anew after half of that"`
}

// Limits of RFC 7871 §11.1 for what a resolver should tell of a client.
const (
	longestIPv4 = 24
	longestIPv6 = 56
)

// MaxTTL is the longest TTL that a routed name may have: nobody is kept at a lost
// PoP for longer.
const MaxTTL = time.Hour

// Default is a config that lacks the zone, what is in it, and where it is served.
func Default() Config {
	return Config{
		TTL: 30 * time.Second, TTLMin: 5 * time.Second, Settle: 2 * time.Minute, Negative: time.Minute, Sources: whereabouts.Default(),
		UDPBytes: 1232, ScopeIPv4: longestIPv4, ScopeIPv6: longestIPv6, Rate: 20, RateTracked: 100_000,
		Connections: 1000, PerClient: 50, Idle: 10 * time.Second, DNSSEC: DNSSEC{Life: 7 * 24 * time.Hour},
	}
}

func bad(format string, args ...any) error {
	return world.E(world.CodeInvalid, "geodns.config", "geodns: "+fmt.Sprintf(format, args...)+".")
}

// Validate says what is missing or out of range; what the zone holds is checked
// by [New].
func (c Config) Validate() error {
	switch {
	case len(c.Listen) == 0 || c.Place == "" || c.Zone == "" || c.Hostmaster == "":
		return bad("listen, place, zone and hostmaster must be set")
	case len(c.NameServers) == 0:
		return bad("name_servers must name at least one")
	case c.TTLMin < time.Second || c.TTL < c.TTLMin || c.TTL > MaxTTL:
		return bad("ttl_min must be at least 1s, ttl between it and %v", MaxTTL)
	case c.Negative < 0 || c.Negative > MaxTTL:
		return bad("negative_ttl must be 0 to %v", MaxTTL)
	case c.Settle <= 0:
		return bad("settle must be above 0")
	case c.DNSSEC.Life < 2*dnsserver.Skew:
		return bad("dnssec.life must be at least %v", 2*dnsserver.Skew)
	}
	for _, at := range c.Listen {
		if err := dnsserver.CheckAddress(at); err != nil {
			return bad("listen: %v", err)
		}
	}
	if err := c.Sources.Validate(); err != nil {
		return err
	}
	keys, err := dnsserver.ParseCookieKeys(c.CookieKeys)
	if err != nil {
		return err
	}
	return c.protocol(keys).Validate()
}

// protocol is the part that is not about the zone.
func (c Config) protocol(keys dnsserver.CookieKeys) dnsserver.Config {
	return dnsserver.Config{
		UDPBytes: c.UDPBytes, ScopeIPv4: c.ScopeIPv4, ScopeIPv6: c.ScopeIPv6, NSID: c.NSID, Cookies: keys,
		Rate: c.Rate, RateTracked: c.RateTracked, Connections: c.Connections, PerClient: c.PerClient, Idle: c.Idle,
	}
}

// Own is the provider that is our own PoPs.
const Own = "ours"

// SendTo gives the names' providers their targets, by what they are called. It
// fails with [world.CodeInvalid] for one that is not ours and has none.
func (c *Config) SendTo(targets map[string]string) error {
	c.Names = slices.Clone(c.Names)
	for i, r := range c.Names {
		c.Names[i].Providers = slices.Clone(r.Providers)
		for j, p := range r.Providers {
			if p.Name == Own {
				continue
			}
			if targets[p.Name] == "" {
				return bad("names: %s: %q is no CDN with a target: declare it under cdns, or write %s for our own PoPs", r.Name, p.Name, Own)
			}
			c.Names[i].Providers[j].Target = targets[p.Name]
		}
	}
	return nil
}

// check says what is wrong with a routed name's own settings.
func (r Routed) check() error {
	names := map[string]bool{}
	for _, p := range r.Providers {
		switch {
		case !world.ValidName(p.Name) || names[p.Name]:
			return bad("names: %s: each provider needs a name of its own, of lower-case letters, digits and hyphens: %q", r.Name, p.Name)
		case p.Weight < 1 || p.Weight > maxWeight:
			return bad("names: %s: the weight of %s must be 1 to %d", r.Name, p.Name, maxWeight)
		case !(p.Cost >= 0 && p.Cost < 1e12):
			return bad("names: %s: the cost of %s must be a number of at least 0", r.Name, p.Name)
		}
		for _, c := range p.Continents {
			if !slices.Contains(world.Continents, c) {
				return bad("names: %s: %s: %q is no continent; they are %v", r.Name, p.Name, c, world.Continents)
			}
		}
		names[p.Name] = true
	}
	if r.Count < 0 {
		return bad("names: %s: count must be at least 0", r.Name)
	}
	return nil
}

// maxWeight bounds a provider's share.
const maxWeight = 1_000_000
