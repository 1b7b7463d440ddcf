package dnsserver

import (
	"hash/maphash"
	"net/netip"
	"sync/atomic"
	"time"
)

// The networks that are counted as one: as much as one attacker can forge, and as
// little as two victims share.
const (
	rateIPv4 = 24
	rateIPv6 = 56
)

// limiter bounds equal answers to one network, so that nobody is flooded by
// answers to questions that others have asked in his name. What exceeds the rate
// is dropped and told to come over TCP by turns: who is real gets through.
//
// Counts stand in a table of fixed size, each where its hash says. Where another
// one of this second stands already, an answer is not counted and goes out: an
// attack on one network does not end the service for all.
type limiter struct {
	rate  uint64 // answers a second; 0: no bound
	seed  maphash.Seed
	slots []atomic.Uint64 // the hash's upper half, the second's low 16 bits, a count
}

// verdict is what becomes of an answer.
type verdict uint8

const (
	send verdict = iota
	slip         // say "ask over TCP"
	drop
)

func newLimiter(rate, tracked int) *limiter {
	return &limiter{rate: uint64(rate), seed: maphash.MakeSeed(), slots: make([]atomic.Uint64, tracked)}
}

// of counts an answer to a client. alike is the same for answers of one kind: the
// name that exists, or the code of what does not (else each made-up name would
// count by itself). Each second begins anew.
func (l *limiter) of(client netip.Addr, alike string, now time.Time) verdict {
	if l.rate == 0 {
		return send
	}
	key := l.hash(client, alike)
	slot := &l.slots[key%uint64(len(l.slots))]
	mine := key>>32<<32 | uint64(uint16(now.Unix()))<<16
	for {
		old := slot.Load()
		n := uint64(1)
		switch {
		case old>>16 == mine>>16:
			n = min(old&0xffff+1, 0xffff)
		case uint16(old>>16) == uint16(mine>>16):
			return send
		}
		if slot.CompareAndSwap(old, mine|n) {
			return l.verdict(n)
		}
	}
}

func (l *limiter) verdict(n uint64) verdict {
	switch {
	case n <= l.rate:
		return send
	case (n-l.rate)%2 == 1 && n < 0xffff:
		return slip
	}
	return drop
}

func (l *limiter) hash(client netip.Addr, alike string) uint64 {
	bits := rateIPv4
	if client.Is6() {
		bits = rateIPv6
	}
	network, _ := client.Prefix(bits) // bits is within every address's length
	raw := network.Addr().As16()
	var h maphash.Hash
	h.SetSeed(l.seed)
	h.Write(raw[:])
	h.WriteString(alike)
	return h.Sum64()
}
