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
	questions := byte(0)
	if w.q.question != nil {
		questions = 1
	}
	w.out = append(w.out[:0], byte(w.q.id>>8), byte(w.q.id), byte(flags>>8), byte(flags), 0, questions, 0, 0, 0, 0, 0, 0)
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
	ttl := min(t.TTL, s.ttl)
	for _, d := range s.data {
		w.out = append(w.out, s.name[:name]...)
		if pointer > 0 {
			w.out = append(w.out, byte(0xc0|pointer>>8), byte(pointer))
		}
		w.out = append(w.out, byte(s.kind>>8), byte(s.kind), 0, classIN, byte(ttl>>24), byte(ttl>>16), byte(ttl>>8), byte(ttl), byte(len(d)>>8), byte(len(d)))
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

// MaxNSID is how long the name of a server may be, in bytes.
const MaxNSID = 128

// optHead is how long an OPT record is without options.
const optHead = 1 + recordLen

// opt writes the OPT record; options of it are told its length when all is written.
func (w *writer) opt(code Code) {
	flags := byte(0)
	if w.q.do {
		flags |= flagDO >> 8
	}
	if w.q.co {
		flags |= flagCO >> 8
	}
	w.out = append(w.out, 0, 0, byte(typeOPT), ourUDP>>8, ourUDP&0xff, byte(code>>4), 0, flags, 0, 0, 0)
	w.count(inAdditional, 1)
}

// option begins an option of a length.
func (w *writer) option(kind, length int) {
	w.out = append(w.out, byte(kind>>8), byte(kind), byte(length>>8), byte(length))
}

// subnet says for how wide a network the answer is (RFC 7871 §7.2.1).
func (w *writer) subnet(n *subnet, scope uint8) {
	if n.source == 0 {
		scope = 0
	}
	w.option(optionSubnet, 4+len(n.raw))
	w.out = append(w.out, byte(n.family>>8), byte(n.family), n.source, scope)
	w.out = append(w.out, n.raw...)
}

// optDone tells the OPT record's length; it begins at an offset.
func (w *writer) optDone(from int) {
	binary.BigEndian.PutUint16(w.out[from+optHead-2:], uint16(len(w.out)-from-optHead))
}
