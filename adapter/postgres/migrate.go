package postgres

import (
	"context"
	"embed"
	"io/fs"
	"math"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"meridian/world"
)

//go:embed migrations
var migrations embed.FS

// The kinds of database.
const (
	Catalog  = "catalog"
	Resident = "resident"
)

// Migrate brings a primary's schema to what this binary needs. kind is
// [Catalog] or [Resident]. Running it again changes nothing.
func Migrate(ctx context.Context, pool *pgxpool.Pool, kind string) error {
	return migrate(ctx, pool, kind, latest)
}

// latest stands for the newest version that there is.
const latest = math.MaxInt64

// migrate brings a schema up to a version.
func migrate(ctx context.Context, pool *pgxpool.Pool, kind string, version int64) error {
	dir, err := fs.Sub(migrations, "migrations/"+kind)
	if err != nil {
		return world.Wrap("postgres.migrate", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	p, err := goose.NewProvider(goose.DialectPostgres, db, dir, goose.WithTableName("schema_version"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return world.Wrap("postgres.migrate", err)
	}
	if _, err := p.UpTo(ctx, version); err != nil {
		return mapError("postgres.migrate "+kind, err)
	}
	return nil
}
