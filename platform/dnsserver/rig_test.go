package dnsserver

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// fixed is a source of a few names under shop.example.
type fixed struct {
	soa  Timed
	sets map[string][]*Set
}

func newFixed(t testing.TB) *fixed {
	t.Helper()
	zone := mustName(t, "shop.example")
	soa := SOA{Server: mustName(t, "ns1.shop.example"), Mailbox: mustName(t, "host.shop.example"), Serial: 7, Refresh: 1, Retry: 2, Expire: 3, Minimum: 60}
	f := &fixed{soa: Timed{NewSet(zone, TypeSOA, 3600, soa.Data()), 60}, sets: map[string][]*Set{}}
	text := "www 30 IN A 192.0.2.1\nwww 30 IN A 192.0.2.2\nwww 30 IN AAAA 2001:db8::1\nalias 60 IN CNAME www\n@ IN TXT \"x y\"\n@ 3600 IN NS ns1\nns1 IN A 192.0.2.53\n" +
		"big IN TXT " + strings.Repeat(` "`+strings.Repeat("x", 250)+`"`, 8) + "\n"
	records, err := ParseRecords(zone, text, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		had := f.sets[string(r.Name)]
		if n := len(had); n > 0 && had[n-1].kind == r.Type {
			had[n-1] = NewSet(r.Name, r.Type, r.TTL, append(had[n-1].data, r.Data)...)
			continue
		}
		f.sets[string(r.Name)] = append(had, NewSet(r.Name, r.Type, r.TTL, r.Data))
	}
	f.sets[string(zone)] = append(f.sets[string(zone)], f.soa.Set)
	return f
}

func mustName(t testing.TB, text string) Name {
	t.Helper()
	n, err := ParseName(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (f *fixed) Answer(q *Query, a *Answer) {
	if !within(q.Name(), f.soa.Set.name) {
		a.Code = CodeRefused
		return
	}
	sets, ok := f.sets[string(q.Name())]
	if !ok {
		a.Deny(f.soa, Name(q.Name()), false, nil)
		return
	}
	if sets[0].kind == TypeCNAME && q.Type != TypeCNAME {
		a.Add(Timed{sets[0], sets[0].ttl})
		name, _ := ReadName(sets[0].data[0])
		sets = f.sets[string(name)]
	}
	for _, s := range sets {
		if s.kind == q.Type {
			if a.Add(Timed{s, min(s.ttl, 20)}); q.Client().Is4() {
				a.Scope = 25
			} else {
				a.Scope = 60
			}
			return
		}
	}
	var types []Type
	for _, s := range sets {
		types = append(types, s.kind)
	}
	a.Deny(f.soa, sets[0].name, true, types)
}

type rig struct {
	*Server
	t   testing.TB
	now time.Time
}

func newRig(t testing.TB, change func(*Config)) *rig {
	t.Helper()
	c := Config{
		UDPBytes: 1232, ScopeIPv4: 24, ScopeIPv6: 56, NSID: "fra-1", Cookies: CookieKeys{{1, 2, 3}},
		RateTracked: 1 << 16, Connections: 10, PerClient: 10, Idle: 5 * time.Second,
	}
	if change != nil {
		change(&c)
	}
	r := &rig{t: t, now: time.Unix(1_800_000_000, 0)}
	var err error
	if r.Server, err = New(c, newFixed(t), func() time.Time { return r.now }, nil); err != nil {
		t.Fatal(err)
	}
	return r
}

// ask asks over UDP.
func (r *rig) ask(from, name string, kind uint16, change ...func(*dns.Msg)) *dns.Msg {
	r.t.Helper()
	return r.exchange(false, from, name, kind, change...)
}

func (r *rig) exchange(tcp bool, from, name string, kind uint16, change ...func(*dns.Msg)) *dns.Msg {
	r.t.Helper()
	m := new(dns.Msg).SetQuestion(name, kind)
	for _, f := range change {
		f(m)
	}
	raw, err := m.Pack()
	if err != nil {
		r.t.Fatal(err)
	}
	answer := r.Answer(raw, netip.MustParseAddr(from), tcp)
	if answer == nil {
		return nil
	}
	out := new(dns.Msg)
	if err := out.Unpack(answer); err != nil {
		r.t.Fatalf("%s: an answer that cannot be read: %v", name, err)
	}
	return out
}

func withOption(options ...dns.EDNS0) func(*dns.Msg) {
	return func(m *dns.Msg) {
		if m.IsEdns0() == nil {
			m.SetEdns0(4096, false)
		}
		m.IsEdns0().Option = append(m.IsEdns0().Option, options...)
	}
}

func signedAsk(m *dns.Msg) { m.SetEdns0(4096, true) }

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
