package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

// A catalog of before SKUs keeps what it has: each product is sold in one sort
// that goes by its slug, at the price and under the address that it had.
func TestMigrationKeepsACatalog(t *testing.T) {
	ctx := t.Context()
	conn := pgtest.Empty(t)
	pool, err := pgxpool.New(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := postgres.MigrateTo(ctx, pool, postgres.Catalog, 10); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		`insert into product (market, slug, tax_class, featured, place) values ('in', 'pav', 'bread', true, 3), ('in', 'bare', 'bread', false, 4)`,
		`insert into product_text (market, slug, locale, name, description, allergens) values ('in', 'pav', 'en-IN', 'Ladi pav', 'Soft.', 'Wheat.')`,
		`insert into price (market, slug, version, amount_minor, currency) values ('in', 'pav', 1, 6000, 'INR'), ('in', 'pav', 2, 6500, 'INR')`,
	} {
		if _, err := pool.Exec(ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	if err := postgres.Migrate(ctx, pool, postgres.Catalog); err != nil {
		t.Fatal(err)
	}
	c := pgtest.Cluster(t, "catalog-asia", "asia", conn)
	s, err := postgres.NewCatalogStore(catalogWorld, []*postgres.Cluster{c})
	if err != nil {
		t.Fatal(err)
	}
	p, until, err := s.Product(ctx, "in", "pav", "hi-IN", then)
	if err != nil || !until.IsZero() || p.Name != "Ladi pav" || p.AllergenNote != "Wheat." || p.Address != "pav" || p.Version != 1 || len(p.SKUs) != 1 {
		t.Fatalf("%+v, %v, %v", p, until, err)
	}
	if k := p.SKUs[0]; k.Key != "pav" || k.PriceMinor != 6500 || k.PriceVersion != 2 || k.PriceList != "base" {
		t.Errorf("sold as %+v", k)
	}
	if l, err := s.Search(ctx, world.SearchQuery{Market: "in", Locale: "hi-IN", Text: "soft pav", Limit: 9, At: then}); err != nil || len(l.Products) != 1 {
		t.Errorf("found %+v, %v", l.Products, err)
	}
	if n := count(t, c.Pool, `select count(*) from product_history where slug in ('pav', 'bare') and version = 1`); n != 2 {
		t.Errorf("%d products have a history", n)
	}
	if n := count(t, c.Pool, `select count(*) from price`); n != 2 {
		t.Errorf("%d prices are left", n)
	}
}
