package vips

import (
	"context"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// mezzanineQuality is that of the JPEG that a mezzanine is. 4:2:0 loses nothing,
// because every variant is stored so too; docs/pictures.md has the figures.
const mezzanineQuality = 94

// Mezzanine is a smaller picture of high quality, from which variants are cut
// without decoding the original again: a JPEG, upright, in sRGB, of the size
// that imagegrid.MezzanineSize says. ok is false, and there are no bytes, for
// an original that has none: one that is small, moves, has transparency, or is HDR,
// whose tones come out otherwise when it is made smaller twice. Errors are those of [Engine.Transform].
func (e *Engine) Mezzanine(ctx context.Context, original []byte) (data []byte, info Info, ok bool, err error) {
	const op = "vips.mezzanine"
	from, k, err := e.inspect(ctx, op, original, e.limits)
	if err != nil {
		return nil, Info{}, false, err
	}
	w, h, ok := imagegrid.MezzanineSize(from.Width, from.Height)
	if !ok || from.Frames > 1 || from.HasAlpha || isHDR(k, original) {
		return nil, Info{}, false, nil
	}
	spec := Spec{Width: w, Height: h, Fit: imagegrid.Contain, Format: imagegrid.JPEG, Quality: mezzanineQuality, Copyright: true}
	out, err := e.transform(ctx, job{op: op, data: original, specs: []Spec{spec}, tight: true})
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
	const op = "vips.from_mezzanine"
	if width < 1 || height < 1 {
		return nil, world.E(world.CodeInvalid, op, "A mezzanine needs the size of its original.")
	}
	return e.transform(ctx, job{op: op, data: mezzanine, shape: extent{width, height}, specs: specs})
}

func isHDR(k kind, data []byte) bool {
	if k != kindAVIF && k != kindHEIC {
		return false
	}
	l := signalled(data).light()
	return l != nil && l.tone != nil
}
