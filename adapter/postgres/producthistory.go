package postgres

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"meridian/engine/catalog"
	"meridian/world"
)

// formerProduct brings a row of the history into the shape of a draft. A product's own
// columns have the draft's names already.
const formerProduct = `
select h.at, coalesce(h.product->>'brand', ''), coalesce((h.product->>'brand_version')::bigint, 0), h.product || jsonb_build_object(
       'published_from', nullif(h.product->>'published_from', '-infinity'), 'published_until', nullif(h.product->>'published_until', 'infinity'),
       'texts', (select coalesce(jsonb_object_agg(t->>'locale', t), '{}') from jsonb_array_elements(h.product->'texts') t),
       'skus', (select coalesce(jsonb_agg(s || jsonb_build_object('names', s->'texts') order by n), '[]') from jsonb_array_elements(h.product->'skus') with ordinality k (s, n)))
  from product_history h where h.market = $1 and h.slug = $2 and h.version = $3`

// ProductVersion is a product as it was in one of its versions: what an order shows
// that was placed by it. not_found where the market's product never had that one.
func (s *CatalogStore) ProductVersion(ctx context.Context, market, slug string, version int64) (catalog.Former, error) {
	const op = "postgres.productversion"
	m, c, err := s.of(op, market)
	if err != nil {
		return catalog.Former{}, err
	}
	f := catalog.Former{Written: catalog.Written{Version: version}}
	var doc []byte
	err = c.Pool.QueryRow(ctx, formerProduct, m.ID, slug, version).Scan(&f.Since, &f.Brand, &f.BrandVersion, &doc)
	if errors.Is(err, pgx.ErrNoRows) {
		err = world.E(world.CodeNotFound, op, "The market has no such product, or it never had this version.")
	}
	if err == nil {
		err = json.Unmarshal(doc, &f.Draft)
	}
	f.Since, f.From, f.Until = f.Since.UTC(), utc(f.From), utc(f.Until)
	return f, mapError(op, err)
}
