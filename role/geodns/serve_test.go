package geodns

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"meridian/world"
)

// Whatever comes gets an answer that can be packed, or none.
func FuzzAnswer(f *testing.F) {
	r := newRig(f, nil)
	for _, m := range []*dns.Msg{
		new(dns.Msg).SetQuestion("www.shop.example.", dns.TypeA), new(dns.Msg).SetQuestion("loop.shop.example.", dns.TypeANY), new(dns.Msg).SetAxfr("shop.example."),
	} {
		subnetOf("203.0.113.0/24")(m)
		withOption(&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "2464c4abcf10c957"}, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})(m)
		raw, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, true)
		f.Add(raw, false)
	}
	f.Fuzz(func(t *testing.T, raw []byte, stream bool) {
		m := new(dns.Msg)
		if m.Unpack(raw) != nil {
			return
		}
		packed := r.dns.Answer(raw, netip.MustParseAddr("203.0.113.9"), stream)
		if packed == nil {
			return
		}
		a := new(dns.Msg)
		if err := a.Unpack(packed); err != nil {
			t.Fatalf("%x: %v", packed, err)
		}
		if !a.Response || a.Id != m.Id || !stream && len(packed) > r.config.UDPBytes {
			t.Fatalf("%d bytes, %v", len(packed), a.MsgHdr)
		}
	})
}

// A changed file or config is taken within a look; a wrong one leaves the last
// good one.
func TestRunTakesWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		synctest.Wait() // it has seen what there is
		ask := func() string {
			r.change(func() { r.now = r.now.Add(r.config.Look) })
			time.Sleep(heed + time.Millisecond)
			synctest.Wait()
			return said(r.ask("10.0.0.1", "www.shop.example.", dns.TypeA))
		}
		for _, c := range []struct{ places, want string }{
			{placesOfTests, "NOERROR 192.0.2.5"}, {"10.0.0.0/8 london", "NOERROR 192.0.2.3"},
			{"10.0.0.0/8", "NOERROR 192.0.2.3"}, {"10.0.0.0/8 tokyo", "NOERROR 192.0.2.6"},
		} {
			if r.change(func() { r.files["places"] = c.places }); ask() != c.want {
				t.Errorf("%q: %s, want %s", c.places, ask(), c.want)
			}
		}
		r.change(func() { r.config.Drained = []string{"nrt"} })
		if got := ask(); got != "NOERROR 192.0.2.2" {
			t.Errorf("the changed config is not taken: %s", got)
		}
		r.change(func() { r.health.Targets = []world.TargetHealth{{Target: "pop/sjc", State: world.Down}} })
		if got := ask(); got != "NOERROR 192.0.2.5" {
			t.Errorf("health is not followed: %s", got)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestExplain(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Drained = []string{"fra"} })
	e, err := r.Explain("two.deep.Shop.Example", netip.MustParseAddr("203.0.113.9"))
	if err != nil || !e.Known || e.Site != "frankfurt" || e.Scope != netip.MustParsePrefix("203.0.112.0/23") || e.TTL != 20 {
		t.Fatalf("%+v, %v", e, err)
	}
	var got []string
	for _, c := range e.PoPs {
		given := map[bool]string{true: "+"}[c.Given]
		got = append(got, given+c.PoP+" "+string(c.Reason))
	}
	if want := "+lhr nearest, +iad farther, bom farther, sjc farther, nrt farther, fra draining"; strings.Join(got, ", ") != want {
		t.Errorf("%v, want %s", got, want)
	}
	if e, err := r.Explain("www.shop.example.", netip.MustParseAddr("8.8.8.8")); err != nil || e.Known || e.Site != "virginia" {
		t.Errorf("%+v, %v", e, err)
	}
	for _, name := range []string{"ns1.shop.example", "other.test", ""} {
		if _, err := r.Explain(name, netip.MustParseAddr("8.8.8.8")); !world.Is(err, world.CodeNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
