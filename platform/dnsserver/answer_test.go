package dnsserver

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestAnswers(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct {
		name string
		kind uint16
		want string
	}{
		{"www.shop.example.", dns.TypeA, "NOERROR www.shop.example. 20 A 192.0.2.1, www.shop.example. 20 A 192.0.2.2"},
		{"WWW.Shop.example.", dns.TypeA, "NOERROR WWW.Shop.example. 20 A 192.0.2.1, WWW.Shop.example. 20 A 192.0.2.2"},
		{"alias.shop.example.", dns.TypeAAAA, "NOERROR alias.shop.example. 60 CNAME www.shop.example., www.shop.example. 20 AAAA 2001:db8::1"},
		{"alias.shop.example.", dns.TypeTXT, "NOERROR alias.shop.example. 60 CNAME www.shop.example. | shop.example. 60 SOA"},
		{"shop.example.", dns.TypeTXT, `NOERROR shop.example. 20 TXT "x y"`},
		{"www.shop.example.", dns.TypeMX, "NOERROR | shop.example. 60 SOA"},
		{"none.shop.example.", dns.TypeA, "NXDOMAIN | shop.example. 60 SOA"},
		{"shop.other.", dns.TypeA, "REFUSED"},
		{".", dns.TypeNS, "REFUSED"},
		{"shop.example.", dns.TypeAXFR, "REFUSED"},
		{"www.shop.example.", dns.TypeRRSIG, "REFUSED"},
		{"www.shop.example.", uint16(typeNXNAME), "FORMERR"},
		{"www.shop.example.", dns.TypeOPT, "FORMERR"},
	} {
		m := r.ask("203.0.113.9", c.name, c.kind, func(m *dns.Msg) { m.CheckingDisabled = true })
		if got := said(m); got != c.want {
			t.Errorf("%s %d: %s, want %s", c.name, c.kind, got, c.want)
		}
		found := m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError
		if !m.Response || m.Authoritative != found || !m.RecursionDesired || m.RecursionAvailable || m.CheckingDisabled || m.AuthenticatedData {
			t.Errorf("%s: flags of %v", c.name, m.MsgHdr)
		}
		if m.Question[0].Name != c.name {
			t.Errorf("%s: the question came back as %s", c.name, m.Question[0].Name)
		}
	}
}

// said is an answer in short.
func said(m *dns.Msg) string {
	out := dns.RcodeToString[m.Rcode]
	var parts []string
	for _, rr := range m.Answer {
		h := rr.Header()
		parts = append(parts, fmt.Sprintf("%s %d %s %s", h.Name, h.Ttl, dns.TypeToString[h.Rrtype], strings.TrimPrefix(rr.String(), h.String())))
	}
	if len(parts) > 0 {
		out += " " + strings.Join(parts, ", ")
	}
	for _, rr := range m.Ns {
		out += fmt.Sprintf(" | %s %d %s", rr.Header().Name, rr.Header().Ttl, dns.TypeToString[rr.Header().Rrtype])
	}
	return out
}

func TestRefusedMessages(t *testing.T) {
	r := newRig(t, nil)
	subnet := func(family uint16, source, scope uint8, address ...byte) func(*dns.Msg) {
		return withOption(&dns.EDNS0_LOCAL{Code: optionSubnet, Data: append([]byte{byte(family >> 8), byte(family), source, scope}, address...)})
	}
	for what, c := range map[string]struct {
		change func(*dns.Msg)
		code   int
	}{
		"an update":           {func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }, dns.RcodeNotImplemented},
		"no question":         {func(m *dns.Msg) { m.Question = nil }, dns.RcodeFormatError},
		"two questions":       {func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }, dns.RcodeFormatError},
		"an answer":           {func(m *dns.Msg) { m.Answer = []dns.RR{&dns.NULL{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeNULL}}} }, dns.RcodeFormatError},
		"class CHAOS":         {func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }, dns.RcodeRefused},
		"EDNS of another":     {func(m *dns.Msg) { m.SetEdns0(1232, false); m.IsEdns0().SetVersion(1) }, dns.RcodeBadVers},
		"two OPT records":     {func(m *dns.Msg) { m.SetEdns0(1232, false); m.SetEdns0(1232, false) }, dns.RcodeFormatError},
		"an OPT with a name":  {func(m *dns.Msg) { m.SetEdns0(1232, false); m.IsEdns0().Hdr.Name = "x." }, dns.RcodeFormatError},
		"a scope":             {subnet(1, 24, 1, 10, 0, 0), dns.RcodeFormatError},
		"bits behind source":  {subnet(1, 23, 0, 10, 0, 1), dns.RcodeFormatError},
		"bytes behind source": {subnet(1, 16, 0, 10, 0, 1), dns.RcodeFormatError},
		"too few bytes":       {subnet(1, 24, 0, 10, 0), dns.RcodeFormatError},
		"too long a source":   {subnet(1, 33, 0, 10, 0, 0, 0, 0), dns.RcodeFormatError},
		"an unknown family":   {subnet(3, 8, 0, 10), dns.RcodeFormatError},
		"no family, an addr":  {subnet(0, 8, 0, 10), dns.RcodeFormatError},
		"a cut subnet":        {withOption(&dns.EDNS0_LOCAL{Code: optionSubnet, Data: []byte{0, 1, 24}}), dns.RcodeFormatError},
		"two subnets":         {func(m *dns.Msg) { subnet(1, 8, 0, 10)(m); subnet(1, 8, 0, 10)(m) }, dns.RcodeFormatError},
		"a short cookie":      {withOption(&dns.EDNS0_LOCAL{Code: optionCookie, Data: make([]byte, 7)}), dns.RcodeFormatError},
		"a cookie of half":    {withOption(&dns.EDNS0_LOCAL{Code: optionCookie, Data: make([]byte, 15)}), dns.RcodeFormatError},
		"a long cookie":       {withOption(&dns.EDNS0_LOCAL{Code: optionCookie, Data: make([]byte, 41)}), dns.RcodeFormatError},
		"none of a subnet":    {subnet(0, 0, 0), dns.RcodeSuccess},
		"a whole address":     {subnet(1, 32, 0, 10, 0, 0, 1), dns.RcodeSuccess},
		"an unknown option":   {withOption(&dns.EDNS0_LOCAL{Code: 65001, Data: []byte("x")}), dns.RcodeSuccess},
		"another extra record": {func(m *dns.Msg) {
			m.Extra = append(m.Extra, &dns.NULL{Hdr: dns.RR_Header{Name: "shop.example.", Rrtype: dns.TypeNULL}})
		}, dns.RcodeSuccess},
	} {
		m := r.ask("203.0.113.9", "www.shop.example.", dns.TypeA, c.change)
		code := m.Rcode
		if o := m.IsEdns0(); o != nil {
			code |= o.ExtendedRcode() &^ 0xf
		}
		if code != c.code || len(m.Answer) > 0 != (code == dns.RcodeSuccess) {
			t.Errorf("%s: %s, want %s", what, dns.RcodeToString[code], dns.RcodeToString[c.code])
		}
	}
	question := "\x03www\x04shop\x07example\x00\x00\x01\x00\x01"
	for what, raw := range map[string]string{
		"too short":             "\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00",
		"an answer":             "\x00\x01\x80\x00\x00\x01\x00\x00\x00\x00\x00\x00" + question,
		"something behind":      "\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00" + question + "x",
		"a compressed question": "\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01",
		"a record that is cut":  "\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01" + question + "\x00\x00\x29",
	} {
		a := r.Answer([]byte(raw), netip.MustParseAddr("203.0.113.9"), false)
		if none := what == "too short" || what == "an answer"; none != (a == nil) || a != nil && a[3]&0xf != byte(CodeFormat) {
			t.Errorf("%s: %x", what, a)
		}
	}
}

// The scope is at most that of the config, and there for who told a subnet alone.
func TestScope(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct {
		prefix string
		name   string
		scope  uint8
	}{
		{"203.0.113.0/24", "www.shop.example.", 24}, {"203.0.113.128/25", "www.shop.example.", 24}, {"2001:db8::/48", "www.shop.example.", 56},
		{"0.0.0.0/0", "www.shop.example.", 0}, {"203.0.113.0/24", "none.shop.example.", 0},
	} {
		p := netip.MustParsePrefix(c.prefix)
		family := uint16(1)
		if p.Addr().Is6() {
			family = 2
		}
		m := r.ask("198.51.100.1", c.name, dns.TypeA, withOption(&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: uint8(p.Bits()), Address: p.Addr().AsSlice()}))
		e := option[*dns.EDNS0_SUBNET](m)
		if e == nil || e.SourceScope != c.scope || int(e.SourceNetmask) != p.Bits() || e.Address.String() != p.Addr().String() {
			t.Errorf("%s: %v, want scope %d", c.prefix, e, c.scope)
		}
	}
	if m := r.ask("198.51.100.1", "www.shop.example.", dns.TypeA, withOption()); option[*dns.EDNS0_SUBNET](m) != nil {
		t.Error("a scope for who told nothing")
	}
	if m := r.ask("198.51.100.1", "www.shop.example.", dns.TypeA); m.IsEdns0() != nil {
		t.Error("EDNS for who has none")
	}
}

// An answer that is no longer than its bound is not cut; one byte less, and it is.
func TestTruncationAtItsEdge(t *testing.T) {
	length := func(bytes int, size uint16) *dns.Msg {
		r := newRig(t, func(c *Config) { c.UDPBytes = bytes })
		return r.ask("203.0.113.9", "big.shop.example.", dns.TypeTXT, func(m *dns.Msg) { m.SetEdns0(size, false) })
	}
	whole := length(mostUDP, mostUDP)
	whole.Compress = true
	n := whole.Len()
	if whole.Truncated || n < 2000 {
		t.Fatalf("cut at %d bytes", n)
	}
	if m := length(n, mostUDP); m.Truncated {
		t.Errorf("%d bytes do not fit in %d", n, n)
	}
	for _, m := range []*dns.Msg{length(n-1, mostUDP), length(mostUDP, uint16(n-1)), length(mostUDP, 0)} {
		if !m.Truncated || len(m.Answer) > 0 || m.Len() > leastUDP || m.IsEdns0() == nil {
			t.Errorf("%d bytes, truncated %v", m.Len(), m.Truncated)
		}
	}
	r := newRig(t, nil)
	if m := r.ask("203.0.113.9", "big.shop.example.", dns.TypeTXT); !m.Truncated {
		t.Error("too long for who has no EDNS")
	}
	if m := r.exchange(true, "203.0.113.9", "big.shop.example.", dns.TypeTXT); m.Truncated || len(m.Answer) != 1 {
		t.Error("cut over TCP")
	}
}

func TestNSID(t *testing.T) {
	r := newRig(t, nil)
	m := r.ask("203.0.113.9", "www.shop.example.", dns.TypeA, withOption(&dns.EDNS0_NSID{Code: dns.EDNS0NSID}))
	if e := option[*dns.EDNS0_NSID](m); e == nil || e.Nsid != hex.EncodeToString([]byte("fra-1")) {
		t.Errorf("%v", m)
	}
	if m := r.ask("203.0.113.9", "www.shop.example.", dns.TypeA, withOption()); option[*dns.EDNS0_NSID](m) != nil {
		t.Error("told to who did not ask")
	}
	longest := newRig(t, func(c *Config) { c.NSID = strings.Repeat("n", MaxNSID) })
	whole := withOption(&dns.EDNS0_NSID{Code: dns.EDNS0NSID}, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "2464c4abcf10c957"},
		&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 2, SourceNetmask: 128, Address: netip.MustParseAddr("2001:db8::1").AsSlice()})
	if m := longest.ask("203.0.113.9", "www.shop.example.", dns.TypeA, whole); len(option[*dns.EDNS0_NSID](m).Nsid) != 2*MaxNSID || option[*dns.EDNS0_COOKIE](m) == nil {
		t.Errorf("%v", m)
	}
}
