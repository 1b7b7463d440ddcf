package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
)

// requeueBatch is the most jobs that one statement takes up again.
const requeueBatch = 500

// replicateArgs reads the jobs that copy replicas' originals; a condition follows.
const replicateArgs = `select r.sha256, r.region, v.app, v.media_id, v.version
  from replica r
  join lateral (select a.app, v.media_id, v.version from asset_version v join asset a using (media_id)
                 where v.sha256 = r.sha256 order by v.created_at limit 1) v on true `

func scanReplicateArgs(row pgx.CollectableRow) (a ReplicateArgs, err error) {
	err = row.Scan(&a.SHA256, &a.Target, &a.App, &a.MediaID, &a.Version)
	return a, err
}

// requeue sees to it that every replica that is not copied and every removal that
// is not done has a job: failed ones, and those whose job was lost with an
// operator's cleaning.
func requeue(ctx context.Context, pool *pgxpool.Pool) error {
	client, err := newJobInserter(pool) // of every kind, whatever is worked on here
	if err != nil {
		return err
	}
	const replicas = replicateArgs + `where r.state <> 'copied' and (r.sha256, r.region) > ($1, $2) order by r.sha256, r.region limit $3`
	const removals = `select r.media_id, r.region, a.app from removal r join asset a using (media_id)
	            where r.state <> 'removed' and (r.media_id, r.region) > ($1, $2)
	            order by r.media_id, r.region limit $3`
	err = requeueEach(ctx, pool, client, replicas, func(row pgx.CollectableRow) (a ReplicateArgs, id, region string, err error) {
		a, err = scanReplicateArgs(row)
		return a, a.SHA256, a.Target, err
	})
	if err != nil {
		return err
	}
	return requeueEach(ctx, pool, client, removals, func(row pgx.CollectableRow) (a RemoveArgs, id, region string, err error) {
		err = row.Scan(&a.MediaID, &a.Target, &a.App)
		return a, a.MediaID, a.Target, err
	})
}

// requeueEach puts a job in for each row of a query in the order of two names, of
// which scan tells those of its row.
func requeueEach[A river.JobArgs](ctx context.Context, pool *pgxpool.Pool, client *river.Client[pgx.Tx], query string, scan func(pgx.CollectableRow) (a A, id, region string, err error)) error {
	const op = "postgres.jobs requeue"
	id, region := "", ""
	for {
		rows, err := pool.Query(ctx, query, id, region, requeueBatch)
		if err != nil {
			return mapError(op, err)
		}
		batch, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p river.InsertManyParams, err error) {
			p.Args, id, region, err = scan(row)
			return p, err
		})
		if err != nil || len(batch) == 0 {
			return mapError(op, err)
		}
		if _, err := client.InsertMany(ctx, batch); err != nil {
			return mapError(op, err)
		}
	}
}
