package vips

import (
	"encoding/binary"
	"iter"
)

// cicp is how a picture's numbers stand for light, in the code points of
// ISO/IEC 23091-2 §8.1 and §8.2 (the same as ITU-T H.273). The zero value says
// nothing, and so does 2 in either field.
type cicp struct{ primaries, transfer uint16 }

const (
	primariesBT2020 = 9
	primariesP3     = 12 // SMPTE EG 432-1: P3 with the white of daylight
	transferPQ      = 16 // SMPTE ST 2084
	transferHLG     = 18 // ARIB STD-B67
)

const (
	// maxBoxes bounds how many boxes of a file are read for its colour. The
	// largest grid that a phone writes has some hundred properties.
	maxBoxes = 1024
	// maxItems bounds how many items' properties are read: every tile is one.
	maxItems = 4096
)

// signalled is what an AVIF or HEIC says of its primary picture's colour in a
// colr box of type nclx (ISO/IEC 14496-12 §12.1.5). The zero value means that
// nothing is said, that the file is laid out wrongly or that a limit is passed:
// whether such a file is a picture at all is for the decoder to judge.
func signalled(data []byte) cicp {
	r := boxReader{left: maxBoxes}
	var meta []byte
	for b := range r.in(data) {
		if b.name == "meta" { // what follows is not read: mdat may be cut off
			_, meta, _ = fullBox(b.body)
			break
		}
	}
	var pitm, iprp, ipco []byte
	for b := range r.in(meta) {
		switch b.name {
		case "pitm":
			pitm = b.body
		case "iprp":
			iprp = b.body
		}
	}
	item, ok := primaryItem(pitm)
	if !ok {
		return cicp{}
	}
	var indexes []int
	for b := range r.in(iprp) {
		switch b.name {
		case "ipco":
			ipco = b.body
		case "ipma":
			found, ok := associated(b.body, item)
			if !ok {
				return cicp{}
			}
			indexes = append(indexes, found...)
		}
	}
	var properties []box
	for b := range r.in(ipco) {
		properties = append(properties, b)
	}
	if r.bad {
		return cicp{}
	}
	for _, i := range indexes {
		if i < 1 || i > len(properties) {
			continue // 0 stands for no property
		}
		if c, ok := nclx(properties[i-1]); ok {
			return c
		}
	}
	return cicp{}
}

// box is a part of an ISO base media file.
type box struct {
	name string
	body []byte
}

// boxReader walks boxes; its count is for the whole file. It does not descend,
// so a file cannot choose how deep it is read.
type boxReader struct {
	left int
	bad  bool // a box did not fit, or there were too many
}

// in gives the boxes of data (ISO/IEC 14496-12 §4.2) up to the first bad one.
func (r *boxReader) in(data []byte) iter.Seq[box] {
	return func(yield func(box) bool) {
		for len(data) > 0 {
			b, rest, ok := cutBox(data)
			if !ok || r.left == 0 {
				r.bad = true
				return
			}
			r.left--
			if !yield(b) {
				return
			}
			data = rest
		}
	}
}

func cutBox(data []byte) (b box, rest []byte, ok bool) {
	if len(data) < 8 {
		return box{}, nil, false
	}
	size, head := uint64(binary.BigEndian.Uint32(data)), 8
	switch size {
	case 0: // to the end
		size = uint64(len(data))
	case 1: // a size of 64 bits follows the name
		if head = 16; len(data) < head {
			return box{}, nil, false
		}
		size = binary.BigEndian.Uint64(data[8:])
	}
	if size < uint64(head) || size > uint64(len(data)) {
		return box{}, nil, false
	}
	return box{string(data[4:8]), data[head:size]}, data[size:], true
}

// fullBox takes the version and the flags off a box that has them.
func fullBox(body []byte) (head uint32, rest []byte, ok bool) {
	if len(body) < 4 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint32(body), body[4:], true
}

// number takes an unsigned number of 1, 2 or 4 bytes.
func number(data []byte, bytes int) (n uint32, rest []byte, ok bool) {
	if len(data) < bytes {
		return 0, nil, false
	}
	for _, b := range data[:bytes] {
		n = n<<8 | uint32(b)
	}
	return n, data[bytes:], true
}

// primaryItem reads pitm (ISO/IEC 14496-12 §8.11.4).
func primaryItem(body []byte) (item uint32, ok bool) {
	head, body, ok := fullBox(body)
	if !ok {
		return 0, false
	}
	item, _, ok = number(body, itemBytes(head))
	return item, ok
}

// itemBytes is how long an item's number is: 16 bits in version 0, then 32.
func itemBytes(head uint32) int {
	if head>>24 == 0 {
		return 2
	}
	return 4
}

// associated reads ipma (ISO/IEC 23008-12 §9.3): the properties of an item,
// counted from 1 in the order of ipco.
func associated(body []byte, item uint32) (indexes []int, ok bool) {
	head, body, ok := fullBox(body)
	if !ok {
		return nil, false
	}
	indexBytes := 1
	if head&1 != 0 {
		indexBytes = 2
	}
	essential := uint32(1) << (8*indexBytes - 1)
	entries, body, ok := number(body, 4)
	if !ok || entries > maxItems {
		return nil, false
	}
	for range entries {
		var id, count, index uint32
		if id, body, ok = number(body, itemBytes(head)); !ok {
			return nil, false
		}
		if count, body, ok = number(body, 1); !ok {
			return nil, false
		}
		for range count {
			if index, body, ok = number(body, indexBytes); !ok {
				return nil, false
			}
			if id == item {
				indexes = append(indexes, int(index&^essential))
			}
		}
	}
	return indexes, true
}

// nclx reads a colr box of that type. Its matrix and its range are of no
// interest here: the decoder has applied them.
func nclx(b box) (c cicp, ok bool) {
	if b.name != "colr" || len(b.body) < 11 || string(b.body[:4]) != "nclx" {
		return cicp{}, false
	}
	return cicp{
		primaries: binary.BigEndian.Uint16(b.body[4:]),
		transfer:  binary.BigEndian.Uint16(b.body[6:]),
	}, true
}
