package localworld

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"meridian/app"
	"meridian/engine/tier"
	"meridian/platform/dnsserver"
	"meridian/role/geodns"
	"meridian/world"
)

// dnsDir holds what the world's name servers read: the key of their zone, and
// where clients are.
const dnsDir = "dns"

// Files of [dnsDir].
const (
	dnsKeyFile    = "zone"
	dnsPlacesFile = "places"
)

// fillGeoDNS gives a region a name server of its own; all of them serve the same
// zone, so that one can be lost.
func (p *plan) fillGeoDNS(f *app.File, r world.Region) {
	s := f.GeoDNS
	for i, other := range p.w.Regions {
		if other.ID == r.ID {
			s.Listen = []string{fmt.Sprintf("127.0.0.1:%d", p.dnsPort(i))}
		}
		name := "ns-" + other.ID
		s.NameServers = append(s.NameServers, name+"."+p.dnsZone())
		s.Records += name + " IN A 127.0.0.1\n"
	}
	s.Place, s.Zone, s.Hostmaster, s.NSID = r.ID, p.dnsZone(), "hostmaster."+p.dnsZone(), r.ID
	f.Location.Prefixes, s.Elsewhere = p.st.path(dnsDir, dnsPlacesFile), r.Site
	s.Rate = 0 // whoever asks is on this machine
	s.CookieKeys = []string{p.secrets.CookieKey}
	s.DNSSEC.Keys = []string{p.st.path(dnsDir, dnsKeyFile)}
	s.Addresses = map[string][]string{}
	for i, q := range p.w.PoPs {
		s.Addresses[q.ID] = []string{p.popAddress(i)}
	}
	s.Names = p.dnsNames()
	s.Health.Keys, s.Health.FeedKey, s.Health.Monitor = p.monitorKeys(), p.secrets.FeedKey, p.roleAddress("monitor", r.ID)
	s.Shields = append([]tier.Shield{{Region: r.ID, Address: p.roleAddress("shield", r.ID)}}, p.peers(r.ID)...)
}

// dnsCount is how many PoPs are given at once: with a second one browsers go on by
// themselves when the first does not answer.
const dnsCount = 2

// dnsNames are the shops', as they are told to the name server.
func (p *plan) dnsNames() (out []geodns.Routed) {
	for _, m := range p.w.Markets {
		out = append(out, geodns.Routed{Name: p.dnsLabel(m), Count: dnsCount})
	}
	return out
}

// dnsLabel is a shop's name within the zone.
func (p *plan) dnsLabel(m world.Market) string {
	label, ok := strings.CutSuffix(m.Host, "."+p.dnsZone())
	if !ok {
		return m.ID
	}
	return label
}

// dnsHost is a shop's whole name in the DNS.
func (p *plan) dnsHost(m world.Market) string { return p.dnsLabel(m) + "." + p.dnsZone() }

// dnsZone is what all shops' hosts lie below; a name of its own where there is no
// such thing.
func (p *plan) dnsZone() string {
	zone := ""
	for i, m := range p.w.Markets {
		_, above, _ := strings.Cut(m.Host, ".")
		if i > 0 && above != zone {
			return "world.test"
		}
		zone = above
	}
	if zone == "" {
		return "world.test"
	}
	return zone
}

func (p *plan) dnsPort(region int) int { return p.edgePort(len(p.w.PoPs)) + region }

// lastPort is the last of the ports that the world uses in a row.
func (p *plan) lastPort() int { return lastPort(p.w, p.port) }

func lastPort(w *world.World, first int) int { return first + len(w.PoPs) + len(w.Regions) }

// popAddress is what the name servers answer with for the i-th PoP: an address of
// the loopback's own network for each. Where the system has all of that (Linux),
// the PoP is reached there under the gate's port.
func (p *plan) popAddress(i int) string {
	return netip.AddrFrom4([4]byte{127, 77, 0, byte(i + 1)}).String()
}

// hasDoors reports whether the system has the addresses of [plan.popAddress]
// without being told: macOS has 127.0.0.1 alone.
func hasDoors() bool { return runtime.GOOS == "linux" }

// CityPrefixes are the networks that the name servers take for those of a city's
// people, by the city's place in the world file: of the block for measurements (RFC
// 2544), and of that for documentation (RFC 3849). No real client has them.
func CityPrefixes(city int) []netip.Prefix {
	return []netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18 + byte(city>>8&1), byte(city), 0}), 24),
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(city >> 8), byte(city)}), 48),
	}
}

// cityLoopback is a city's network on this machine: of a system that has all of
// 127/8 somebody can ask a PoP from there, as one of the city's people.
func cityLoopback(city int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 78 + byte(city>>8&1), byte(city), 0}), 24)
}

// mostCities is how many cities have networks of their own.
const mostCities = 512

// prepareDNS writes what the name servers read. The key stays: who has taken the
// zone's key for true need not do so again.
func (p *plan) prepareDNS() error {
	if err := makeDir(p.st.path(dnsDir), 0o700); err != nil {
		return err
	}
	var places strings.Builder
	for i, c := range p.w.Cities[:min(len(p.w.Cities), mostCities)] {
		networks := CityPrefixes(i)
		if hasDoors() {
			networks = append(networks, cityLoopback(i))
		}
		for _, prefix := range networks {
			fmt.Fprintf(&places, "%v %s # %s\n", prefix, c.Site, c.Name)
		}
	}
	if err := p.st.writeFile(filepath.Join(dnsDir, dnsPlacesFile), []byte(places.String())); err != nil {
		return err
	}
	return p.keepZoneKey()
}

func (p *plan) keepZoneKey() error {
	zone, err := dnsserver.ParseName(p.dnsZone())
	if err != nil {
		return err
	}
	text, err := os.ReadFile(p.st.path(dnsDir, dnsKeyFile+".key"))
	if err == nil && strings.HasPrefix(string(text), zone.String()) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return world.Wrap("up.dns", err)
	}
	public, private, err := dnsserver.NewKey(zone)
	if err != nil {
		return err
	}
	if err := p.st.writeFile(filepath.Join(dnsDir, dnsKeyFile+".private"), []byte(private)); err != nil {
		return err
	}
	return p.st.writeFile(filepath.Join(dnsDir, dnsKeyFile+".key"), []byte(public))
}
