package dnsserver

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
)

// Type is a record's type, by its number (RFC 1035 §3.2.2 and its successors).
type Type uint16

// The types that this package or its sources know by name.
const (
	TypeA      Type = 1
	TypeNS     Type = 2
	TypeCNAME  Type = 5
	TypeSOA    Type = 6
	TypeHINFO  Type = 13
	TypeMX     Type = 15
	TypeTXT    Type = 16
	TypeAAAA   Type = 28
	TypeSRV    Type = 33
	typeOPT    Type = 41
	TypeDS     Type = 43
	typeRRSIG  Type = 46
	typeNSEC   Type = 47
	TypeDNSKEY Type = 48
	TypeTLSA   Type = 52
	TypeSVCB   Type = 64
	TypeHTTPS  Type = 65
	typeNXNAME Type = 128
	typeIXFR   Type = 251
	typeAXFR   Type = 252
	TypeANY    Type = 255
	TypeCAA    Type = 257
)

const classIN = 1

// Set is the records of one name and type. It is made once and never changed, so
// that its signature can be kept with it.
type Set struct {
	name Name
	kind Type
	ttl  uint32
	data [][]byte
	size int // of all records but their names, in bytes

	signed atomic.Pointer[signature]
}

// NewSet makes a set of a name's records. ttl, in seconds, is the longest that
// the set is ever given with; data are the records' contents in wire form,
// without compressed names.
func NewSet(name Name, kind Type, ttl uint32, data ...[]byte) *Set {
	s := &Set{name: name, kind: kind, ttl: ttl, data: data}
	for _, d := range data {
		s.size += recordLen + len(d)
	}
	return s
}

// recordLen is a record's type, class, TTL and length.
const recordLen = 10

// Name is whose the records are.
func (s *Set) Name() Name { return s.name }

// Type is of which type they are.
func (s *Set) Type() Type { return s.kind }

// TTL is the longest that they are given with, in seconds.
func (s *Set) TTL() uint32 { return s.ttl }

// Data are the records' contents. The caller does not change them.
func (s *Set) Data() [][]byte { return s.data }

// Address is the type and content of an address's record.
func Address(a netip.Addr) (Type, []byte) {
	if a = a.Unmap(); a.Is4() {
		return TypeA, a.AsSlice()
	}
	return TypeAAAA, a.AsSlice()
}

// SOA is the content of a zone's start of authority (RFC 1035 §3.3.13).
type SOA struct {
	Server, Mailbox                         Name
	Serial, Refresh, Retry, Expire, Minimum uint32 // times in seconds
}

// Data is its wire form.
func (s SOA) Data() []byte {
	out := append([]byte(s.Server), s.Mailbox...)
	for _, n := range []uint32{s.Serial, s.Refresh, s.Retry, s.Expire, s.Minimum} {
		out = binary.BigEndian.AppendUint32(out, n)
	}
	return out
}

// MinimalANY is what a name that exists answers to who asks for everything (RFC
// 8482 §4.2).
func MinimalANY(name Name) *Set {
	return NewSet(name, TypeHINFO, minimalTTL, []byte("\x07RFC8482\x00"))
}

// minimalTTL is that of [MinimalANY], in seconds: nothing that it says changes.
const minimalTTL = 86400
