package vips

import (
	"encoding/binary"

	"meridian/world"
)

// The feature bits of a VP8X chunk (RFC 9649 §2.7).
const (
	webpHasXMP   = 0x04
	webpHasEXIF  = 0x08
	webpHasAlpha = 0x10
	webpHasICC   = 0x20
)

// bareWebP is a still WebP file (RFC 9649 §2) without its EXIF, XMP and ICC
// chunks. libvips 8.14 writes an EXIF chunk even for a picture that has none.
// The extended header goes too unless there is alpha, which needs it. data is
// what libvips made; an error, of code internal, means that it is not WebP.
func bareWebP(op string, data []byte) ([]byte, error) {
	if sniff(data) != kindWebP {
		return nil, world.E(world.CodeInternal, op, "")
	}
	out := append(make([]byte, 0, len(data)), data[:12]...)
	for rest := data[12:]; len(rest) > 0; {
		if len(rest) < 8 {
			return nil, world.E(world.CodeInternal, op, "")
		}
		size := uint64(binary.LittleEndian.Uint32(rest[4:8]))
		end := 8 + size + size%2 // chunks are padded to even lengths
		if end > uint64(len(rest)) {
			return nil, world.E(world.CodeInternal, op, "")
		}
		chunk := rest[:end]
		rest = rest[end:]
		switch name := string(chunk[:4]); {
		case name == "EXIF" || name == "XMP " || name == "ICCP":
		case name == "VP8X" && (size < 1 || chunk[8]&webpHasAlpha == 0):
		case name == "VP8X":
			out = append(out, chunk...)
			out[len(out)-len(chunk)+8] &^= webpHasEXIF | webpHasXMP | webpHasICC
		default:
			out = append(out, chunk...)
		}
	}
	binary.LittleEndian.PutUint32(out[4:8], uint32(len(out)-8))
	return out, nil
}
