package postgres

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/world"
)

// A primary that was taken over from may come back, take connections and answer
// them, until somebody stops it. Each promotion begins a new timeline: of two
// servers that take writes the one on the lower timeline is such a zombie. A fence
// keeps this process's connections away from it.

// timelineMark is where a connection keeps the timeline of its server.
const timelineMark = "meridian.timeline"

// fence is one cluster's, in one process.
type fence struct {
	cluster string
	highest atomic.Int64 // timeline that a primary was seen on
	noted   atomic.Int64 // timeline that its row was seen to tell
	survey  *survey
}

// stateQuery asks a server what it is. Only a primary has a timeline to tell.
const stateQuery = `select pg_is_in_recovery(), current_setting('synchronous_commit'), case when pg_is_in_recovery() then 0
	else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint end`

// check refuses a connection to a server that is no primary, or that another has
// taken over from; pgx then tries the next host of the connection string.
func (f *fence) check(ctx context.Context, conn *pgconn.PgConn) error {
	s, err := stateOf(ctx, conn)
	switch {
	case err != nil:
		return err
	case s.standby:
		return pgconn.ErrReadOnlyConnection
	case s.commit != "on" && s.commit != "remote_apply": // a pooler between may have its own
		return world.E(world.CodeUnavailable, "postgres.fence", fmt.Sprintf("%s acknowledges commits that no standby has (synchronous_commit is %.20s): see what lies between.", f.cluster, s.commit))
	}
	f.survey.wait(ctx)
	if high := f.raise(s.timeline); s.timeline < high {
		return world.E(world.CodeUnavailable, "postgres.fence", fmt.Sprintf("This server of %s writes on timeline %d and another has taken over from it on timeline %d: stop it.", f.cluster, s.timeline, high))
	}
	if f.noted.Load() != s.timeline {
		if _, err := one(ctx, conn, "select timeline_note()"); err != nil {
			return err
		}
		f.noted.Store(s.timeline)
	}
	conn.CustomData()[timelineMark] = s.timeline
	return nil
}

// raise takes note of a timeline and returns the highest.
func (f *fence) raise(timeline int64) int64 {
	for {
		high := f.highest.Load()
		if timeline <= high {
			return high
		}
		if f.highest.CompareAndSwap(high, timeline) {
			return timeline
		}
	}
}

// passes reports whether a connection that was taken before still is to the
// newest primary that is known. Who has not been heard is asked again meanwhile: a
// pool may need no other connection for long.
func (f *fence) passes(conn *pgx.Conn) bool {
	f.survey.ask()
	timeline, ok := conn.PgConn().CustomData()[timelineMark].(int64)
	return ok && timeline >= f.highest.Load()
}

// guard puts a fence round a primary's pool.
func (f *fence) guard(cfg *pgxpool.Config) {
	cfg.ConnConfig.ValidateConnect = f.check
	f.survey = newSurvey(&cfg.ConnConfig.Config, func(s serverState) { f.raise(s.timeline) })
	cfg.PrepareConn = func(_ context.Context, conn *pgx.Conn) (bool, error) { return f.passes(conn), nil }
}

type serverState struct {
	standby  bool
	commit   string
	timeline int64
}

func stateOf(ctx context.Context, conn *pgconn.PgConn) (serverState, error) {
	row, err := one(ctx, conn, stateQuery)
	if err != nil {
		return serverState{}, err
	}
	if len(row) != 3 {
		return serverState{}, fmt.Errorf("the server's state has %d columns", len(row))
	}
	timeline, err := strconv.ParseInt(string(row[2]), 10, 64)
	return serverState{standby: string(row[0]) == "t", commit: string(row[1]), timeline: timeline}, err
}

// one reads the first row of a query.
func one(ctx context.Context, conn *pgconn.PgConn, query string) ([][]byte, error) {
	results, err := conn.Exec(ctx, query).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(results) == 0 || len(results[0].Rows) == 0 {
		return nil, fmt.Errorf("%.40q gave no row", query)
	}
	return results[0].Rows[0], nil
}
