package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"meridian/world"
)

// Change changes an asset at its write region's primary, in one transaction that
// nobody else's change of it can come between. apply gets the manifest as it is,
// changes it and says what else is to happen; it does no I/O, and its error ends
// the change with nothing done. It may add versions, decide about versions and
// the asset, name another current version, delete the asset and change its name
// and owner; whatever else it changes is not kept, for a version never changes.
//
// The purge that the change names is in the feed when Change returns. It returns
// the manifest as stored and a position at or past the commit, a zero one when
// that could not be told. Errors: not_found, misdirected away from the asset's
// write region, those of apply, unprocessed for what no manifest can say,
// unavailable and timeout.
func (s *MediaStore) Change(ctx context.Context, app, mediaID string, apply func(*world.Manifest) (world.AssetChange, error)) (world.Manifest, world.Position, error) {
	const op = "postgres.media change"
	if number, ok := world.MediaIDRegion(mediaID); !ok || s.regions[number] == nil {
		return world.Manifest{}, world.Position{}, world.E(world.CodeNotFound, op, "")
	} else if s.regions[number] != s.own {
		return world.Manifest{}, world.Position{}, world.E(world.CodeMisdirected, op, "")
	}
	var m world.Manifest
	err := s.own.durably(ctx, func(tx pgx.Tx) (err error) {
		m, err = s.change(ctx, tx, app, mediaID, apply)
		return err
	})
	if err != nil {
		return world.Manifest{}, world.Position{}, mapError(op, err)
	}
	pos, err := s.own.Position(ctx)
	if err != nil {
		return m, world.Position{}, nil // it is committed: to fail now would have it done again
	}
	return m, pos, nil
}

func (s *MediaStore) change(ctx context.Context, tx pgx.Tx, app, mediaID string, apply func(*world.Manifest) (world.AssetChange, error)) (world.Manifest, error) {
	if _, err := tx.Exec(ctx, `select from asset where media_id = $1 for update`, mediaID); err != nil {
		return world.Manifest{}, err
	}
	before, err := oneManifest(ctx, tx, app, mediaID)
	if err != nil {
		return world.Manifest{}, err
	}
	after := before
	after.Versions = slices.Clone(before.Versions)
	c, err := apply(&after)
	if err != nil {
		return world.Manifest{}, err
	}
	after.Visibility = after.ShownAs()
	if err := after.Validate(); err != nil {
		return world.Manifest{}, world.Because(world.CodeUnprocessed, "postgres.media change", "The asset cannot be made so.", err)
	}
	if err := s.store(ctx, tx, &before, &after, c); err != nil {
		return world.Manifest{}, err
	}
	return oneManifest(ctx, tx, app, mediaID)
}

func (s *MediaStore) store(ctx context.Context, tx pgx.Tx, before, after *world.Manifest, c world.AssetChange) error {
	for _, v := range after.Versions {
		if err := s.storeVersion(ctx, tx, before, after, v, c.Replicas); err != nil {
			return err
		}
	}
	const q = `update asset set name = $2, owner = $3, moderation = $4, moderated_at = $5, current_version = $6, deleted_at = $7 where media_id = $1`
	_, err := tx.Exec(ctx, q, after.MediaID, after.Name, after.Owner, after.Moderation.State, after.Moderation.At, after.Current, moment(after.DeletedAt))
	if err != nil {
		return err
	}
	for version, d := range c.Decisions {
		if err := noteDecision(ctx, tx, after.MediaID, version, d); err != nil {
			return err
		}
	}
	if c.Deletion != nil {
		if err := s.storeDeletion(ctx, tx, *c.Deletion); err != nil {
			return err
		}
	}
	_, err = purge(ctx, tx, world.Purge{Groups: c.Purge})
	return err
}

// storeVersion writes a version that is new, or what was decided about one that
// is not, and gives an original that may now be shown its places.
func (s *MediaStore) storeVersion(ctx context.Context, tx pgx.Tx, before, after *world.Manifest, v world.Version, places []world.Replica) error {
	old, known := before.VersionNumber(v.Number)
	shown := after.Visibility != world.Withheld && v.Moderation == world.ModerationApproved
	wasShown := before.Visibility != world.Withheld && old.Moderation == world.ModerationApproved
	if !known {
		if err := s.insertVersion(ctx, tx, after, v); err != nil {
			return err
		}
	} else if old.Moderation != v.Moderation {
		const q = `update asset_version set moderation = $3 where media_id = $1 and version = $2`
		if _, err := tx.Exec(ctx, q, after.MediaID, v.Number, v.Moderation); err != nil {
			return err
		}
	}
	if known && (wasShown || !shown) {
		return nil
	}
	return s.placeOriginal(ctx, tx, after, v, inOrder(places))
}
