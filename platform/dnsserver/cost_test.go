package dnsserver

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

// plain is a query as resolvers send it, with a client's network and a cookie.
func plain(t testing.TB, change ...func(*dns.Msg)) []byte {
	t.Helper()
	m := new(dns.Msg).SetQuestion("www.shop.example.", dns.TypeA)
	withOption(&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: []byte{10, 1, 2, 0}},
		&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "2464c4abcf10c957"})(m)
	for _, f := range change {
		f(m)
	}
	raw, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// A plain answer allocates nothing, and neither does a signed one whose signature
// is kept.
func TestAnswersAllocateNothing(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Rate = mostRate })
	r.Sign(newSigner(t, newKey(t)))
	k := worker{s: r.Server}
	out := make([]byte, 0, 1232)
	from := netip.MustParseAddr("203.0.113.9")
	for name, raw := range map[string][]byte{"plain": plain(t), "signed": plain(t, func(m *dns.Msg) { m.IsEdns0().SetDo() })} {
		if n := testing.AllocsPerRun(200, func() {
			if k.answer(raw, from, false, r.now, out) == nil {
				t.Fatal("no answer")
			}
		}); n > 0 {
			t.Errorf("%s: %g allocations", name, n)
		}
	}
}

func BenchmarkAnswer(b *testing.B) {
	r := newRig(b, nil)
	k := worker{s: r.Server}
	raw, out, from := plain(b), make([]byte, 0, 1232), netip.MustParseAddr("203.0.113.9")
	b.ReportAllocs()
	for b.Loop() {
		k.answer(raw, from, false, r.now, out)
	}
}
