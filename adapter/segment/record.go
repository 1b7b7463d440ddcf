package segment

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"meridian/engine/httpcache"
)

// A segment begins with fileHeader bytes: magic, id, checksum. Records follow:
//
//	header  headerBytes: magic, kind, length of tag, meta and content, a
//	        checksum of each, the segment's id, the header's own checksum
//	meta, content, tag
//
// The tag is what the index needs. It stands last: a record of which the end has
// not been written has none. A content of alignFrom bytes or more begins at a
// multiple of pageBytes, with a record of padding before its own where need be.
const (
	fileMagic   = 0x4d53_4547 // "MSEG"
	recordMagic = 0x4d52_4543 // "MREC"
	footMagic   = 0x4d45_4e44 // "MEND"

	fileHeader  = 12
	headerBytes = 40
	footBytes   = 16

	// maxTag bounds the tag of a record, in bytes, but for that of a footer.
	maxTag = 1 << 20
)

// kind says what a record is.
type kind uint32

const (
	kindObject kind = 1 + iota
	kindNote
	kindFooter
	kindPadding // it has a meta alone, which says nothing
)

// castagnoli is the polynomial of CRC-32C: processors compute it, and it finds
// every burst of up to 32 bits.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

var (
	errTorn  = errors.New("segment: a record's end is missing")
	errWrong = errors.New("segment: a checksum is wrong")
)

// header is a record's header.
type header struct {
	kind                  kind
	tag, meta, content    uint32 // lengths
	tagSum, metaSum, cSum uint32
	segment               uint32
}

// size is the whole record's length in bytes.
func (h *header) size() int64 {
	return headerBytes + int64(h.meta) + int64(h.content) + int64(h.tag)
}

func (h *header) append(b []byte) []byte {
	from := len(b)
	for _, n := range []uint32{recordMagic, uint32(h.kind), h.tag, h.meta, h.content, h.tagSum, h.metaSum, h.cSum, h.segment} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return binary.LittleEndian.AppendUint32(b, sum(b[from:]))
}

// parseHeader reads a header of headerBytes.
func parseHeader(b []byte, segment uint32) (h header, err error) {
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(b[4*i:]) }
	h = header{
		kind: kind(word(1)), tag: word(2), meta: word(3), content: word(4),
		tagSum: word(5), metaSum: word(6), cSum: word(7), segment: word(8),
	}
	if word(0) != recordMagic || word(9) != sum(b[:36]) || h.segment != segment || h.kind < kindObject || h.kind > kindPadding {
		return header{}, errWrong
	}
	if h.kind != kindFooter && h.tag > maxTag {
		return header{}, errWrong
	}
	return h, nil
}

// item is what a footer keeps of a record.
type item struct {
	kind kind
	at   httpcache.Place
	tag  []byte
}

func appendItem(b []byte, it item) []byte {
	b = append(b, byte(it.kind))
	b = binary.AppendUvarint(b, uint64(it.at.Offset))
	b = binary.AppendUvarint(b, uint64(it.at.Meta))
	b = binary.AppendUvarint(b, uint64(it.at.Length))
	return appendBytes(b, it.tag)
}

// parseItems reads a footer's list. What it gives shares b's memory.
func parseItems(b []byte, segment uint32) (items []item, err error) {
	p := parser{rest: b}
	for len(p.rest) > 0 && !p.bad {
		it := item{kind: kind(p.byte())}
		it.at = httpcache.Place{Segment: segment, Offset: p.uint32(), Meta: p.uint32(), Length: p.uint32()}
		it.tag = p.bytes()
		if it.kind != kindObject && it.kind != kindNote {
			p.bad = true
		}
		items = append(items, it)
	}
	if p.bad {
		return nil, errWrong
	}
	return items, nil
}

func appendTag(b []byte, t httpcache.Tag) []byte {
	b = binary.LittleEndian.AppendUint64(b, t.Key)
	b = binary.LittleEndian.AppendUint32(b, t.Variant)
	b = binary.LittleEndian.AppendUint32(b, t.Soft)
	return appendList(appendList(b, t.Vary), t.Groups)
}

func parseTag(b []byte) (t httpcache.Tag, err error) {
	if len(b) < 16 {
		return t, errWrong
	}
	t.Key = binary.LittleEndian.Uint64(b)
	t.Variant = binary.LittleEndian.Uint32(b[8:])
	t.Soft = binary.LittleEndian.Uint32(b[12:])
	p := parser{rest: b[16:]}
	t.Vary, t.Groups = p.list(), p.list()
	if p.bad || len(p.rest) > 0 {
		return httpcache.Tag{}, errWrong
	}
	return t, nil
}

const (
	noteAll  = 1
	noteSoft = 2
)

func appendNote(b []byte, n httpcache.Note) []byte {
	var flags byte
	if n.All {
		flags |= noteAll
	}
	if n.Soft {
		flags |= noteSoft
	}
	b = append(b, flags)
	b = binary.LittleEndian.AppendUint32(b, n.At)
	b = appendList(appendList(b, n.Groups), n.Keys)
	return appendBytes(appendBytes(b, []byte(n.Feed)), []byte(n.Cursor))
}

func parseNote(b []byte) (n httpcache.Note, err error) {
	p := parser{rest: b}
	flags := p.byte()
	n.All, n.Soft = flags&noteAll != 0, flags&noteSoft != 0
	n.At = p.fixed32()
	n.Groups, n.Keys = p.list(), p.list()
	n.Feed, n.Cursor = string(p.bytes()), string(p.bytes())
	if p.bad || len(p.rest) > 0 {
		return httpcache.Note{}, errWrong
	}
	return n, nil
}

func appendBytes(b, s []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendList(b []byte, l []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(l)))
	for _, s := range l {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return b
}

// parser reads until something does not fit; then bad is set and what follows is
// zero.
type parser struct {
	rest []byte
	bad  bool
}

func (p *parser) take(n int) []byte {
	if n < 0 || n > len(p.rest) {
		p.bad, p.rest = true, nil
		return nil
	}
	b := p.rest[:n:n]
	p.rest = p.rest[n:]
	return b
}

func (p *parser) byte() byte {
	if b := p.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (p *parser) fixed32() uint32 {
	if b := p.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (p *parser) uvarint(most uint64) uint64 {
	n, size := binary.Uvarint(p.rest)
	if size <= 0 || n > most {
		p.take(-1)
		return 0
	}
	p.rest = p.rest[size:]
	return n
}

func (p *parser) uint32() uint32 { return uint32(p.uvarint(1<<32 - 1)) }

func (p *parser) bytes() []byte { return p.take(int(p.uvarint(uint64(len(p.rest))))) }

func (p *parser) list() (l []string) {
	for range p.uvarint(uint64(len(p.rest))) { // each takes a byte at least
		l = append(l, string(p.bytes()))
		if p.bad {
			return nil
		}
	}
	return l
}

func crcUpdate(crc uint32, b []byte) uint32 { return crc32.Update(crc, castagnoli, b) }
