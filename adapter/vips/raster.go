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

// raster is a decoded picture in C's memory, upright and sRGB, no metadata: a
// [picture] of libvips, or [planes].
type raster interface {
	// cut scales and crops; the result is the caller's to close.
	cut(ctx context.Context, op string, r region) (raster, error)
	// small is the picture in RGB at width × height, for looking at.
	small(ctx context.Context, op string, width, height int) (picture, error)
	// pixels are what an encoder takes, to be freed after its use. opaque asks for
	// no alpha.
	pixels(opaque bool) (C.MePixels, func(), error)
	close()
}

// decode gives a picture from which width × height, and what is smaller, can be
// cut; tight has no pixels to spare. A JPEG whose numbers mean sRGB stays the planes that it is: what it becomes
// is stored as planes too, so RGB would be a detour of two conversions.
func decode(ctx context.Context, op string, data []byte, k kind, info Info, n notes, width, height int, tight bool) (raster, error) {
	load := plan(k, info, width, height)
	if k == kindJPEG && tight {
		load.shrink = jpegShrink(shrinkRatio(info, width, height))
	}
	if k == kindJPEG && (n.icc == nil || isSRGB(n.icc)) {
		p, suited, err := decodePlanes(ctx, op, data, int(load.shrink), info.Orientation)
		if err != nil {
			return nil, err
		}
		if suited {
			return p, nil
		}
	}
	p, err := decodeRGB(ctx, op, data, k, load, width, height)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func decodeRGB(ctx context.Context, op string, data []byte, k kind, load C.MvLoad, width, height int) (picture, error) {
	if k == kindAVIF || k == kindHEIC {
		if l := signalled(data).light(); l != nil {
			var pin runtime.Pinner
			defer pin.Unpin()
			load.light = l.bridge(&pin)
		}
	}
	return decodeTo(ctx, op, data, load, width, height)
}

// spare is how many times larger than the variant a picture is decoded at least,
// where it can: a JPEG that is shrunk by its decoder to the very size has the mean
// of each square for a pixel, which turns fine patterns into coarse ones.
const spare = 1.5

// plan chooses how the decoder itself makes the picture smaller, where it can:
// that is far cheaper than decoding every pixel. width and height are upright.
func plan(k kind, info Info, width, height int) C.MvLoad {
	load := C.MvLoad{kind: bridgeKinds[k], shrink: 1, scale: 1, frames: 1, fail: C.VIPS_FAIL_ON_NONE}
	ratio := shrinkRatio(info, width, height)
	switch {
	case k == kindJPEG:
		load.shrink = jpegShrink(ratio / spare)
	case k == kindWebP && info.Frames == 1 && ratio > 2:
		load.scale = C.double(2 / ratio) // libwebp scales by boxes: the last half is ours
	}
	return load
}

func shrinkRatio(info Info, width, height int) float64 {
	return min(float64(info.Width)/float64(width), float64(info.Height)/float64(height))
}

// jpegShrink is the most that a JPEG's decoder may shrink by for a ratio.
func jpegShrink(ratio float64) C.int {
	for _, s := range []C.int{8, 4, 2} {
		if ratio >= float64(s) {
			return s
		}
	}
	return 1
}

// bridge is the region as C takes it.
func (r region) bridge() C.MpCut {
	return C.MpCut{
		cover_width: C.int(r.coverW), cover_height: C.int(r.coverH),
		x: C.int(r.x), y: C.int(r.y), width: C.int(r.w), height: C.int(r.h),
	}
}

// picture is a raster of libvips: 8-bit RGB with or without alpha.
type picture struct{ image *C.VipsImage }

func (p picture) close() { C.g_object_unref(C.gpointer(p.image)) }

func decodeTo(ctx context.Context, op string, data []byte, load C.MvLoad, width, height int) (picture, error) {
	flag, done := stopWith(ctx)
	defer done()
	load.cancel = flag
	var p picture
	if C.mv_decode(unsafe.Pointer(&data[0]), C.size_t(len(data)), &load, C.int(width), C.int(height), &p.image) != 0 {
		return picture{}, failed(ctx, op, world.CodeUnprocessed, Damaged)
	}
	return p, nil
}

func (p picture) crop(ctx context.Context, op string, r region) (picture, error) {
	c := r.bridge()
	var sized picture
	if C.mv_cut(p.image, &c, &sized.image) != 0 {
		return picture{}, failed(ctx, op, world.CodeInternal, "")
	}
	return sized, nil
}

func (p picture) cut(ctx context.Context, op string, r region) (raster, error) {
	cut, err := p.crop(ctx, op, r)
	if err != nil {
		return nil, err
	}
	return cut, nil
}

func (p picture) small(ctx context.Context, op string, width, height int) (picture, error) {
	return p.crop(ctx, op, region{width, height, 0, 0, width, height})
}

func (p picture) pixels(opaque bool) (C.MePixels, func(), error) {
	if opaque && p.image.Bands == 4 {
		var flat picture
		if C.mv_on_white(p.image, &flat.image) != 0 {
			return C.MePixels{}, nil, failed(context.Background(), "vips.flatten", world.CodeInternal, "")
		}
		return flat.asRGB(), flat.close, nil
	}
	return p.asRGB(), func() {}, nil
}

func (p picture) asRGB() C.MePixels {
	return C.MePixels{
		rgb:   (*C.uint8_t)(C.vips_image_get_data(p.image)),
		width: p.image.Xsize, height: p.image.Ysize, bands: p.image.Bands,
	}
}

// bytes is the picture's memory, bands bytes a pixel; it ends with close.
func (p picture) bytes() (data []byte, bands int) {
	n := int(p.image.Xsize) * int(p.image.Ysize) * int(p.image.Bands)
	return unsafe.Slice((*byte)(C.vips_image_get_data(p.image)), n), int(p.image.Bands)
}

// png is the picture as PNG, every pixel as it is.
func (p picture) png(ctx context.Context, op string) ([]byte, error) {
	var buf unsafe.Pointer
	var size C.size_t
	if C.mv_png(p.image, &buf, &size) != 0 {
		return nil, failed(ctx, op, world.CodeInternal, "")
	}
	return taken(buf, size), nil
}

// taken copies a buffer of C's and frees it.
func taken(buf unsafe.Pointer, size C.size_t) []byte {
	defer C.g_free(C.gpointer(buf))
	return C.GoBytes(buf, C.int(size))
}

// how are a spec's settings as C takes them, until done.
func (j *job) how(s Spec) (how C.MeHow, done func()) {
	flag, stopped := stopWith(j.ctx)
	var pin runtime.Pinner
	how = C.MeHow{quality: C.int(s.quality()), effort: C.int(encodings[s.Format].effort[s.Effort]), cancel: flag}
	if s.Copyright && j.notes.copyright != nil {
		pin.Pin(&j.notes.copyright[0])
		how.exif = (*C.uint8_t)(&j.notes.copyright[0])
		how.exif_length = C.size_t(len(j.notes.copyright))
	}
	return how, func() {
		pin.Unpin()
		stopped()
	}
}

func (j *job) encode(r raster, s Spec) ([]byte, error) {
	pixels, free, err := r.pixels(s.Format == imagegrid.JPEG)
	if err != nil {
		return nil, err
	}
	defer free()
	how, done := j.how(s)
	defer done()
	var pin runtime.Pinner
	defer pin.Unpin()
	if pixels.planar != nil {
		pin.Pin(pixels.planar)
	}
	var buf unsafe.Pointer
	var size C.size_t
	var failure C.int
	switch s.Format {
	case imagegrid.AVIF:
		failure = C.me_avif(&pixels, &how, &buf, &size)
	case imagegrid.WebP:
		failure = C.me_webp(&pixels, &how, &buf, &size)
	default:
		failure = C.me_jpeg(&pixels, &how, &buf, &size)
	}
	if failure != 0 {
		return nil, failed(j.ctx, j.op, world.CodeInternal, "")
	}
	return taken(buf, size), nil
}

func (j *job) animate(s Spec, r region) ([]byte, error) {
	load := plan(j.kind, j.info, r.coverW, r.coverH)
	load.scale, load.frames = 1, -1
	how, done := j.how(s)
	defer done()
	load.cancel = how.cancel
	c := r.bridge()
	var buf unsafe.Pointer
	var size C.size_t
	if C.mv_animate(unsafe.Pointer(&j.data[0]), C.size_t(len(j.data)), &load, &c, &how, &buf, &size) != 0 {
		return nil, failed(j.ctx, j.op, world.CodeUnprocessed, Damaged)
	}
	return taken(buf, size), nil
}
