package dnsserver

import (
	"fmt"
	"time"

	"github.com/miekg/dns"

	"meridian/world"
)

// Signer signs answers of one zone as they are asked for, and keeps the
// signatures with what they are of. It is safe for concurrent use.
type Signer struct {
	zone    Name
	keys    *Set  // DNSKEY
	zoneKey []Key // sign all but the keys
	keyKey  []Key // sign the keys
	life    time.Duration
	denials recent
}

// signature is a set's, until its second half begins.
type signature struct {
	set   *Set
	by    *Signer
	until time.Time
}

// Skew is how far behind ours the clock of who validates may be.
const Skew = time.Hour

// mostDenials is how many proofs of what does not exist are kept.
const mostDenials = 10_000

// NewSigner makes a zone's signer of at least one key. A zone with a key of flags
// 257 (with secure entry point) and one of 256 has its keys signed by the first
// and all else by the second; with one kind only, that signs everything. life is
// for how long a signature holds; ttl, in seconds, is that of the keys. Errors
// are [world.CodeInvalid].
func NewSigner(zone Name, keys []Key, life time.Duration, ttl uint32) (*Signer, error) {
	const op = "dns.signer"
	if len(keys) == 0 || life < 2*Skew {
		return nil, world.E(world.CodeInvalid, op, fmt.Sprintf("A signer needs a key, and signatures that hold at least %v.", 2*Skew))
	}
	s := &Signer{zone: zone, life: life, denials: recent{most: mostDenials}}
	var data [][]byte
	for _, k := range keys {
		if owner, err := ParseName(k.dnskey.Hdr.Name); err != nil || owner != zone {
			return nil, world.E(world.CodeInvalid, op, fmt.Sprintf("The key %d is of the zone %s, not of %s.", k.Tag(), k.dnskey.Hdr.Name, zone))
		}
		r, err := recordOf(k.dnskey)
		if err != nil {
			return nil, world.Wrap(op, err)
		}
		data = append(data, r.Data)
		if k.dnskey.Flags&dns.SEP != 0 {
			s.keyKey = append(s.keyKey, k)
		} else {
			s.zoneKey = append(s.zoneKey, k)
		}
	}
	if s.keyKey == nil {
		s.keyKey = s.zoneKey
	} else if s.zoneKey == nil {
		s.zoneKey = s.keyKey
	}
	s.keys = NewSet(zone, TypeDNSKEY, ttl, data...)
	return s, nil
}

// sign is a set's RRSIG records. They are made anew when half of their life is
// over, or when the keys are others.
func (s *Signer) sign(set *Set, now time.Time) (*Set, error) {
	if had := set.signed.Load(); had != nil && had.by == s && now.Before(had.until) {
		return had.set, nil
	}
	rrs, err := set.records()
	if err != nil {
		return nil, err
	}
	with := s.zoneKey
	if set == s.keys {
		with = s.keyKey
	}
	var data [][]byte
	for _, k := range with {
		d, err := s.signature(rrs, k, now)
		if err != nil {
			return nil, err
		}
		data = append(data, d)
	}
	out := NewSet(set.name, typeRRSIG, set.ttl, data...)
	set.signed.Store(&signature{set: out, by: s, until: now.Add(s.life / 2)})
	return out, nil
}

func (s *Signer) signature(rrs []dns.RR, k Key, now time.Time) ([]byte, error) {
	sig := &dns.RRSIG{
		Hdr:       dns.RR_Header{Name: rrs[0].Header().Name, Rrtype: dns.TypeRRSIG, Class: dns.ClassINET, Ttl: rrs[0].Header().Ttl},
		Algorithm: k.dnskey.Algorithm, KeyTag: k.dnskey.KeyTag(), SignerName: s.zone.String(),
		Inception: uint32(now.Add(-Skew).Unix()), Expiration: uint32(now.Add(s.life).Unix()),
	}
	if err := sig.Sign(k.signer, rrs); err != nil {
		return nil, world.Because(world.CodeInternal, "dns.sign", "An answer could not be signed.", err)
	}
	r, err := recordOf(sig)
	return r.Data, err
}
