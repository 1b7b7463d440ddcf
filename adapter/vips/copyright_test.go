package vips

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"meridian/engine/imagegrid"
)

const notice = "© 2026 Ada Baker"

const xmpRights = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:creator>Nobody</dc:creator><dc:rights><rdf:Alt><rdf:li xml:lang="x-default">© 2026 Ada Baker</rdf:li><rdf:li xml:lang="de">anders</rdf:li></rdf:Alt></dc:rights></rdf:Description></rdf:RDF></x:xmpmeta>`

func iptcRights() []byte {
	b := append([]byte("Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00\x20"), 0x1C, 2, 80, 0, 4, 'A', 'n', 'n', 'a')
	b = append(b, 0x1C, 2, 116)
	b = binary.BigEndian.AppendUint16(b, uint16(len(notice)))
	return append(b, notice...)
}

func TestNoticesAreFound(t *testing.T) {
	for _, c := range []struct {
		what            string
		exif, xmp, iptc []byte
		want            string
	}{
		{"EXIF", noticeBlock(notice), nil, nil, notice},
		{"EXIF with its name", append([]byte("Exif\x00\x00"), noticeBlock(notice)...), nil, nil, notice},
		{"XMP", nil, []byte(xmpRights), nil, notice},
		{"IPTC", nil, nil, iptcRights(), notice},
		{"EXIF goes first", noticeBlock("mine"), []byte(xmpRights), iptcRights(), "mine"},
		{"an empty one does not count", noticeBlock(" "), []byte(xmpRights), nil, notice},
		{"short", noticeBlock("A"), nil, nil, "A"},
		{"two in EXIF", noticeBlock("Ada\x00Ed"), nil, nil, "Ada Ed"},
		{"other EXIF", tiff(1, nil), nil, nil, ""},
		{"control characters", noticeBlock("a\x1b[31m\nb"), nil, nil, "a [31m b"},
		{"none", nil, nil, nil, ""},
	} {
		if got := noticeIn(c.exif, c.xmp, c.iptc); got != c.want {
			t.Errorf("%s: %q", c.what, got)
		}
	}
	if got := noticeIn(noticeBlock(strings.Repeat("é", maxNotice)), nil, nil); len(got) != maxNotice {
		t.Errorf("a long one keeps %d bytes", len(got))
	}
}

func TestTheNoticeIsKeptAndNothingElse(t *testing.T) {
	e := start(t, Options{})
	photo := withSecrets(t, jpegOf(t, quarters(300, 200)), 6)
	block := append([]byte("Exif\x00\x00"), noticeBlock(notice)...)
	segment := binary.BigEndian.AppendUint16([]byte{0xFF, 0xE1}, uint16(len(block)+2))
	signed := append(append(append([]byte{0xFF, 0xD8}, segment...), block...), photo[2:]...)
	for _, f := range imagegrid.Formats() {
		out, err := e.TransformAll(ctx, signed, []Spec{{Width: 100, Format: f, Copyright: true}, {Width: 100, Format: f}})
		if err != nil {
			t.Fatal(err)
		}
		kept := &job{ctx: ctx, data: out[0].Data, kind: sniff(out[0].Data), specs: []Spec{{Copyright: true}}}
		if err := kept.takeNotes(); err != nil || !bytes.Equal(kept.notes.copyright, noticeBlock(notice)) {
			t.Errorf("%s keeps %q, %v", f, kept.notes.copyright, err)
		}
		for _, secret := range []string{cameraMaker, cameraSerial, xmpSecret, "GPS", "Photoshop", "xmpmeta"} {
			if bytes.Contains(out[0].Data, []byte(secret)) {
				t.Errorf("%s keeps %q too", f, secret)
			}
		}
		bare(t, string(f), out[1].Data)
		if bytes.Contains(out[1].Data, []byte(notice)) {
			t.Errorf("%s keeps the notice unasked", f)
		}
		decoded(t, e, out[0].Data, f)
	}
}

func FuzzNotice(f *testing.F) {
	f.Add(noticeBlock(notice), []byte(xmpRights), iptcRights())
	f.Add(tiff(3, nil), []byte("<dc:rights>"), []byte{0x1C, 2, 116, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, exif, xmp, iptc []byte) {
		if got := noticeIn(exif, xmp, iptc); len(got) > maxNotice {
			t.Errorf("%d bytes", len(got))
		}
	})
}
