package app

import (
	"context"
	"encoding/base64"

	"meridian/adapter/vips"
	"meridian/adapter/vips/probe"
	"meridian/role/media"
)

// examine decodes what nobody has decoded before.
type examine func(ctx context.Context, data []byte, l vips.Limits) (probe.Found, probe.End, error)

// examiner decodes in child processes; in this one, where the process has no
// program for that.
func (m *machine) examiner(c media.Probe, engine *vips.Engine) (examine, error) {
	if m.Probe == nil {
		m.tel.Log.Info("uploads are decoded in this process: one that brings down a decoder ends it")
		return func(ctx context.Context, data []byte, l vips.Limits) (probe.Found, probe.End, error) {
			found, err := probe.Within(ctx, engine, data, l)
			return found, probe.Answered, err
		}, nil
	}
	if !probe.BoundsMemory {
		m.tel.Log.Info("this system bounds no process's memory: what an upload takes to decode is only bounded by its pixels")
	}
	pool, err := probe.New(m.Probe, probe.Limits{Children: c.Children, Memory: c.Memory, CPU: c.CPU, Time: c.Time, Start: c.Start})
	if err != nil {
		return nil, err
	}
	return pool.Examine, nil
}

// Examine decodes a picture of an outsider.
func (p pictures) Examine(ctx context.Context, data []byte, l media.PictureLimits) (media.Examined, error) {
	found, end, err := p.examine(ctx, data, vips.Limits{MaxBytes: l.MaxBytes, MaxPixels: l.MaxPixels, MaxFrames: l.MaxFrames})
	i := found.Info
	return media.Examined{
		PictureInfo: media.PictureInfo{MediaType: i.MediaType, Width: i.Width, Height: i.Height, Frames: i.Frames},
		Placeholder: media.Placeholder{Color: found.Colour, Thumbhash: base64.StdEncoding.EncodeToString(found.Thumb)},
		End:         string(end),
	}, err
}
