package postgres

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/engine/failover"
	"meridian/engine/pause"
	"meridian/world"
)

const (
	// freshLook is how many looks a connection is kept for. A server whose first
	// process hangs answers old connections and takes no new one.
	freshLook   = 5
	settlePause = 20 * time.Millisecond // between looks at what has not settled yet
)

// Console does, as a superuser, what a pair of servers needs done by SQL: it is
// adapter/pgcluster's Console. One is for one cluster.
type Console struct {
	mu    sync.Mutex
	conn  *pgx.Conn // for Look; nil when there is none
	to    string
	looks int
}

// connect opens a connection that waits for no standby.
func (c *Console) connect(ctx context.Context, conn string) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(conn)
	if err != nil {
		return nil, world.E(world.CodeInvalid, "postgres.console", "The connection string is not one.")
	}
	cfg.ConnectTimeout = connectTimeout
	cfg.RuntimeParams["application_name"] = "meridian-keeper"
	cfg.RuntimeParams["synchronous_commit"] = "local"
	// No prepared statements: what is asked is asked once, or once a second.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	got, err := pgx.ConnectConfig(ctx, cfg)
	return got, mapError("postgres.console", err)
}

// with runs f on a connection of its own.
func (c *Console) with(ctx context.Context, conn string, f func(*pgx.Conn) error) error {
	own, err := c.connect(ctx, conn)
	if err != nil {
		return err
	}
	defer own.Close(context.WithoutCancel(ctx))
	return mapError("postgres.console", f(own))
}

// Answers asks the least there is, on a new connection.
func (c *Console) Answers(ctx context.Context, conn string) error {
	return c.with(ctx, conn, func(own *pgx.Conn) error { return own.Ping(ctx) })
}

// Checkpoint makes one now, at full speed.
func (c *Console) Checkpoint(ctx context.Context, conn string) error {
	return c.with(ctx, conn, func(own *pgx.Conn) error {
		_, err := own.Exec(ctx, "checkpoint")
		return err
	})
}

// lookQuery asks a primary for its timeline, for how its standby follows, and how
// many commits wait for that.
const lookQuery = `select ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint,
       coalesce((select pg_wal_lsn_diff(pg_current_wal_flush_lsn(), flush_lsn)::bigint from pg_stat_replication
                  where application_name = $1 and state = 'streaming' limit 1), -1),
       coalesce((select pg_wal_lsn_diff(flush_lsn, '0/0')::bigint from pg_stat_replication where application_name = $1 limit 1), 0),
       (select count(*) from pg_stat_activity where wait_event = 'SyncRep')`

// Look asks a primary how it is, and how a standby of that name follows it.
func (c *Console) Look(ctx context.Context, conn, standby string) (failover.Look, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil && (c.to != conn || c.looks >= freshLook) {
		c.hangUp(ctx)
	}
	if c.conn == nil {
		own, err := c.connect(ctx, conn)
		if err != nil {
			return failover.Look{}, err
		}
		c.conn, c.to, c.looks = own, conn, 0
	}
	c.looks++
	var l failover.Look
	var timeline, confirmed int64
	err := c.conn.QueryRow(ctx, lookQuery, standby).Scan(&timeline, &l.Behind, &confirmed, &l.Waits)
	if err != nil {
		c.hangUp(ctx)
		return l, mapError("postgres.look", err)
	}
	l.Timeline, l.Confirmed, l.Following = uint32(timeline), uint64(confirmed), l.Behind >= 0
	return l, nil
}

func (c *Console) hangUp(ctx context.Context) {
	soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), settlePause)
	defer cancel()
	c.conn.Close(soon) // one that hangs is left to its server
	c.conn = nil
}

// Close ends the connection that Look keeps.
func (c *Console) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		c.hangUp(context.Background())
	}
}

// Settle waits until a primary goes by synchronous_standby_names and, when by is
// not "", until everything that it has acknowledged is at that standby.
func (c *Console) Settle(ctx context.Context, conn, names, by string) error {
	for {
		var now string
		err := c.with(ctx, conn, func(own *pgx.Conn) error { return own.QueryRow(ctx, "show synchronous_standby_names").Scan(&now) })
		if err != nil {
			return err
		}
		if now == names {
			break
		}
		if !pause.For(ctx, settlePause) {
			return world.Because(world.CodeTimeout, "postgres.settle", "The server does not take up its settings.", ctx.Err())
		}
	}
	if by == "" {
		return nil
	}
	// A process that was begun with the settings shows that all others were told of
	// them. It is the checkpointer that makes commits wait, and it goes by them
	// before it begins another checkpoint (PostgreSQL source: checkpointer.c).
	if err := c.Checkpoint(ctx, conn); err != nil {
		return err
	}
	return c.with(ctx, conn, func(own *pgx.Conn) error { return confirms(ctx, own, by) })
}

// confirms waits until a standby counts for commits, and has all of those that
// were made before it did.
func confirms(ctx context.Context, own *pgx.Conn, by string) error {
	const counts = `select exists (select from pg_stat_replication where application_name = $1 and state = 'streaming' and sync_state in ('sync', 'quorum'))`
	const has = `select exists (select from pg_stat_replication where application_name = $1 and flush_lsn >= $2::pg_lsn)`
	if err := awaitTrue(ctx, own, counts, by); err != nil {
		return err
	}
	var end string
	if err := own.QueryRow(ctx, "select pg_current_wal_flush_lsn()::text").Scan(&end); err != nil {
		return err
	}
	return awaitTrue(ctx, own, has, by, end)
}

func awaitTrue(ctx context.Context, own *pgx.Conn, query string, args ...any) error {
	for {
		var ok bool
		if err := own.QueryRow(ctx, query, args...).Scan(&ok); err != nil || ok {
			return err
		}
		if !pause.For(ctx, settlePause) {
			return fmt.Errorf("%v does not confirm: %w", args[0], ctx.Err())
		}
	}
}

// Backup has copy called while the server is in backup mode (PostgreSQL manual,
// 26.3.3), and returns what the copy is to have as backup_label.
func (c *Console) Backup(ctx context.Context, conn string, copy func() error) (label string, err error) {
	err = c.with(ctx, conn, func(own *pgx.Conn) error {
		if _, err := own.Exec(ctx, "select pg_backup_start('meridian', true)"); err != nil {
			return err
		}
		if err := copy(); err != nil {
			return err // the mode ends with the connection
		}
		return own.QueryRow(ctx, "select labelfile from pg_backup_stop(false)").Scan(&label)
	})
	return label, err
}
