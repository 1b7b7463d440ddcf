package vips

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNotice is how many bytes of a copyright notice are kept.
const maxNotice = 500

// noticeIn is the copyright notice that a picture carries: the first that is found
// in EXIF (tag 0x8298), XMP (dc:rights) and IPTC (2:116), as one line of plain text;
// "" for none. What cannot be read counts as none.
func noticeIn(exif, xmp, iptc []byte) string {
	for _, text := range []string{exifNotice(exif), xmpNotice(xmp), iptcNotice(iptc)} {
		if text = plainLine(text); text != "" {
			return text
		}
	}
	return ""
}

// plainLine is text without control characters, space at its ends, and what goes
// beyond maxNotice.
func plainLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	for len(s) > maxNotice {
		_, last := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-last]
	}
	return strings.TrimSpace(s)
}

const (
	tagCopyright = 0x8298
	typeASCII    = 2
)

// exifNotice reads tag Copyright of the first IFD (EXIF 2.32 §4.6.4 D): the
// photographer's and, behind a NUL, the editor's.
func exifNotice(exif []byte) string {
	exif = bytes.TrimPrefix(exif, []byte("Exif\x00\x00"))
	if len(exif) < 8 {
		return ""
	}
	var order binary.ByteOrder = binary.LittleEndian
	if string(exif[:2]) == "MM" {
		order = binary.BigEndian
	}
	at := uint64(order.Uint32(exif[4:]))
	if at+2 > uint64(len(exif)) {
		return ""
	}
	for i := range uint64(order.Uint16(exif[at:])) {
		entry := at + 2 + 12*i
		if entry+12 > uint64(len(exif)) {
			return ""
		}
		e := exif[entry : entry+12]
		if order.Uint16(e) != tagCopyright || order.Uint16(e[2:]) != typeASCII {
			continue
		}
		n := uint64(order.Uint32(e[4:]))
		if n <= 4 {
			return string(e[8 : 8+n])
		}
		from := uint64(order.Uint32(e[8:]))
		if from+n > uint64(len(exif)) {
			return ""
		}
		return string(exif[from : from+n])
	}
	return ""
}

const (
	// maxXMP is the most bytes of XMP that are read, and maxXMPTokens the most
	// parts of it: a packet of a camera has some hundred.
	maxXMP       = 256 << 10
	maxXMPTokens = 20_000
)

// xmpNotice is the first text in dc:rights (XMP part 1 §8.3): one of several
// languages, the default first.
func xmpNotice(xmp []byte) string {
	if len(xmp) > maxXMP {
		return ""
	}
	d := xml.NewDecoder(bytes.NewReader(xmp))
	inside := false
	for range maxXMPTokens {
		t, err := d.RawToken()
		if err != nil {
			return ""
		}
		switch t := t.(type) {
		case xml.StartElement:
			inside = inside || t.Name.Local == "rights" && t.Name.Space == "dc"
		case xml.EndElement:
			inside = inside && t.Name.Local != "rights"
		case xml.CharData:
			if text := strings.TrimSpace(string(t)); inside && text != "" {
				return text
			}
		}
	}
	return ""
}

// iptcNotice is the data set 2:116 (IPTC-IIM 4.2 §6), looked for in what may be a
// Photoshop block around it.
func iptcNotice(iptc []byte) string {
	at := bytes.Index(iptc, []byte{0x1C, 2, 116})
	if at < 0 || at+5 > len(iptc) {
		return ""
	}
	n := int(binary.BigEndian.Uint16(iptc[at+3:]))
	if n > 0x7FFF || at+5+n > len(iptc) { // the extended form: longer than anybody's notice
		return ""
	}
	return string(iptc[at+5 : at+5+n])
}

// noticeBlock is a TIFF block (EXIF 2.32 §4.5) that holds the notice alone.
func noticeBlock(notice string) []byte {
	le := binary.LittleEndian
	text := append([]byte(notice), 0)
	for len(text) <= 4 {
		text = append(text, 0) // a short value would stand in the entry itself
	}
	b := le.AppendUint32([]byte("II*\x00"), 8)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint16(b, tagCopyright)
	b = le.AppendUint16(b, typeASCII)
	b = le.AppendUint32(b, uint32(len(text)))
	b = le.AppendUint32(b, 26)
	b = le.AppendUint32(b, 0)
	return append(b, text...)
}
