package vips

// #include "bridge.h"
import "C"

import (
	"context"
	"unsafe"

	"meridian/world"
)

// Info is what a picture's header says.
type Info struct {
	MediaType   string // by its magic bytes: image/jpeg, image/png, …
	Width       int    // pixels, upright: after Orientation is applied
	Height      int    // pixels, upright
	Frames      int    // of an animation; 1 for a still
	HasAlpha    bool
	Orientation int // 1 to 8 (EXIF 2.32 §4.6.4 A); 1 is upright as stored
}

// Pixels is width × height × frames.
func (i Info) Pixels() int64 { return int64(i.Width) * int64(i.Height) * int64(i.Frames) }

// Inspect reads a picture's header, and no pixels. Errors are world.Errors:
//   - unsupported: not JPEG, PNG, WebP, GIF, AVIF or HEIC by its magic bytes
//   - too_large: more bytes, frames or pixels than limits allow
//   - unprocessed: the header is damaged
//   - timeout, unavailable: ctx ended first
//
// A HEIC or AVIF that holds several pictures counts as its primary one, because
// no other is ever decoded.
func (e *Engine) Inspect(ctx context.Context, data []byte, limits Limits) (Info, error) {
	info, _, err := e.inspect(ctx, "vips.inspect", data, limits.or(e.limits))
	return info, err
}

// Screen is what can be said of a picture without a decoder: its media type by its
// magic bytes. It runs no C. Errors are unsupported and too_large, as
// [Engine.Inspect] has them.
func Screen(data []byte, limits Limits) (mediaType string, err error) {
	k, err := screen("vips.screen", data, limits.or(DefaultLimits()))
	return mediaTypes[k], err
}

func screen(op string, data []byte, limits Limits) (kind, error) {
	if err := limits.checkBytes(op, int64(len(data))); err != nil {
		return kindNone, err
	}
	k := sniff(data)
	if k == kindNone {
		return kindNone, world.E(world.CodeUnsupported, op, wrongFormat)
	}
	return k, nil
}

func (e *Engine) inspect(ctx context.Context, op string, data []byte, limits Limits) (Info, kind, error) {
	k, err := screen(op, data, limits)
	if err != nil {
		return Info{}, kindNone, err
	}
	var info Info
	err = e.work(ctx, op, 1, func() error {
		var err error
		info, err = header(ctx, op, data, k)
		return err
	})
	if err == nil {
		err = limits.checkHeader(op, info)
	}
	return info, k, err
}

func header(ctx context.Context, op string, data []byte, k kind) (Info, error) {
	var h C.MvHeader
	if C.mv_header(unsafe.Pointer(&data[0]), C.size_t(len(data)), bridgeKinds[k], &h) != 0 {
		return Info{}, failed(ctx, op, world.CodeUnprocessed, Damaged)
	}
	info := Info{
		MediaType: mediaTypes[k], Width: int(h.width), Height: int(h.height), Frames: max(1, int(h.frames)),
		HasAlpha: h.alpha != 0, Orientation: int(h.orientation),
	}
	if k == kindAVIF || k == kindHEIC {
		info.Frames = 1
	}
	if info.Orientation >= 5 {
		info.Width, info.Height = info.Height, info.Width
	}
	return info, nil
}

// Check decodes the whole picture once and refuses one that ends early or is
// damaged with unprocessed; other errors are those of [Engine.Inspect]. Of an
// animation every frame is decoded.
func (e *Engine) Check(ctx context.Context, data []byte, limits Limits) error {
	const op = "vips.check"
	info, k, err := e.inspect(ctx, op, data, limits.or(e.limits))
	if err != nil {
		return err
	}
	return e.work(ctx, op, info.Pixels(), func() error {
		load := plan(k, info, 1, 1)
		load.scale = 1 // WebP: every pixel; JPEG reads all its data at any shrink
		load.fail = C.VIPS_FAIL_ON_ERROR
		if info.Frames > 1 {
			load.frames = -1
		}
		flag, done := stopWith(ctx)
		defer done()
		load.cancel = flag
		if C.mv_check(unsafe.Pointer(&data[0]), C.size_t(len(data)), &load) != 0 {
			return failed(ctx, op, world.CodeUnprocessed, Damaged)
		}
		return nil
	})
}

var bridgeKinds = map[kind]C.MvKind{
	kindJPEG: C.MV_JPEG, kindPNG: C.MV_PNG, kindWebP: C.MV_WEBP, kindGIF: C.MV_GIF,
	kindAVIF: C.MV_HEIF, kindHEIC: C.MV_HEIF, kindSVG: C.MV_SVG,
}
