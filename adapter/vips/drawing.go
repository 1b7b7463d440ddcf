package vips

// #include "bridge.h"
import "C"

import (
	"context"

	"meridian/engine/imagegrid"
	"meridian/engine/svgclean"
	"meridian/world"
)

// RenderSVG draws an SVG of our own as a PNG of exactly width × height pixels,
// cropped about its centre if its shape is another. It is never given what an
// outsider sent: an SVG is a program. Errors are world.Errors: invalid for a
// size, too_large for one beyond the engine's limits, unprocessed for a drawing
// that does not parse.
func (e *Engine) RenderSVG(ctx context.Context, svg []byte, width, height int) ([]byte, error) {
	const op = "vips.render_svg"
	if width < 1 || height < 1 || width > imagegrid.MaxDimension || height > imagegrid.MaxDimension || len(svg) == 0 {
		return nil, world.E(world.CodeInvalid, op, "A drawing needs some SVG and a size from 1 to 16383 pixels a side.")
	}
	if err := e.limits.checkBytes(op, int64(len(svg))); err != nil {
		return nil, err
	}
	if err := e.limits.checkHeader(op, Info{Width: width, Height: height, Frames: 1}); err != nil {
		return nil, err
	}
	var out []byte
	err := e.work(ctx, op, int64(width)*int64(height), func() error {
		info, err := header(ctx, op, svg, kindSVG)
		if err != nil {
			return err
		}
		coverW, coverH := imagegrid.CoverSize(info.Width, info.Height, width, height)
		if err := e.limits.checkHeader(op, Info{Width: coverW, Height: coverH, Frames: 1}); err != nil {
			return err
		}
		load := plan(kindSVG, info, coverW, coverH)
		load.scale = C.double(max(float64(coverW)/float64(info.Width), float64(coverH)/float64(info.Height)))
		drawn, err := decodeTo(ctx, op, svg, load, coverW, coverH)
		if err != nil {
			return err
		}
		defer drawn.close()
		sized, err := drawn.crop(ctx, op, Spec{Width: width, Height: height}.region(coverW, coverH))
		if err != nil {
			return err
		}
		defer sized.close()
		out, err = sized.png(ctx, op)
		return err
	})
	return out, err
}

// RasteriseSVG draws an SVG that an outsider sent as a PNG whose longer side is
// side pixels, whatever size it says that it has. What reaches the renderer is what
// svgclean lets through. Errors are those of svgclean.Sized and of
// [Engine.RenderSVG].
func (e *Engine) RasteriseSVG(ctx context.Context, svg []byte, side int) ([]byte, error) {
	const op = "vips.rasterise_svg"
	if side < 1 || side > imagegrid.MaxDimension {
		return nil, world.E(world.CodeInvalid, op, "A drawing needs a size from 1 to 16383 pixels a side.")
	}
	clean, w, h, err := svgclean.Sized(svg, side, svgclean.Limits{})
	if err != nil {
		return nil, world.Wrap(op, err)
	}
	return e.RenderSVG(ctx, clean, w, h)
}
