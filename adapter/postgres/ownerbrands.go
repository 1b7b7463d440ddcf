package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"meridian/engine/catalog"
	"meridian/world"
)

// brandsHere is the main region's catalog as it is seen from here: head office's
// products are in it.
func (s *CatalogStore) brandsHere(op string) (*Cluster, error) {
	c := s.regions[s.world.Main]
	if c == nil {
		return nil, world.E(world.CodeMisdirected, op, "")
	}
	return c, nil
}

// Brands are head office's products in their newest versions as they are seen from
// here, by their keys behind one, at most limit, and what the market made of each.
func (s *CatalogStore) Brands(ctx context.Context, market, after string, limit int) ([]catalog.Brand, error) {
	return s.brands(ctx, "postgres.brands", market, `where brand > $1 order by brand, version desc limit $2`, after, limit)
}

func (s *CatalogStore) brands(ctx context.Context, op, market, which string, args ...any) ([]catalog.Brand, error) {
	m, own, err := s.of(op, market)
	if err != nil {
		return nil, err
	}
	head, err := s.brandsHere(op)
	if err != nil {
		return nil, err
	}
	rows, err := head.Pool.Query(ctx, `select distinct on (brand) brand, version, product from brand_product `+which, args...)
	if err != nil {
		return nil, mapError(op, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (b catalog.Brand, err error) {
		return b, row.Scan(&b.Brand, &b.Version, &b.Product)
	})
	if err != nil {
		return nil, mapError(op, err)
	}
	place := map[string]int{}
	keys := []string{}
	for i, b := range list {
		place[b.Brand] = i
		keys = append(keys, b.Brand)
	}
	rows, err = own.Pool.Query(ctx, `select brand, brand_version, slug from product where market = $1 and brand = any($2)`, m.ID, keys)
	if err != nil {
		return nil, mapError(op, err)
	}
	var brand, slug string
	var version int64
	_, err = pgx.ForEachRow(rows, []any{&brand, &version, &slug}, func() error {
		b := &list[place[brand]]
		b.Adopted, b.Slug = version, slug
		return nil
	})
	return list, mapError(op, err)
}

// Brand is one of head office's products in its newest version; not_found when there
// is none, as far as is seen from here.
func (s *CatalogStore) Brand(ctx context.Context, market, brand string) (catalog.Brand, error) {
	const op = "postgres.brand"
	list, err := s.brands(ctx, op, market, `where brand = $1 order by brand, version desc`, brand)
	if err == nil && len(list) == 0 {
		err = world.E(world.CodeNotFound, op, "Head office has no such product.")
	}
	if err != nil {
		return catalog.Brand{}, err
	}
	return list[0], nil
}

// BrandVersion is one version of head office's product; not_found.
func (s *CatalogStore) BrandVersion(ctx context.Context, brand string, version int64) (p world.BrandProduct, err error) {
	const op = "postgres.brandversion"
	head, err := s.brandsHere(op)
	if err != nil {
		return p, err
	}
	err = head.Pool.QueryRow(ctx, `select product from brand_product where brand = $1 and version = $2`, brand, version).Scan(&p)
	if errors.Is(err, pgx.ErrNoRows) {
		err = world.E(world.CodeNotFound, op, fmt.Sprintf("Head office has no version %d of this product.", version))
	}
	return p, mapError(op, err)
}

// WriteBrand writes the next version of head office's product, 1 for a new one.
// Errors: conflict when the last version is not the expected one, 0 for none;
// misdirected away from the main region.
func (s *CatalogStore) WriteBrand(ctx context.Context, brand string, expect int64, p world.BrandProduct) (version int64, err error) {
	const op = "postgres.writebrand"
	head, err := s.brandsHere(op)
	if err == nil && !head.Primary {
		err = world.E(world.CodeMisdirected, op, "")
	}
	if err != nil {
		return 0, err
	}
	err = head.durably(ctx, func(tx pgx.Tx) error {
		// Two who expect the same meet at the table's key.
		err := tx.QueryRow(ctx, `insert into brand_product (brand, version, product) select $1, $2::bigint + 1, $3
			where coalesce((select max(version) from brand_product where brand = $1), 0) = $2 returning version`, brand, expect, p).Scan(&version)
		if errors.Is(err, pgx.ErrNoRows) {
			err = world.E(world.CodeConflict, op, "")
		}
		return err
	})
	return version, mapError(op, err)
}
