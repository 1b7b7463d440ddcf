package media

import (
	"context"
	"net/http"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// variantAge is for ever, as far as caches know it: a versioned URL never
// means other bytes.
const variantAge = "public, max-age=31536000, immutable, stale-if-error=86400"

// maxVariant is the most bytes that a stored variant may have: far above what
// the largest size of the grid comes to.
const maxVariant = 32 << 20

func (m *Media) image(w http.ResponseWriter, r *http.Request) error {
	req, err := imagegrid.Parse(r.URL.Path)
	if err != nil {
		return err
	}
	if err := m.grid.Allowed(req.Width, req.Height); err != nil {
		return err
	}
	negotiated := req.Format == imagegrid.Auto
	req = req.Resolve(r.Header.Get("Accept"))
	manifest, err := m.shown(r.Context(), req.App, req.MediaID, req.Version)
	if err != nil {
		return err
	}
	body, err := m.variant(r.Context(), manifest, req)
	if err != nil {
		return world.Wrap("media.image", err)
	}
	h := w.Header()
	h.Set("Content-Type", req.Format.MediaType())
	h.Set("Cache-Control", variantAge)
	h.Set("Surrogate-Key", world.GroupMedia(req.App, req.MediaID)+" "+world.GroupApp(req.App))
	if negotiated {
		h.Set("Vary", "Accept")
	}
	m.metrics.bytes.WithLabelValues("served").Add(float64(len(body)))
	serve(w, r, body)
	return nil
}

// variant is the stored variant, or one that is made now, by one request for
// all that wait for it.
func (m *Media) variant(ctx context.Context, manifest world.Manifest, req imagegrid.Request) ([]byte, error) {
	key := variantKey(req)
	v, err := m.once(ctx, key, func(ctx context.Context) (any, error) {
		stored, err := m.objects.Get(ctx, key, maxVariant)
		if err == nil {
			return stored, nil
		}
		if !world.Is(err, world.CodeNotFound) {
			// It can be made anew; the store's trouble is for the log.
			m.log.WarnContext(ctx, "a stored variant cannot be read", "key", key, "err", err)
		}
		return m.make(ctx, manifest, req)
	})
	if err != nil {
		return nil, err
	}
	return v.([]byte), nil
}

func (m *Media) make(ctx context.Context, manifest world.Manifest, req imagegrid.Request) ([]byte, error) {
	version, _ := manifest.VersionNumber(req.Version) // lookup has found it
	original, err := m.original(ctx, manifest, version)
	if err != nil {
		return nil, err
	}
	start := m.now()
	body, err := m.pictures.Transform(ctx, original, req.Format, req.Width, req.Height)
	m.metrics.transforms.WithLabelValues(string(req.Format), outcome(err)).Inc()
	if err != nil {
		return nil, err
	}
	m.metrics.seconds.WithLabelValues(string(req.Format)).Observe(m.now().Sub(start).Seconds())
	if err := m.objects.Put(ctx, variantKey(req), body); err != nil {
		// The picture is there all the same: it will be made once more.
		m.log.WarnContext(ctx, "a variant cannot be stored", "key", variantKey(req), "err", err)
	}
	return body, nil
}
