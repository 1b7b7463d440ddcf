// Package prefixes says which value belongs to an address, by the longest prefix
// that holds it, and around which widest prefix every address has the same: the
// scope of an answer that was made for a client's network (RFC 7871 §7.2.1).
package prefixes

import (
	"cmp"
	"net/netip"
	"slices"
)

// Entry gives the addresses of a prefix a value. Bits of the prefix behind its
// length do not count.
type Entry[V comparable] struct {
	Prefix netip.Prefix
	Value  V
}

// Table is made once and read by many at once. Addresses that no entry holds
// have the zero value. The zero Table has no entries.
type Table[V comparable] struct {
	v4, v6 trie
	values []V // by number
}

// New makes a table. Of two entries that hold an address the longer counts, of
// two of the same length the later one. IPv4 prefixes written as IPv6
// (::ffff:0:0/96 and longer) are IPv4's. An invalid prefix is left out.
func New[V comparable](entries []Entry[V]) *Table[V] {
	var b Builder[V]
	b.Lay(entries)
	return b.Table()
}

// Builder makes a table of layers: each lies over those before it, whatever the
// lengths of its prefixes. Its memory follows what differs, not what was added:
// a database of millions of prefixes with a few values costs little. The zero
// Builder is ready.
type Builder[V comparable] struct {
	numbers numbering[V]
	grown   [2]*node // IPv4, IPv6
}

// Add gives all addresses of a prefix a value, in place of what they had. IPv4
// prefixes written as IPv6 are IPv4's. An invalid prefix is left out.
func (b *Builder[V]) Add(p netip.Prefix, v V) {
	b.begin()
	p, ok := unmapped(p)
	if !ok {
		return
	}
	root := b.grown[0]
	if p.Addr().Is6() {
		root = b.grown[1]
	}
	root.set(p, b.numbers.of(v))
}

// Lay adds a layer of entries, within which the longer prefix counts, and of two
// of the same length the later one.
func (b *Builder[V]) Lay(entries []Entry[V]) {
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(x, y Entry[V]) int { return cmp.Compare(length(x.Prefix), length(y.Prefix)) })
	for _, e := range sorted {
		b.Add(e.Prefix, e.Value)
	}
}

// Table is what was added up to now. The builder is used up.
func (b *Builder[V]) Table() *Table[V] {
	b.begin()
	t := &Table[V]{values: b.numbers.values}
	t.v4.root = t.v4.pack(b.grown[0])
	t.v6.root = t.v6.pack(b.grown[1])
	t.v4.index()
	t.v6.index()
	return t
}

func (b *Builder[V]) begin() {
	if b.grown[0] == nil {
		none := b.numbers.of(*new(V))
		b.grown = [2]*node{{value: none}, {value: none}}
	}
}

// length is that of a prefix as [unmapped] has it.
func length(p netip.Prefix) int {
	p, _ = unmapped(p)
	return p.Bits()
}

// unmapped is an IPv4 prefix as one of four bytes.
func unmapped(p netip.Prefix) (netip.Prefix, bool) {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p, p.IsValid()
}

// Lookup is the value of an address, and the widest prefix around the address in
// which all have that value. within is invalid only for an invalid address. An
// IPv4 address is one of IPv4 however it is written; a zone is not looked at.
func (t *Table[V]) Lookup(a netip.Addr) (v V, within netip.Prefix) {
	v, bits := t.Find(a)
	within, _ = a.Unmap().WithZone("").Prefix(bits) // bits is at most the address's length
	return v, within
}

// Find is the value of an address, and how many bits of the address decide it, as
// [Table.Lookup] has them; 0 for an invalid address.
func (t *Table[V]) Find(a netip.Addr) (v V, bits int) {
	a = a.Unmap()
	if !a.IsValid() || len(t.values) == 0 {
		return v, 0
	}
	of := &t.v4
	if a.Is6() {
		of = &t.v6
	}
	number, bits := of.find(a)
	return t.values[number], bits
}

// Values are all values that the table has, the zero value among them.
func (t *Table[V]) Values() []V { return slices.Clone(t.values) }

// Map is the table of what f makes of each value. Neighbours whose values have
// become the same are one prefix. f is called once for each
// value.
func Map[V, W comparable](t *Table[V], f func(V) W) *Table[W] {
	var b numbering[W]
	numbers := make([]uint32, max(1, len(t.values)))
	if len(t.values) == 0 {
		numbers[0] = b.of(f(*new(V)))
	}
	for i, v := range t.values {
		numbers[i] = b.of(f(v))
	}
	return &Table[W]{v4: t.v4.renumbered(numbers), v6: t.v6.renumbered(numbers), values: b.values}
}

// numbering gives values numbers.
type numbering[V comparable] struct {
	values  []V
	numbers map[V]uint32
}

func (b *numbering[V]) of(v V) uint32 {
	n, known := b.numbers[v]
	if !known {
		if b.numbers == nil {
			b.numbers = map[V]uint32{}
		}
		n = uint32(len(b.values))
		b.numbers[v] = n
		b.values = append(b.values, v)
	}
	return n
}
