package postgres

import (
	"context"
	"embed"
	"io/fs"

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
	if _, err := p.Up(ctx); err != nil {
		return mapError("postgres.migrate "+kind, err)
	}
	return nil
}
