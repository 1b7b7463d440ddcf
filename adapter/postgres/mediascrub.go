package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/world"
)

// Held is at most limit originals that a region holds by what the catalogs here
// say, of assets of every write region, in the order of their SHA-256, behind the
// one of after. A catalog that cannot be read is an error: its originals would be
// passed over.
func (s *MediaStore) Held(ctx context.Context, region, after string, limit int) ([]world.Original, error) {
	const op = "postgres.media held"
	const q = `select r.sha256, v.app, v.media_id, v.version
	             from replica r
	             join lateral (select a.app, v.media_id, v.version from asset_version v join asset a using (media_id)
	                            where v.sha256 = r.sha256 and a.deleted_at is null order by v.created_at limit 1) v on true
	            where r.region = $1 and r.state = 'copied' and r.sha256 > $2
	            order by r.sha256 limit $3`
	var all []world.Original
	for _, c := range s.regions {
		rows, err := c.Pool.Query(ctx, q, region, after, limit)
		if err != nil {
			return nil, mapError(op+" "+c.Name, err)
		}
		found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[world.Original])
		if err != nil {
			return nil, mapError(op+" "+c.Name, err)
		}
		all = append(all, found...)
	}
	slices.SortStableFunc(all, func(a, b world.Original) int { return cmp.Compare(a.SHA256, b.SHA256) })
	all = slices.CompactFunc(all, func(a, b world.Original) bool { return a.SHA256 == b.SHA256 })
	return all[:min(limit, len(all))], nil
}

// Scrub is how far the re-reading of this region's copies has come; the zero
// Scrub before the first pass.
func (s *MediaStore) Scrub(ctx context.Context) (world.Scrub, error) {
	var at world.Scrub
	err := s.own.Pool.QueryRow(ctx, `select pass, phase, after, began from scrub where region = $1`, s.own.Region).
		Scan(&at.Pass, &at.Phase, &at.After, &at.Began)
	if errors.Is(err, pgx.ErrNoRows) {
		return world.Scrub{}, nil
	}
	at.Began = at.Began.UTC()
	return at, mapError("postgres.media scrub", err)
}

// SaveScrub keeps how far the re-reading has come.
func (s *MediaStore) SaveScrub(ctx context.Context, at world.Scrub) error {
	const q = `insert into scrub (region, pass, phase, after, began) values ($1, $2, $3, $4, $5)
	           on conflict (region) do update set pass = excluded.pass, phase = excluded.phase, after = excluded.after, began = excluded.began`
	_, err := s.own.Pool.Exec(ctx, q, s.own.Region, at.Pass, at.Phase, at.After, at.Began)
	return mapError("postgres.media scrub", err)
}

// Verified records that copies of originals of this region's assets were read in
// a region at a time and found good.
func (s *MediaStore) Verified(ctx context.Context, region string, sha256 []string, at time.Time) error {
	const q = `update replica set verified_at = $3 where region = $1 and sha256 = any($2) and state = 'copied'`
	_, err := s.own.Pool.Exec(ctx, q, region, sha256, at)
	return mapError("postgres.media verified", err)
}

// Assets is at most limit assets of this region in the order of their ids, behind
// the one of after, without those that are deleted.
func (s *MediaStore) Assets(ctx context.Context, after string, limit int) ([]world.Manifest, error) {
	const q = manifestColumns + `where a.media_id > $1 and a.deleted_at is null order by a.media_id limit $2`
	rows, err := s.own.Pool.Query(ctx, q, after, limit)
	if err != nil {
		return nil, mapError("postgres.media assets", err)
	}
	page, err := pgx.CollectRows(rows, scanManifest)
	return page, mapError("postgres.media assets", err)
}

// Place gives originals of this region's assets places that they do not have yet,
// each as a pending replica with a job, all or nothing. It returns how many were
// new: a replica that is there already stays as it is.
func (s *MediaStore) Place(ctx context.Context, wanted []world.Placing) (placed int, err error) {
	const q = `insert into replica (sha256, region, state) values ($1, $2, 'pending') on conflict do nothing`
	err = pgx.BeginFunc(ctx, s.own.Pool, func(tx pgx.Tx) error {
		placed = 0
		for _, w := range wanted {
			tag, err := tx.Exec(ctx, q, w.SHA256, w.Region)
			if err != nil {
				return err
			}
			if tag.RowsAffected() == 0 {
				continue
			}
			placed++
			args := ReplicateArgs{SHA256: w.SHA256, App: w.App, MediaID: w.MediaID, Version: w.Version, Target: w.Region}
			if _, err := s.jobs.InsertTx(ctx, tx, args, nil); err != nil {
				return err
			}
		}
		return nil
	})
	return placed, mapError("postgres.media place", err)
}
