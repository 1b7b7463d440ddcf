package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"meridian/world"
)

// storeDeletion writes a deletion's receipt, with a removal and its job a region,
// and forgets what the asset's rows told of its content.
func (s *MediaStore) storeDeletion(ctx context.Context, tx pgx.Tx, d world.Deletion) error {
	const receipt = `insert into deletion (receipt, media_id, by, at) values ($1, $2, $3, $4)`
	if _, err := tx.Exec(ctx, receipt, d.Receipt, d.MediaID, d.By, d.At); err != nil {
		return err
	}
	const forget = `update asset_version set color = '#ffffff', thumbhash = '', focal_x = null, focal_y = null where media_id = $1`
	if _, err := tx.Exec(ctx, forget, d.MediaID); err != nil {
		return err
	}
	const removal = `insert into removal (media_id, region, state, at) values ($1, $2, $3, $4)`
	for _, r := range d.Removals {
		if _, err := tx.Exec(ctx, removal, d.MediaID, r.Region, r.State, r.At); err != nil {
			return err
		}
		if _, err := s.jobs.InsertTx(ctx, tx, RemoveArgs{MediaID: d.MediaID, Target: r.Region, App: d.App}, nil); err != nil {
			return err
		}
	}
	return nil
}

// Deletion is the receipt of an asset's deletion, by the asset's id or the
// receipt's, as far as this region knows. Errors: not_found for an asset that is not deleted, or not known here;
// unavailable, timeout.
func (s *MediaStore) Deletion(ctx context.Context, app, id string) (world.Deletion, error) {
	const op = "postgres.media deletion"
	number, ok := world.MediaIDRegion(id)
	c := s.regions[number]
	if !ok || c == nil {
		return world.Deletion{}, world.E(world.CodeNotFound, op, "")
	}
	const q = `select d.receipt, a.app, d.media_id, d.by, d.at,
	                  (select coalesce(jsonb_agg(jsonb_build_object('region', r.region, 'state', r.state, 'at', r.at, 'error', r.error,
	                          'objects', r.objects, 'bytes', r.bytes) order by r.region), '[]')
	                     from removal r where r.media_id = d.media_id)
	             from deletion d join asset a using (media_id) where $1 in (d.media_id, d.receipt) and a.app = $2`
	var d world.Deletion
	err := c.Pool.QueryRow(ctx, q, id, app).Scan(&d.Receipt, &d.App, &d.MediaID, &d.By, &d.At, &d.Removals)
	d.At = d.At.UTC()
	for i := range d.Removals {
		d.Removals[i].At = d.Removals[i].At.UTC()
	}
	return d, mapError(op, err)
}

// MarkRemoval records how far a deleted asset of this region has gone from one of
// the regions. What is removed stays removed. Errors: not_found when no such
// removal is meant.
func (s *MediaStore) MarkRemoval(ctx context.Context, mediaID string, r world.Removal) error {
	const q = `update removal set
	               at    = case when state in ('removed', $3) then at else $4 end,
	               state = case when state = 'removed' then state else $3 end,
	               error = case when state = 'removed' then '' else $5 end,
	               objects = objects + $6, bytes = bytes + $7
	            where media_id = $1 and region = $2`
	tag, err := s.own.Pool.Exec(ctx, q, mediaID, r.Region, r.State, r.At, r.Error, r.Objects, r.Bytes)
	if err == nil && tag.RowsAffected() == 0 {
		err = pgx.ErrNoRows
	}
	return mapError("postgres.media removed", err)
}
