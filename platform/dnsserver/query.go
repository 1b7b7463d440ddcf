package dnsserver

import (
	"encoding/binary"
	"net/netip"
)

const headerLen = 12

// Bits of a message's second word (RFC 1035 §4.1.1).
const (
	flagResponse      = 1 << 15
	flagAuthoritative = 1 << 10
	flagTruncated     = 1 << 9
	flagRecursion     = 1 << 8
	maskOpcode        = 0xf << 11
)

// Bits of an OPT record's flags (RFC 3225, RFC 9824 §3.4).
const (
	flagDO = 1 << 15
	flagCO = 1 << 14
)

// Options of EDNS.
const (
	optionNSID   = 3
	optionSubnet = 8
	optionCookie = 10
)

// Query is a question and what came with it. It lives only while it is answered.
type Query struct {
	Type Type
	From netip.Addr // who asks, a resolver as a rule
	TCP  bool

	id, flags, class uint16
	question         []byte // as it came, in its own case
	name             [maxName]byte
	nameLen          int

	edns    bool
	version uint8
	size    uint16 // most bytes over UDP
	do, co  bool
	nsid    bool
	cookie  []byte // of the message
	subnet  subnet
}

// subnet is the network of the client that a resolver asks for (RFC 7871 §6).
type subnet struct {
	there  bool
	family uint16
	source uint8 // bits that were told
	addr   netip.Addr
	raw    []byte // of the message
}

// Name is what is asked for, in canonical wire form: [Name] of it is a key of a
// map. It is good until the query is answered.
func (q *Query) Name() []byte { return q.name[:q.nameLen] }

// Client is whose place the answer is for: the client of a resolver that tells its
// network, else who asks. A resolver that tells of 0 bits wants none told (RFC
// 7871 §7.1.2).
func (q *Query) Client() netip.Addr {
	if q.subnet.source > 0 {
		return q.subnet.addr
	}
	return q.From
}

// parse reads a message that came. The code is what it has to be answered with,
// [CodeOK] for a question that may be looked for; ok is false for what gets no
// answer at all: it is no query.
func (q *Query) parse(m []byte) (code Code, ok bool) {
	q.reset()
	if len(m) < headerLen {
		return 0, false
	}
	q.id, q.flags = binary.BigEndian.Uint16(m), binary.BigEndian.Uint16(m[2:])
	if q.flags&flagResponse != 0 {
		return 0, false
	}
	if q.flags&maskOpcode != 0 {
		return CodeNotImplemented, true
	}
	if binary.BigEndian.Uint16(m[4:]) != 1 || binary.BigEndian.Uint32(m[6:]) != 0 {
		return CodeFormat, true
	}
	n, fine := readName(m[headerLen:], &q.name)
	end := headerLen + n + 4
	if !fine || end > len(m) {
		return CodeFormat, true
	}
	q.nameLen, q.question = n, m[headerLen:end]
	q.Type, q.class = Type(binary.BigEndian.Uint16(m[end-4:])), binary.BigEndian.Uint16(m[end-2:])
	if !q.readAdditional(m, end, int(binary.BigEndian.Uint16(m[10:]))) {
		return CodeFormat, true
	}
	switch {
	case q.edns && q.version != 0:
		return codeBadVersion, true
	case q.class != classIN || q.Type == typeAXFR || q.Type == typeIXFR || q.Type == typeRRSIG:
		return CodeRefused, true
	case q.Type == 0 || q.Type == typeOPT || q.Type == typeNXNAME:
		return CodeFormat, true
	}
	return CodeOK, true
}

// reset forgets the query before, but for the bytes of its name: they are many,
// and written over.
func (q *Query) reset() {
	q.Type, q.class, q.question, q.nameLen = 0, 0, nil, 0
	q.edns, q.version, q.size, q.do, q.co, q.nsid, q.cookie = false, 0, 0, false, false, false, nil
	q.subnet = subnet{}
}

// readAdditional looks for EDNS among the records behind the question.
func (q *Query) readAdditional(m []byte, off, count int) bool {
	for range count {
		start := off
		if off = skipName(m, off); off == 0 || off+recordLen > len(m) {
			return false
		}
		h := m[off : off+recordLen]
		off += recordLen + int(binary.BigEndian.Uint16(h[8:]))
		if off > len(m) {
			return false
		}
		if Type(binary.BigEndian.Uint16(h)) != typeOPT {
			continue
		}
		if q.edns || m[start] != 0 { // RFC 6891 §6.1.1
			return false
		}
		q.edns, q.size, q.version = true, binary.BigEndian.Uint16(h[2:]), h[5]
		flags := binary.BigEndian.Uint16(h[6:])
		q.do, q.co = flags&flagDO != 0, flags&flagCO != 0
		if !q.readOptions(m[off-int(binary.BigEndian.Uint16(h[8:])) : off]) {
			return false
		}
	}
	return off == len(m)
}

func (q *Query) readOptions(o []byte) bool {
	for len(o) > 0 {
		if len(o) < 4 {
			return false
		}
		kind, n := binary.BigEndian.Uint16(o), int(binary.BigEndian.Uint16(o[2:]))
		if n > len(o)-4 {
			return false
		}
		data := o[4 : 4+n]
		o = o[4+n:]
		switch kind {
		case optionNSID:
			q.nsid = true
		case optionCookie:
			if q.cookie != nil || n != clientCookie && (n < 2*clientCookie || n > 5*clientCookie) { // RFC 7873 §5.2.2
				return false
			}
			q.cookie = data
		case optionSubnet:
			if q.subnet.there || !q.subnet.read(data) {
				return false
			}
		}
	}
	return true
}

// read takes nothing that RFC 7871 §7.1.2 has refused: a scope in a query, more
// or fewer bytes than the bits need, or bits behind those that are told.
func (n *subnet) read(data []byte) bool {
	if len(data) < 4 || data[3] != 0 {
		return false
	}
	n.there, n.family, n.source, n.raw = true, binary.BigEndian.Uint16(data), data[2], data[4:]
	var most int
	switch n.family {
	case 1:
		most = 4
	case 2:
		most = 16
	case 0:
		return n.source == 0 && len(n.raw) == 0 // "none", as some clients write it
	default:
		return false
	}
	if len(n.raw) > most || len(n.raw) != (int(n.source)+7)/8 {
		return false
	}
	if n.family == 1 {
		n.addr = netip.AddrFrom4([4]byte{n.at(0), n.at(1), n.at(2), n.at(3)})
	} else {
		var whole [16]byte
		copy(whole[:], n.raw)
		n.addr = netip.AddrFrom16(whole)
	}
	return n.source%8 == 0 || n.raw[len(n.raw)-1]<<(n.source%8) == 0
}

// at is a byte of the network's address; those that were not told are zero.
func (n *subnet) at(i int) byte {
	if i < len(n.raw) {
		return n.raw[i]
	}
	return 0
}
