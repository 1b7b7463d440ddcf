package media

import (
	"context"
	"io"

	"meridian/engine/uploadgrant"
	"meridian/world"
)

// The key of an upload decides its asset's media id: so the database that
// refuses a second asset of one id keeps an upload that is sent twice from
// becoming two, at any moment and without a record of its own.

// newID is the media id of an upload: by its key, or a random one.
func (m *Media) newID(app, key string) (string, error) {
	if key != "" {
		return m.idsOf(m.region.Number, app, key)[0], nil
	}
	var random [world.MediaIDLength - 1]byte
	if _, err := io.ReadFull(m.random, random[:]); err != nil {
		return "", world.Wrap("media.id", err)
	}
	return world.NewMediaID(m.region.Number, random), nil
}

func (m *Media) idsOf(region int, app, key string) []string {
	return uploadgrant.MediaIDs(m.uploadIDs, region, app, key)
}

// before is the asset that an upload of the key has made: here, or in another
// region as far as this one's replicas know. It is not_found when there is none.
func (m *Media) before(ctx context.Context, app, key string) (world.Manifest, error) {
	const op = "media.before"
	for _, r := range m.world.Regions {
		for _, id := range m.idsOf(r.Number, app, key) {
			found, err := m.acknowledged(ctx, app, id)
			if err == nil {
				return found, nil
			}
			if r.ID == m.region.ID && !world.Is(err, world.CodeNotFound) {
				return world.Manifest{}, world.Wrap(op, err)
			}
		}
	}
	return world.Manifest{}, world.E(world.CodeNotFound, op, "")
}

// acknowledged is an asset whose uploader may be told that it is there: what the
// catalog shows may still be on its way to the database's standby.
func (m *Media) acknowledged(ctx context.Context, app, id string) (world.Manifest, error) {
	found, err := m.manifests.Manifest(ctx, app, id)
	if err == nil {
		err = m.manifests.Confirm(ctx, id)
	}
	return found, err
}

// repeated is the asset that the same upload has made before; not_found when it
// is the first. Other bytes than then are refused.
func (m *Media) repeated(ctx context.Context, by right, sha256 string, data []byte) (world.Manifest, error) {
	const op = "media.repeated"
	found, err := world.Manifest{}, error(world.E(world.CodeNotFound, op, ""))
	if by.id != "" {
		found, err = m.acknowledged(ctx, by.App, by.id)
	}
	if world.Is(err, world.CodeNotFound) && by.key != "" {
		found, err = m.before(ctx, by.App, by.key)
	}
	return m.sameUpload(ctx, found, world.Wrap(op, err), sha256, data)
}

// sameUpload is an asset that was found by an upload's key, if it was: bytes that it
// was not made of are refused.
func (m *Media) sameUpload(ctx context.Context, found world.Manifest, err error, sha256 string, data []byte) (world.Manifest, error) {
	if err != nil {
		return world.Manifest{}, err
	}
	same, err := m.isOriginal(ctx, found, sha256, data)
	if err == nil && !same {
		err = otherPicture("media.repeated")
	}
	return found, err
}

func otherPicture(op string) error {
	return world.E(world.CodeUnprocessed, op, "Another picture was put in with this key or grant; use a new one for a new picture.")
}
