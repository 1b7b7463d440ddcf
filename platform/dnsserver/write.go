package dnsserver

import "encoding/binary"

// writer puts an answer together, in a buffer that has room for the limit.
type writer struct {
	out   []byte
	limit int
	q     *Query
	full  bool // something had no room
}

// ourUDP is the longest query that is taken over UDP, in bytes. It is what
// answers say of us: what is longer may be cut to pieces on its way.
const ourUDP = 1232

// leastUDP is what everybody takes over UDP (RFC 1035 §4.2.1).
const leastUDP = 512

// begin writes header and question.
func (w *writer) begin(code Code) {
	flags := w.q.flags&(maskOpcode|flagRecursion) | flagResponse | uint16(code&0xf)
	if code == CodeOK || code == CodeNoName {
		flags |= flagAuthoritative
	}
	w.out = binary.BigEndian.AppendUint16(w.out[:0], w.q.id)
	w.out = binary.BigEndian.AppendUint16(w.out, flags)
	questions := byte(0)
	if w.q.question != nil {
		questions = 1
	}
	w.out = append(w.out, 0, questions, 0, 0, 0, 0, 0, 0)
	w.out = append(w.out, w.q.question...)
}

// Where the header counts the records of a section.
const (
	inAnswer     = 6
	inAuthority  = 8
	inAdditional = 10
)

func (w *writer) count(section, n int) {
	at := w.out[section : section+2]
	binary.BigEndian.PutUint16(at, binary.BigEndian.Uint16(at)+uint16(n))
}

// set writes a set's records.
func (w *writer) set(section int, t Timed) {
	s := t.Set
	name, pointer := sharedSuffix(s.name, w.q.Name())
	head := name
	if pointer > 0 {
		head += 2
	}
	if w.full || len(w.out)+s.size+head*len(s.data) > w.limit {
		w.full = true
		return
	}
	for _, d := range s.data {
		w.out = append(w.out, s.name[:name]...)
		if pointer > 0 {
			w.out = append(w.out, byte(0xc0|pointer>>8), byte(pointer))
		}
		w.out = binary.BigEndian.AppendUint16(w.out, uint16(s.kind))
		w.out = append(w.out, 0, classIN)
		w.out = binary.BigEndian.AppendUint32(w.out, min(t.TTL, s.ttl))
		w.out = binary.BigEndian.AppendUint16(w.out, uint16(len(d)))
		w.out = append(w.out, d...)
	}
	w.count(section, len(s.data))
}

// cut takes every record away again, and says that there were some.
func (w *writer) cut() {
	w.out = w.out[:headerLen+len(w.q.question)]
	w.out[2] |= flagTruncated >> 8
	clear(w.out[inAnswer:headerLen])
}

// opt is an OPT record: it is written before the rest, so that its length is known.
type opt struct {
	raw [optMost]byte
	len int
}

// optMost is how long an OPT record can become: its own 11 bytes, a subnet, a
// cookie, an NSID.
const optMost = 11 + 4 + 4 + 16 + 4 + clientCookie + serverCookie + 4 + MaxNSID

// MaxNSID is how long the name of a server may be, in bytes.
const MaxNSID = 128

func (o *opt) begin(code Code, q *Query) {
	o.len = 11
	o.raw = [optMost]byte{1: 0, 2: byte(typeOPT), 3: ourUDP >> 8, 4: ourUDP & 0xff, 5: byte(code >> 4)}
	if q.do {
		o.raw[7] |= flagDO >> 8
	}
	if q.co {
		o.raw[7] |= flagCO >> 8
	}
}

func (o *opt) option(kind uint16, parts ...[]byte) {
	n := 0
	for _, p := range parts {
		n += copy(o.raw[o.len+4+n:], p)
	}
	binary.BigEndian.PutUint16(o.raw[o.len:], kind)
	binary.BigEndian.PutUint16(o.raw[o.len+2:], uint16(n))
	o.len += 4 + n
}

// subnet says for how wide a network the answer is (RFC 7871 §7.2.1).
func (o *opt) subnet(n *subnet, scope uint8) {
	if n.source == 0 {
		scope = 0
	}
	head := [4]byte{byte(n.family >> 8), byte(n.family), n.source, scope}
	o.option(optionSubnet, head[:], n.raw)
}

// bytes is the whole record.
func (o *opt) bytes() []byte {
	binary.BigEndian.PutUint16(o.raw[9:], uint16(o.len-11))
	return o.raw[:o.len]
}
