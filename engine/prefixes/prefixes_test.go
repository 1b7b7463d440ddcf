package prefixes

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/world"
)

func entry(prefix, value string) Entry[string] {
	return Entry[string]{netip.MustParsePrefix(prefix), value}
}

func TestLookup(t *testing.T) {
	table := New([]Entry[string]{
		entry("10.1.0.0/16", "b"), entry("10.0.0.0/8", "a"), entry("10.1.2.0/24", "a"), entry("10.1.2.3/32", "c"),
		entry("2001:db8::/32", "v6"), entry("::ffff:192.0.2.0/120", "mapped"), {netip.Prefix{}, "invalid"},
		entry("198.51.100.0/25", "same"), entry("198.51.100.128/25", "same"),
	})
	for _, c := range []struct{ addr, value, within string }{
		{"10.200.0.1", "a", "10.128.0.0/9"},
		{"10.1.9.9", "b", "10.1.8.0/21"},
		{"10.1.2.2", "a", "10.1.2.2/32"},
		{"10.1.2.3", "c", "10.1.2.3/32"},
		{"10.1.2.200", "a", "10.1.2.128/25"},
		{"::ffff:10.1.2.3", "c", "10.1.2.3/32"},
		{"192.0.2.9", "mapped", "192.0.2.0/24"},
		{"198.51.100.7", "same", "198.51.100.0/24"},
		{"11.0.0.1", "", "11.0.0.0/8"},
		{"240.0.0.1", "", "224.0.0.0/3"},
		{"2001:db8:1::1", "v6", "2001:db8::/32"},
		{"fe80::1%eth0", "", "8000::/1"},
	} {
		v, within := table.Lookup(netip.MustParseAddr(c.addr))
		if v != c.value || within != netip.MustParsePrefix(c.within) {
			t.Errorf("%s: %q within %v, want %q within %s", c.addr, v, within, c.value, c.within)
		}
	}
	if v, within := table.Lookup(netip.Addr{}); v != "" || within.IsValid() {
		t.Errorf("no address: %q within %v", v, within)
	}
	var none Table[string]
	if v, within := none.Lookup(netip.MustParseAddr("10.0.0.1")); v != "" || within != netip.MustParsePrefix("0.0.0.0/0") {
		t.Errorf("no table: %q within %v", v, within)
	}
	if v, _ := Map(&none, func(string) int { return 7 }).Lookup(netip.MustParseAddr("10.0.0.1")); v != 7 {
		t.Errorf("no table, mapped: %d", v)
	}
}

// What is looked up is what the entries say by their longest prefix; the prefix
// around it has that value everywhere, and the next wider one has not.
func TestLookupAgreesWithTheEntries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfN(rapid.Custom(drawEntry), 0, 12).Draw(t, "entries")
		table := New(entries)
		ask := func(a netip.Addr) int {
			best, bits := 0, -1
			for _, e := range entries {
				if e.Prefix.Contains(a) && e.Prefix.Bits() >= bits {
					best, bits = e.Value, e.Prefix.Bits()
				}
			}
			return best
		}
		same := Map(table, func(v int) bool { return v%2 == 0 })
		for range 8 {
			a := drawAddr(t)
			v, within := table.Lookup(a)
			if v != ask(a) || !within.Contains(a) {
				t.Fatalf("%v: %d within %v, want %d", a, v, within, ask(a))
			}
			even, wide := same.Lookup(a)
			if even != (v%2 == 0) || wide.Bits() > within.Bits() {
				t.Fatalf("%v: %v within %v, of %d within %v", a, even, wide, v, within)
			}
			checkWidest(t, within, v, table.Lookup)
			checkWidest(t, wide, even, same.Lookup)
		}
	})
}

// checkWidest compares the ends of the prefix, and looks for another value in the
// half that would come with one bit less.
func checkWidest[V comparable](t *rapid.T, p netip.Prefix, v V, lookup func(netip.Addr) (V, netip.Prefix)) {
	sample := func(p netip.Prefix) netip.Addr {
		raw := p.Masked().Addr().AsSlice()
		for i := p.Bits(); i < 8*len(raw); i++ {
			if rapid.Bool().Draw(t, "bit") {
				raw[i/8] |= 1 << (7 - i%8)
			}
		}
		a, _ := netip.AddrFromSlice(raw)
		return a
	}
	if got, within := lookup(sample(p)); got != v || within != p {
		t.Fatalf("within %v one has %v within %v, not %v", p, got, within, v)
	}
	if p.Bits() == 0 {
		return
	}
	raw := p.Addr().AsSlice()
	raw[(p.Bits()-1)/8] ^= 1 << (7 - (p.Bits()-1)%8)
	sibling, _ := netip.AddrFromSlice(raw)
	other := netip.PrefixFrom(sibling, p.Bits())
	if got, within := lookup(other.Masked().Addr()); got == v && within.Bits() <= p.Bits() {
		t.Fatalf("%v and its neighbour %v both have %v: %v is not the widest", p, other, v, within)
	}
}

// Addresses are drawn near one another, so that prefixes meet.
func drawAddr(t *rapid.T) netip.Addr {
	few := rapid.SampledFrom([]byte{0, 1, 2, 128, 255})
	if rapid.Bool().Draw(t, "four") {
		return netip.AddrFrom4([4]byte{few.Draw(t, "a"), few.Draw(t, "b"), few.Draw(t, "c"), few.Draw(t, "d")})
	}
	var raw [16]byte
	raw[0] = 0x20
	for i := 1; i < 4; i++ {
		raw[i] = few.Draw(t, "byte")
	}
	return netip.AddrFrom16(raw)
}

func drawEntry(t *rapid.T) Entry[int] {
	a := drawAddr(t)
	return Entry[int]{netip.PrefixFrom(a, rapid.IntRange(0, a.BitLen()).Draw(t, "bits")).Masked(), rapid.IntRange(0, 4).Draw(t, "value")}
}

func TestRead(t *testing.T) {
	entries, err := Read(strings.NewReader("# places\n\n203.0.113.0/24 frankfurt # ours\n2001:db8::/32\tlondon\n192.0.2.1 tokyo\n"), 3)
	if err != nil || fmt.Sprint(entries) != "[{203.0.113.0/24 frankfurt} {2001:db8::/32 london} {192.0.2.1/32 tokyo}]" {
		t.Errorf("%v, %v", entries, err)
	}
	for text, want := range map[string]string{
		"203.0.113.0/24":                        "Line 1: write a prefix and",
		"\n203.0.113.0/24 a b":                  "Line 2: write a prefix and",
		"203.0.113.1/24 a":                      "Line 1: \"203.0.113.1/24\" is no prefix",
		"203.0.113.0/33 a":                      "is no prefix",
		"fe80::1%eth0 a":                        "is no prefix",
		"a/b c":                                 "is no prefix",
		strings.Repeat("x", MaxLine+1):          "Line 1 cannot be read",
		strings.Repeat("192.0.2.0/24 a\n", 3+1): "Line 4: there are more than 3",
	} {
		_, err := Read(strings.NewReader(text), 3)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
	if _, err := Read(strings.NewReader(strings.Repeat("192.0.2.0/24 a\n", 4)), 3); !world.Is(err, world.CodeTooLarge) {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("203.0.113.0/24 frankfurt # ours\n::1 b")
	f.Add("::ffff:1.2.3.4/100 x\n")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := Read(strings.NewReader(text), 100)
		if err != nil {
			return
		}
		table := New(entries)
		for _, e := range entries {
			if !e.Prefix.IsValid() || e.Value == "" {
				t.Fatalf("%v", e)
			}
			if v, within := table.Lookup(e.Prefix.Addr()); v == "" || !within.IsValid() {
				t.Fatalf("%v: %q within %v", e.Prefix, v, within)
			}
		}
	})
}

// A layer lies over those before it, even where their prefixes are longer.
func TestLayers(t *testing.T) {
	var b Builder[string]
	b.Add(netip.MustParsePrefix("10.1.2.0/24"), "database")
	b.Add(netip.MustParsePrefix("10.9.0.0/16"), "database")
	b.Add(netip.Prefix{}, "invalid")
	b.Lay([]Entry[string]{entry("10.1.128.0/17", "second"), entry("10.0.0.0/14", "operator")})
	table := b.Table()
	for _, c := range []struct{ addr, value, within string }{
		{"10.1.2.3", "operator", "10.1.0.0/17"}, {"10.1.200.1", "second", "10.1.128.0/17"},
		{"10.9.1.1", "database", "10.9.0.0/16"}, {"10.5.0.0", "", "10.4.0.0/14"},
	} {
		if v, within := table.Lookup(netip.MustParseAddr(c.addr)); v != c.value || within.String() != c.within {
			t.Errorf("%s: %q within %v, want %q within %s", c.addr, v, within, c.value, c.within)
		}
	}
}

// However many prefixes of one value are added, they are one.
func TestNeighboursAreOneWhileTheyAreAdded(t *testing.T) {
	var b Builder[int]
	for i := range 1 << 12 {
		b.Add(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 4), byte(i << 4), 0}), 20), 7)
	}
	depth := 0
	for n := b.grown[0]; n.below[0] != nil; depth++ {
		n = n.below[[]int{0, 0, 0, 0, 1, 0, 1, 0}[depth]]
	}
	if depth != 8 {
		t.Errorf("10.0.0.0/8 is cut into prefixes of at least %d bits", depth)
	}
}
