package media

import (
	"context"

	"meridian/world"
)

// quarantine is where damaged originals are put away until they are healed.
const quarantine = "quarantine/"

// mend makes the copy of an original here a good one: it does nothing for one
// that is, and has another region's in place of one that is damaged or missing.
// Damaged bytes are out of the way of readers meanwhile, and kept if no region
// has better ones. Errors: unavailable when there is none, those of the store.
func (m *Media) mend(ctx context.Context, manifest world.Manifest, v world.Version) error {
	store, key := m.storeOf(manifest), originalKey(v.SHA256)
	err := store.Verify(ctx, key)
	switch {
	case err == nil:
		return nil
	case world.Is(err, world.CodeUnprocessed):
		if err := setAside(ctx, store, v.SHA256); err != nil {
			return world.Wrap("media.quarantine", err)
		}
	case !world.Is(err, world.CodeNotFound):
		return err
	}
	if err := m.restore(ctx, manifest, v); err != nil {
		return err
	}
	if err := store.Verify(ctx, key); err != nil {
		return err
	}
	return store.Delete(ctx, quarantine+v.SHA256)
}

// setAside moves a damaged original into quarantine.
func setAside(ctx context.Context, store Objects, sha256 string) error {
	body, o, err := store.Open(ctx, originalKey(sha256))
	if err != nil {
		return err
	}
	defer body.Close()
	if _, err := store.PutFrom(ctx, quarantine+sha256, body, o.Size); err != nil {
		return err
	}
	return store.Delete(ctx, originalKey(sha256))
}

// restore has an original that is not here come from another region: a public one
// is fetched; a private one is asked to be sent, since nobody may fetch those, and
// so is a large one, since what is sent goes on after a cut.
func (m *Media) restore(ctx context.Context, manifest world.Manifest, v world.Version) error {
	small := v.Bytes < m.cfg.Limits.ResumeFrom
	if small && manifest.Audience == world.Public && manifest.Visibility == world.Public && v.Moderation == world.ModerationApproved {
		_, err := m.once(ctx, "original "+v.SHA256, func(ctx context.Context) (any, error) {
			return m.fetchOriginal(ctx, manifest, v)
		})
		return err
	}
	err := error(world.E(world.CodeUnavailable, "media.restore", "No other region is known to hold this original."))
	for _, region := range m.holders(manifest) {
		p := world.Placing{Original: world.Original{SHA256: v.SHA256, App: manifest.App, MediaID: manifest.MediaID, Version: v.Number}, Region: m.region.ID}
		if err = m.peers.Resend(ctx, region, p); err == nil {
			return nil
		}
	}
	return err
}
