package postgres

import (
	"cmp"
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/world"
)

// jobState is the queue's state of a job in the words of [world.Job].
const jobState = `case when state in ('discarded', 'cancelled') then 'failed' when state = 'running' then 'running'
                       when state = 'completed' then 'done' when coalesce(cardinality(errors), 0) > 0 then 'retrying' else 'waiting' end`

// Jobs is an app's background work in every region, newest first, at most limit,
// as far as the filter lets it through. missing names the regions whose queue could
// not be read; when none could, that is the error.
func (s *MediaStore) Jobs(ctx context.Context, app string, f world.JobFilter, limit int) (page []world.Job, missing []string, err error) {
	const q = `select * from (
	               select id, kind, ` + jobState + ` as shown, args ->> 'media_id', coalesce((args ->> 'version')::integer, 0), coalesce(args ->> 'target', ''),
	                      attempt, coalesce(errors[array_upper(errors, 1)] ->> 'error', ''), coalesce(finalized_at, case when state = 'running' then attempted_at end, scheduled_at)
	                 from river_job where args ->> 'app' = $1 and $4 in (args ->> 'media_id', '')) j
	            where shown = $2 or $2 = '' and shown <> 'done' order by id desc limit $3`
	order := func(a, b world.Job) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID)) }
	row := func(c *Cluster) pgx.RowToFunc[world.Job] {
		return func(row pgx.CollectableRow) (world.Job, error) {
			j := world.Job{Region: c.Region, App: app}
			err := row.Scan(&j.ID, &j.Kind, &j.State, &j.MediaID, &j.Version, &j.Target, &j.Attempts, &j.Error, &j.At)
			j.At = j.At.UTC()
			return j, err
		}
	}
	return newest(ctx, "postgres.media jobs", s.regions, limit, order, row, q, app, f.State, limit, f.MediaID)
}

// CountJobs is how much work of this region is waiting, being tried again and
// parked.
func (s *MediaStore) CountJobs(ctx context.Context) ([]world.JobCount, error) {
	const op = "postgres.media count jobs"
	const q = `select kind, ` + jobState + `, count(*), min(created_at) from river_job where state <> 'completed' group by 1, 2`
	rows, err := s.own.Pool.Query(ctx, q)
	if err != nil {
		return nil, mapError(op, err)
	}
	counts, err := pgx.CollectRows(rows, pgx.RowToStructByPos[world.JobCount])
	return counts, mapError(op, err)
}

// RetryJob has a job of this region that has failed tried again, at once. Errors:
// not_found for one that the app does not have, or that has not failed; conflict
// when the same work waits in a younger job.
func (s *MediaStore) RetryJob(ctx context.Context, app string, id int64) error {
	const op = "postgres.media retry job"
	const q = `select id from river_job where id = $1 and args ->> 'app' = $2 and ` + jobState + ` in ('failed', 'retrying')`
	return mapError(op, pgx.BeginFunc(ctx, s.own.Pool, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, q, id, app).Scan(&id); err != nil {
			return err
		}
		_, err := s.jobs.JobRetryTx(ctx, tx, id)
		if err = mapError(op, err); world.Is(err, world.CodeConflict) {
			return world.Because(world.CodeConflict, op, "The same work waits in a younger job already. Look at the list of jobs.", err)
		}
		return err
	}))
}

// Prepare asks for what is made of a version, of whatever region's asset, to be
// made in this region after a time. One that is asked for already stays as it is.
func (s *MediaStore) Prepare(ctx context.Context, app, mediaID string, version int, thorough bool, cell string, after time.Duration) error {
	args := PrepareArgs{App: app, MediaID: mediaID, Version: version, Thorough: thorough, Cell: cell}
	o := args.InsertOpts()
	o.ScheduledAt = time.Now().Add(after)
	_, err := s.jobs.Insert(ctx, args, &o)
	return mapError("postgres.media prepare", err)
}

// MarkMezzanine records how far a version's mezzanine has come, at its write
// region.
func (s *MediaStore) MarkMezzanine(ctx context.Context, mediaID string, version int, m world.Mezzanine) error {
	const q = `update asset_version set mezzanine_state = $3, mezzanine_sha256 = $4 where media_id = $1 and version = $2`
	_, err := s.own.Pool.Exec(ctx, q, mediaID, version, m.State, m.SHA256)
	return mapError("postgres.media mezzanine", err)
}
