package dnsserver

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// Whatever comes gets an answer that another reader reads, or none; and what that
// reader takes for a question is answered as one.
func FuzzAnswer(f *testing.F) {
	r := newRig(f, func(c *Config) { c.Rate = 5 })
	r.Sign(newSigner(f, newKey(f)))
	for _, m := range []*dns.Msg{
		new(dns.Msg).SetQuestion("www.shop.example.", dns.TypeA), new(dns.Msg).SetQuestion("none.shop.example.", dns.TypeANY), new(dns.Msg).SetAxfr("shop.example."),
		new(dns.Msg).SetQuestion("big.SHOP.example.", dns.TypeTXT), new(dns.Msg).SetQuestion(".", dns.TypeDNSKEY),
	} {
		withOption(&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: []byte{10, 1, 2, 0}},
			&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "2464c4abcf10c957"}, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})(m)
		m.IsEdns0().SetDo()
		raw, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, true)
		f.Add(raw, false)
	}
	f.Add([]byte("\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x04shop\x07example\x00\x00\x01\x00\x01"), false)
	f.Fuzz(func(t *testing.T, raw []byte, tcp bool) {
		packed := r.Answer(raw, netip.MustParseAddr("203.0.113.9"), tcp)
		var asked dns.Msg
		readable := asked.Unpack(raw) == nil
		if packed == nil {
			if tcp && readable && !asked.Response {
				t.Fatalf("no answer to %v", &asked)
			}
			return
		}
		var a dns.Msg
		if err := a.Unpack(packed); err != nil {
			t.Fatalf("%x: %v", packed, err)
		}
		if !a.Response || a.Id != uint16(raw[0])<<8|uint16(raw[1]) || !tcp && len(packed) > 1232 {
			t.Fatalf("%d bytes, %v", len(packed), a.MsgHdr)
		}
		if readable && len(asked.Question) == 1 && len(a.Question) == 1 && asked.Question[0] != a.Question[0] {
			t.Fatalf("asked %v, answered %v", asked.Question, a.Question)
		}
	})
}

// Names read as the library reads them.
func FuzzName(f *testing.F) {
	for _, s := range []string{"www.shop.example", "a..b", ".", "\\065.x", strings.Repeat("x", 64), "*.a", "A.B"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParseName(text)
		if err != nil {
			return
		}
		var raw [maxName]byte
		length, ok := readName([]byte(n), &raw)
		if !ok || Name(raw[:length]) != n {
			t.Fatalf("%q does not read as itself", n)
		}
		again, err := ParseName(n.String())
		if err != nil || again != n {
			t.Fatalf("%q, written %q, read %q: %v", n, n.String(), again, err)
		}
		for up := n; up != ""; up = up.Parent() {
			if !n.In(up) {
				t.Fatalf("%v is not in %v", n, up)
			}
		}
	})
}

func FuzzParseRecords(f *testing.F) {
	f.Add("www 30 IN A 192.0.2.1\n@ IN CAA 0 issue \"x\"")
	f.Add("$TTL 5\n$GENERATE 1-3 a$ A 192.0.2.$")
	f.Add("$INCLUDE /etc/passwd")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "$GENERATE") {
			return
		}
		records, err := ParseRecords(mustName(t, "shop.example"), text, 60e9)
		if err != nil {
			return
		}
		for _, r := range records {
			if _, err := NewSet(r.Name, r.Type, r.TTL, r.Data).records(); err != nil {
				t.Fatalf("%+v: %v", r, err)
			}
		}
	})
}

func FuzzReadKey(f *testing.F) {
	public, private, err := NewKey("\x04shop\x07example\x00")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(public, private)
	f.Add(public, "Private-key-format: v1.3\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: AAAA\n")
	f.Fuzz(func(t *testing.T, public, private string) {
		k, err := ReadKey(strings.NewReader(public), strings.NewReader(private))
		if err == nil && (k.signer == nil || k.DS() == "") {
			t.Fatal("a key that is none")
		}
	})
}
