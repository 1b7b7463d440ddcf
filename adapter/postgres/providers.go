package postgres

import (
	"cmp"
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/world"
)

// SaveProvider keeps how far a provider has carried out this region's feed.
func (s *PurgeStore) SaveProvider(ctx context.Context, p world.ProviderState) error {
	const q = `insert into provider (name, cursor, at, error, since, given_up) values ($1, $2, $3, $4, $5, $6)
	           on conflict (name) do update set cursor = excluded.cursor, at = excluded.at, error = excluded.error, since = excluded.since, given_up = excluded.given_up`
	_, err := s.own.Pool.Exec(ctx, q, p.Provider, p.Cursor, p.At, p.Error, moment(p.Since), p.GivenUp)
	return mapError("postgres.provider save", err)
}

// Providers are the states of every provider in every region, by provider and
// region. missing names the regions whose catalog did not answer; when none did,
// that is the error.
func (s *PurgeStore) Providers(ctx context.Context) (states []world.ProviderState, missing []string, err error) {
	order := func(a, b world.ProviderState) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Region, b.Region))
	}
	row := func(c *Cluster) pgx.RowToFunc[world.ProviderState] {
		return func(row pgx.CollectableRow) (world.ProviderState, error) {
			p := world.ProviderState{Region: c.Region}
			var since *time.Time
			err := row.Scan(&p.Provider, &p.Cursor, &p.At, &p.Error, &since, &p.GivenUp)
			p.At = p.At.UTC()
			if since != nil {
				p.Since = since.UTC()
			}
			return p, err
		}
	}
	return newest(ctx, "postgres.providers", s.regions, math.MaxInt, order, row, `select name, cursor, at, error, since, given_up from provider`)
}
