package vips

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"testing"

	"golang.org/x/image/webp"

	"meridian/engine/imagegrid"
)

var ctx = context.Background()

func start(t testing.TB, o Options) *Engine {
	t.Helper()
	e, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

var (
	red   = color.NRGBA{220, 30, 30, 255}
	green = color.NRGBA{30, 180, 30, 255}
	blue  = color.NRGBA{30, 30, 220, 255}
	grey  = color.NRGBA{128, 128, 128, 255}
)

// quarters is a picture whose corners tell how it was turned: red top left,
// green top right, blue bottom left, grey bottom right.
func quarters(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, [2][2]color.Color{{red, green}, {blue, grey}}[2*y/h][2*x/w])
		}
	}
	return m
}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 92}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gifOf(t testing.TB, frames int) []byte {
	t.Helper()
	g := &gif.GIF{}
	for i := range frames {
		m := image.NewPaletted(image.Rect(0, 0, 40, 30), color.Palette{red, blue})
		for p := range m.Pix {
			m.Pix[p] = uint8(min(i, 1)) // the first frame is red, all others blue
		}
		g.Image, g.Delay = append(g.Image, m), append(g.Delay, 5)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tell-tales that no output may hold.
const (
	cameraMaker  = "PrivateCameraWorks"
	cameraSerial = "SN-4711-0815"
	xmpSecret    = "xmp-owner-name"
)

// tiff is a little-endian TIFF block as EXIF uses it (EXIF 2.32 §4.5): an IFD of
// camera fields with a given orientation, an EXIF IFD with the body's serial
// number, a GPS IFD and a thumbnail.
func tiff(orientation int, thumbnail []byte) []byte {
	le := binary.LittleEndian
	type field struct {
		tag, kind uint16
		data      []byte
	}
	short := func(n int) []byte { return le.AppendUint16(nil, uint16(n)) }
	long := func(n int) []byte { return le.AppendUint32(nil, uint32(n)) }
	degrees := func(d, m, s int) (b []byte) {
		for _, n := range []int{d, 1, m, 1, s, 1} {
			b = le.AppendUint32(b, uint32(n))
		}
		return b
	}
	sizes := map[uint16]int{2: 1, 3: 2, 4: 4, 5: 8}
	// ifd lays fields out at an offset; values over 4 bytes follow the entries.
	ifd := func(at int, fields []field, next int) []byte {
		entries := le.AppendUint16(nil, uint16(len(fields)))
		var values []byte
		after := at + 2 + 12*len(fields) + 4
		for _, f := range fields {
			entries = le.AppendUint16(entries, f.tag)
			entries = le.AppendUint16(entries, f.kind)
			entries = le.AppendUint32(entries, uint32(len(f.data)/sizes[f.kind]))
			if len(f.data) <= 4 {
				entries = append(entries, append(f.data, make([]byte, 4-len(f.data))...)...)
				continue
			}
			entries = le.AppendUint32(entries, uint32(after+len(values)))
			values = append(values, f.data...)
		}
		return append(le.AppendUint32(entries, uint32(next)), values...)
	}
	const exifAt, gpsAt, ifd1At, thumbAt = 200, 300, 500, 600
	pad := func(b []byte, to int) []byte { return append(b, make([]byte, to-len(b))...) }
	b := append([]byte("II*\x00"), long(8)...)
	b = append(b, ifd(8, []field{
		{0x010F, 2, []byte(cameraMaker + "\x00")},
		{0x0112, 3, short(orientation)},
		{0x8769, 4, long(exifAt)},
		{0x8825, 4, long(gpsAt)},
	}, ifd1At)...)
	b = append(pad(b, exifAt), ifd(exifAt, []field{{0xA431, 2, []byte(cameraSerial + "\x00")}}, 0)...)
	b = append(pad(b, gpsAt), ifd(gpsAt, []field{
		{1, 2, []byte("N\x00")}, {2, 5, degrees(52, 31, 12)},
		{3, 2, []byte("E\x00")}, {4, 5, degrees(13, 24, 18)},
	}, 0)...)
	b = append(pad(b, ifd1At), ifd(ifd1At, []field{
		{0x0103, 3, short(6)}, {0x0201, 4, long(thumbAt)}, {0x0202, 4, long(len(thumbnail))},
	}, 0)...)
	return append(pad(b, thumbAt), thumbnail...)
}

// withSecrets puts EXIF (APP1), XMP (APP1), IPTC (APP13) and a comment into a JPEG.
func withSecrets(t testing.TB, data []byte, orientation int) []byte {
	t.Helper()
	thumb := jpegOf(t, quarters(16, 16))
	out := append([]byte{}, data[:2]...)
	segment := func(marker byte, body []byte) {
		out = append(out, 0xFF, marker)
		out = binary.BigEndian.AppendUint16(out, uint16(len(body)+2))
		out = append(out, body...)
	}
	segment(0xE1, append([]byte("Exif\x00\x00"), tiff(orientation, thumb)...))
	segment(0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta xmlns:x='adobe:ns:meta/'>"+xmpSecret+"</x:xmpmeta>"))
	segment(0xED, []byte("Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00\x12\x1c\x02\x50\x00\x0d"+xmpSecret[:13]))
	segment(0xFE, []byte("comment by "+cameraMaker))
	return append(out, data[2:]...)
}

// pngHeader is a PNG that declares a size and holds almost nothing.
func pngHeader(w, h uint32) []byte {
	b := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(name string, body []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
		at := len(b)
		b = append(append(b, name...), body...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[at:]))
	}
	ihdr := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	chunk("IHDR", append(ihdr, 8, 2, 0, 0, 0))
	chunk("IDAT", []byte{0x78, 0x9c, 0x03, 0, 0, 0, 0, 1})
	chunk("IEND", nil)
	return b
}

// animated puts still WebPs of our own making into an animation (RFC 9649 §2.7.1).
func animated(t testing.TB, w, h int, stills ...[]byte) []byte {
	t.Helper()
	u24 := func(n int) []byte { return []byte{byte(n), byte(n >> 8), byte(n >> 16)} }
	body := []byte("WEBP")
	chunk := func(name string, data []byte) {
		body = append(body, name...)
		body = binary.LittleEndian.AppendUint32(body, uint32(len(data)))
		body = append(body, data...)
	}
	chunk("VP8X", append(append([]byte{2, 0, 0, 0}, u24(w-1)...), u24(h-1)...))
	chunk("ANIM", make([]byte, 6))
	for _, s := range stills {
		frame := append(make([]byte, 6), append(u24(w-1), u24(h-1)...)...)
		frame = append(frame, append(u24(100), 0)...)
		chunk("ANMF", append(frame, s[12:]...))
	}
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// decoded reads an output with a decoder that is not libvips. Go has none for
// AVIF: such a picture goes through the engine to WebP first.
func decoded(t testing.TB, e *Engine, data []byte, f imagegrid.Format) image.Image {
	t.Helper()
	var m image.Image
	var err error
	switch f {
	case imagegrid.JPEG:
		m, err = jpeg.Decode(bytes.NewReader(data))
	case imagegrid.AVIF:
		if sniff(data) != kindAVIF {
			t.Fatal("this is no AVIF")
		}
		if data, err = e.Transform(ctx, data, Spec{Width: imagegrid.MaxDimension, Format: imagegrid.WebP, Quality: 100}); err != nil {
			t.Fatal(err)
		}
		fallthrough
	case imagegrid.WebP:
		m, err = webp.Decode(bytes.NewReader(data))
	}
	if err != nil {
		t.Fatalf("the %s does not decode: %v", f, err)
	}
	return m
}

// looks compares the colour at a place, in fractions of the sides.
func looks(t testing.TB, what string, m image.Image, x, y float64, want color.NRGBA) {
	t.Helper()
	b := m.Bounds()
	got := color.NRGBAModel.Convert(m.At(b.Min.X+int(x*float64(b.Dx())), b.Min.Y+int(y*float64(b.Dy())))).(color.NRGBA)
	const tolerance = 24 // lossy formats
	near := func(a, b uint8) bool { return max(a, b)-min(a, b) <= tolerance }
	if !near(got.R, want.R) || !near(got.G, want.G) || !near(got.B, want.B) || !near(got.A, want.A) {
		t.Errorf("%s: at %.2f, %.2f the colour is %v, want about %v", what, x, y, got, want)
	}
}
