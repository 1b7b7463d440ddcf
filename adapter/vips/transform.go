package vips

// #include "bridge.h"
import "C"

import (
	"context"
	"runtime"
	"unsafe"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// Effort is how long an encoder may look for a smaller file.
type Effort int

const (
	// Quick answers somebody who waits. AVIF comes out as small as WebP does in
	// twice the time.
	Quick Effort = iota
	// Thorough is for work in the background: AVIF takes about 6 times as long
	// and saves 11-35 % of the bytes, WebP 2.5 times for about 15 %.
	Thorough
)

// Spec is a variant to make. Width and Height mean what they mean in a URL: the
// exact size that comes out is imagegrid.OutputSize.
type Spec struct {
	Width, Height int
	Format        imagegrid.Format // avif, webp or jpeg; auto is refused
	Quality       int              // 1 to 100; 0 takes 65 for AVIF and 80 for the others
	Effort        Effort
}

// Transform makes one variant; see [Engine.TransformAll].
func (e *Engine) Transform(ctx context.Context, data []byte, spec Spec) ([]byte, error) {
	out, err := e.TransformAll(ctx, data, []Spec{spec})
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// TransformAll makes several variants of one picture with one decode, which is
// 2 to 3.5 times as fast as one by one. The results are in the order of specs.
//
// The picture is turned upright, its colours are brought to sRGB (through its
// embedded profile, else by the colour that an AVIF or HEIC signals, HDR
// included), it is scaled down (never up) and cropped about its centre,
// transparency is laid on white for JPEG only, and every field of metadata is
// left behind. An animation gives its first frame. Errors are those of
// [Engine.Inspect] under the engine's limits, and invalid for a wrong spec.
func (e *Engine) TransformAll(ctx context.Context, data []byte, specs []Spec) ([][]byte, error) {
	const op = "vips.transform"
	for _, s := range specs {
		if err := s.check(op); err != nil {
			return nil, err
		}
	}
	if len(specs) == 0 {
		return nil, nil
	}
	info, k, err := e.inspect(ctx, op, data, e.limits)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(specs))
	err = e.work(ctx, op, info.Pixels(), func() error {
		base, err := decode(ctx, op, data, k, info, specs)
		if err != nil {
			return err
		}
		defer base.close()
		for i, s := range specs {
			if out[i], err = base.variant(ctx, op, info, s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s Spec) check(op string) error {
	switch {
	case s.Format.MediaType() == "":
		return world.E(world.CodeInvalid, op, "A variant needs the format avif, webp or jpeg.")
	case s.Width < 0 || s.Height < 0 || s.Width > imagegrid.MaxDimension || s.Height > imagegrid.MaxDimension || s.Width+s.Height == 0:
		return world.E(world.CodeInvalid, op, "A variant needs a width or a height from 1 to 16383 pixels.")
	case s.Quality < 0 || s.Quality > 100:
		return world.E(world.CodeInvalid, op, "A variant's quality is from 1 to 100, or 0 for the default.")
	case s.Effort != Quick && s.Effort != Thorough:
		return world.E(world.CodeInvalid, op, "A variant's effort is Quick or Thorough.")
	}
	return nil
}

// picture is a decoded picture in C's memory: upright, 8-bit sRGB, with or
// without alpha, no metadata.
type picture struct{ image *C.VipsImage }

func (p picture) close() { C.g_object_unref(C.gpointer(p.image)) }

// decode gives the picture at the smallest size from which all specs can be made.
func decode(ctx context.Context, op string, data []byte, k kind, info Info, specs []Spec) (picture, error) {
	width, height := 1, 1
	for _, s := range specs {
		w, h, _ := imagegrid.OutputSize(info.Width, info.Height, s.Width, s.Height)
		w, h = imagegrid.CoverSize(info.Width, info.Height, w, h)
		width, height = max(width, w), max(height, h)
	}
	load := plan(k, info, width, height)
	if k == kindAVIF || k == kindHEIC {
		if l := signalled(data).light(); l != nil {
			var pin runtime.Pinner
			defer pin.Unpin()
			load.light = l.bridge(&pin)
		}
	}
	return decodeTo(ctx, op, data, load, width, height)
}

func decodeTo(ctx context.Context, op string, data []byte, load C.MvLoad, width, height int) (picture, error) {
	flag, done := stopWith(ctx)
	defer done()
	load.cancel = flag
	var p picture
	if C.mv_decode(unsafe.Pointer(&data[0]), C.size_t(len(data)), &load, C.int(width), C.int(height), &p.image) != 0 {
		return picture{}, failed(ctx, op, world.CodeUnprocessed, damaged)
	}
	return p, nil
}

// plan chooses how the decoder itself makes the picture smaller, where it can:
// that is far cheaper than decoding every pixel. width and height are upright.
func plan(k kind, info Info, width, height int) C.MvLoad {
	load := C.MvLoad{kind: bridgeKinds[k], shrink: 1, scale: 1, fail: C.VIPS_FAIL_ON_NONE}
	ratio := min(float64(info.Width)/float64(width), float64(info.Height)/float64(height))
	switch {
	case k == kindJPEG:
		for _, s := range []int{8, 4, 2} {
			if ratio >= float64(s) {
				load.shrink = C.int(s)
				break
			}
		}
	case k == kindWebP && info.Frames == 1 && ratio > 2:
		load.scale = C.double(2 / ratio) // libwebp scales by boxes: the last half is ours
	}
	return load
}

func (p picture) variant(ctx context.Context, op string, info Info, s Spec) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, gaveUp(op, err)
	}
	w, h, _ := imagegrid.OutputSize(info.Width, info.Height, s.Width, s.Height)
	sized, err := p.cover(ctx, op, info.Width, info.Height, w, h)
	if err != nil {
		return nil, err
	}
	defer sized.close()
	return sized.encode(ctx, op, s)
}

// cover scales so that w × h is filled and crops the rest about the centre. The
// source's size decides the shape, not the decoded size that was rounded once.
func (p picture) cover(ctx context.Context, op string, srcW, srcH, w, h int) (picture, error) {
	coverW, coverH := imagegrid.CoverSize(srcW, srcH, w, h)
	var sized picture
	if C.mv_cover(p.image, C.int(coverW), C.int(coverH), C.int(w), C.int(h), &sized.image) != 0 {
		return picture{}, failed(ctx, op, world.CodeInternal, "")
	}
	return sized, nil
}

// encoding is how each format is written; the figures are CPU milliseconds for
// 640 × 480 at Quick and Thorough.
var encoding = map[imagegrid.Format]struct {
	out     C.MvOut
	quality int
	effort  [2]int
}{
	imagegrid.AVIF: {C.MV_OUT_AVIF, 65, [2]int{0, 2}}, // 16, 97
	imagegrid.WebP: {C.MV_OUT_WEBP, 80, [2]int{2, 4}}, // 13, 31
	imagegrid.JPEG: {C.MV_OUT_JPEG, 80, [2]int{0, 0}}, // 6
}

func (p picture) encode(ctx context.Context, op string, s Spec) ([]byte, error) {
	how := encoding[s.Format]
	quality := s.Quality
	if quality == 0 {
		quality = how.quality
	}
	out, err := p.write(ctx, op, how.out, quality, how.effort[s.Effort])
	if err != nil || s.Format != imagegrid.WebP {
		return out, err
	}
	return bareWebP(op, out)
}

func (p picture) write(ctx context.Context, op string, out C.MvOut, quality, effort int) ([]byte, error) {
	var buf unsafe.Pointer
	var size C.size_t
	if C.mv_encode(p.image, out, C.int(quality), C.int(effort), &buf, &size) != 0 {
		return nil, failed(ctx, op, world.CodeInternal, "")
	}
	defer C.g_free(C.gpointer(buf))
	return C.GoBytes(buf, C.int(size)), nil
}
