package postgres

import (
	"context"
	"hash/fnv"

	"github.com/jackc/pgx/v5"

	"meridian/world"
)

// place is where a feed stands.
type place struct {
	settled world.Cursor // behind everything that is committed
	floor   world.Cursor // up to here events have been removed
}

// placeQuery reads a [place]. Everything with a transaction below xmin is
// settled; a running one will be shown, which at worst purges something twice.
// The history is told by what no two have in common: the server's identity, its
// timeline, which each promotion and each recovery to a point in time changes,
// the database within it, and the name that an operator can change (PostgreSQL
// manual: Control Data Functions; Timelines).
const placeQuery = `select pg_snapshot_xmin(pg_current_snapshot())::text::numeric::bigint, txid::text::numeric::bigint, seq,
	       concat_ws(' ', (select system_identifier from pg_control_system()), left(pg_walfile_name(pg_current_wal_lsn()), 8),
	                 (select oid from pg_database where datname = current_database()), history)
	  from feed_state`

// historyID is a history as cursors carry it: never 0.
func historyID(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return max(h.Sum64(), 1)
}

func (f *Feed) place(ctx context.Context, conn querier) (place, error) {
	ctx, cancel := context.WithTimeout(ctx, f.patience)
	defer cancel()
	p, err := scanPlace(conn.QueryRow(ctx, placeQuery))
	return p, mapError("postgres.feed", err)
}

func scanPlace(row pgx.Row) (p place, err error) {
	var history string
	err = row.Scan(&p.settled.Tx, &p.floor.Tx, &p.floor.Seq, &history)
	p.settled.History = historyID(history)
	p.floor.History = p.settled.History
	return p, err
}

// start resolves where to follow from: [world.CursorNow] is the place behind
// everything committed, "" that before the oldest event which is kept.
func (p place) start(after string) (world.Cursor, error) {
	switch after {
	case world.CursorNow:
		return p.settled, nil
	case "":
		return p.floor, nil
	}
	return world.ParseCursor(after)
}

// holds reports whether every event behind a cursor is still to be had here.
func (p place) holds(c world.Cursor) bool {
	return c.Reached(p.floor) && !p.settled.Less(world.Cursor{Tx: c.Tx})
}
