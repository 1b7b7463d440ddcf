package geodns

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"meridian"
	"meridian/adapter/yaml"
	"meridian/engine/whereabouts"
	"meridian/platform/dnsserver"
	"meridian/world"
)

// theWorld is the one that ships.
func theWorld(t testing.TB) *world.World {
	t.Helper()
	w, err := yaml.World("world.yaml", bytes.NewReader(meridian.WorldFile))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// zoneOfTests has all PoPs of the world that ships.
func zoneOfTests() Config {
	c := Default()
	c.Listen, c.Place, c.Zone, c.Hostmaster = []string{"127.0.0.1:0"}, "fra", "Shop.Example", "hostmaster.shop.example"
	c.NameServers = []string{"ns1.shop.example", "ns.elsewhere.test"}
	c.Elsewhere, c.NSID, c.Prefixes = "virginia", "fra-1", "places"
	c.TTL, c.TTLMin = 20*time.Second, 5*time.Second
	c.Names = []Routed{{Name: "www"}, {Name: "@", PoPs: []string{"fra", "iad"}}, {Name: "two.deep", Count: 2}}
	c.Addresses = map[string][]string{
		"iad": {"192.0.2.1", "2001:db8::1"}, "sjc": {"192.0.2.2"}, "lhr": {"192.0.2.3", "2001:db8::3"},
		"fra": {"192.0.2.4", "2001:db8::4"}, "bom": {"192.0.2.5"}, "nrt": {"192.0.2.6"},
	}
	c.Records = `
ns1 3600 IN A 198.51.100.53
@ IN TXT "v=spf1 -all"
@ IN CAA 0 issue "letsencrypt.org"
alias 60 IN CNAME www
chain IN CNAME alias
loop IN CNAME loop
out IN CNAME www.elsewhere.test.
gone IN CNAME nobody
big IN TXT ` + strings.Repeat(` "`+strings.Repeat("x", 250)+`"`, 8) + "\n"
	return c
}

const placesOfTests = `
203.0.113.0/24 frankfurt
203.0.112.0/24 frankfurt
198.51.100.0/25 tokyo
198.51.0.0/16 california
10.0.0.0/8 mumbai
2001:db8:f::/48 frankfurt
`

// rig is a name server whose files and health are the test's. Where the server runs
// beside the test, that changes them by the rig's lock.
type rig struct {
	*Server
	mu     sync.Mutex
	t      testing.TB
	now    time.Time
	files  map[string]string
	health world.HealthView
	config Config
}

func newRig(t testing.TB, change func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, now: time.Unix(1_800_000_000, 0), files: map[string]string{"places": placesOfTests}, config: zoneOfTests()}
	if change != nil {
		change(&r.config)
	}
	var err error
	if r.Server, err = New(r.config, r.deps()); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) deps() Deps {
	return Deps{
		World: theWorld(r.t), Files: func(path string) File { return file{r, path} }, Database: r.database, Settings: settings{r},
		Health: func() world.HealthView { r.mu.Lock(); defer r.mu.Unlock(); return r.health },
		Random: strings.NewReader("sixteen bytes..."), Now: func() time.Time { r.mu.Lock(); defer r.mu.Unlock(); return r.now },
		Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
	}
}

// file is one of the rig's.
type file struct {
	*rig
	path string
}

func (f file) Open() (io.ReadCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	text, ok := f.files[f.path]
	if !ok {
		return nil, errors.New("no such file")
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

func (f file) Stamp() (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.files[f.path], nil
}

type settings struct{ *rig }

func (s settings) Read() (Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config, nil
}

func (s settings) Stamp() (string, error) {
	c, err := s.Read()
	return fmt.Sprint(c), err
}

// change changes what the test has while the server runs.
func (r *rig) change(how func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	how()
}

// database is a location database of two networks: one with coordinates, near
// Mumbai, and one with a country alone.
func (r *rig) database(path string, each func(netip.Prefix, whereabouts.Location)) error {
	if path != "places.mmdb" {
		return errors.New("no such database")
	}
	each(netip.MustParsePrefix("192.0.0.0/16"), whereabouts.Location{Latitude: 18.5, Longitude: 73.8, Located: true, Country: "IN", Continent: "AS"})
	each(netip.MustParsePrefix("193.0.0.0/16"), whereabouts.Location{Country: "GB", Continent: "EU"})
	each(netip.MustParsePrefix("194.0.0.0/16"), whereabouts.Location{Continent: "SA"})
	return nil
}

// set has the feed say of PoPs and providers what they are, since a moment.
func (r *rig) set(state world.HealthState, since time.Time, targets ...string) {
	for _, t := range targets {
		r.health.Targets = append(r.health.Targets, world.TargetHealth{Target: t, State: state, Since: since})
	}
	r.Refresh()
}

// keys puts a new pair of keys under a name, and has the config sign by it alone.
func (r *rig) keys(name string) {
	r.t.Helper()
	zone, err := dnsserver.ParseName(r.config.Zone)
	if err != nil {
		r.t.Fatal(err)
	}
	public, private, err := dnsserver.NewKey(zone)
	if err != nil {
		r.t.Fatal(err)
	}
	r.files[name+".key"], r.files[name+".private"] = public, private
	r.config.DNSSEC.Keys = []string{name}
}

// ask asks over TCP, so that nothing is cut, from an address.
func (r *rig) ask(from, name string, kind uint16, change ...func(*dns.Msg)) *dns.Msg {
	r.t.Helper()
	return r.askBy(true, from, name, kind, change...)
}

func (r *rig) askBy(tcp bool, from, name string, kind uint16, change ...func(*dns.Msg)) *dns.Msg {
	r.t.Helper()
	m := new(dns.Msg).SetQuestion(name, kind)
	for _, f := range change {
		f(m)
	}
	raw, err := m.Pack()
	if err != nil {
		r.t.Fatal(err)
	}
	answer := r.dns.Answer(raw, netip.MustParseAddr(from), tcp)
	if answer == nil {
		return nil
	}
	out := new(dns.Msg)
	if err := out.Unpack(answer); err != nil {
		r.t.Fatalf("%s: an answer that cannot be read: %v", name, err)
	}
	return out
}

// subnetOf tells the server of a client's network.
func subnetOf(prefix string) func(*dns.Msg) {
	p := netip.MustParsePrefix(prefix)
	family := uint16(1)
	if p.Addr().Is6() {
		family = 2
	}
	return withOption(&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: uint8(p.Bits()), Address: p.Addr().AsSlice()})
}

func withOption(options ...dns.EDNS0) func(*dns.Msg) {
	return func(m *dns.Msg) {
		if m.IsEdns0() == nil {
			m.SetEdns0(4096, false)
		}
		m.IsEdns0().Option = append(m.IsEdns0().Option, options...)
	}
}

// option is an answer's option of a type; nil where it has none.
func option[O dns.EDNS0](m *dns.Msg) (found O) {
	if o := m.IsEdns0(); o != nil {
		for _, e := range o.Option {
			if is, ok := e.(O); ok {
				return is
			}
		}
	}
	return found
}

// said is an answer in short: its code, and the content of its records.
func said(m *dns.Msg) string {
	if m == nil {
		return "nothing"
	}
	out := []string{dns.RcodeToString[m.Rcode]}
	for _, rr := range m.Answer {
		out = append(out, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	for _, rr := range m.Ns {
		out = append(out, dns.TypeToString[rr.Header().Rrtype])
	}
	return strings.Join(out, " ")
}
