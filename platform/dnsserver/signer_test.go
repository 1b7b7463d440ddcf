package dnsserver

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"meridian/world"
)

// newKey is a pair of keys of shop.example.
func newKey(t testing.TB) Key {
	t.Helper()
	public, private, err := NewKey(mustName(t, "shop.example"))
	if err != nil {
		t.Fatal(err)
	}
	k, err := ReadKey(strings.NewReader(public), strings.NewReader(private))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// zoneKeyOf is a key of the kind that signs all but the keys.
func zoneKeyOf(t testing.TB) Key {
	t.Helper()
	k := &dns.DNSKEY{Hdr: dns.RR_Header{Name: "shop.example.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 60}, Flags: 256, Protocol: 3, Algorithm: dns.ED25519}
	secret, err := k.Generate(256)
	if err != nil {
		t.Fatal(err)
	}
	out, err := ReadKey(strings.NewReader(k.String()), strings.NewReader(k.PrivateKeyString(secret)))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func newSigner(t testing.TB, keys ...Key) *Signer {
	t.Helper()
	s, err := NewSigner(mustName(t, "shop.example"), keys, 24*time.Hour, 3600)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// valid demands that every set of an answer has a signature that holds by one of
// the zone's keys of a kind, at a time.
func valid(t *testing.T, m *dns.Msg, now time.Time, keys ...Key) {
	t.Helper()
	all := append(append([]dns.RR{}, m.Answer...), m.Ns...)
	type set struct {
		name string
		kind uint16
	}
	sets, sigs := map[set][]dns.RR{}, map[set]*dns.RRSIG{}
	for _, rr := range all {
		if sig, ok := rr.(*dns.RRSIG); ok {
			sigs[set{strings.ToLower(sig.Hdr.Name), sig.TypeCovered}] = sig
			continue
		}
		at := set{strings.ToLower(rr.Header().Name), rr.Header().Rrtype}
		sets[at] = append(sets[at], rr)
	}
	if len(sets) == 0 {
		t.Errorf("an empty answer: %v", m)
	}
	for at, rrs := range sets {
		sig := sigs[at]
		if sig == nil {
			t.Errorf("%v is not signed:\n%v", at, m)
			continue
		}
		ok := false
		for _, k := range keys {
			if sig.KeyTag == k.Tag() {
				ok = sig.Verify(k.dnskey, rrs) == nil
			}
		}
		if !ok || !sig.ValidityPeriod(now) || rrs[0].Header().Ttl > sig.OrigTtl {
			t.Errorf("the signature of %v does not hold: %v", at, sig)
		}
	}
}

func TestSignedAnswers(t *testing.T) {
	r := newRig(t, nil)
	k := newKey(t)
	r.Sign(newSigner(t, k))
	for _, c := range []struct {
		name string
		kind uint16
		code int
		nsec string // types of the denial
	}{
		{"WWW.shop.example.", dns.TypeA, dns.RcodeSuccess, ""},
		{"alias.shop.example.", dns.TypeAAAA, dns.RcodeSuccess, ""},
		{"shop.example.", dns.TypeDNSKEY, dns.RcodeSuccess, ""},
		{"shop.example.", dns.TypeSOA, dns.RcodeSuccess, ""},
		{"shop.example.", dns.TypeMX, dns.RcodeSuccess, "NS SOA TXT RRSIG NSEC DNSKEY"},
		{"www.shop.example.", dns.TypeMX, dns.RcodeSuccess, "A AAAA RRSIG NSEC"},
		{"alias.shop.example.", dns.TypeTXT, dns.RcodeSuccess, "A AAAA RRSIG NSEC"},
		{"none.shop.example.", dns.TypeA, dns.RcodeSuccess, "RRSIG NSEC NXNAME"},
	} {
		m := r.ask("203.0.113.9", c.name, c.kind, signedAsk)
		valid(t, m, r.now, k)
		if m.Rcode != c.code || !m.IsEdns0().Do() {
			t.Errorf("%s: %v", c.name, m.MsgHdr)
		}
		if got := denialOf(t, m); got != c.nsec {
			t.Errorf("%s %s: denied by %q, want %q", c.name, dns.TypeToString[c.kind], got, c.nsec)
		}
	}
	if m := r.ask("203.0.113.9", "www.shop.example.", dns.TypeA, withOption()); len(m.Answer) != 2 {
		t.Errorf("signatures for who does not want them: %v", m)
	}
	m := r.ask("203.0.113.9", "none.shop.example.", dns.TypeA, signedAsk, func(m *dns.Msg) { m.IsEdns0().SetCo() })
	if m.Rcode != dns.RcodeNameError || !m.IsEdns0().Co() {
		t.Errorf("who understands compact denial is not told by the code: %v", m)
	}
	if m := r.ask("203.0.113.9", "www.elsewhere.", dns.TypeA, signedAsk); m.Rcode != dns.RcodeRefused || len(m.Ns) > 0 {
		t.Errorf("%v", m)
	}
	r.Sign(nil)
	if m := r.ask("203.0.113.9", "shop.example.", dns.TypeDNSKEY, signedAsk); len(m.Answer) != 0 {
		t.Errorf("keys of a zone that is not signed: %v", m)
	}
}

// denialOf is the types that an answer's NSEC names; it covers its own name alone.
func denialOf(t *testing.T, m *dns.Msg) string {
	t.Helper()
	for _, rr := range m.Ns {
		if n, ok := rr.(*dns.NSEC); ok {
			if n.NextDomain != "\\000."+n.Hdr.Name {
				t.Errorf("it covers more than its name: %v", n)
			}
			var out []string
			for _, kind := range n.TypeBitMap {
				out = append(out, Type(kind).String())
			}
			return strings.Join(out, " ")
		}
	}
	return ""
}

// A signature is kept until half of its life is over, and made anew by other keys.
func TestSignaturesAreKept(t *testing.T) {
	r := newRig(t, nil)
	k := newKey(t)
	r.Sign(newSigner(t, k))
	ask := func(name string) string {
		m := r.ask("203.0.113.9", name, dns.TypeA, signedAsk)
		valid(t, m, r.now, k)
		for _, rr := range append(m.Answer, m.Ns...) {
			if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered != dns.TypeSOA {
				return sig.Signature
			}
		}
		t.Fatalf("no signature: %v", m)
		return ""
	}
	for _, name := range []string{"www.shop.example.", "none.shop.example."} {
		first := ask(name)
		r.now = r.now.Add(12*time.Hour - time.Second)
		if ask(name) != first {
			t.Errorf("%s: signed again in the first half of its life", name)
		}
		r.now = r.now.Add(time.Second)
		if ask(name) == first {
			t.Errorf("%s: not signed again in the second half of its life", name)
		}
	}
	second := ask("www.shop.example.")
	k = newKey(t)
	r.Sign(newSigner(t, k))
	if ask("www.shop.example.") == second {
		t.Error("the old key's signature was kept")
	}
}

// With two kinds of keys, one signs the keys and the other all else.
func TestTwoKindsOfKeys(t *testing.T) {
	r := newRig(t, nil)
	high, low := newKey(t), zoneKeyOf(t)
	r.Sign(newSigner(t, high, low))
	valid(t, r.exchange(true, "203.0.113.9", "shop.example.", dns.TypeDNSKEY, signedAsk), r.now, high)
	valid(t, r.ask("203.0.113.9", "www.shop.example.", dns.TypeA, signedAsk), r.now, low)
	valid(t, r.ask("203.0.113.9", "none.shop.example.", dns.TypeA, signedAsk), r.now, low)
}

func TestKeysThatAreRefused(t *testing.T) {
	public, private, err := NewKey(mustName(t, "shop.example"))
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := NewKey(mustName(t, "shop.example"))
	if err != nil {
		t.Fatal(err)
	}
	for what, files := range map[string][2]string{
		"not that of the public":    {other, private},
		"no DNSKEY record":          {"shop.example. IN A 192.0.2.1", private},
		"has no DNSKEY":             {"", private},
		"algorithm 8":               {strings.Replace(public, " 3 13 ", " 3 8 ", 1), private},
		"its flags must be":         {strings.Replace(public, "257 3", "1 3", 1), private},
		"its protocol 3":            {strings.Replace(public, "257 3", "257 2", 1), private},
		"private key's file cannot": {public, "Private-key-format: v1.1\nAlgorithm: 13\n"},
	} {
		_, err := ReadKey(strings.NewReader(files[0]), strings.NewReader(files[1]))
		if !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %q", err, what)
		}
	}
	if _, err := NewSigner(mustName(t, "other.example"), []Key{newKey(t)}, 24*time.Hour, 60); !world.Is(err, world.CodeInvalid) {
		t.Errorf("a key of another zone: %v", err)
	}
	if _, err := NewSigner(mustName(t, "shop.example"), nil, 24*time.Hour, 60); !world.Is(err, world.CodeInvalid) {
		t.Errorf("no key: %v", err)
	}
	if _, err := NewSigner(mustName(t, "shop.example"), []Key{newKey(t)}, 2*Skew-1, 60); !world.Is(err, world.CodeInvalid) {
		t.Errorf("too short a life: %v", err)
	}
}

// The name behind another comes behind it and before all that lies below it.
func TestNext(t *testing.T) {
	if got := next(mustName(t, "www.shop.example")); Name(got).String() != "\\000.www.shop.example." {
		t.Errorf("%q", got)
	}
	long := Name(strings.Repeat("\x3f"+strings.Repeat("z", 63), 3) + "\x3d" + strings.Repeat("y", 61) + "\x00")
	if len(long) != maxName {
		t.Fatal(len(long))
	}
	for last, want := range map[byte]byte{'y': 'z', '@': '['} {
		n := Name(long[:63]) + Name(last) + long[64:]
		if got := next(n); len(got) != maxName || got[63] != want {
			t.Errorf("%c: %c", last, got[63])
		}
	}
}

func TestRecentIsBounded(t *testing.T) {
	r := recent{most: 2}
	for _, key := range []string{"a", "b", "c", "a", "d", "e"} {
		if r.get(key) == nil {
			r.put(key, &Set{})
		}
		if n := len(r.new) + len(r.old); n > 4 {
			t.Fatalf("%d are kept", n)
		}
	}
	if r.get("a") == nil || r.get("b") != nil {
		t.Error("not those of late are kept")
	}
}
