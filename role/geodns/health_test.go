package geodns

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"meridian/world"
)

func TestHealthIsFollowed(t *testing.T) {
	r := newRig(t, nil)
	ask := func() string { return said(r.ask("203.0.113.9", "www.shop.example.", dns.TypeA)) }
	for _, step := range []struct {
		state world.HealthState
		pop   string
		want  string
	}{
		{world.Draining, "fra", "192.0.2.3"},
		{world.Degraded, "lhr", "192.0.2.1"}, // a healthy one, though farther
		{world.Down, "iad", "192.0.2.5"},
		{world.Down, "bom", "192.0.2.2"},
		{world.Down, "sjc", "192.0.2.6"},
		{world.Down, "nrt", "192.0.2.3"},                                                   // degraded is better than none
		{world.Down, "lhr", "192.0.2.4 192.0.2.3 192.0.2.1 192.0.2.5 192.0.2.2 192.0.2.6"}, // never none
	} {
		r.health.Targets = keepOthers(r.health.Targets, "pop/"+step.pop)
		r.set(step.state, r.now.Add(-time.Hour), "pop/"+step.pop)
		if got := ask(); got != "NOERROR "+step.want {
			t.Errorf("with %s %s: %s, want %s", step.pop, step.state, got, step.want)
		}
	}
	r.health.Open = true
	if r.Refresh(); ask() != "NOERROR 192.0.2.3" { // fra stays drained
		t.Errorf("a view that fails open: %s", ask())
	}
}

func keepOthers(all []world.TargetHealth, target string) (out []world.TargetHealth) {
	for _, t := range all {
		if t.Target != target {
			out = append(out, t)
		}
	}
	return out
}

// The TTL is short after a change and while something is degraded, and grows.
func TestTTL(t *testing.T) {
	ttl := func(r *rig) uint32 {
		r.Refresh()
		return r.ask("203.0.113.9", "www.shop.example.", dns.TypeA).Answer[0].Header().Ttl
	}
	r := newRig(t, func(c *Config) { c.TTL, c.TTLMin, c.Settle = 60*time.Second, 5*time.Second, 2*time.Minute })
	if got := ttl(r); got != 60 {
		t.Errorf("nothing is known: %d", got)
	}
	since := r.now
	r.set(world.Down, since, "pop/fra")
	for after, want := range map[time.Duration]uint32{0: 5, 8 * time.Second: 5, time.Minute: 30, 119 * time.Second: 59, 2 * time.Minute: 60, time.Hour: 60} {
		if r.now = since.Add(after); ttl(r) != want {
			t.Errorf("%v after a loss: %d, want %d", after, ttl(r), want)
		}
	}
	if r.now = since.Add(-time.Minute); ttl(r) != 5 {
		t.Errorf("by a clock that is behind the monitor's: %d", ttl(r))
	}
	r.now = since.Add(time.Hour)
	r.set(world.Degraded, since, "pop/lhr")
	if got := ttl(r); got != 5 {
		t.Errorf("one is degraded: %d", got)
	}
	r.health.Targets = nil
	r.health.Frozen = true
	if got := ttl(r); got != 5 {
		t.Errorf("the feed is frozen: %d", got)
	}
	if got := r.ask("203.0.113.9", "ns1.shop.example.", dns.TypeA).Answer[0].Header().Ttl; got != 3600 {
		t.Errorf("what is not routed: %d", got)
	}
}

// several has the name www served by us, by one that costs as much, and by a
// dearer one in Europe.
func several(c *Config) {
	c.Names[0].Providers = []Provider{
		{Name: "ours", Weight: 3, Cost: 1}, {Name: "other", Target: "shop.other.test", Weight: 1, Cost: 1, Continents: []string{"EU", "AS"}},
		{Name: "dear", Target: "shop.dear.test", Weight: 1, Cost: 5},
	}
}

func TestProviders(t *testing.T) {
	r := newRig(t, several)
	given := func(from string) string {
		e, err := r.Explain("www.shop.example", netip.MustParseAddr(from))
		if err != nil {
			t.Fatal(err)
		}
		m := r.ask(from, "www.shop.example.", dns.TypeA)
		aaaa := r.ask(from, "www.shop.example.", dns.TypeAAAA)
		if other := e.Target != ""; other != strings.Contains(said(m), e.Provider+".test.") || other != strings.Contains(said(aaaa), e.Provider+".test.") {
			t.Errorf("%s is said to get %s, and is answered %s", from, e.Provider, said(m))
		}
		return e.Provider
	}
	share := func(format string) map[string]int {
		out := map[string]int{}
		for i := range 200 {
			out[given(fmt.Sprintf(format, i))]++
		}
		return out
	}
	const europe, america = "10.77.%d.1", "198.51.%d.1" // see the places
	r.files["places"] = "10.77.0.0/16 frankfurt\n198.51.0.0/16 california\n"
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := share(europe); got["ours"] < 120 || got["other"] < 20 || got["dear"] != 0 || len(got) != 2 {
		t.Errorf("in Europe: %v", got)
	}
	if got := share(america); got["ours"] != 200 {
		t.Errorf("in America: %v", got)
	}
	before := given("10.77.5.1")
	r.set(world.Down, r.now, "cdn/other")
	if got := share(europe); got["ours"] != 200 {
		t.Errorf("with the other lost: %v", got)
	}
	r.set(world.Down, r.now, "pop/iad", "pop/sjc", "pop/lhr", "pop/fra", "pop/bom", "pop/nrt")
	if got := share(europe); got["dear"] != 200 {
		t.Errorf("with us lost too: %v", got)
	}
	r.set(world.Draining, r.now, "cdn/dear")
	if got := share(europe); len(got) != 2 || got["dear"] != 0 {
		t.Errorf("with all lost: %v", got)
	}
	r.health.Targets = nil
	if r.Refresh(); given("10.77.5.1") != before {
		t.Error("a client moved though everything is as it was")
	}
	if m := r.ask("10.77.5.1", "www.shop.example.", dns.TypeA, subnetOf("10.77.5.0/24")); option[*dns.EDNS0_SUBNET](m).SourceScope != 24 {
		t.Errorf("the scope of a split: %v", m)
	}
}

// Another weight moves only those who have to go.
func TestASplitMovesFew(t *testing.T) {
	shares := func(weight float64) []share {
		return []share{{provider: "a", seed: seed("a"), weight: 1}, {provider: "b", seed: seed("b"), weight: weight}}
	}
	less, more, moved, back := shares(1), shares(1.5), 0, 0
	const all = 4000
	for i := range all {
		client := netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), byte(i * 7)})
		was, is := split(less, client).provider, split(more, client).provider
		switch {
		case was == "a" && is == "b":
			moved++
		case was == "b" && is == "a":
			back++
		}
		same := netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 200})
		if split(less, same).provider != was {
			t.Fatalf("%v and %v are of one network", client, same)
		}
	}
	if back > 0 || moved < all/20 || moved > all*3/20 { // a tenth: from 1/2 to 3/5
		t.Errorf("%d of %d moved, and %d the other way", moved, all, back)
	}
}

// A full PoP sends some of its clients on, always the same ones.
func TestSpill(t *testing.T) {
	r := newRig(t, nil)
	r.files["places"] = "10.77.0.0/16 frankfurt\n"
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	count := func() (out map[string]int) {
		out = map[string]int{}
		for i := range 250 {
			out[said(r.ask(fmt.Sprintf("10.77.%d.1", i), "www.shop.example.", dns.TypeA))]++
		}
		return out
	}
	load := func(percent, beats int) {
		for range beats {
			r.health.Beat++
			r.health.Targets = []world.TargetHealth{{Target: "pop/fra", State: world.Healthy, Load: percent}, {Target: "pop/lhr", State: world.Healthy, Load: 10}}
			r.Refresh()
		}
	}
	if got := count(); got["NOERROR 192.0.2.4"] != 250 {
		t.Fatalf("%v", got)
	}
	load(120, 50)
	got := count()
	if n := got["NOERROR 192.0.2.4"]; n > 240 || n < 100 || got["NOERROR 192.0.2.3"] == 0 {
		t.Errorf("with Frankfurt full: %v", got)
	}
	if m := r.ask("10.77.5.1", "www.shop.example.", dns.TypeA, subnetOf("10.77.5.0/24")); option[*dns.EDNS0_SUBNET](m).SourceScope != 24 {
		t.Errorf("the scope of a spill: %v", m)
	}
	for i := range 250 {
		client := fmt.Sprintf("10.77.%d.1", i)
		e, err := r.Explain("www.shop.example", netip.MustParseAddr(client))
		if err != nil || !e.PoPs[0].Given || !strings.HasSuffix(said(r.ask(client, "www.shop.example.", dns.TypeA)), " "+e.PoPs[0].Addresses[0].String()) {
			t.Fatalf("%s: %+v, %v", client, e.PoPs[0], err)
		}
	}
	load(10, 200)
	if got := count(); got["NOERROR 192.0.2.4"] != 250 {
		t.Errorf("with room again: %v", got)
	}
}

// The operator's prefixes go before the database, whatever their lengths.
func TestDatabase(t *testing.T) {
	r := newRig(t, func(c *Config) {
		c.Database, c.Countries = "places.mmdb", map[string]string{"GB": "london"}
	})
	r.files["places"] = "192.0.0.0/12 tokyo\n192.0.7.0/24 london\n"
	for from, want := range map[string]string{
		"192.0.1.1": "192.0.2.5", // by its coordinates, near Mumbai
		"193.0.1.1": "192.0.2.3", // by its country
		"194.0.1.1": "192.0.2.1", // by neither: elsewhere
	} {
		r.files["places"] = ""
		if err := r.Reload(); err != nil {
			t.Fatal(err)
		}
		if got := said(r.ask(from, "www.shop.example.", dns.TypeA)); got != "NOERROR "+want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
	r.files["places"] = "192.0.0.0/12 tokyo\n192.0.7.0/24 london\n"
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]string{"192.0.1.1": "192.0.2.6", "192.0.7.1": "192.0.2.3"} {
		if got := said(r.ask(from, "www.shop.example.", dns.TypeA)); got != "NOERROR "+want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
	e, err := r.Explain("www.shop.example", netip.MustParseAddr("194.0.1.1"))
	if err != nil || e.Continent != "SA" || e.Site != "virginia" || e.Known {
		t.Errorf("%+v, %v", e, err)
	}
}

// A zone that is signed has its keys and files reloaded with it.
func TestSignedZone(t *testing.T) {
	r := newRig(t, nil)
	r.keys("first")
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	signed := func() (out *dns.RRSIG) {
		m := r.ask("203.0.113.9", "www.shop.example.", dns.TypeA, func(m *dns.Msg) { m.SetEdns0(4096, true) })
		for _, rr := range m.Answer {
			if sig, ok := rr.(*dns.RRSIG); ok {
				out = sig
			}
		}
		return out
	}
	first := signed()
	if first == nil {
		t.Fatal("not signed")
	}
	r.keys("second")
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	if again := signed(); again == nil || again.KeyTag == first.KeyTag {
		t.Errorf("another key signs nothing: %v", again)
	}
}
