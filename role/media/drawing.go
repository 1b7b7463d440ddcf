package media

import (
	"context"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// mediaTypeSVG is that of a version whose original is a drawing.
var mediaTypeSVG = imagegrid.SVG.MediaType()

// drawingPolicy lets a drawing that is opened by itself neither run nor load
// anything, nor be of our origin: should something harmful ever get past
// svgclean, it gets nowhere. Styles of its own elements are what it needs.
const drawingPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

// examineDrawing takes an SVG only if the app takes such, all of it is read and
// it can be drawn. From then on its pixels are treated as every picture's.
func (m *Media) examineDrawing(ctx context.Context, app string, data []byte) (Examined, error) {
	if m.policies.For(app).SVG == imagegrid.SVGRefuse {
		return Examined{}, world.E(world.CodeUnsupported, "media.drawing", "SVG is not taken here: send the drawing as PNG, at the largest size that it is shown in.")
	}
	pixels, err := m.draw(ctx, data, m.cfg.Limits.DrawingSide)
	if err != nil {
		return Examined{}, err
	}
	found, err := m.examinePixels(ctx, pixels)
	found.MediaType = mediaTypeSVG
	return found, err
}

func (m *Media) draw(ctx context.Context, svg []byte, side int) ([]byte, error) {
	pixels, end, err := m.pictures.Draw(ctx, svg, side, m.pictureLimits())
	m.metrics.examined.WithLabelValues(end).Inc()
	return pixels, err
}

// drawnKey is where the pixels of a drawing lie.
func drawnKey(app, mediaID string, version int) string {
	return mezzanineKey(app, mediaID, version) + "-drawn"
}

// pixels are what variants are made of: a version's original, or what it draws,
// which is drawn once and kept.
func (m *Media) pixels(ctx context.Context, of world.Manifest, v world.Version, original []byte) ([]byte, error) {
	if v.MediaType != mediaTypeSVG {
		return original, nil
	}
	store, key := m.storeOf(of), drawnKey(of.App, of.MediaID, v.Number)
	if drawn, err := getDerived(ctx, store, key); err == nil {
		return drawn, nil
	}
	drawn, err := m.draw(ctx, original, max(v.Width, v.Height))
	if err != nil {
		return nil, err
	}
	if err := m.keepDerived(ctx, of, key, drawn); err != nil {
		m.log.WarnContext(ctx, "what a drawing draws cannot be stored", "key", key, "err", err)
	}
	return drawn, nil
}
