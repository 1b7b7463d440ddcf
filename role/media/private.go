package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// How long a private picture may be kept: by no cache of others, and by our own
// tiers of its zone, which verify a signature each time before they give it.
const (
	privateAge   = "private, no-store"
	privateTiers = "max-age=86400, stale-if-error=86400"
)

// setAge says how long a picture may be kept, and by whom.
func setAge(h http.Header, audience world.Visibility) {
	if audience == world.Public {
		h.Set("Cache-Control", variantAge)
		return
	}
	h.Set("Cache-Control", privateAge)
	h.Set("CDN-Cache-Control", privateTiers)
	h.Set("Referrer-Policy", "no-referrer")
}

// privateImage gives a private picture to who shows a signature, whoever asks:
// shield and edge have verified one too.
func (m *Media) privateImage(w http.ResponseWriter, r *http.Request) error {
	if _, err := m.private.Verify(r.URL.EscapedPath(), r.URL.RawQuery, m.now()); err != nil {
		return world.Wrap("media.private", err)
	}
	req, err := imagegrid.Parse(r.URL.Path)
	if err != nil {
		return err
	}
	if !m.resides(req.MediaID) {
		return world.E(world.CodeMisdirected, "media.private", "This picture is kept in another zone. Ask a region there.")
	}
	return m.show(w, r, world.Private)
}

// resides reports whether an asset's write region lies in this region's zone.
func (m *Media) resides(mediaID string) bool {
	region, ok := m.world.RegionOfMedia(mediaID)
	return ok && region.Zone == m.region.Zone
}

// storeOf is where an asset's bytes lie here. It goes by whom the asset is meant
// for, so that one which waits to be judged lies where it will stay.
func (m *Media) storeOf(manifest world.Manifest) Objects {
	if manifest.Audience == world.Private {
		return m.resident
	}
	return m.objects
}

// saltBytes are the random bytes before a private original. With them its
// SHA-256, which the catalog carries to every region, tells nothing of the
// picture: who has it cannot look for it, and the same picture of two people
// is two originals.
const saltBytes = 32

// Of a private asset the catalog, which is replicated to every region, tells no
// more than caches and jobs need: neither a name, nor whose it is, nor a colour.
const (
	privateName = unnamed
	noColor     = "#808080" // of a picture of which nothing is told
)

// hide takes what is personal out of a new private asset's manifest.
func (m *Media) hide(manifest *world.Manifest) {
	manifest.Zone, manifest.Name, manifest.Owner = m.region.Zone, privateName, ""
}

// seal is a picture as its original is stored; the version names that then. Of a
// private one the version tells nothing of its content.
func (m *Media) seal(audience world.Visibility, v *world.Version, data []byte) (stored []byte, err error) {
	if audience != world.Private {
		return data, nil
	}
	stored = make([]byte, saltBytes, saltBytes+len(data))
	if _, err := io.ReadFull(m.random, stored); err != nil {
		return nil, world.Wrap("media.seal", err)
	}
	stored = append(stored, data...)
	sum := sha256.Sum256(stored)
	v.SHA256, v.Color, v.Thumbhash = hex.EncodeToString(sum[:]), noColor, ""
	return stored, nil
}

// isOriginal reports whether bytes, of that SHA-256, are those that an asset was
// made of. Those of a private one can be told only in its zone.
func (m *Media) isOriginal(ctx context.Context, manifest world.Manifest, sha256 string, data []byte) (bool, error) {
	if manifest.Audience != world.Private {
		return manifest.Versions[0].SHA256 == sha256, nil
	}
	if !m.resides(manifest.MediaID) {
		return false, world.E(world.CodeMisdirected, "media.private", "This upload was begun in another zone. Send it there again.")
	}
	held, err := m.localOriginal(ctx, manifest, manifest.Versions[0])
	return bytes.Equal(held, data), err
}

// unsealed is the picture of a stored original, which has been verified.
func unsealed(audience world.Visibility, stored []byte) ([]byte, error) {
	switch {
	case audience != world.Private:
		return stored, nil
	case len(stored) <= saltBytes:
		return nil, world.E(world.CodeInternal, "media.unseal", "")
	}
	return stored[saltBytes:], nil
}

// inZone are those of some regions that a private asset's bytes may be in.
func (m *Media) inZone(manifest world.Manifest, regions []string) []string {
	if manifest.Audience != world.Private {
		return regions
	}
	var out []string
	for _, id := range regions {
		if r, ok := m.world.RegionByID(id); ok && r.Zone == m.region.Zone {
			out = append(out, id)
		}
	}
	return out
}

// variantAddress is where another region gives a variant.
func (m *Media) variantAddress(req imagegrid.Request) (string, error) {
	if !req.Private {
		return req.String(), nil
	}
	query, err := m.private.Sign(req.String(), m.now().Add(m.cfg.Limits.Transform))
	return req.String() + "?" + query, err
}
