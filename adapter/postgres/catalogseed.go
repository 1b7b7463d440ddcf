package postgres

import (
	"context"
	"slices"

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
	Featured   bool
	TakesPhoto bool
	Place      int   // its place in the shop's list, from 0
	PriceMinor int64 // in minor units of Currency
	Currency   string
	Stock      int                 // how many can be sold at first
	Texts      map[string]SeedText // by locale
}

// SeedText is a product's words in one locale.
type SeedText struct{ Name, Description, Allergens string }

// SeedCatalog brings a catalog primary's products to what is given. It can be
// run again: a price that is there stays, as do pictures; a product that has
// changed is purged from every cache; one that is not given stays as it is.
func SeedCatalog(ctx context.Context, pool *pgxpool.Pool, products []SeedProduct) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var groups []string
		for _, p := range products {
			changed, err := seedProduct(ctx, tx, p)
			if err != nil {
				return err
			}
			if g := world.GroupMarket(p.Market); changed && !slices.Contains(groups, g) {
				groups = append(groups, g)
			}
		}
		if len(groups) == 0 {
			return nil
		}
		_, err := purge(ctx, tx, world.Purge{Groups: groups})
		return err
	})
	return mapError("postgres.seed", err)
}

func seedProduct(ctx context.Context, tx pgx.Tx, p SeedProduct) (changed bool, err error) {
	b := &pgx.Batch{}
	b.Queue(`insert into product as o (market, slug, tax_class, featured, place, art, takes_photo) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (market, slug) do update set tax_class = excluded.tax_class, featured = excluded.featured, place = excluded.place, art = excluded.art, takes_photo = excluded.takes_photo
		where (o.tax_class, o.featured, o.place, o.art, o.takes_photo) is distinct from (excluded.tax_class, excluded.featured, excluded.place, excluded.art, excluded.takes_photo)`,
		p.Market, p.Slug, p.TaxClass, p.Featured, p.Place, p.Art, p.TakesPhoto)
	for locale, t := range p.Texts {
		b.Queue(`insert into product_text as o (market, slug, locale, name, description, allergens) values ($1, $2, $3, $4, $5, $6)
			on conflict (market, slug, locale) do update set name = excluded.name, description = excluded.description, allergens = excluded.allergens
			where (o.name, o.description, o.allergens) is distinct from (excluded.name, excluded.description, excluded.allergens)`,
			p.Market, p.Slug, locale, t.Name, t.Description, t.Allergens)
	}
	b.Queue(`insert into price (market, slug, version, amount_minor, currency)
		select $1, $2, 1, $3, $4 where not exists (select from price where market = $1 and slug = $2)`,
		p.Market, p.Slug, p.PriceMinor, p.Currency)
	n, err := runBatch(ctx, tx, b)
	return n > 0, err
}

// runBatch sends the statements in one go and counts the rows they touched.
func runBatch(ctx context.Context, tx pgx.Tx, b *pgx.Batch) (touched int64, err error) {
	results := tx.SendBatch(ctx, b)
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
			b.Queue(`insert into stock (market, slug, on_hand) values ($1, $2, $3) on conflict do nothing`, p.Market, p.Slug, p.Stock)
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
