package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/engine/failover"
	"meridian/engine/pause"
	"meridian/world"
)

// standQuery asks any server of a cluster what it is and what it has. A standby's
// log ends where it has replayed to or, behind that, where it has received to.
const standQuery = `select not pg_is_in_recovery(),
	exists (select from pg_stat_wal_receiver where status = 'streaming'),
	(case when pg_is_in_recovery()
		then greatest(coalesce(pg_last_wal_receive_lsn(), '0/0'), coalesce(pg_last_wal_replay_lsn(), '0/0'))
		else pg_current_wal_flush_lsn() end)::text,
	` + epochColumn + `, pg_last_xact_replay_timestamp()`

// Stand asks a server of a cluster what it is and how far its log goes.
func (c *Console) Stand(ctx context.Context, conn, cluster string) (r failover.Replica, err error) {
	err = c.with(ctx, conn, func(own *pgx.Conn) error {
		var lsn string
		var epoch int64
		if err := own.QueryRow(ctx, standQuery).Scan(&r.Primary, &r.Follows, &lsn, &epoch, &r.LastCommit); err != nil {
			return err
		}
		n, err := world.ParseLSN(lsn)
		r.Has = world.Position{Cluster: cluster, Epoch: uint32(epoch), LSN: n}
		r.Answers = err == nil
		return err
	})
	return r, err
}

// A standby's replay is at its end when it has stood still for replayStill, and was
// seen to wait for what is nowhere to be had. To stand still is not enough: its
// process may be starved, or wait for a query that is in its way. To have replayed all
// that was received would be too much: the log may end within a record, which is never
// replayed. That wait comes only after the log at hand was read to its end without a
// primary (PostgreSQL manual: wait events of type Timeout; source: xlogrecovery.c,
// WaitForWALToBecomeAvailable). It lasts up to wal_retrieve_retry_interval in each try
// to reach one, so where tries take longer than that it may never be seen: then it is
// enough to have stood still for replayUnseen.
const (
	replayStill  = 300 * time.Millisecond
	replayUnseen = 10 * time.Second
)

// End waits until a standby that hears nobody any more has replayed what it has,
// and tells where its history will part from its primary's: the place in the log;
// the oldest transaction that was running there; and the first of which the log
// knows nothing (PostgreSQL manual: pg_current_snapshot). What is on a primary
// from a transaction between the two was replicated if it is committed here too.
func (c *Console) End(ctx context.Context, conn string) (lsn, low, next uint64, err error) {
	const q = `select coalesce(pg_last_wal_replay_lsn(), '0/0')::text, exists (select from pg_stat_wal_receiver),
		exists (select from pg_stat_activity where backend_type = 'startup' and wait_event = 'RecoveryRetrieveRetryInterval'),
		pg_snapshot_xmin(pg_current_snapshot())::text::numeric::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::numeric::bigint`
	err = c.with(ctx, conn, func(own *pgx.Conn) error {
		var last string
		var waited bool
		for since := time.Now(); ; {
			var now string
			var hears, idle bool
			if err := own.QueryRow(ctx, q).Scan(&now, &hears, &idle, &low, &next); err != nil {
				return err
			}
			if now != last || hears {
				last, since, waited = now, time.Now(), false
			}
			still := time.Since(since)
			if waited && still >= replayStill || still >= replayUnseen {
				break
			}
			waited = waited || idle // what was replayed by then, the next look shows
			if !pause.For(ctx, settlePause) {
				return world.Because(world.CodeTimeout, "postgres.end", "The standby goes on replaying.", ctx.Err())
			}
		}
		lsn, err = world.ParseLSN(last)
		return err
	})
	return lsn, low, next, err
}

// Follows reports whether a standby follows a primary: it hears it, and has replayed
// the promotion by which that became primary. One that has log which the primary's
// history does not is heard now and then as well: it is sent what it asks for, up to
// where the two part, again and again.
func (c *Console) Follows(ctx context.Context, primary, standby string) (bool, error) {
	var timeline int64
	err := c.with(ctx, primary, func(own *pgx.Conn) error { return own.QueryRow(ctx, "select timeline_note()").Scan(&timeline) })
	if err != nil {
		return false, err
	}
	r, err := c.Stand(ctx, standby, "")
	return r.Follows && int64(r.Has.Epoch) == timeline, err
}

// historyQuery reads how a primary's timeline came about: for each before it, where
// it was left (PostgreSQL source: timeline.c). The first timeline has no such file.
const historyQuery = `select coalesce(pg_read_file('pg_wal/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '.history', 0, 65536, true), '')`

// Parted reports whether a standby has replayed log that a primary's history does
// not have: it got more of an earlier timeline than the promoted server had.
// PostgreSQL then refuses, again and again, to follow the new timeline. One that is
// just about to follow may look the same for a moment.
func (c *Console) Parted(ctx context.Context, primary, standby string) (bool, error) {
	const q = `select not pg_is_in_recovery(), coalesce(pg_last_wal_replay_lsn(), '0/0')::text, (select n from timeline)`
	var history, lsn string
	err := c.with(ctx, primary, func(own *pgx.Conn) error { return own.QueryRow(ctx, historyQuery).Scan(&history) })
	if err != nil {
		return false, err
	}
	var writes bool
	var timeline int64
	err = c.with(ctx, standby, func(own *pgx.Conn) error { return own.QueryRow(ctx, q).Scan(&writes, &lsn, &timeline) })
	if err != nil || writes {
		return writes, err
	}
	n, err := world.ParseLSN(lsn)
	if err != nil {
		return false, err
	}
	return parted(history, world.Position{Epoch: uint32(timeline), LSN: n})
}

// parted compares a standby's end with the places at which a history has left its
// timelines.
func parted(history string, has world.Position) (bool, error) {
	for line := range strings.Lines(history) {
		fields := strings.Fields(line)
		if len(fields) < 2 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		timeline, err := strconv.ParseUint(fields[0], 10, 32)
		if err != nil {
			return false, world.Because(world.CodeInternal, "postgres.history", "A timeline's history is damaged.", err)
		}
		left, err := world.ParseLSN(fields[1])
		if err != nil {
			return false, world.Because(world.CodeInternal, "postgres.history", "A timeline's history is damaged.", err)
		}
		if uint32(timeline) >= has.Epoch && has.LSN > left {
			return true, nil
		}
	}
	return false, nil
}

// References are what other catalogs say of a cluster that a promoted replica of it
// does not have: purges with a place in its feed, and products with a picture of it.
// others are connection strings by the clusters' names; one that does not answer
// says nothing. region is the cluster's home, number that region's.
func (c *Console) References(ctx context.Context, conn, region string, number int, others map[string]string, since time.Time) ([]failover.Reference, error) {
	var out []failover.Reference
	err := c.with(ctx, conn, func(own *pgx.Conn) error {
		for cluster, other := range others {
			asked, shown, err := c.refers(ctx, other, region, number, since)
			if err != nil {
				continue // it says nothing: the report names what is known
			}
			for _, q := range []struct {
				what, query string
				ids         []string
			}{
				{"purge", `select id from unnest($1::text[]) id where not exists (select from outbox where purge_id = id) order by id`, asked},
				{"product", `select id from unnest($1::text[]) id where not exists (select from asset where media_id = id) order by id`, shown},
			} {
				rows, err := own.Query(ctx, q.query, q.ids)
				if err != nil {
					return err
				}
				lacks, err := pgx.CollectRows(rows, pgx.RowTo[string])
				if err != nil {
					return err
				}
				for _, id := range lacks {
					out = append(out, failover.Reference{In: cluster, What: q.what, ID: id})
				}
			}
		}
		return nil
	})
	return out, err
}

// refers reads what one catalog knows of another region's.
func (c *Console) refers(ctx context.Context, conn, region string, number int, since time.Time) (asked, shown []string, err error) {
	err = c.with(ctx, conn, func(own *pgx.Conn) error {
		rows, err := own.Query(ctx, `select id from purge where result -> 'placed' ? $1 and at >= $2`, region, since)
		if err == nil {
			asked, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		if err != nil {
			return err
		}
		rows, err = own.Query(ctx, `select distinct media_id from product where media_id is not null`)
		if err != nil {
			return err
		}
		all, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, id := range all {
			if n, ok := world.MediaIDRegion(id); ok && n == number {
				shown = append(shown, id)
			}
		}
		return err
	})
	return asked, shown, err
}

// errNoRows says that a server's rows cannot be compared.
func errNoRows(what string, err error) error {
	return world.Because(world.CodeInternal, "postgres.left", fmt.Sprintf("The rows that only the former primary has cannot be told: %s.", what), err)
}
