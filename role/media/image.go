package media

import (
	"context"
	"net/http"

	"meridian/engine/imagegrid"
	"meridian/engine/svgclean"
	"meridian/world"
)

// variantAge is for ever, as far as caches know it: a versioned URL never
// means other bytes.
const variantAge = "public, max-age=31536000, immutable, stale-if-error=86400"

// How long an alias is kept: by browsers shortly, for no purge reaches them; by
// our own tiers (RFC 9213) longer, because another version purges it there.
const (
	aliasAge   = "public, max-age=60, stale-while-revalidate=3600, stale-if-error=86400"
	aliasTiers = "max-age=600, stale-while-revalidate=3600, stale-if-error=86400"
)

func (m *Media) image(w http.ResponseWriter, r *http.Request) error {
	return m.show(w, r, world.Public)
}

// show answers with a variant of an asset that is for that audience.
func (m *Media) show(w http.ResponseWriter, r *http.Request, audience world.Visibility) error {
	req, err := imagegrid.Parse(r.URL.Path)
	if err != nil {
		return err
	}
	policy := m.policies.For(req.App)
	if err := ownCell(policy, req); err != nil {
		return err
	}
	negotiated := req.Format == imagegrid.Auto
	req = req.Resolve(r.Header.Get("Accept"), policy.Formats)
	manifest, v, err := m.shown(r, audience, req.App, req.MediaID, req.Version)
	if err != nil {
		return err
	}
	alias := req.Version == 0
	req.Version = v.Number
	body, err := m.variant(r.Context(), manifest, req)
	if err != nil {
		return world.Wrap("media.image", err)
	}
	h := w.Header()
	h.Set("Content-Type", contentType(req.Format, body))
	if req.Format == imagegrid.SVG {
		h.Set("Content-Security-Policy", drawingPolicy)
	}
	setAge(h, audience)
	if alias {
		h.Set("Cache-Control", aliasAge)
		h.Set("CDN-Cache-Control", aliasTiers)
		h.Set("Content-Location", req.String())
	}
	h.Set("Surrogate-Key", groups(manifest, alias))
	if negotiated {
		h.Set("Vary", "Accept")
	}
	what := "served"
	if negotiated {
		what = "negotiated"
	}
	m.metrics.bytes.WithLabelValues(what).Add(float64(len(body)))
	serve(w, r, body)
	return nil
}

// variant is the stored variant, or one that is had now and kept, by one
// request for all that wait for it.
func (m *Media) variant(ctx context.Context, manifest world.Manifest, req imagegrid.Request) ([]byte, error) {
	key := variantKey(req)
	v, err := m.once(ctx, key, func(ctx context.Context) (any, error) {
		stored, err := getDerived(ctx, m.storeOf(manifest), key)
		if err == nil {
			if manifest.Audience == world.Public {
				m.asked.note(key, m.now())
			}
			return stored, nil
		}
		if !world.Is(err, world.CodeNotFound) {
			// It can be made anew; the store's trouble is for the log.
			m.log.WarnContext(ctx, "a stored variant cannot be read", "key", key, "err", err)
		}
		body, err := m.obtain(ctx, manifest, req)
		if err != nil {
			return nil, err
		}
		if m.makings.times(key) >= m.cfg.Care.KeepAt {
			m.keepVariant(ctx, manifest, req, body)
		}
		return body, nil
	})
	if err != nil {
		return nil, err
	}
	return v.([]byte), nil
}

// ownCell refuses an address that is not a cell's own. Edges lead such a one to
// its cell before they ask.
func ownCell(policy *imagegrid.Policy, req imagegrid.Request) error {
	cell, err := policy.Resolve(req)
	if err == nil && cell != req {
		err = world.E(world.CodeInvalid, "media.image", "This picture is served under another address: "+cell.String())
	}
	return err
}

// obtain makes a variant of the original that is here. A region that is known
// to hold one and has lost it fetches it back first, unless it is private: those
// are only ever pushed. One that has none yet, or shall have none, reads the
// variant through a holder.
func (m *Media) obtain(ctx context.Context, manifest world.Manifest, req imagegrid.Request) ([]byte, error) {
	version, _ := manifest.VersionNumber(req.Version) // lookup has found it
	if req.Format == imagegrid.SVG && version.MediaType != mediaTypeSVG {
		return nil, world.E(world.CodeNotFound, "media.drawing", "This picture is no drawing: ask for avif, webp, jpeg or auto.")
	}
	if body := m.fromMezzanine(ctx, manifest, version, req); body != nil {
		return body, nil
	}
	if m.isHolder(manifest) && manifest.Audience != world.Private {
		original, err := m.original(ctx, manifest, version)
		if err != nil {
			return nil, err
		}
		return m.make(ctx, manifest, version, original, req)
	}
	original, err := m.localOriginal(ctx, manifest, version) // it may have come a moment ago
	if err != nil {
		return m.readThrough(ctx, manifest, req)
	}
	return m.make(ctx, manifest, version, original, req)
}

// make is a variant of a version that is made of its original now.
func (m *Media) make(ctx context.Context, of world.Manifest, v world.Version, original []byte, req imagegrid.Request) ([]byte, error) {
	if req.Format == imagegrid.SVG {
		return svgclean.Clean(original, svgclean.Limits{})
	}
	pixels, err := m.pixels(ctx, of, v, original)
	if err != nil {
		return nil, err
	}
	return m.timed(ctx, v, req, func(specs []PictureSpec) ([]Picture, error) {
		return m.pictures.Variants(ctx, pixels, specs)
	})
}

// timed has one variant made, and measures that.
func (m *Media) timed(ctx context.Context, v world.Version, req imagegrid.Request, work func([]PictureSpec) ([]Picture, error)) ([]byte, error) {
	start := m.now()
	made, err := fill(m.policies.For(req.App), v, []imagegrid.Request{req}, false, work)
	m.metrics.transforms.WithLabelValues(string(req.Format), outcome(err)).Inc()
	if err != nil {
		return nil, err
	}
	m.metrics.seconds.WithLabelValues(string(req.Format)).Observe(m.now().Sub(start).Seconds())
	return made[0], nil
}

// readThrough asks the regions that hold the original for the variant, nearest
// first, by their shields: all regions and PoPs that want it from one share one
// read there. It comes to an end: who is asked is a holder by what we know, so
// by what it knows, or asks one of those that became holders before it did.
func (m *Media) readThrough(ctx context.Context, manifest world.Manifest, req imagegrid.Request) ([]byte, error) {
	const op = "media.variant"
	missing := world.E(world.CodeUnavailable, op, "The regions that hold this picture cannot be reached just now; try again shortly.")
	for _, region := range m.holders(manifest) {
		m.metrics.fetches.WithLabelValues("variant", region).Inc()
		address, err := m.variantAddress(req)
		if err != nil {
			return nil, err
		}
		body, tag, err := m.peers.Variant(ctx, region, address)
		if err == nil && tag != entityTag(body) {
			err = world.E(world.CodeBadUpstream, op, "The bytes are not those that their entity tag names.")
		}
		if err == nil {
			return body, nil
		}
		if ctx.Err() != nil {
			return nil, world.Because(world.CodeTimeout, op, "The picture is a long way off and did not arrive in time; try again.", err)
		}
		missing.Err = err // the last one asked is the likeliest to have it
	}
	return nil, missing
}
