package story

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"sync/atomic"
	"testing"

	"meridian/test/worldtest"
)

// What the photo hides, and no variant may tell.
const (
	cameraMaker = "PrivateCameraWorks"
	orientation = 6 // EXIF: the picture is to be turned right by a quarter
)

// photos counts, so that no photo has the bytes of another.
var photos atomic.Uint32

// photo is a JPEG as a phone writes it: stored lying down, 900 by 600, its top
// red and its bottom blue once it is turned upright, with EXIF that tells the
// camera and the place. It is soft, as photographs are, so that AVIF has the fewest
// bytes.
func photo(t *testing.T) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 900, 600))
	shade := uint8(photos.Add(1) * 3)
	for y := range 600 {
		for x := range 900 {
			// Orientation 6 turns the left edge to the top.
			swell := uint8(30 + 25*math.Sin(float64(y)/40)*math.Sin(float64(x)/55))
			c := color.NRGBA{R: 220, G: shade % 100, B: swell, A: 255}
			if x >= 450 {
				c = color.NRGBA{R: 20, G: swell, B: 210, A: 255}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	exif := append([]byte("Exif\x00\x00"), tiff()...)
	out := append([]byte{}, b.Bytes()[:2]...)
	out = append(out, 0xFF, 0xE1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(exif)+2))
	out = append(out, exif...)
	return append(out, b.Bytes()[2:]...)
}

// grainy is a square JPEG of noise that no other call has given.
func grainy(t *testing.T, side int) []byte {
	t.Helper()
	b, err := worldtest.Grainy(uint64(photos.Add(1)), side)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tiff is an EXIF block (EXIF 2.32 §4.5): maker, orientation, and a GPS IFD
// with a latitude of 52° 31′ 12″ North.
func tiff() []byte {
	le := binary.LittleEndian
	const makerAt, gpsAt, latitudeAt = 64, 96, 160
	b := le.AppendUint32([]byte("II*\x00"), 8)
	entry := func(tag, kind uint16, count, value uint32) {
		b = le.AppendUint16(b, tag)
		b = le.AppendUint16(b, kind)
		b = le.AppendUint32(b, count)
		b = le.AppendUint32(b, value)
	}
	b = le.AppendUint16(b, 3)
	entry(0x010F, 2, uint32(len(cameraMaker)+1), makerAt)
	entry(0x0112, 3, 1, orientation)
	entry(0x8825, 4, 1, gpsAt)
	b = le.AppendUint32(b, 0)
	b = append(b, make([]byte, makerAt-len(b))...)
	b = append(b, cameraMaker...)
	b = append(b, make([]byte, gpsAt-len(b))...)
	b = le.AppendUint16(b, 2)
	entry(1, 2, 2, 'N')
	entry(2, 5, 3, latitudeAt)
	b = le.AppendUint32(b, 0)
	b = append(b, make([]byte, latitudeAt-len(b))...)
	for _, n := range []uint32{52, 1, 31, 1, 12, 1} {
		b = le.AppendUint32(b, n)
	}
	return b
}

// bomb is a PNG of a few bytes that declares a size.
func bomb(w, h uint32) []byte {
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
