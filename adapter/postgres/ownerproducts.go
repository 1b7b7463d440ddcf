package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"meridian/engine/catalog"
	"meridian/world"
)

// draftColumns is a product p as its owner writes it, with its version and what of
// head office's it was adopted from: of one moment, as it is one statement.
const draftColumns = `
select p.version, coalesce(p.brand, ''), coalesce(p.brand_version, 0), jsonb_strip_nulls(jsonb_build_object(
       'slug', p.slug, 'category', p.category, 'tax_class', p.tax_class, 'served_hot', p.served_hot, 'served_with', p.served_with, 'featured', p.featured, 'takes_photo', p.takes_photo, 'place', p.place, 'lead_minutes', p.lead_minutes,
       'published_from', nullif(p.published_from, '-infinity'), 'published_until', nullif(p.published_until, 'infinity'), 'art', p.art,
       'allergens', p.allergens, 'may_contain', p.may_contain, 'nutrition', p.nutrition,
       'texts', (select jsonb_object_agg(t.locale, jsonb_build_object('name', t.name, 'description', t.description, 'ingredients', t.ingredients,
                        'allergen_note', t.allergen_note, 'address', t.address)) from product_text t where (t.market, t.slug) = (p.market, p.slug)),
       'skus', (select jsonb_agg(jsonb_build_object('sku', s.sku, 'sold', s.sold, 'net', s.net, 'net_unit', s.net_unit,
                       'names', (select jsonb_object_agg(x.locale, x.name) from sku_text x where (x.market, x.sku) = (s.market, s.sku))) order by s.place, s.sku)
                  from sku s where (s.market, s.slug) = (p.market, p.slug)))) from product p`

// ProductDraft is a product as its owner writes it, whether it is for sale or not;
// not_found when the market has none.
func (s *CatalogStore) ProductDraft(ctx context.Context, market, slug string) (catalog.Written, error) {
	const op = "postgres.draft"
	m, c, err := s.atPrimary(op, market)
	if err != nil {
		return catalog.Written{}, err
	}
	w, err := readDraft(ctx, c.Pool, m, slug, "")
	return w, mapError(op, err)
}

func readDraft(ctx context.Context, conn querier, m world.Market, slug, lock string) (catalog.Written, error) {
	rows, err := conn.Query(ctx, draftColumns+` where p.market = $1 and p.slug = $2`+lock, m.ID, slug)
	if err != nil {
		return catalog.Written{}, err
	}
	w, err := pgx.CollectExactlyOneRow(rows, scanDraft)
	if errors.Is(err, pgx.ErrNoRows) {
		err = world.E(world.CodeNotFound, "postgres.draft", "The market has no such product.")
	}
	return w, err
}

func scanDraft(row pgx.CollectableRow) (w catalog.Written, err error) {
	var doc []byte
	if err = row.Scan(&w.Version, &w.Brand, &w.BrandVersion, &doc); err != nil {
		return w, err
	}
	err = json.Unmarshal(doc, &w.Draft)
	w.From, w.Until = utc(w.From), utc(w.Until)
	return w, err
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// CreateProduct gives a market a product, with the first prices of its SKUs. Errors:
// conflict when it has one of the slug, or of the same brand product; unprocessed when a SKU or an
// address is another product's, or the category is none.
func (s *CatalogStore) CreateProduct(ctx context.Context, market string, w catalog.Written) (version int64, err error) {
	return s.editProduct(ctx, "postgres.createproduct", market, w.Slug, func(tx pgx.Tx, m world.Market) (bool, error) {
		return createProduct(ctx, tx, m, w)
	})
}

func createProduct(ctx context.Context, tx pgx.Tx, m world.Market, w catalog.Written) (bool, error) {
	tag, err := tx.Exec(ctx, `insert into product (market, slug, tax_class, brand, brand_version, edited) values ($1, $2, $3, nullif($4, ''), nullif($5::bigint, 0), true) on conflict (market, slug) do nothing`,
		m.ID, w.Slug, w.TaxClass, w.Brand, w.BrandVersion)
	if err == nil && tag.RowsAffected() == 0 {
		err = world.E(world.CodeConflict, "postgres.product", fmt.Sprintf("The market has a product %s already: change that one, or choose another slug.", w.Slug))
	}
	if err != nil {
		return false, err
	}
	_, err = writeProduct(ctx, tx, m, w)
	return true, err
}

// ChangeProduct makes a product what is given, and has it up to date with a version
// of its brand product where one is named. Errors: conflict when its version is
// not the expected one; not_found; otherwise as [CatalogStore.CreateProduct].
func (s *CatalogStore) ChangeProduct(ctx context.Context, market string, expect int64, w catalog.Written) (version int64, err error) {
	return s.editProduct(ctx, "postgres.changeproduct", market, w.Slug, func(tx pgx.Tx, m world.Market) (bool, error) {
		if err := lockProduct(ctx, tx, m, w.Slug, expect); err != nil {
			return false, err
		}
		return writeProduct(ctx, tx, m, w)
	})
}

// WithdrawProduct takes a product from sale at a moment. Orders go on to show it,
// and it can be published again. Errors: as of [CatalogStore.ChangeProduct].
func (s *CatalogStore) WithdrawProduct(ctx context.Context, market, slug string, expect int64, at time.Time) (version int64, err error) {
	return s.editProduct(ctx, "postgres.withdrawproduct", market, slug, func(tx pgx.Tx, m world.Market) (bool, error) {
		if err := lockProduct(ctx, tx, m, slug, expect); err != nil {
			return false, err
		}
		tag, err := tx.Exec(ctx, withdrawProduct, m.ID, slug, at)
		return tag.RowsAffected() > 0, err
	})
}

// withdrawProduct ends a product's time on sale, unless it is over: one that was to
// come only later does not come.
const withdrawProduct = `update product set published_until = $3, published_from = case when published_from < $3 then published_from else '-infinity' end
 where market = $1 and slug = $2 and published_until > $3`

// editProduct is one transaction of an edit, the purge of what shows the product
// and its next version. An edit that changes nothing tells the version there is.
func (s *CatalogStore) editProduct(ctx context.Context, op, market, slug string, edit func(tx pgx.Tx, m world.Market) (changed bool, err error)) (version int64, err error) {
	m, c, err := s.atPrimary(op, market)
	if err != nil {
		return 0, err
	}
	err = c.durably(ctx, func(tx pgx.Tx) error {
		changed, err := edit(tx, m)
		if err == nil && changed {
			err = markEdited(ctx, tx, m, slug)
		}
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, `select version from product where market = $1 and slug = $2`, m.ID, slug).Scan(&version)
	})
	return version, mapError(op, taken(err))
}

// markEdited ends the edits of products of a market: the seed leaves them alone
// from now on, each gets its next version at once, and what shows them is purged.
func markEdited(ctx context.Context, tx pgx.Tx, m world.Market, slugs ...string) error {
	if _, err := tx.Exec(ctx, `update product set edited = true where market = $1 and slug = any($2) and not edited`, m.ID, slugs); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `set constraints all immediate`); err != nil { // whose triggers make the versions
		return err
	}
	return purgeProducts(ctx, tx, m, slugs...)
}

// purgeProducts has every cache forget what shows the given products.
func purgeProducts(ctx context.Context, tx pgx.Tx, m world.Market, slugs ...string) error {
	_, err := purge(ctx, tx, world.Purge{Groups: append([]string{world.GroupMarket(m.ID)}, productGroups(m, slugs)...)})
	return err
}

// productGroups are the groups of what shows the given products, once each.
func productGroups(m world.Market, slugs []string) (groups []string) {
	for _, slug := range slugs {
		if g := world.GroupProduct(m.ID, slug); !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	return groups
}

// lockProduct keeps others from a product until the transaction ends; conflict when
// its version is not the expected one.
func lockProduct(ctx context.Context, tx pgx.Tx, m world.Market, slug string, expect int64) error {
	var version int64
	err := tx.QueryRow(ctx, `select version from product where market = $1 and slug = $2 for no key update`, m.ID, slug).Scan(&version)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return world.E(world.CodeNotFound, "postgres.product", "The market has no such product.")
	case err == nil && version != expect:
		return world.E(world.CodeConflict, "postgres.product", "")
	}
	return err
}

// writeProduct makes a product's rows what is given, and reports whether any is
// another than it was.
func writeProduct(ctx context.Context, tx pgx.Tx, m world.Market, w catalog.Written) (changed bool, err error) {
	d := w.Draft
	fresh, err := freshSKUs(ctx, tx, m, d)
	if err != nil {
		return false, err
	}
	if d.Category != "" {
		var known bool
		if err := tx.QueryRow(ctx, `select exists (select from category where market = $1 and category = $2)`, m.ID, d.Category).Scan(&known); err != nil {
			return false, err
		}
		if !known {
			return false, unprocessed("category: the market has no category %s: create it first.", d.Category)
		}
	}
	b := &pgx.Batch{}
	b.Queue(`update product o set tax_class = $3, featured = $4, place = $5, art = $6, takes_photo = $7, lead_minutes = $8, allergens = coalesce($9::text[], '{}'), may_contain = coalesce($10::text[], '{}'),
			nutrition = $11, category = nullif($12, ''), published_from = coalesce($13::timestamptz, '-infinity'), published_until = coalesce($14::timestamptz, 'infinity'), brand_version = case when o.brand is null then null else coalesce(nullif($15::bigint, 0), o.brand_version) end, served_hot = $16, served_with = $17
		where o.market = $1 and o.slug = $2 and (o.tax_class, o.featured, o.place, o.art, o.takes_photo, o.lead_minutes, o.allergens, o.may_contain, o.nutrition, o.category, o.published_from, o.published_until, o.brand_version, o.served_hot, o.served_with)
			is distinct from ($3, $4, $5, $6, $7, $8, coalesce($9::text[], '{}'), coalesce($10::text[], '{}'), $11::jsonb, nullif($12, ''), coalesce($13::timestamptz, '-infinity'), coalesce($14::timestamptz, 'infinity'), case when o.brand is null then null else coalesce(nullif($15::bigint, 0), o.brand_version) end, $16::boolean, $17::text)`,
		m.ID, d.Slug, d.TaxClass, d.Featured, d.Place, d.Art, d.TakesPhoto, d.LeadMinutes, d.Allergens, d.MayContain, d.Nutrition, d.Category, d.From, d.Until, w.BrandVersion, d.ServedHot, d.ServedWith)
	writeTexts(b, m, d)
	for i, k := range d.SKUs {
		writeSKU(b, m, d.Slug, k, i)
		if slices.Contains(fresh, k.SKU) {
			b.Queue(`insert into price (market, sku, version, amount_minor, currency) values ($1, $2, 1, $3, $4)`, m.ID, k.SKU, k.Price, m.Currency)
		}
	}
	n, err := runBatch(ctx, tx, b)
	return n > 0, err
}

func writeTexts(b *pgx.Batch, m world.Market, d catalog.Draft) {
	locales := slices.Sorted(maps.Keys(d.Texts))
	b.Queue(`delete from product_text where market = $1 and slug = $2 and locale <> all($3)`, m.ID, d.Slug, locales)
	for _, locale := range locales {
		t := d.Texts[locale]
		b.Queue(`insert into product_text as o (market, slug, locale, name, description, ingredients, allergen_note, address) values ($1, $2, $3, $4, $5, $6, $7, $8)
			on conflict (market, slug, locale) do update set name = excluded.name, description = excluded.description, ingredients = excluded.ingredients, allergen_note = excluded.allergen_note, address = excluded.address
			where (o.name, o.description, o.ingredients, o.allergen_note, o.address) is distinct from (excluded.name, excluded.description, excluded.ingredients, excluded.allergen_note, excluded.address)`,
			m.ID, d.Slug, locale, t.Name, t.Description, t.Ingredients, t.AllergenNote, cmp.Or(t.Address, d.Slug))
	}
}

func writeSKU(b *pgx.Batch, m world.Market, slug string, k catalog.DraftSKU, place int) {
	// A new one is sold out until it has stock.
	b.Queue(`insert into sku as o (market, sku, slug, place, sold, net, net_unit, sold_out) values ($1, $2, $3, $4, $5, $6, $7, true)
		on conflict (market, sku) do update set place = excluded.place, sold = excluded.sold, net = excluded.net, net_unit = excluded.net_unit
		where (o.place, o.sold, o.net, o.net_unit) is distinct from (excluded.place, excluded.sold, excluded.net, excluded.net_unit)`,
		m.ID, k.SKU, slug, place, k.Sold, k.Net, k.NetUnit)
	locales := slices.AppendSeq([]string{}, maps.Keys(k.Names)) // never null
	slices.Sort(locales)
	b.Queue(`delete from sku_text where market = $1 and sku = $2 and locale <> all($3)`, m.ID, k.SKU, locales)
	for _, locale := range locales {
		b.Queue(`insert into sku_text as o (market, sku, locale, name) values ($1, $2, $3, $4)
			on conflict (market, sku, locale) do update set name = excluded.name where o.name <> excluded.name`, m.ID, k.SKU, locale, k.Names[locale])
	}
}

// freshSKUs are those of a draft that the market does not have yet. Errors:
// unprocessed for one that is another product's, for one that the draft leaves out,
// and for one without a first price or with another than its first.
func freshSKUs(ctx context.Context, tx pgx.Tx, m world.Market, d catalog.Draft) (fresh []string, err error) {
	keys := []string{}
	for _, k := range d.SKUs {
		keys = append(keys, k.SKU)
	}
	rows, err := tx.Query(ctx, `select sku, slug from sku where market = $1 and (slug = $2 or sku = any($3))`, m.ID, d.Slug, keys)
	if err != nil {
		return nil, err
	}
	of := map[string]string{}
	var sku, slug string
	if _, err := pgx.ForEachRow(rows, []any{&sku, &slug}, func() error { of[sku] = slug; return nil }); err != nil {
		return nil, err
	}
	for _, sku := range slices.Sorted(maps.Keys(of)) {
		if !slices.Contains(keys, sku) {
			return nil, unprocessed("skus: %s is missing: a SKU is never taken away, set its sold to false.", sku)
		}
	}
	for i, k := range d.SKUs {
		switch slug, known := of[k.SKU]; {
		case known && slug != d.Slug:
			return nil, unprocessed("skus[%d].sku: %s is a SKU of the product %s: choose another key.", i, k.SKU, slug)
		case known && k.Price != 0:
			return nil, unprocessed("skus[%d].price: %s has prices already, which are changed by themselves: leave it out.", i, k.SKU)
		case !known && k.Price == 0:
			return nil, unprocessed("skus[%d].price: %s is new: give its first price.", i, k.SKU)
		case !known:
			fresh = append(fresh, k.SKU)
		}
	}
	return fresh, nil
}

func unprocessed(format string, args ...any) error {
	return world.E(world.CodeUnprocessed, "postgres.product", "Change the request: "+fmt.Sprintf(format, args...))
}

// taken says what a violated key of the catalog's words means: nothing else of an
// edit can meet one, as rows of the same name are changed, not added.
func taken(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.ConstraintName == "product_brand" {
		return world.Because(world.CodeConflict, "postgres.product", "The market has adopted this product of head office's already: update that one.", err)
	}
	if errors.As(err, &pg) && pg.Code == "23505" && pg.TableName != "price" && pg.TableName != "sku" {
		return world.Because(world.CodeUnprocessed, "postgres.product", "Change the request: texts: an address is another product's or category's of this market: choose another.", err)
	}
	return err
}
