package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"meridian/engine/catalog"
	"meridian/world"
)

// PlanBulk tells what a change of many things would do at a moment. Errors:
// unprocessed for what the market has not, too_large for more than
// [catalog.MaxBulk] SKUs or products.
func (s *CatalogStore) PlanBulk(ctx context.Context, r catalog.Rules, b catalog.Bulk, at time.Time) (p catalog.Plan, err error) {
	const op = "postgres.planbulk"
	m, c, err := s.atPrimary(op, r.Market.ID)
	if err != nil {
		return p, err
	}
	err = pgx.BeginTxFunc(ctx, c.Pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		p, err = planBulk(ctx, tx, m, r, b, at)
		return err
	})
	return p, mapError(op, err)
}

// DoBulk carries out a change of many things, all of it or nothing, where what it
// would do is the plan of the given tag; otherwise it fails with conflict and
// returns what it would do. Other errors: as of [CatalogStore.PlanBulk].
func (s *CatalogStore) DoBulk(ctx context.Context, r catalog.Rules, b catalog.Bulk, tag string, at time.Time) (p catalog.Plan, err error) {
	const op = "postgres.dobulk"
	m, c, err := s.atPrimary(op, r.Market.ID)
	if err != nil {
		return p, err
	}
	err = c.durably(ctx, func(tx pgx.Tx) error {
		if err := lockBulk(ctx, tx, m, b); err != nil {
			return err
		}
		if p, err = planBulk(ctx, tx, m, r, b, at); err != nil {
			return err
		}
		if p.Tag() != tag {
			return world.E(world.CodeConflict, op, "")
		}
		return carryOut(ctx, tx, m, p, at)
	})
	return p, mapError(op, err)
}

// Which SKUs and which products a bulk change is about: $2 are keys, $3 a category.
const (
	bulkSKUs     = ` from sku s join product p on p.market = s.market and p.slug = s.slug where s.market = $1 and (s.sku = any($2) or $2 is null and s.sold and ($3 = '' or p.category = $3))`
	bulkProducts = ` from product p where p.market = $1 and (p.slug = any($2) or $2 is null and p.category = $3)`
)

// bulkOf is which of the two a bulk change is about, and what it is told.
func bulkOf(b catalog.Bulk) (products bool, keys []string, category string) {
	switch {
	case b.Raise != nil:
		return false, nil, b.Raise.Category
	case b.Publish != nil && b.Publish.Category != "":
		return true, nil, b.Publish.Category
	case b.Publish != nil:
		return true, b.Publish.Products, ""
	}
	keys = []string{}
	for _, c := range b.Prices {
		keys = append(keys, c.SKU)
	}
	return false, keys, ""
}

// lockBulk keeps others from what a bulk change is about until the transaction
// ends. What is read after it is what it holds.
func lockBulk(ctx context.Context, tx pgx.Tx, m world.Market, b catalog.Bulk) error {
	products, keys, category := bulkOf(b)
	q := `select` + bulkSKUs + ` order by s.sku for no key update of s`
	if products {
		q = `select` + bulkProducts + ` order by p.slug for no key update of p`
	}
	if _, err := tx.Exec(ctx, q, m.ID, keys, category); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `select from price_list where market = $1 and list = any($2) order by list for share`, m.ID, texts(b.Lists()))
	return err
}

func planBulk(ctx context.Context, tx pgx.Tx, m world.Market, r catalog.Rules, b catalog.Bulk, at time.Time) (catalog.Plan, error) {
	s, err := snapshot(ctx, tx, m, b)
	if err != nil {
		return catalog.Plan{}, err
	}
	return r.Plan(b, s, at)
}

func snapshot(ctx context.Context, tx pgx.Tx, m world.Market, b catalog.Bulk) (s catalog.Snapshot, err error) {
	lists, err := queryLists(ctx, tx, m, ` and list = any($2)`, texts(b.Lists()))
	if err != nil {
		return s, err
	}
	s.Lists = map[string]catalog.WrittenList{}
	for _, l := range lists {
		s.Lists[l.List.List] = l
	}
	products, keys, category := bulkOf(b)
	if products {
		s.Products, err = publishedProducts(ctx, tx, m, keys, category)
	} else {
		s.SKUs, err = pricedSKUs(ctx, tx, m, keys, category)
	}
	if max(len(s.Products), len(s.SKUs)) > catalog.MaxBulk {
		err = world.E(world.CodeTooLarge, "postgres.bulk", fmt.Sprintf("At most %d SKUs or products are changed at once: take one category at a time.", catalog.MaxBulk))
	}
	return s, err
}

func publishedProducts(ctx context.Context, tx pgx.Tx, m world.Market, keys []string, category string) ([]catalog.Published, error) {
	rows, err := tx.Query(ctx, `select p.slug, p.version, nullif(p.published_from, '-infinity'), nullif(p.published_until, 'infinity')`+bulkProducts+` order by p.slug limit $4`, m.ID, keys, category, catalog.MaxBulk+1)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p catalog.Published, err error) {
		err = row.Scan(&p.Slug, &p.Version, &p.From, &p.Until)
		p.From, p.Until = utc(p.From), utc(p.Until)
		return p, err
	})
}

func pricedSKUs(ctx context.Context, tx pgx.Tx, m world.Market, keys []string, category string) ([]catalog.PricedSKU, error) {
	rows, err := tx.Query(ctx, `select s.sku, s.slug, l.list, r.version, r.amount_minor from (select s.sku, s.slug`+bulkSKUs+` order by s.sku limit $4) s
	  cross join price_list l
	  join lateral (select version, amount_minor from price r where (r.market, r.sku, r.list) = ($1, s.sku, l.list) order by version desc limit 1) r on true
	 where l.market = $1 order by s.sku`, m.ID, keys, category, catalog.MaxBulk+1)
	if err != nil {
		return nil, err
	}
	var out []catalog.PricedSKU
	var sku, slug, list string
	var version int64
	var minor pgtype.Int8
	_, err = pgx.ForEachRow(rows, []any{&sku, &slug, &list, &version, &minor}, func() error {
		if n := len(out); n == 0 || out[n-1].SKU != sku {
			out = append(out, catalog.PricedSKU{SKU: sku, Product: slug, Prices: map[string]catalog.ListPrice{}})
		}
		p := catalog.ListPrice{Version: version}
		if minor.Valid {
			amount := minor.Int64
			p.Minor = &amount
		}
		out[len(out)-1].Prices[list] = p
		return nil
	})
	return out, err
}

// carryOut makes a plan so, and purges what shows the old.
func carryOut(ctx context.Context, tx pgx.Tx, m world.Market, p catalog.Plan, at time.Time) error {
	if p.List != nil {
		if err := createList(ctx, tx, m, *p.List); err != nil {
			return err
		}
	}
	b := &pgx.Batch{}
	var edited, shown []string
	for _, c := range p.Changes {
		shown = append(shown, c.Product)
		switch {
		case c.SKU != "":
			b.Queue(insertListPrice, m.ID, c.SKU, c.List, c.New, m.Currency)
			continue
		case c.Withdraw:
			b.Queue(withdrawProduct, m.ID, c.Product, at)
		default:
			b.Queue(`update product set published_from = coalesce($3::timestamptz, '-infinity'), published_until = coalesce($4::timestamptz, 'infinity') where market = $1 and slug = $2`, m.ID, c.Product, c.From, c.Until)
		}
		edited = append(edited, c.Product)
	}
	if _, err := runBatch(ctx, tx, b); err != nil {
		return err
	}
	slices.Sort(shown)
	if len(edited) > 0 {
		return markEdited(ctx, tx, m, edited...)
	}
	return purgeProducts(ctx, tx, m, slices.Compact(shown)...)
}
