package geodns

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"meridian/world"
)

func TestAnswers(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct {
		from, name string
		kind       uint16
		want       string
	}{
		{"203.0.113.9", "www.shop.example.", dns.TypeA, "NOERROR 192.0.2.4"},
		{"203.0.113.9", "WWW.Shop.Example.", dns.TypeAAAA, "NOERROR 2001:db8::4"},
		{"198.51.100.1", "www.shop.example.", dns.TypeA, "NOERROR 192.0.2.6"},
		{"198.51.100.200", "www.shop.example.", dns.TypeA, "NOERROR 192.0.2.2"},
		{"198.51.100.1", "www.shop.example.", dns.TypeAAAA, "NOERROR SOA"}, // its PoP has none
		{"8.8.8.8", "www.shop.example.", dns.TypeA, "NOERROR 192.0.2.1"},
		{"2001:db8:f::1", "www.shop.example.", dns.TypeA, "NOERROR 192.0.2.4"},
		{"198.51.100.1", "shop.example.", dns.TypeA, "NOERROR 192.0.2.1"}, // Tokyo is nearer to Virginia than to Frankfurt
		{"203.0.113.9", "two.deep.shop.example.", dns.TypeA, "NOERROR 192.0.2.4 192.0.2.3"},
		{"203.0.113.9", "deep.shop.example.", dns.TypeA, "NOERROR SOA"}, // an empty non-terminal (RFC 8020)
		{"203.0.113.9", "none.shop.example.", dns.TypeA, "NXDOMAIN SOA"},
		{"203.0.113.9", "x.www.shop.example.", dns.TypeA, "NXDOMAIN SOA"},
		{"203.0.113.9", "www.shop.example.", dns.TypeTXT, "NOERROR SOA"},
		{"203.0.113.9", "shop.example.", dns.TypeTXT, `NOERROR "v=spf1 -all"`},
		{"203.0.113.9", "shop.example.", dns.TypeCAA, `NOERROR 0 issue "letsencrypt.org"`},
		{"203.0.113.9", "shop.example.", dns.TypeNS, "NOERROR ns1.shop.example. ns.elsewhere.test."},
		{"203.0.113.9", "shop.example.", dns.TypeSOA, "NOERROR ns1.shop.example. hostmaster.shop.example. 1800000000 86400 7200 3600000 60"},
		{"203.0.113.9", "alias.shop.example.", dns.TypeA, "NOERROR www.shop.example. 192.0.2.4"},
		{"203.0.113.9", "alias.shop.example.", dns.TypeCNAME, "NOERROR www.shop.example."},
		{"203.0.113.9", "chain.shop.example.", dns.TypeA, "NOERROR alias.shop.example. www.shop.example. 192.0.2.4"},
		{"203.0.113.9", "out.shop.example.", dns.TypeA, "NOERROR www.elsewhere.test."},
		{"203.0.113.9", "gone.shop.example.", dns.TypeA, "NOERROR nobody.shop.example. SOA"},
		{"203.0.113.9", "loop.shop.example.", dns.TypeA, "NOERROR" + strings.Repeat(" loop.shop.example.", mostCNAMEs)},
		{"203.0.113.9", "www.shop.example.", dns.TypeANY, `NOERROR "RFC8482" ""`},
		{"203.0.113.9", "shop.example.", dns.TypeAXFR, "REFUSED"},
		{"203.0.113.9", "www.elsewhere.test.", dns.TypeA, "REFUSED"},
		{"203.0.113.9", "badshop.example.", dns.TypeA, "REFUSED"},
	} {
		m := r.ask(c.from, c.name, c.kind)
		if said(m) != c.want {
			t.Errorf("%s asks for %s %s: %s, want %s", c.from, c.name, dns.TypeToString[c.kind], said(m), c.want)
		}
		if m.Authoritative != !strings.HasPrefix(c.want, "REFUSED") || !m.Response || m.RecursionAvailable {
			t.Errorf("%s: flags of %v", c.name, m.MsgHdr)
		}
		if m.Question[0].Name != c.name || len(m.Answer) > 0 && strings.EqualFold(m.Answer[0].Header().Name, c.name) && m.Answer[0].Header().Name != c.name {
			t.Errorf("%s: another case of letters came back: %v", c.name, m)
		}
	}
	if m := r.ask("203.0.113.9", "www.shop.example.", dns.TypeA); m.Answer[0].Header().Ttl != 20 {
		t.Error(m)
	}
	if m := r.ask("203.0.113.9", "none.shop.example.", dns.TypeA); m.Ns[0].Header().Ttl != 60 {
		t.Error(m)
	}
}

// The client's network counts, not the resolver's; the scope says for whom the
// answer is the same.
func TestClientSubnet(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct {
		subnet, name, want string
		scope              int
	}{
		{"203.0.113.0/24", "www.shop.example.", "192.0.2.4", 23},  // its neighbour goes to Frankfurt as well
		{"203.0.112.0/20", "www.shop.example.", "192.0.2.4", 23},  // too little was told: others of it may go elsewhere
		{"198.51.100.0/24", "www.shop.example.", "192.0.2.6", 24}, // 25 bits decide, and 24 is the most that is told
		{"198.51.7.0/24", "www.shop.example.", "192.0.2.2", 18},
		{"10.1.2.0/24", "www.shop.example.", "192.0.2.5", 8},
		{"2001:db8:f::/56", "www.shop.example.", "192.0.2.4", 48},
		{"0.0.0.0/0", "www.shop.example.", "192.0.2.6", 0}, // "do not use it": the resolver's address
		{"203.0.113.0/24", "ns1.shop.example.", "198.51.100.53", 0},
		{"203.0.113.0/24", "alias.shop.example.", "www.shop.example. 192.0.2.4", 23},
	} {
		m := r.ask("198.51.100.1", c.name, dns.TypeA, subnetOf(c.subnet))
		e := option[*dns.EDNS0_SUBNET](m)
		if said(m) != "NOERROR "+c.want || e == nil || int(e.SourceScope) != c.scope {
			t.Errorf("%s for %s: %s, %v, want %s and scope %d", c.name, c.subnet, said(m), e, c.want, c.scope)
			continue
		}
		if p := netip.MustParsePrefix(c.subnet); int(e.SourceNetmask) != p.Bits() || e.Address.String() != p.Addr().String() {
			t.Errorf("%s: the option came back as %v", c.subnet, e)
		}
	}
	if m := r.ask("203.0.113.9", "www.shop.example.", dns.TypeA, withOption()); option[*dns.EDNS0_SUBNET](m) != nil {
		t.Error("a scope for who did not ask")
	}
}

func TestDrained(t *testing.T) {
	for drained, want := range map[string]string{
		"":                        "NOERROR 192.0.2.4",
		"fra":                     "NOERROR 192.0.2.3",
		"fra lhr":                 "NOERROR 192.0.2.1",
		"fra lhr iad sjc bom nrt": "NOERROR 192.0.2.4 192.0.2.3 192.0.2.1 192.0.2.5 192.0.2.2 192.0.2.6", // never none
	} {
		r := newRig(t, func(c *Config) { c.Drained = strings.Fields(drained) })
		if m := r.ask("203.0.113.9", "www.shop.example.", dns.TypeA); said(m) != want {
			t.Errorf("without %q: %s, want %s", drained, said(m), want)
		}
	}
}

// What is wrong leaves the last good one in use.
func TestReload(t *testing.T) {
	r := newRig(t, nil)
	ask := func() string { return said(r.ask("10.0.0.1", "www.shop.example.", dns.TypeA)) }
	first := ask()
	good := r.config
	for _, spoil := range []func(){
		func() { r.files["places"] = "10.0.0.0/8 nowhere" },
		func() { r.files["places"] = "10.0.0.0/8" },
		func() { delete(r.files, "places") },
		func() { r.config.Zone = "" },
		func() { r.config.Records = "a IN A 192.0.2" },
		func() { r.config.DNSSEC.Keys = []string{"missing"} },
		func() { r.config.Database = "missing" },
	} {
		spoil()
		if err := r.Reload(); !world.Is(err, world.CodeInvalid) && err == nil || ask() != first {
			t.Errorf("%v, %s", err, ask())
		}
		r.config, r.files["places"] = good, placesOfTests
	}
	r.files["places"] = "10.0.0.0/8 london"
	if err := r.Reload(); err != nil || ask() != "NOERROR 192.0.2.3" {
		t.Errorf("%v, %s", err, ask())
	}
	r.config.Records = strings.ReplaceAll(r.config.Records, "198.51.100.53", "198.51.100.54")
	if err := r.Reload(); err != nil || said(r.ask("10.0.0.1", "ns1.shop.example.", dns.TypeA)) != "NOERROR 198.51.100.54" {
		t.Errorf("%v", err)
	}
}

func TestZonesThatAreRefused(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"listen, place, zone":      func(c *Config) { c.Zone = "" },
		"name_servers must":        func(c *Config) { c.NameServers = nil },
		"ttl between it":           func(c *Config) { c.TTL = MaxTTL + 1 },
		"udp_bytes must":           func(c *Config) { c.UDPBytes = 511 },
		"scope_ipv4 must":          func(c *Config) { c.ScopeIPv4 = 33 },
		"is not one address":       func(c *Config) { c.Listen = []string{"localhost:53"} },
		"[::]:53":                  func(c *Config) { c.Listen = []string{"[::]:53"} },
		"zone: ":                   func(c *Config) { c.Zone = strings.Repeat("x", 64) + ".example" },
		"type NS is not served":    func(c *Config) { c.Records += "sub IN NS ns1\n" },
		"is not in the zone":       func(c *Config) { c.Records += "www.other.test. IN A 192.0.2.9\n" },
		"no wildcards":             func(c *Config) { c.Records += "*.w IN A 192.0.2.9\n" },
		"cannot be read as a zone": func(c *Config) { c.Records += "a IN A 192.0.2\n" },
		"several CNAMEs":           func(c *Config) { c.Records += "alias IN CNAME big\n" },
		"and something else":       func(c *Config) { c.Records += "alias IN A 192.0.2.9\n" },
		"addresses among":          func(c *Config) { c.Records += "www IN A 192.0.2.9\n" },
		"has no address":           func(c *Config) { c.NameServers = []string{"ns2.shop.example"} },
		"no name relative":         func(c *Config) { c.Names = []Routed{{Name: "www.shop.example."}} },
		"is there twice":           func(c *Config) { c.Names = append(c.Names, Routed{Name: "WWW"}) },
		`the PoP "xyz" has no`:     func(c *Config) { c.Names = []Routed{{Name: "w", PoPs: []string{"xyz"}}} },
		`has no PoP "xyz"`:         func(c *Config) { c.Addresses["xyz"] = []string{"192.0.2.9"} },
		"is no address":            func(c *Config) { c.Addresses["fra"] = []string{"192.0.2"} },
		"no site":                  func(c *Config) { c.Elsewhere = "nowhere" },
		"cookie key at 1":          func(c *Config) { c.CookieKeys = []string{"00"} },
		"no PoP has addresses":     func(c *Config) { c.Addresses, c.Names = nil, []Routed{{Name: "w"}} },
		`no provider "gone"`:       func(c *Config) { c.Drained = []string{"gone"} },
		`no site "atlantis"`:       func(c *Config) { c.Countries = map[string]string{"AT": "atlantis"} },
		"needs a name of its own":  func(c *Config) { c.Names[0].Providers = []Provider{{Name: "Ours", Weight: 1}} },
		"the weight of ours":       func(c *Config) { c.Names[0].Providers = []Provider{{Name: "ours"}} },
		"the cost of ours":         func(c *Config) { c.Names[0].Providers = []Provider{{Name: "ours", Weight: 1, Cost: math.NaN()}} },
		`"XX" is no continent`: func(c *Config) {
			c.Names[0].Providers = []Provider{{Name: "ours", Weight: 1, Continents: []string{"XX"}}}
		},
		"is no name":         func(c *Config) { c.Names[0].Providers = []Provider{{Name: "x", Weight: 1, Target: "a..b"}} },
		"by CNAME: choose":   func(c *Config) { c.Names[1].Providers = []Provider{{Name: "x", Weight: 1, Target: "a.test"}} },
		"dnssec.life":        func(c *Config) { c.DNSSEC.Life = time.Hour },
		"key cannot be read": func(c *Config) { c.DNSSEC.Keys = []string{"Kgone"} },
	} {
		c := zoneOfTests()
		change(&c)
		r := &rig{t: t, files: map[string]string{"places": placesOfTests}}
		_, err := New(c, r.deps())
		if !world.Is(err, world.CodeInvalid) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
