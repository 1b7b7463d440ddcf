package app

import (
	"context"
	"encoding/base64"

	"meridian/adapter/vips"
	"meridian/adapter/vips/probe"
	"meridian/role/media"
)

// outsiders works on what nobody has decoded before.
type outsiders struct {
	examine func(ctx context.Context, data []byte, l vips.Limits) (probe.Found, probe.End, error)
	draw    func(ctx context.Context, svg []byte, side int, l vips.Limits) ([]byte, probe.End, error)
}

// outsiders works in child processes; in this one, where the process has no
// program for that.
func (m *machine) outsiders(c media.Probe, engine *vips.Engine) (outsiders, error) {
	if m.Probe == nil {
		m.tel.Log.Info("uploads are decoded in this process: one that brings down a decoder ends it")
		return within(engine), nil
	}
	if !probe.BoundsMemory {
		m.tel.Log.Info("this system bounds no process's memory: what an upload takes to decode is only bounded by its pixels")
	}
	pool, err := probe.New(m.Probe, probe.Limits{Children: c.Children, Memory: c.Memory, CPU: c.CPU, Time: c.Time, Start: c.Start})
	if err != nil {
		return outsiders{}, err
	}
	return outsiders{pool.Examine, pool.Rasterise}, nil
}

func within(engine *vips.Engine) outsiders {
	return outsiders{
		func(ctx context.Context, data []byte, l vips.Limits) (probe.Found, probe.End, error) {
			found, err := probe.Within(ctx, engine, data, l)
			return found, probe.Answered, err
		},
		func(ctx context.Context, svg []byte, side int, _ vips.Limits) ([]byte, probe.End, error) {
			png, err := engine.RasteriseSVG(ctx, svg, side)
			return png, probe.Answered, err
		},
	}
}

func limits(l media.PictureLimits) vips.Limits {
	return vips.Limits{MaxBytes: l.MaxBytes, MaxPixels: l.MaxPixels, MaxFrames: l.MaxFrames}
}

// Examine decodes a picture of an outsider.
func (p pictures) Examine(ctx context.Context, data []byte, l media.PictureLimits) (media.Examined, error) {
	found, end, err := p.outsiders.examine(ctx, data, limits(l))
	i := found.Info
	return media.Examined{
		PictureInfo: media.PictureInfo{MediaType: i.MediaType, Width: i.Width, Height: i.Height, Frames: i.Frames},
		Placeholder: media.Placeholder{Color: found.Colour, Thumbhash: base64.StdEncoding.EncodeToString(found.Thumb)},
		End:         string(end),
	}, err
}

// Draw draws what an outsider has sent.
func (p pictures) Draw(ctx context.Context, svg []byte, side int, l media.PictureLimits) ([]byte, string, error) {
	png, end, err := p.outsiders.draw(ctx, svg, side, limits(l))
	return png, string(end), err
}
