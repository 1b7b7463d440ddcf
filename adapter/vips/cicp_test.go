package vips

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
)

func boxOf(name string, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	return slices.Concat(binary.BigEndian.AppendUint32(nil, uint32(8+len(body))), []byte(name), body)
}

// longBox is a box whose size has 64 bits.
func longBox(name string, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	head := append([]byte{0, 0, 0, 1}, name...)
	return append(binary.BigEndian.AppendUint64(head, uint64(16+len(body))), body...)
}

func nclxOf(primaries, transfer byte) []byte {
	return boxOf("colr", []byte("nclx"), []byte{0, primaries, 0, transfer, 0, 6, 0x80})
}

var (
	fileType = boxOf("ftyp", []byte("avif\x00\x00\x00\x00avifmif1"))
	full0    = []byte{0, 0, 0, 0} // version 0, no flags
	pitm1    = boxOf("pitm", full0, []byte{0, 1})
	// one entry: item 1 has properties 1 and, marked as essential, 2.
	ipma12 = boxOf("ipma", full0, []byte{0, 0, 0, 1, 0, 1, 2, 1, 0x82})
	size   = boxOf("ispe", make([]byte, 12))
)

// heif is a file of the boxes that lead to a colour; an element of nil is left out.
func heif(pitm []byte, ipma []byte, properties ...[]byte) []byte {
	iprp := boxOf("iprp", boxOf("ipco", properties...), ipma)
	return slices.Concat(fileType, boxOf("meta", full0, boxOf("hdlr", make([]byte, 24)), pitm, iprp), boxOf("mdat", make([]byte, 9)))
}

func TestTheColourOfThePrimaryPictureIsRead(t *testing.T) {
	p3pq := cicp{primariesP3, transferPQ}
	colour := nclxOf(12, 16)
	icc := boxOf("colr", []byte("prof"), make([]byte, 20))
	whole := heif(pitm1, ipma12, size, colour)
	for name, c := range map[string]struct {
		data []byte
		want cicp
	}{
		"plain":            {whole, p3pq},
		"one for both":     {heif(pitm1, boxOf("ipma", full0, []byte{0, 0, 0, 1, 0, 1, 1, 2}), icc, colour), p3pq},
		"after a profile":  {heif(pitm1, ipma12, icc, colour), p3pq},
		"not of this item": {heif(boxOf("pitm", full0, []byte{0, 2}), ipma12, size, colour), cicp{}},
		"second item": {heif(boxOf("pitm", full0, []byte{0, 2}),
			boxOf("ipma", full0, []byte{0, 0, 0, 2, 0, 1, 1, 1, 0, 2, 1, 2}), nclxOf(9, 18), colour), p3pq},
		"32-bit items, 16-bit indexes": {heif(boxOf("pitm", []byte{1, 0, 0, 0}, []byte{0, 1, 0, 0}),
			boxOf("ipma", []byte{1, 0, 0, 1}, []byte{0, 0, 0, 1, 0, 1, 0, 0, 1, 0x80, 2}), size, colour), p3pq},
		"two ipma": {heif(pitm1, slices.Concat(boxOf("ipma", full0, []byte{0, 0, 0, 1, 0, 1, 1, 1}), ipma12), size, colour), p3pq},
		"long sizes": {slices.Concat(fileType, longBox("free", make([]byte, 5)),
			longBox("meta", full0, pitm1, longBox("iprp", boxOf("ipco", size, colour), ipma12))), p3pq},
		"meta to the end": {func() []byte {
			d := slices.Concat(fileType, boxOf("meta", full0, pitm1, boxOf("iprp", boxOf("ipco", size, colour), ipma12)))
			copy(d[len(fileType):], []byte{0, 0, 0, 0})
			return d
		}(), p3pq},
		"mdat cut off":   {whole[:len(whole)-5], p3pq},
		"nothing":        {nil, cicp{}},
		"no meta":        {fileType, cicp{}},
		"no pitm":        {heif(nil, ipma12, size, colour), cicp{}},
		"no ipma":        {heif(pitm1, nil, size, colour), cicp{}},
		"no colour":      {heif(pitm1, ipma12, size, size), cicp{}},
		"no such index":  {heif(pitm1, ipma12, size), cicp{}},
		"index 0":        {heif(pitm1, boxOf("ipma", full0, []byte{0, 0, 0, 1, 0, 1, 2, 0, 0}), colour), cicp{}},
		"short colour":   {heif(pitm1, ipma12, size, boxOf("colr", []byte("nclx\x00\x0c\x00\x10\x00\x06"))), cicp{}},
		"ipma cut off":   {heif(pitm1, boxOf("ipma", full0, []byte{0, 0, 0, 2, 0, 1, 2, 1, 2}), size, colour), cicp{}},
		"ipma too small": {heif(pitm1, boxOf("ipma", full0[:3]), size, colour), cicp{}},
		"box too small":  {heif(pitm1, ipma12, size, colour, []byte("\x00\x00\x00\x07free")), cicp{}},
		"box too large":  {heif(pitm1, ipma12, size, colour, []byte("\x00\x00\x00\xfffree")), cicp{}},
		"half a box":     {heif(pitm1, ipma12, size, colour, []byte("\x00\x00\x00")), cicp{}},
		"huge long box":  {slices.Concat(fileType, []byte("\x00\x00\x00\x01free\xff\xff\xff\xff\xff\xff\xff\xff")), cicp{}},
	} {
		if got := signalled(c.data); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	for n := range len(whole) {
		if got := signalled(whole[:n]); got != (cicp{}) && got != p3pq {
			t.Errorf("%d bytes of it say %v", n, got)
		}
	}
}

func TestTheLimitsOfBoxesHoldAtTheirEdge(t *testing.T) {
	const others = 8 // ftyp, meta, hdlr, pitm, iprp, ipco, ipma, colr
	boxes := func(n int) []byte {
		return heif(pitm1, ipma12, slices.Concat(nclxOf(12, 16), bytes.Repeat(boxOf("free"), n-others)))
	}
	items := func(n uint32) []byte {
		entries := slices.Concat(bytes.Repeat([]byte{0, 7, 0}, int(n)-1), []byte{0, 1, 1, 1})
		return heif(pitm1, boxOf("ipma", full0, binary.BigEndian.AppendUint32(nil, n), entries), nclxOf(12, 16))
	}
	for name, c := range map[string]struct {
		data []byte
		read bool
	}{
		"boxes at":     {boxes(maxBoxes), true},
		"boxes beyond": {boxes(maxBoxes + 1), false},
		"items at":     {items(maxItems), true},
		"items beyond": {items(maxItems + 1), false},
	} {
		if got := signalled(c.data) != (cicp{}); got != c.read {
			t.Errorf("%s: read = %v", name, got)
		}
	}
}

func FuzzSignalled(f *testing.F) {
	f.Add(heif(pitm1, ipma12, size, nclxOf(12, 16)))
	f.Add(heif(boxOf("pitm", []byte{1, 0, 0, 0}, []byte{0, 1, 0, 0}), boxOf("ipma", []byte{1, 0, 0, 1}, []byte{0, 0, 0, 1, 0, 1, 0, 0, 1, 0x80, 2}), size, nclxOf(9, 18)))
	f.Add(longBox("meta", full0, pitm1))
	for _, name := range []string{"patches-12bit.avif", "patches-12bit-alpha.avif", "patches-10bit.heic"} {
		f.Add(testdata(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := signalled(data)
		if c == (cicp{}) {
			return
		}
		says := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16([]byte("nclx"), c.primaries), c.transfer)
		if !bytes.Contains(data, says) || !bytes.Contains(data, []byte("colr")) {
			t.Errorf("%v is nowhere in the file", c)
		}
	})
}
