package prefixes

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// trie is a binary tree over the bits of an address, first bit first. A branch
// is the index of a pair of branches, or the number of a value with the leaf bit
// set; no pair has the same leaf twice, so that a leaf's depth is the length of
// the widest prefix with its value. A pair takes 8 bytes.
//
// Where an address's first bits lead stands in a table beside it: the more pairs,
// the more bits, so that the table never takes more memory than twice the pairs.
type trie struct {
	pairs [][2]uint32
	root  uint32 // the zero trie: see find
	jumps []jump
	bits  int // of an address, that jumps go by
}

// jump is a branch, and how many bits of an address decide it.
type jump struct {
	to   uint32
	bits uint32
}

const (
	leaf      = 1 << 31
	mostJumps = 16 // bits
)

// find is the value's number, and how many bits of the address decided it.
func (t *trie) find(a netip.Addr) (number uint32, decided int) {
	if len(t.jumps) == 0 {
		return t.root &^ leaf, 0
	}
	rest, second := words(a)
	j := t.jumps[rest>>(64-t.bits)]
	at, decided := j.to, int(j.bits)
	rest <<= decided
	for at&leaf == 0 {
		at = t.pairs[at][rest>>63]
		rest <<= 1
		if decided++; decided == 64 {
			rest = second
		}
	}
	return at &^ leaf, decided
}

// words are an address's bits.
func words(a netip.Addr) (first, second uint64) {
	if a.Is4() {
		four := a.As4()
		return uint64(binary.BigEndian.Uint32(four[:])) << 32, 0
	}
	raw := a.As16()
	return binary.BigEndian.Uint64(raw[:8]), binary.BigEndian.Uint64(raw[8:])
}

// index makes the jumps of a trie that is whole.
func (t *trie) index() {
	t.bits = min(mostJumps, bits.Len(uint(len(t.pairs))))
	t.jumps = make([]jump, 1<<t.bits)
	t.lay(t.root, 0, 0)
}

// lay fills in the jumps below a branch at a depth, from an index on.
func (t *trie) lay(branch uint32, depth, from int) {
	span := 1 << (t.bits - depth)
	if branch&leaf == 0 && depth < t.bits {
		t.lay(t.pairs[branch][0], depth+1, from)
		t.lay(t.pairs[branch][1], depth+1, from+span/2)
		return
	}
	for i := range span {
		t.jumps[from+i] = jump{branch, uint32(depth)}
	}
}

// add makes a branch of two, or hands the one back that both are.
func (t *trie) add(zero, one uint32) uint32 {
	if zero == one && zero&leaf != 0 {
		return zero
	}
	t.pairs = append(t.pairs, [2]uint32{zero, one})
	return uint32(len(t.pairs) - 1)
}

// renumbered is the trie with other values. Pairs stand behind their branches,
// so one pass in order is enough.
func (t *trie) renumbered(numbers []uint32) trie {
	var out trie
	moved := make([]uint32, len(t.pairs))
	branch := func(b uint32) uint32 {
		if b&leaf != 0 {
			return numbers[b&^leaf] | leaf
		}
		return moved[b]
	}
	for i, p := range t.pairs {
		moved[i] = out.add(branch(p[0]), branch(p[1]))
	}
	switch {
	case len(t.pairs) > 0:
		out.root = branch(t.root)
	default:
		out.root = numbers[t.root&^leaf] | leaf
	}
	out.index()
	return out
}

// pack makes the branch of a node and all below it.
func (t *trie) pack(n *node) uint32 {
	if n.below[0] == nil {
		return n.value | leaf
	}
	zero := t.pack(n.below[0])
	return t.add(zero, t.pack(n.below[1]))
}

// node is what a trie is grown of. It has two below it, or none and a value.
type node struct {
	value uint32
	below [2]*node
}

// set gives a prefix a value; what lay below it is gone. Halves that have become
// the same are one again.
func (n *node) set(p netip.Prefix, value uint32) {
	raw := p.Addr().AsSlice()
	var way [128]*node
	for i := range p.Bits() {
		if n.below[0] == nil {
			if n.value == value {
				return
			}
			n.below[0], n.below[1] = &node{value: n.value}, &node{value: n.value}
		}
		way[i] = n
		n = n.below[raw[i/8]>>(7-i%8)&1]
	}
	*n = node{value: value}
	for i := p.Bits() - 1; i >= 0; i-- {
		zero, one := way[i].below[0], way[i].below[1]
		if zero.below[0] != nil || one.below[0] != nil || zero.value != one.value {
			return
		}
		*way[i] = node{value: zero.value}
	}
}
