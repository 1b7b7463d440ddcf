package postgres

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/world"
)

// SeedProduct is a product as a new shop starts with it.
type SeedProduct struct {
	Market     string
	Slug       string
	Art        string // the drawing that its picture is made from, by name
	TaxClass   string
	ServedHot  bool
	ServedWith string // as of [world.Product]
	Category   string // "" for none
	Brand      string // the brand product that it is the first version of; "" for a local one
	Featured   bool
	TakesPhoto bool
	Place      int // its place in the shop's list, from 0
	Lead       time.Duration
	Allergens  []world.Allergen
	MayContain []world.Allergen
	Nutrition  world.Nutrition
	PriceMinor int64               // of its only sort, in minor units of Currency
	Currency   string              // of all its sorts
	Stock      int                 // how many of its only sort can be sold at first
	Net        int                 // how much its only sort is, in NetUnit
	NetUnit    string              // of all its sorts
	SKUs       []SeedSKU           // its sorts; none for one that goes by its slug
	Texts      map[string]SeedText // by locale
}

// SeedSKU is one of several sorts of a product.
type SeedSKU struct {
	Key        string
	PriceMinor int64
	Stock      int
	Net        int
	Names      map[string]string // by locale
}

// SeedText is a product's words in one locale.
type SeedText struct {
	Name, Description, Ingredients, AllergenNote string
	Address                                      string // "" for the slug
}

// sorts are what is sold of the product.
func (p SeedProduct) sorts() []SeedSKU {
	if len(p.SKUs) > 0 {
		return p.SKUs
	}
	return []SeedSKU{{Key: p.Slug, PriceMinor: p.PriceMinor, Stock: p.Stock, Net: p.Net}}
}

// Seed is all that a new catalog cluster starts with.
type Seed struct {
	Markets  []SeedMarket
	Products []SeedProduct
	Brands   []SeedBrand // in the main region's cluster alone
}

// SeedCatalog brings a catalog primary's products to what is given; see [SeedAll].
func SeedCatalog(ctx context.Context, pool *pgxpool.Pool, products []SeedProduct) error {
	return SeedAll(ctx, pool, Seed{Products: products})
}

// SeedAll brings a catalog primary's products and categories to what is given. It
// can be run again: a price that is there stays, as do pictures, lists, promotions
// and slots; a product that has changed is purged from every cache; one that is
// not given, or that an owner has changed, stays as it is.
func SeedAll(ctx context.Context, pool *pgxpool.Pool, seed Seed) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var groups []string
		touch := func(market string, changed bool, err error) error {
			if g := world.GroupMarket(market); changed && !slices.Contains(groups, g) {
				groups = append(groups, g)
			}
			return err
		}
		for _, m := range seed.Markets {
			changed, err := seedMarket(ctx, tx, m)
			if err := touch(m.Market, changed, err); err != nil {
				return err
			}
		}
		for _, p := range seed.Products {
			changed, err := seedProduct(ctx, tx, p)
			if err := touch(p.Market, changed, err); err != nil {
				return err
			}
		}
		for _, m := range seed.Markets {
			changed, err := seedTerms(ctx, tx, m)
			if err := touch(m.Market, changed, err); err != nil {
				return err
			}
		}
		if err := seedBrands(ctx, tx, seed.Brands); err != nil || len(groups) == 0 {
			return err
		}
		_, err := purge(ctx, tx, world.Purge{Groups: groups})
		return err
	})
	return mapError("postgres.seed", err)
}

func seedProduct(ctx context.Context, tx pgx.Tx, p SeedProduct) (changed bool, err error) {
	var edited bool
	if err := tx.QueryRow(ctx, `select exists (select from product where market = $1 and slug = $2 and edited)`, p.Market, p.Slug).Scan(&edited); err != nil || edited {
		return false, err
	}
	b := &pgx.Batch{}
	var nutrition any
	if p.Nutrition.Known() {
		nutrition = p.Nutrition
	}
	b.Queue(`insert into product as o (market, slug, tax_class, featured, place, art, takes_photo, lead_minutes, allergens, may_contain, nutrition, category, brand, brand_version, served_hot, served_with)
		values ($1, $2, $3, $4, $5, $6, $7, $8, coalesce($9::text[], '{}'), coalesce($10::text[], '{}'), $11, nullif($12, ''), nullif($13, ''), case when $13 <> '' then 1 end, $14, $15)
		on conflict (market, slug) do update set tax_class = excluded.tax_class, featured = excluded.featured, place = excluded.place, art = excluded.art, takes_photo = excluded.takes_photo,
			lead_minutes = excluded.lead_minutes, allergens = excluded.allergens, may_contain = excluded.may_contain, nutrition = excluded.nutrition, category = excluded.category, served_hot = excluded.served_hot, served_with = excluded.served_with
		where (o.tax_class, o.featured, o.place, o.art, o.takes_photo, o.lead_minutes, o.allergens, o.may_contain, o.nutrition, o.category, o.served_hot, o.served_with)
			is distinct from (excluded.tax_class, excluded.featured, excluded.place, excluded.art, excluded.takes_photo, excluded.lead_minutes, excluded.allergens, excluded.may_contain, excluded.nutrition, excluded.category, excluded.served_hot, excluded.served_with)`,
		p.Market, p.Slug, p.TaxClass, p.Featured, p.Place, p.Art, p.TakesPhoto, int(p.Lead/time.Minute), p.Allergens, p.MayContain, nutrition, p.Category, p.Brand, p.ServedHot, p.ServedWith)
	for _, locale := range slices.Sorted(maps.Keys(p.Texts)) {
		t := p.Texts[locale]
		b.Queue(`insert into product_text as o (market, slug, locale, name, description, ingredients, allergen_note, address) values ($1, $2, $3, $4, $5, $6, $7, $8)
			on conflict (market, slug, locale) do update set name = excluded.name, description = excluded.description, ingredients = excluded.ingredients, allergen_note = excluded.allergen_note, address = excluded.address
			where (o.name, o.description, o.ingredients, o.allergen_note, o.address) is distinct from (excluded.name, excluded.description, excluded.ingredients, excluded.allergen_note, excluded.address)`,
			p.Market, p.Slug, locale, t.Name, t.Description, t.Ingredients, t.AllergenNote, cmp.Or(t.Address, p.Slug))
	}
	for i, k := range p.sorts() {
		seedSKU(b, p, k, i)
	}
	n, err := runBatch(ctx, tx, b)
	return n > 0, err
}

// seedSKU queues one sort of a product, at the given place among them.
func seedSKU(b *pgx.Batch, p SeedProduct, k SeedSKU, at int) {
	unit := p.NetUnit
	if k.Net == 0 {
		unit = ""
	}
	b.Queue(`insert into sku as o (market, sku, slug, place, net, net_unit, sold_out) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (market, sku) do update set place = excluded.place, net = excluded.net, net_unit = excluded.net_unit
		where (o.place, o.net, o.net_unit) is distinct from (excluded.place, excluded.net, excluded.net_unit)`,
		p.Market, k.Key, p.Slug, at, k.Net, unit, k.Stock == 0)
	for _, locale := range slices.Sorted(maps.Keys(k.Names)) {
		b.Queue(`insert into sku_text as o (market, sku, locale, name) values ($1, $2, $3, $4)
			on conflict (market, sku, locale) do update set name = excluded.name where o.name <> excluded.name`, p.Market, k.Key, locale, k.Names[locale])
	}
	b.Queue(`insert into price (market, sku, version, amount_minor, currency)
		select $1, $2, 1, $3, $4 where not exists (select from price where market = $1 and sku = $2)`,
		p.Market, k.Key, k.PriceMinor, p.Currency)
}

// sender is a connection, or a transaction on one.
type sender interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// runBatch sends the statements in one go and counts the rows they touched. On a
// connection they are a transaction, which is committed when it returns nil.
func runBatch(ctx context.Context, to sender, b *pgx.Batch) (touched int64, err error) {
	results := to.SendBatch(ctx, b)
	for range b.Len() {
		tag, err := results.Exec()
		if err != nil {
			results.Close()
			return 0, err
		}
		touched += tag.RowsAffected()
	}
	return touched, results.Close()
}

// SeedStock gives a resident primary the first stock of products that it has
// none of yet; what is there stays.
func SeedStock(ctx context.Context, pool *pgxpool.Pool, products []SeedProduct) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		b := &pgx.Batch{}
		for _, p := range products {
			for _, k := range p.sorts() {
				if k.Stock > 0 {
					b.Queue(`select stock_move($1, $2, 'receive', $3, 0, null, null, '', 'opening') where not exists (select from stock_level where market = $1 and sku = $2)`, p.Market, k.Key, k.Stock)
				}
			}
		}
		_, err := runBatch(ctx, tx, b)
		return err
	})
	return mapError("postgres.seedstock", err)
}

// SetPicture gives a product its picture, at the market's catalog primary, and
// purges what shows the product. not_found when the market has no such product.
func SetPicture(ctx context.Context, pool *pgxpool.Pool, market, slug, mediaID string) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update product set media_id = $3 where market = $1 and slug = $2`, market, slug, mediaID)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return world.E(world.CodeNotFound, "postgres.product", "The market has no such product.")
		}
		_, err = purge(ctx, tx, world.Purge{Groups: []string{world.GroupProduct(market, slug), world.GroupMarket(market)}})
		return err
	})
	return mapError("postgres.setpicture", err)
}
