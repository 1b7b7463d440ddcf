package vips

// #cgo pkg-config: libjpeg libwebp libwebpmux libheif
// #cgo CFLAGS: -O3
// #cgo LDFLAGS: -lm
// #include "bridge.h"
import "C"

import (
	"context"
	"unsafe"

	"meridian/world"
)

// planes is a raster as JPEG, WebP and AVIF store it: brightness, and colour in
// two planes of their own size. levels are the picture as decoded and its halves,
// made when a cut needs them. The scaler does the last step by 2 to 4 itself: taking
// the mean of four lets finest patterns through that it would not.
type planes struct{ levels []*C.MpPicture }

// decodePlanes reads a JPEG; suited is false for one that holds something else
// than Y'CbCr or grey.
func decodePlanes(ctx context.Context, op string, data []byte, shrink, orientation int) (p *planes, suited bool, err error) {
	if shrink == 8 {
		data = coarse(data)
	}
	flag, done := stopWith(ctx)
	defer done()
	level := newLevel()
	switch C.mp_decode(unsafe.Pointer(&data[0]), C.size_t(len(data)), C.int(shrink), C.int(orientation), flag, level) {
	case C.MP_OK:
		return &planes{levels: []*C.MpPicture{level}}, true, nil
	case C.MP_UNSUITED:
		freeLevel(level)
		return nil, false, nil
	}
	freeLevel(level)
	return nil, true, failed(ctx, op, world.CodeUnprocessed, Damaged)
}

func newLevel() *C.MpPicture { return (*C.MpPicture)(C.calloc(1, C.sizeof_MpPicture)) }

func freeLevel(l *C.MpPicture) {
	C.mp_free(l)
	C.free(unsafe.Pointer(l))
}

func (p *planes) close() {
	for _, l := range p.levels {
		freeLevel(l)
	}
}

// level is the smallest from which a picture of this size can be cut.
func (p *planes) level(coverW, coverH int) (*C.MpPicture, error) {
	for at := 0; ; at++ {
		l := p.levels[at]
		if float64(l.plane[0].wide) < 4*float64(coverW) || float64(l.plane[0].high) < 4*float64(coverH) {
			return l, nil
		}
		if at+1 < len(p.levels) {
			continue
		}
		half := newLevel()
		if C.mp_halve(l, half) != C.MP_OK {
			freeLevel(half)
			return nil, world.E(world.CodeInternal, "vips.halve", "")
		}
		p.levels = append(p.levels, half)
	}
}

func (p *planes) crop(op string, r region) (*planes, error) {
	from, err := p.level(r.coverW, r.coverH)
	if err != nil {
		return nil, err
	}
	c, out := r.bridge(), newLevel()
	if C.mp_cut(from, &c, out) != C.MP_OK {
		freeLevel(out)
		return nil, world.E(world.CodeInternal, op, "")
	}
	return &planes{levels: []*C.MpPicture{out}}, nil
}

func (p *planes) cut(_ context.Context, op string, r region) (raster, error) {
	cut, err := p.crop(op, r)
	if err != nil {
		return nil, err
	}
	return cut, nil
}

func (p *planes) small(ctx context.Context, op string, width, height int) (picture, error) {
	cut, err := p.crop(op, region{width, height, 0, 0, width, height})
	if err != nil {
		return picture{}, err
	}
	defer cut.close()
	var rgb picture
	if C.mv_from_planes(cut.levels[0], &rgb.image) != 0 {
		return picture{}, failed(ctx, op, world.CodeInternal, "")
	}
	return rgb, nil
}

func (p *planes) pixels(bool) (C.MePixels, func(), error) {
	l := p.levels[0]
	return C.MePixels{planar: l, width: l.plane[0].width, height: l.plane[0].height}, func() {}, nil
}
