package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"meridian/engine/catalog"
	"meridian/world"
)

// PriceLists are a market's price lists, the highest rank first and the base list
// last.
func (s *CatalogStore) PriceLists(ctx context.Context, market string) ([]catalog.WrittenList, error) {
	const op = "postgres.pricelists"
	m, c, err := s.atPrimary(op, market)
	if err != nil {
		return nil, err
	}
	lists, err := queryLists(ctx, c.Pool, m, "")
	return lists, mapError(op, err)
}

func queryLists(ctx context.Context, conn querier, m world.Market, which string, args ...any) ([]catalog.WrittenList, error) {
	rows, err := conn.Query(ctx, `select list, rank, nullif(from_at, '-infinity'), nullif(until_at, 'infinity'), version from price_list where market = $1`+which+` order by rank desc, list`, append([]any{m.ID}, args...)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (l catalog.WrittenList, err error) {
		err = row.Scan(&l.List.List, &l.Rank, &l.From, &l.Until, &l.Version)
		l.From, l.Until = utc(l.From), utc(l.Until)
		return l, err
	})
}

// CreatePriceList gives a market a list without prices; conflict when it has one of
// the name.
func (s *CatalogStore) CreatePriceList(ctx context.Context, market string, l catalog.List) error {
	return s.editMarket(ctx, "postgres.createlist", market, func(tx pgx.Tx, m world.Market) error { return createList(ctx, tx, m, l) })
}

func createList(ctx context.Context, tx pgx.Tx, m world.Market, l catalog.List) error {
	tag, err := tx.Exec(ctx, `insert into price_list (market, list, rank, from_at, until_at) values ($1, $2, $3, coalesce($4::timestamptz, '-infinity'), coalesce($5::timestamptz, 'infinity')) on conflict do nothing`,
		m.ID, l.List, l.Rank, l.From, l.Until)
	if err == nil && tag.RowsAffected() == 0 {
		err = world.E(world.CodeConflict, "postgres.list", fmt.Sprintf("The market has a price list %s already: change that one, or choose another name.", l.List))
	}
	return err
}

// ChangePriceList changes a list's rank and dates, and returns its next version.
// Errors: conflict when its version is not the expected one; not_found.
func (s *CatalogStore) ChangePriceList(ctx context.Context, market string, expect int64, l catalog.List) (version int64, err error) {
	err = s.editMarket(ctx, "postgres.changelist", market, func(tx pgx.Tx, m world.Market) error {
		if err := lockVersion(ctx, tx, "a price list", `select version from price_list where market = $1 and list = $2 for no key update`, expect, m.ID, l.List); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `update price_list set rank = $3, from_at = coalesce($4::timestamptz, '-infinity'), until_at = coalesce($5::timestamptz, 'infinity'), version = version + 1
			where market = $1 and list = $2 returning version`, m.ID, l.List, l.Rank, l.From, l.Until).Scan(&version)
	})
	return version, err
}

// lockVersion keeps others from a row until the transaction ends; conflict when its
// version is not the expected one, not_found when it is not there.
func lockVersion(ctx context.Context, tx pgx.Tx, what, query string, expect int64, args ...any) error {
	var version int64
	err := tx.QueryRow(ctx, query, args...).Scan(&version)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return world.E(world.CodeNotFound, "postgres.lock", "The market has not such "+what+".")
	case err == nil && version != expect:
		return world.E(world.CodeConflict, "postgres.lock", "")
	}
	return err
}

// editMarket is one transaction of an edit that any of a market's pages may show,
// and the purge of them all.
func (s *CatalogStore) editMarket(ctx context.Context, op, market string, edit func(tx pgx.Tx, m world.Market) error) error {
	m, c, err := s.atPrimary(op, market)
	if err != nil {
		return err
	}
	err = c.durably(ctx, func(tx pgx.Tx) error {
		if err := edit(tx, m); err != nil {
			return err
		}
		_, err := purge(ctx, tx, world.Purge{Groups: []string{world.GroupMarket(m.ID)}})
		return err
	})
	return mapError(op, taken(err))
}

// PriceIn is a SKU's price in a list; not_found when the market has not such a SKU
// or list.
func (s *CatalogStore) PriceIn(ctx context.Context, market, sku, list string) (p catalog.ListPrice, err error) {
	const op = "postgres.pricein"
	m, c, err := s.atPrimary(op, market)
	if err != nil {
		return p, err
	}
	p, _, err = priceIn(ctx, c.Pool, m, sku, list, "")
	return p, mapError(op, err)
}

func priceIn(ctx context.Context, conn querier, m world.Market, sku, list, lock string) (p catalog.ListPrice, slug string, err error) {
	rows, err := conn.Query(ctx, `select s.slug, coalesce(r.version, 0), r.amount_minor
  from sku s join price_list l on l.market = s.market and l.list = $3
  left join lateral (select version, amount_minor from price r where (r.market, r.sku, r.list) = (s.market, s.sku, l.list) order by version desc limit 1) r on true
 where s.market = $1 and s.sku = $2`+lock, m.ID, sku, list)
	if err != nil {
		return p, "", err
	}
	p, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (p catalog.ListPrice, err error) {
		return p, row.Scan(&slug, &p.Version, &p.Minor)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		err = world.E(world.CodeNotFound, "postgres.price", "The market has not such a SKU, or not such a price list.")
	}
	return p, slug, err
}

// SetPrice gives a SKU its next price in a list, or takes it out of the list where
// minor is nil, and returns the price's version. Errors: conflict when the list's
// last version of the SKU is not the expected one; unprocessed for taking it out of
// the base list; not_found for a SKU or list that the market has not.
func (s *CatalogStore) SetPrice(ctx context.Context, market, sku, list string, expect int64, minor *int64) (version int64, err error) {
	const op = "postgres.setprice"
	m, c, err := s.atPrimary(op, market)
	if err != nil {
		return 0, err
	}
	err = c.durably(ctx, func(tx pgx.Tx) error {
		if err := lockSKU(ctx, tx, m, sku); err != nil {
			return err
		}
		have, slug, err := priceIn(ctx, tx, m, sku, list, "")
		switch {
		case err != nil:
			return err
		case have.Version != expect:
			return world.E(world.CodeConflict, op, "")
		case minor == nil && list == world.BaseList:
			return world.E(world.CodeUnprocessed, op, "The base list always has a price: set the SKU's sold to false to sell it no more.")
		case minor == nil && have.Minor == nil, minor != nil && have.Minor != nil && *minor == *have.Minor:
			version = have.Version // it is so already
			return nil
		}
		if err := tx.QueryRow(ctx, insertListPrice, m.ID, sku, list, minor, m.Currency).Scan(&version); err != nil {
			return err
		}
		_, err = purge(ctx, tx, world.Purge{Groups: []string{world.GroupProduct(m.ID, slug), world.GroupMarket(m.ID)}})
		return err
	})
	return version, mapError(op, err)
}

// lockSKU keeps others from a SKU's prices until the transaction ends. It comes
// first: what is read under it is what it holds.
func lockSKU(ctx context.Context, tx pgx.Tx, m world.Market, sku string) error {
	_, err := tx.Exec(ctx, `select from sku where market = $1 and sku = $2 for no key update`, m.ID, sku)
	return err
}

// insertListPrice writes a SKU's next price. The SKU's row is locked: versions are
// counted over all lists.
const insertListPrice = `insert into price (market, sku, list, version, amount_minor, currency)
select $1, $2, $3, coalesce(max(version), 0) + 1, $4, $5 from price where market = $1 and sku = $2 returning version`

// DraftCategories are a market's categories as its owner writes them, in order.
func (s *CatalogStore) DraftCategories(ctx context.Context, market string) ([]catalog.WrittenCategory, error) {
	const op = "postgres.draftcategories"
	m, c, err := s.atPrimary(op, market)
	if err != nil {
		return nil, err
	}
	rows, err := c.Pool.Query(ctx, `select c.version, jsonb_build_object('category', c.category, 'place', c.place, 'texts', coalesce(
		(select jsonb_object_agg(t.locale, jsonb_build_object('name', t.name, 'description', t.description, 'address', t.address)) from category_text t where (t.market, t.category) = (c.market, c.category)), '{}'))
		from category c where c.market = $1 order by c.place, c.category`, m.ID)
	if err != nil {
		return nil, mapError(op, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (w catalog.WrittenCategory, err error) {
		var doc []byte
		if err = row.Scan(&w.Version, &doc); err == nil {
			err = json.Unmarshal(doc, &w.Category)
		}
		return w, err
	})
	return list, mapError(op, err)
}

// CreateCategory gives a market a category; conflict when it has one of the key,
// unprocessed when an address is another's.
func (s *CatalogStore) CreateCategory(ctx context.Context, market string, k catalog.Category) error {
	return s.editMarket(ctx, "postgres.createcategory", market, func(tx pgx.Tx, m world.Market) error {
		tag, err := tx.Exec(ctx, `insert into category (market, category, place) values ($1, $2, $3) on conflict do nothing`, m.ID, k.Category, k.Place)
		if err == nil && tag.RowsAffected() == 0 {
			err = world.E(world.CodeConflict, "postgres.category", fmt.Sprintf("The market has a category %s already: change that one, or choose another key.", k.Category))
		}
		if err != nil {
			return err
		}
		return writeCategoryTexts(ctx, tx, m, k)
	})
}

// ChangeCategory makes a category what is given, and returns its next version.
// Errors: conflict when its version is not the expected one; not_found; unprocessed
// when an address is another's.
func (s *CatalogStore) ChangeCategory(ctx context.Context, market string, expect int64, k catalog.Category) (version int64, err error) {
	err = s.editMarket(ctx, "postgres.changecategory", market, func(tx pgx.Tx, m world.Market) error {
		if err := lockVersion(ctx, tx, "a category", `select version from category where market = $1 and category = $2 for no key update`, expect, m.ID, k.Category); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `update category set place = $3, version = version + 1 where market = $1 and category = $2 returning version`, m.ID, k.Category, k.Place).Scan(&version); err != nil {
			return err
		}
		return writeCategoryTexts(ctx, tx, m, k)
	})
	return version, err
}

func writeCategoryTexts(ctx context.Context, tx pgx.Tx, m world.Market, k catalog.Category) error {
	b := &pgx.Batch{}
	locales := slices.Sorted(maps.Keys(k.Texts))
	b.Queue(`delete from category_text where market = $1 and category = $2 and locale <> all($3)`, m.ID, k.Category, locales)
	for _, locale := range locales {
		t := k.Texts[locale]
		b.Queue(`insert into category_text (market, category, locale, name, description, address) values ($1, $2, $3, $4, $5, $6)
			on conflict (market, category, locale) do update set name = excluded.name, description = excluded.description, address = excluded.address`,
			m.ID, k.Category, locale, t.Name, t.Description, cmp.Or(t.Address, k.Category))
	}
	_, err := runBatch(ctx, tx, b)
	return err
}
