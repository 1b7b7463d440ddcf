package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/engine/pause"
	"meridian/world"
)

// Limits of every pool. A connection string may set its own pool_max_conns,
// pool_max_conn_idle_time and pool_health_check_period.
const (
	defaultMaxConns    = 8
	defaultIdleTime    = 30 * time.Second // a connection costs its server 3 MB and more
	defaultHealthCheck = 15 * time.Second
	connectTimeout     = 5 * time.Second
	statementTimeout   = 10 * time.Second
	waitStep           = 10 * time.Millisecond // between looks at a replica that is behind
)

// Cluster is one database cluster as it is seen from one region: the primary
// at home, a hot standby elsewhere.
type Cluster struct {
	Name    string // "catalog-us-east"
	Region  string // the cluster's home region
	Primary bool   // whether writes are taken here
	Pool    *pgxpool.Pool
}

// Open makes the pool; it connects when first used. application is shown in
// pg_stat_activity.
func Open(ctx context.Context, name, region string, primary bool, connString, application string) (*Cluster, error) {
	cfg, err := pgxpool.ParseConfig(connString)
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "postgres.open", fmt.Sprintf("The connection string of %s is not one: see the PostgreSQL manual on connection strings.", name), errors.New("not shown: it may hold a password"))
	}
	// pgxpool takes the pool's settings out of what it has parsed and fills in
	// defaults of its own: only a second look tells what was written.
	written, err := pgx.ParseConfig(connString)
	if err != nil {
		return nil, mapError("postgres.open "+name, err)
	}
	policy, err := commitPolicy(written.RuntimeParams)
	if err != nil {
		return nil, err
	}
	limitPool(cfg, written.RuntimeParams)
	cfg.ConnConfig.OnNotice = noteUnconfirmed
	cfg.ConnConfig.ConnectTimeout = connectTimeout
	p := cfg.ConnConfig.RuntimeParams
	p["application_name"] = application
	p["statement_timeout"] = fmt.Sprint(statementTimeout.Milliseconds())
	p["timezone"] = "UTC"
	p["synchronous_commit"] = policy
	if name == world.CatalogCluster(region) {
		// Its reads are made for one plan each, whatever they are given; to make it
		// anew for each page took a fifth of a page's time. What is looked up for
		// each product is another each time, so that to remember it is in vain.
		p["plan_cache_mode"], p["enable_memoize"] = "force_generic_plan", "off"
	}
	if primary {
		(&fence{cluster: name}).guard(cfg)
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, mapError("postgres.open "+name, err)
	}
	return &Cluster{Name: name, Region: region, Primary: primary, Pool: pool}, nil
}

// limitPool sets our limits where the connection string has none.
func limitPool(cfg *pgxpool.Config, written map[string]string) {
	if written["pool_max_conns"] == "" {
		cfg.MaxConns = defaultMaxConns
	}
	if written["pool_max_conn_idle_time"] == "" {
		cfg.MaxConnIdleTime = defaultIdleTime
	}
	if written["pool_health_check_period"] == "" {
		cfg.HealthCheckPeriod = defaultHealthCheck
	}
}

// Close ends the pool's connections.
func (c *Cluster) Close() { c.Pool.Close() }

// epochColumn is the epoch of what can be seen on a server: the timeline that a
// primary writes on; on a standby the one that it has replayed the beginning of.
// A control file tells neither: it names that of the last checkpoint.
const epochColumn = `case when pg_is_in_recovery() then (select n from timeline)
	else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint end`

// Position is a position at or past everything that has been committed
// (primary) or replayed (standby) here.
func (c *Cluster) Position(ctx context.Context) (world.Position, error) {
	const q = `select case when pg_is_in_recovery() then coalesce(pg_last_wal_replay_lsn(), '0/0') else pg_current_wal_flush_lsn() end::text, ` + epochColumn
	var lsn string
	var epoch int64
	if err := c.Pool.QueryRow(ctx, q).Scan(&lsn, &epoch); err != nil {
		return world.Position{}, mapError("postgres.position "+c.Name, err)
	}
	n, err := world.ParseLSN(lsn)
	if err != nil {
		return world.Position{}, err
	}
	return world.Position{Cluster: c.Name, Epoch: uint32(epoch), LSN: n}, nil
}

// WaitFor waits until this server has everything that want names, at most for
// limit. It reports whether it has. Other clusters' positions are not waited for.
func (c *Cluster) WaitFor(ctx context.Context, want world.Position, limit time.Duration) (bool, error) {
	if want.Zero() || want.Cluster != c.Name || c.Primary {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		have, err := c.Position(ctx)
		switch {
		case err == nil && have.Covers(want):
			return true, nil
		case ctx.Err() != nil:
			return false, nil
		case err != nil:
			return false, err
		}
		if !pause.For(ctx, waitStep) {
			return false, nil
		}
	}
}

// Ping reports whether the server answers.
func (c *Cluster) Ping(ctx context.Context) error {
	return mapError("postgres.ping "+c.Name, c.Pool.Ping(ctx))
}

// mapError gives a database failure its code. No row is not_found; a broken
// constraint is conflict; a server that is away, starting, or out of
// connections is unavailable; the rest is internal. nil stays nil.
func mapError(op string, err error) error {
	if err == nil {
		return nil
	}
	var e *world.Error
	if errors.As(err, &e) {
		return world.Wrap(op, err)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return world.Because(world.CodeNotFound, op, "", err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return world.Because(world.CodeTimeout, op, "", err)
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return world.Because(codeOfState(pg.Code), op, "", err)
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) || pgconn.SafeToRetry(err) {
		return world.Because(world.CodeUnavailable, op, "", err)
	}
	return world.Because(world.CodeInternal, op, "", err)
}

// codeOfState maps a SQLSTATE (PostgreSQL manual, appendix A).
func codeOfState(state string) world.Code {
	switch state {
	case "23505", "40001", "40P01":
		return world.CodeConflict
	case "25006": // a write sent to a standby
		return world.CodeUnavailable
	case "55P03": // of a statement that waits for no lock
		return world.CodeBusy
	case "57014":
		return world.CodeTimeout
	}
	if len(state) == 5 {
		switch state[:2] {
		case "08", "53", "57":
			return world.CodeUnavailable
		case "23", "22":
			return world.CodeUnprocessed
		}
	}
	return world.CodeInternal
}
