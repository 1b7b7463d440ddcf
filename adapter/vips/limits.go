package vips

import (
	"fmt"

	"meridian/world"
)

// Limits bound what a picture may declare. They are checked on the header,
// before a single pixel is decoded. A field of 0 takes the default.
type Limits struct {
	MaxBytes  int64 // of the file
	MaxPixels int64 // width × height × frames
	MaxFrames int   // of an animation
}

// DefaultLimits are generous to cameras (50 megapixels) and to nothing else.
func DefaultLimits() Limits {
	return Limits{MaxBytes: 64 << 20, MaxPixels: 50_000_000, MaxFrames: 500}
}

func (l Limits) or(d Limits) Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = d.MaxBytes
	}
	if l.MaxPixels <= 0 {
		l.MaxPixels = d.MaxPixels
	}
	if l.MaxFrames <= 0 {
		l.MaxFrames = d.MaxFrames
	}
	return l
}

func (l Limits) checkBytes(op string, n int64) error {
	if n > l.MaxBytes {
		return tooLarge(op, "The picture has %d bytes, and at most %d are taken; send a smaller one.", n, l.MaxBytes)
	}
	return nil
}

// Allow fails, with too_large as [Engine.Inspect] does, for a picture beyond the
// limits.
func (l Limits) Allow(i Info) error { return l.or(DefaultLimits()).checkHeader("vips.allow", i) }

func (l Limits) checkHeader(op string, i Info) error {
	if i.Frames > l.MaxFrames {
		return tooLarge(op, "The picture has %d frames, and at most %d are taken; send a shorter animation.", i.Frames, l.MaxFrames)
	}
	if i.Pixels() > l.MaxPixels {
		return tooLarge(op, "The picture is %d × %d pixels in %d frame(s), %d in all, and at most %d are taken; send a smaller one.",
			i.Width, i.Height, i.Frames, i.Pixels(), l.MaxPixels)
	}
	return nil
}

func tooLarge(op, format string, args ...any) error {
	return world.E(world.CodeTooLarge, op, fmt.Sprintf(format, args...))
}

// Damaged tells an uploader that a picture cannot be decoded whole.
const Damaged = "The picture ends early or is damaged; export it again."

const wrongFormat = "This is not a picture that can be taken; send JPEG, PNG, WebP, GIF, AVIF or HEIC."
