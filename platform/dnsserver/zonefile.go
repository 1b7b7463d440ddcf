package dnsserver

import (
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"

	"meridian/world"
)

// Record is one record of a zone file.
type Record struct {
	Name Name
	Type Type
	TTL  uint32 // seconds
	Data []byte // wire form, names uncompressed
}

// String is a type's name.
func (t Type) String() string {
	if s, ok := dns.TypeToString[uint16(t)]; ok {
		return s
	}
	return fmt.Sprintf("TYPE%d", uint16(t))
}

// ParseRecords reads records as a zone file has them (RFC 1035 §5). Names are
// relative to origin, and records without a TTL have the one given. There is no
// $INCLUDE. Errors are [world.CodeInvalid], and name the line.
func ParseRecords(origin Name, text string, ttl time.Duration) ([]Record, error) {
	const op = "dns.records"
	p := dns.NewZoneParser(strings.NewReader(text), origin.String(), "records")
	p.SetDefaultTTL(uint32(ttl / time.Second))
	var out []Record
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		r, err := recordOf(rr)
		if err != nil {
			return nil, world.Because(world.CodeInvalid, op, "The records cannot be served: "+rr.String()+".", err)
		}
		if rr.Header().Class != classIN {
			return nil, world.E(world.CodeInvalid, op, fmt.Sprintf("The record of %s is of another class than IN.", r.Name))
		}
		out = append(out, r)
	}
	if err := p.Err(); err != nil {
		return nil, world.Because(world.CodeInvalid, op, "The records cannot be read as a zone file: "+err.Error()+".", err)
	}
	return out, nil
}

func recordOf(rr dns.RR) (Record, error) {
	h := rr.Header()
	name, err := ParseName(h.Name)
	if err != nil {
		return Record{}, err
	}
	raw := make([]byte, dns.Len(rr)+maxName)
	end, err := dns.PackRR(rr, raw, 0, nil, false)
	if err != nil {
		return Record{}, err
	}
	start := skipName(raw, 0) + recordLen
	return Record{Name: name, Type: Type(h.Rrtype), TTL: h.Ttl, Data: raw[start:end:end]}, nil
}

// ReadName is the name that a record's content begins with, as a CNAME's or NS's
// does.
func ReadName(data []byte) (Name, bool) {
	var raw [maxName]byte
	n, ok := readName(data, &raw)
	return Name(raw[:n]), ok
}

// records are a set as the library has it.
func (s *Set) records() ([]dns.RR, error) {
	out := make([]dns.RR, len(s.data))
	h := dns.RR_Header{Name: s.name.String(), Rrtype: uint16(s.kind), Class: classIN, Ttl: s.ttl}
	for i, d := range s.data {
		h.Rdlength = uint16(len(d))
		rr, _, err := dns.UnpackRRWithHeader(h, d, 0)
		if err != nil {
			return nil, world.Wrap("dns.sign", err)
		}
		out[i] = rr
	}
	return out, nil
}
