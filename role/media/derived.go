package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"strconv"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// What is made of an original and can be made again, variants and mezzanines, is
// stored behind a checksum: nothing else tells whether its bytes are still good.
// The key is part of it, so that an object under another's name is no match.

func derivedSum(key string, data []byte) []byte {
	h := sha256.New()
	h.Write([]byte(key + "\n"))
	h.Write(data)
	return h.Sum(nil)
}

// maxDerived is the most bytes of a stored object that is made of an original:
// far above what the largest size of the grid comes to.
const maxDerived = 32 << 20

// putDerived stores what was made, with its checksum.
func putDerived(ctx context.Context, store Objects, key string, data []byte) error {
	return store.Put(ctx, key, append(derivedSum(key, data), data...))
}

// keepDerived stores what was made of an asset, unless that was deleted meanwhile:
// its removal takes what is stored then, and would miss what comes later.
func (m *Media) keepDerived(ctx context.Context, of world.Manifest, key string, data []byte) error {
	store := m.storeOf(of)
	if err := putDerived(ctx, store, key, data); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	deleted, err := m.isDeleted(ctx, of.App, of.MediaID)
	if err == nil && !deleted || world.Is(err, world.CodeNotFound) { // a removal waits until it is known here
		return nil
	}
	if dropErr := store.Delete(ctx, key); err == nil {
		err = dropErr
	}
	return err
}

// getDerived is what was stored, verified. Errors: not_found, and internal for
// bytes that are not what was stored.
func getDerived(ctx context.Context, store Objects, key string) ([]byte, error) {
	stored, err := store.Get(ctx, key, maxDerived)
	if err != nil {
		return nil, err
	}
	if len(stored) < sha256.Size || !bytes.Equal(stored[:sha256.Size], derivedSum(key, stored[sha256.Size:])) {
		return nil, world.E(world.CodeInternal, "media.derived", "The stored bytes are not those that their checksum names.")
	}
	return stored[sha256.Size:], nil
}

// Where objects lie in a store, by what they are.
const (
	originals  = "originals/sha256/"
	variants   = "variants/"
	mezzanines = "mezzanines/"
)

func variantKey(r imagegrid.Request) string { return variants + r.Key() }

// mezzanineKey is where the mezzanine of a version lies.
func mezzanineKey(app, mediaID string, version int) string {
	return mezzanines + app + "/" + mediaID + "/v" + strconv.Itoa(version)
}
