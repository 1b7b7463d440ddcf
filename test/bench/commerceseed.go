package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/adapter/pgcluster"
	"meridian/adapter/postgres"
	"meridian/world"
)

// Sizes of the small catalog and of its parts. The large one's is an option.
const (
	fewProducts  = 1000 // of each market
	manyProducts = 100_000
	categories   = 20
	featured     = 50 // in each market, so that front pages are alike
	pieces       = 100_000_000
)

// databases is a server with settings of the local world's, and a catalog and a
// resident database for each size.
type databases struct {
	sup    *pgcluster.Supervisor
	spec   pgcluster.Spec
	shared string // the memory that its processes share, as the server tells it
}

const benchPassword = "bench-only"

// startDatabases starts the server in dir, which the server's user can reach, with
// so many megabytes of shared memory; 0 is what the local world gives one.
func startDatabases(ctx context.Context, dir string, memoryMB int) (*databases, error) {
	bin, err := pgcluster.FindBinaries()
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	d := &databases{sup: pgcluster.New(bin, log, pgcluster.Options{SharedBuffersMB: memoryMB}), spec: pgcluster.Spec{
		Name: "bench", DataDir: filepath.Join(dir, "data"), SocketDir: filepath.Join(dir, "s"), Port: 5432,
		Database: "bench", SuperPassword: benchPassword, ReplicationPassword: benchPassword,
	}}
	all, quiet := []pgcluster.Spec{d.spec}, func(string, string) {}
	if err := d.sup.Prepare(ctx, all, quiet); err != nil {
		return nil, err
	}
	if err := d.sup.Start(ctx, all, quiet); err != nil {
		return nil, err
	}
	admin, err := pgx.Connect(ctx, d.to("postgres"))
	if err == nil {
		defer admin.Close(ctx)
		err = admin.QueryRow(ctx, "show shared_buffers").Scan(&d.shared)
	}
	if err != nil {
		return nil, errors.Join(err, d.stop())
	}
	return d, nil
}

func (d *databases) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	return d.sup.Stop(ctx)
}

func (d *databases) to(database string) string {
	return pgcluster.ConnString(d.spec, pgcluster.SuperUser, benchPassword, database)
}

// fill makes a catalog of n products in each market, and stock of all.
func (d *databases) fill(ctx context.Context, name string, markets []world.Market, n int) (catalog, resident string, err error) {
	admin, err := pgx.Connect(ctx, d.to("postgres"))
	if err != nil {
		return "", "", err
	}
	defer admin.Close(ctx)
	for _, kind := range []string{postgres.Catalog, postgres.Resident} {
		if _, err := admin.Exec(ctx, "create database "+kind+"_"+name); err != nil {
			return "", "", err
		}
	}
	catalog, resident = d.to(postgres.Catalog+"_"+name), d.to(postgres.Resident+"_"+name)
	if err := inDatabase(ctx, catalog, postgres.Catalog, catalogRows(markets), n); err != nil {
		return "", "", fmt.Errorf("the catalog of %d products: %w", n, err)
	}
	if err := inDatabase(ctx, resident, postgres.Resident, stockRows(markets), n); err != nil {
		return "", "", fmt.Errorf("the stock of %d products: %w", n, err)
	}
	return catalog, resident, nil
}

// inDatabase migrates a database and runs statements in it; $1 is n.
func inDatabase(ctx context.Context, conn, kind string, statements []string, n int) error {
	pool, err := pgxpool.New(ctx, conn)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := postgres.Migrate(ctx, pool, kind); err != nil {
		return err
	}
	c, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	for _, q := range statements {
		var args []any
		if strings.Contains(q, "$1") {
			args = append(args, n)
		}
		if _, err := c.Exec(ctx, q, args...); err != nil {
			return fmt.Errorf("%.80s: %w", q, err)
		}
	}
	return nil
}

// marketTable is a table m of the markets, with their currencies, and l of their
// locales.
func marketTable(markets []world.Market) []string {
	var rows, locales []string
	for _, m := range markets {
		rows = append(rows, fmt.Sprintf("('%s', '%s')", m.ID, m.Currency))
		for _, locale := range m.Locales {
			locales = append(locales, fmt.Sprintf("('%s', '%s')", m.ID, locale))
		}
	}
	return []string{
		"create temp table m (market, currency) as values " + strings.Join(rows, ", "),
		"create temp table l (market, locale) as values " + strings.Join(locales, ", "),
	}
}

// catalogRows make a catalog past its triggers and its constraints, which would
// take hours over it: what is written meets them. Words are few, as in a shop:
// each is found in many products.
func catalogRows(markets []world.Market) []string {
	return append(marketTable(markets),
		"set session_replication_role = replica",
		"set synchronous_commit = off",
		"set maintenance_work_mem = '256MB'",
		"alter table product_word drop constraint product_word_pkey",
		"alter table product_text alter column words drop expression", // it takes milliseconds a row; these words are as it makes them
		fmt.Sprintf("insert into category (market, category, place) select market, 'k' || k, k from m, generate_series(0, %d) k", categories-1),
		"insert into category_text (market, category, locale, name, address) select market, category, locale, 'Category ' || place, category from category join l using (market)",
		fmt.Sprintf(`insert into product (market, slug, tax_class, featured, place, category) select market, 'p' || i, 'cake', i %% ($1::integer / %d) = 0, i, 'k' || i %% %d from m, generate_series(1, $1::integer) i`, featured, categories),
		"insert into product_address (market, address, slug) select market, slug, slug from product",
		`insert into product_text (market, slug, locale, name, description, ingredients, address, words)
			select market, slug, locale, name, description, 'Flour, butter, sugar', slug,
				setweight(to_tsvector(config, name), 'A') || setweight(to_tsvector(config, description), 'B') || setweight(to_tsvector(config, 'Flour, butter, sugar'), 'C')
			from (select market, slug, locale, search_config(locale) as config, 'Cake number ' || place as name, 'With crumble of sort' || place % 997 || ' and a filling of fruit' || place % 89 as description
				from product join l using (market)) t`,
		"insert into sku (market, sku, slug) select market, slug, slug from product",
		"insert into price_list (market, list, rank) select market, 'base', 0 from m",
		"insert into price_list (market, list, rank, from_at) select market, 'sale', 5, '2026-01-01' from m",
		"insert into price (market, sku, version, amount_minor, currency, valid_from) select market, sku, 1, 500 + hashtext(sku) % 100 * 3, currency, '2025-01-01' from sku join m using (market)",
		"insert into price (market, sku, version, amount_minor, currency, list, valid_from) select market, sku, 2, 150, currency, 'sale', '2026-01-01' from sku join m using (market) where hashtext(sku) % 10 = 0",
		"insert into product_word select t.market, t.locale, w.word, w.tier, p.place, t.slug from product_text t join product p using (market, slug), search_tiers(t.words) w",
		"alter table product_word add primary key (market, locale, word, tier, place, slug)",
		"set session_replication_role = origin",
		"vacuum analyze",
		"checkpoint",
	)
}

// stockRows give every SKU more than can be bought.
func stockRows(markets []world.Market) []string {
	return append(marketTable(markets),
		"set session_replication_role = replica",
		fmt.Sprintf("insert into stock_level (market, sku, on_hand) select market, 'p' || i, %d from m, generate_series(1, $1::integer) i", pieces),
		fmt.Sprintf("insert into stock_movement (market, sku, kind, on_hand, reserved, note) select market, 'p' || i, 'receive', %d, 0, 'opening' from m, generate_series(1, $1::integer) i", pieces),
		"set session_replication_role = origin",
		"vacuum analyze",
		"checkpoint",
	)
}
