package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"meridian/world"
)

// Held are at most limit originals that a region holds by what the catalogs here
// say, of assets of every write region, in the order of their SHA-256, behind the
// one of after. One that several write regions have assets of is there once for
// each, one behind the other, and counts once. A catalog that cannot be read is an
// error: its originals would be passed over.
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
	return firstOriginals(all, limit), nil
}

// firstOriginals cuts originals in order behind the limit-th.
func firstOriginals(all []world.Original, limit int) []world.Original {
	for i, o := range all {
		if i > 0 && o.SHA256 == all[i-1].SHA256 {
			continue
		}
		if limit--; limit < 0 {
			return all[:i]
		}
	}
	return all
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

// Checked records what reading a region's copies of this region's originals again
// has found. What is good was verified then. What is not is told as never
// verified; a copy of another region is then pending, with a job that sends it
// anew. A copy that is not thought to be there, or unknown, is passed over.
func (s *MediaStore) Checked(ctx context.Context, region string, checks []world.CopyCheck) error {
	err := pgx.BeginFunc(ctx, s.own.Pool, func(tx pgx.Tx) error {
		// In one order, so that two who tell at once do not wait for each other in turn.
		for _, c := range slices.SortedFunc(slices.Values(checks), func(a, b world.CopyCheck) int { return cmp.Compare(a.SHA256, b.SHA256) }) {
			if err := s.checked(ctx, tx, region, c); err != nil {
				return err
			}
		}
		return nil
	})
	return mapError("postgres.media checked", err)
}

// damagedCopy is what a replica's row says of a copy that could not be healed.
const damagedCopy = "The copy is damaged or missing, and was not healed by the region itself."

func (s *MediaStore) checked(ctx context.Context, tx pgx.Tx, region string, c world.CopyCheck) error {
	if c.Good {
		// Another region's clock may run ahead: nothing was read in the future.
		const q = `update replica set verified_at = greatest(verified_at, least($3, now())), error = '' where sha256 = $1 and region = $2 and state = 'copied'`
		_, err := tx.Exec(ctx, q, c.SHA256, region, c.At)
		return err
	}
	const q = `update replica set verified_at = null, error = $3,
	               at    = case when region = $4 then at else now() end,
	               state = case when region = $4 then state else 'pending' end
	            where sha256 = $1 and region = $2 and state = 'copied' and (verified_at is null or verified_at < $5) returning state`
	var state world.ReplicaState
	err := tx.QueryRow(ctx, q, c.SHA256, region, damagedCopy, s.own.Region, c.At).Scan(&state)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && state == world.ReplicaCopied {
		return nil
	}
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, replicateArgs+`where r.sha256 = $1 and r.region = $2`, c.SHA256, region)
	if err != nil {
		return err
	}
	args, err := pgx.CollectExactlyOneRow(rows, scanReplicateArgs)
	if err == nil {
		_, err = s.jobs.InsertTx(ctx, tx, args, nil)
	}
	return err
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
