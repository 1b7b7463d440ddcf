package vips

import (
	"context"

	"meridian/engine/imagegrid"
)

// mezzanineQuality is that of the JPEG that a mezzanine is. 4:2:0 loses nothing,
// because every variant is stored so too; docs/pictures.md has the figures.
const mezzanineQuality = 94

// Mezzanine is a smaller picture of high quality, from which variants are cut
// without decoding the original again: a JPEG, upright, in sRGB, of the size
// that imagegrid.MezzanineSize says. ok is false, and there are no bytes, for
// an original that needs none: one that is small, moves or has transparency.
// Errors are those of [Engine.Transform].
func (e *Engine) Mezzanine(ctx context.Context, original []byte) (data []byte, info Info, ok bool, err error) {
	const op = "vips.mezzanine"
	from, _, err := e.inspect(ctx, op, original, e.limits)
	if err != nil {
		return nil, Info{}, false, err
	}
	w, h, ok := imagegrid.MezzanineSize(from.Width, from.Height)
	if !ok || from.Frames > 1 || from.HasAlpha {
		return nil, Info{}, false, nil
	}
	spec := Spec{Width: w, Height: h, Fit: imagegrid.Contain, Format: imagegrid.JPEG, Quality: mezzanineQuality, Copyright: true}
	out, err := e.transform(ctx, op, original, nil, []Spec{spec})
	if err != nil {
		return nil, Info{}, false, err
	}
	made := Info{MediaType: imagegrid.JPEG.MediaType(), Width: out[0].Width, Height: out[0].Height, Frames: 1, Orientation: 1}
	return out[0].Data, made, true, nil
}

// FromMezzanine is [Engine.TransformAll] from the mezzanine of an original of
// width × height pixels, upright: the variants have the very sizes that those of
// the original would have. Which may be made so is imagegrid.FromMezzanine's to
// say, and the caller's to ask.
func (e *Engine) FromMezzanine(ctx context.Context, mezzanine []byte, width, height int, specs []Spec) ([]Variant, error) {
	return e.transform(ctx, "vips.from_mezzanine", mezzanine, &extent{width, height}, specs)
}
