package media

import (
	"context"
	"io"

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

// idsOf are the media ids that a region gives to the upload of a key: the first
// now, the others while other keys signed.
func (m *Media) idsOf(region int, app, key string) []string {
	var out []string
	for _, sum := range m.uploadIDs.All(app, key) {
		out = append(out, world.NewMediaID(region, [world.MediaIDLength - 1]byte(sum)))
	}
	return out
}

// before is the asset that an upload of the key has made: here, or in another
// region as far as this one's replicas know. It is not_found when there is none.
func (m *Media) before(ctx context.Context, app, key string) (world.Manifest, error) {
	const op = "media.before"
	for _, r := range m.world.Regions {
		for _, id := range m.idsOf(r.Number, app, key) {
			found, err := m.manifests.Manifest(ctx, app, id)
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

// repeated is the asset that the same upload has made before; not_found when it
// is the first. Other bytes than then are refused.
func (m *Media) repeated(ctx context.Context, by right, sha256 string, data []byte) (world.Manifest, error) {
	const op = "media.repeated"
	found, err := world.Manifest{}, error(world.E(world.CodeNotFound, op, ""))
	if by.id != "" {
		found, err = m.manifests.Manifest(ctx, by.App, by.id)
	}
	if world.Is(err, world.CodeNotFound) && by.key != "" {
		found, err = m.before(ctx, by.App, by.key)
	}
	if err != nil {
		return world.Manifest{}, world.Wrap(op, err)
	}
	same, err := m.isOriginal(ctx, found, sha256, data)
	if err == nil && !same {
		err = otherPicture(op)
	}
	return found, world.Wrap(op, err)
}

func otherPicture(op string) error {
	return world.E(world.CodeUnprocessed, op, "Another picture was put in with this key or grant; use a new one for a new picture.")
}
