package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/world"
)

// Patient makes a feed wait so long for each read, and no longer.
func (f *Feed) Patient(d time.Duration) { f.patience = d }

// MigrateTo brings a schema up to a version of before.
var MigrateTo = migrate

// Insert runs one statement durably.
func (c *Cluster) Insert(ctx context.Context, sql string, args ...any) error {
	return c.durably(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sql, args...)
		return err
	})
}

// Cluster is the one that the store keeps its orders in.
func (s *OrderStore) Cluster() *Cluster { return s.c }

// SearchLooking searches as Search does, but looks at so many products.
func (s *CatalogStore) SearchLooking(ctx context.Context, q world.SearchQuery, looks int) (world.Listing, error) {
	return s.search(ctx, q, looks)
}
