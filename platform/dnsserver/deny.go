package dnsserver

import (
	"slices"
	"sync"
)

// deny is the proof that a name, or its records of a type, do not exist: an NSEC
// record that begins at the name itself and ends right behind it, so that it
// tells of no other name (RFC 9824 §3).
//
// Where a name has other types for other clients, a resolver may take the proof
// made for one client for another's (RFC 8198): so it names each type that the
// name can have, but the one that was asked for.
func (s *Signer) deny(d *denial, asked Type) *Set {
	types := []Type{typeRRSIG, typeNSEC}
	if !d.exists {
		types = append(types, typeNXNAME)
	}
	for _, t := range d.types {
		if t != asked {
			types = append(types, t)
		}
	}
	if d.exists && d.name == s.zone && asked != TypeDNSKEY {
		types = append(types, TypeDNSKEY)
	}
	slices.Sort(types)
	data := append(next(d.name), bitmap(slices.Compact(types))...)
	key := string(d.name) + string(data)
	if set := s.denials.get(key); set != nil {
		return set
	}
	set := NewSet(d.name, typeNSEC, d.soa.Set.ttl, data)
	s.denials.put(key, set)
	return set
}

// next is the name right behind another in canonical order (RFC 4470 §4): with a
// label of one zero byte before it or, where there is no room for that, its first
// label's last byte one higher.
func next(n Name) []byte {
	if len(n)+2 <= maxName {
		return append([]byte{1, 0}, n...)
	}
	out := []byte(n)
	last := int(out[0])
	if out[last]++; out[last] == 'A' {
		out[last] = 'Z' + 1 // those between are the same as their lower case
	}
	return out
}

// bitmap is a sorted list of types as NSEC has it (RFC 4034 §4.1.2).
func bitmap(types []Type) []byte {
	var out []byte
	for len(types) > 0 {
		window := types[0] >> 8
		var bits [32]byte
		length := 0
		for len(types) > 0 && types[0]>>8 == window {
			low := int(types[0] & 0xff)
			bits[low/8] |= 0x80 >> (low % 8)
			length, types = low/8+1, types[1:]
		}
		out = append(append(out, byte(window), byte(length)), bits[:length]...)
	}
	return out
}

// recent keeps what was made lately: between one and two times as many as its
// bound.
type recent struct {
	most     int
	mu       sync.Mutex
	new, old map[string]*Set
}

func (r *recent) get(key string) *Set {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.new[key]; s != nil {
		return s
	}
	s := r.old[key]
	if s != nil {
		r.add(key, s)
	}
	return s
}

func (r *recent) put(key string, s *Set) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(key, s)
}

func (r *recent) add(key string, s *Set) {
	if r.new == nil || len(r.new) >= r.most {
		r.old, r.new = r.new, make(map[string]*Set)
	}
	r.new[key] = s
}
