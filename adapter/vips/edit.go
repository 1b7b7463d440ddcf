package vips

// #include "bridge.h"
import "C"

import (
	"context"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// editQuality is that of a JPEG that an edit makes of a lossy picture. It is an
// original from then on, so as little as can be is lost: a second JPEG of quality
// 95 is beyond telling from the first.
const editQuality = 95

// Edit cuts and turns a picture, pixel by pixel at full size: an original of its
// own. It comes out upright and in sRGB, with no metadata but the copyright
// notice: as PNG, which loses nothing, of a PNG, a GIF or what has transparency,
// else as JPEG. Errors are those of [Engine.Transform]; invalid for an edit that
// does not fit the picture, unsupported for an animation.
func (e *Engine) Edit(ctx context.Context, data []byte, edit world.Edit) ([]byte, error) {
	const op = "vips.edit"
	info, k, err := e.inspect(ctx, op, data, e.limits)
	if err != nil {
		return nil, err
	}
	crop := world.Crop{Width: info.Width, Height: info.Height}
	if edit.Crop != nil {
		crop = *edit.Crop
	}
	switch {
	case info.Frames > 1:
		return nil, world.E(world.CodeUnsupported, op, "An animation cannot be cropped or turned.")
	case edit.Replace || !edit.Valid() || !crop.In(info.Width, info.Height):
		return nil, world.E(world.CodeInvalid, op, "The edit does not fit the picture.")
	}
	spec := Spec{Width: crop.Width, Height: crop.Height, Format: imagegrid.JPEG, Quality: editQuality, Copyright: true}
	j := &job{ctx: ctx, op: op, data: data, kind: k, info: info, specs: []Spec{spec}}
	var out []byte
	err = e.work(ctx, op, info.Pixels(), func() (err error) {
		out, err = j.edit(crop, edit.Rotate)
		return err
	})
	return out, err
}

func (j *job) edit(crop world.Crop, quarters int) ([]byte, error) {
	if err := j.takeNotes(); err != nil {
		return nil, err
	}
	whole, err := decodeRGB(j.ctx, j.op, j.data, j.kind, plan(j.kind, j.info, j.info.Width, j.info.Height), j.info.Width, j.info.Height)
	if err != nil {
		return nil, err
	}
	cut, err := whole.crop(j.ctx, j.op, region{j.info.Width, j.info.Height, crop.X, crop.Y, crop.Width, crop.Height})
	whole.close()
	if err != nil {
		return nil, err
	}
	defer cut.close()
	var turned picture
	if C.mv_turn(cut.image, C.int(quarters), &turned.image) != 0 {
		return nil, failed(j.ctx, j.op, world.CodeInternal, "")
	}
	defer turned.close()
	if j.kind == kindPNG || j.kind == kindGIF || turned.image.Bands == 4 {
		return turned.png(j.ctx, j.op)
	}
	return j.encode(turned, j.specs[0])
}
