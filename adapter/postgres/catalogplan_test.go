package postgres_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

// manyProducts is how many products each of five markets has in the tests of
// plans; MERIDIAN_PRODUCTS=20000 makes them a hundred thousand in all.
func manyProducts(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("MERIDIAN_PRODUCTS"))
	if err != nil {
		return 1000
	}
	return n
}

var bigWorld = &world.World{
	Regions: []world.Region{{ID: "here", Number: 1}},
	Markets: []world.Market{{ID: "de", HomeRegion: "here", Locales: []string{"de-DE"}, Currency: "EUR"}},
}

// bigCatalog is a catalog of five markets with so many products each, in two sorts
// with a base price and a lower one, made past the triggers.
func bigCatalog(t *testing.T, pool *pgxpool.Pool, n int) {
	t.Helper()
	conn, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, q := range []string{
		`set session_replication_role = replica`,
		`create temp table m as select unnest(array['us', 'gb', 'de', 'jp', 'in']) as market`,
		`insert into category (market, category) select market, 'k' || k from m, generate_series(0, 19) k`,
		`insert into product (market, slug, tax_class, featured, place, category) select market, 'p' || i, 'cake', i % 500 = 0, i, 'k' || i % 20 from m, generate_series(1, $1::integer) i`,
		`insert into product_address (market, address, slug) select market, slug, slug from product`,
		`insert into product_text (market, slug, locale, name, description, address) select market, slug, case market when 'de' then 'de-DE' else 'en-GB' end, 'Kuchen Nummer ' || place, case market when 'de' then 'Sorte' || place % 97 || ' mit Streuseln' else '' end, slug from product`,
		`insert into product_word select t.market, t.locale, w.word, w.tier, p.place, t.slug from product_text t join product p using (market, slug), search_tiers(t.words) w`,
		`insert into sku (market, sku, slug, place) select market, slug || s, slug, s from product, generate_series(1, 2) s`,
		`insert into price_list (market, list, rank) select market, 'base', 0 from m`,
		`insert into price_list (market, list, rank, from_at) select market, 'sale', 5, '2026-01-01' from m`,
		`insert into price (market, sku, version, amount_minor, currency, valid_from) select market, sku, 1, 500, 'EUR', '2025-01-01' from sku`,
		`insert into price (market, sku, version, amount_minor, currency, list, valid_from) select market, sku, 2, 400, 'EUR', 'sale', '2026-01-01' from sku where place = 1`,
		`set session_replication_role = origin`,
		`analyze`,
	} {
		args := []any{}
		if strings.Contains(q, "$1") {
			args = append(args, n)
		}
		if _, err := conn.Exec(t.Context(), q, args...); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

// spy counts statements and keeps the last one with what it was given.
type spy struct {
	n    atomic.Int64
	last []pgx.TraceQueryStartData
}

func (s *spy) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	s.n.Add(1)
	s.last = append(s.last, d)
	return ctx
}
func (*spy) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// reads are what pages and checkouts ask the catalog for.
func reads(s *postgres.CatalogStore, n int) map[string]func(ctx context.Context) (int, error) {
	list := func(q world.ListQuery) func(context.Context) (int, error) {
		return func(ctx context.Context) (int, error) {
			q.Market, q.Locale, q.Limit, q.At = "de", "de-DE", cmp.Or(q.Limit, 48), then
			l, err := s.List(ctx, q)
			return len(l.Products) + 48 - q.Limit, err
		}
	}
	search := func(text string, atLeast int) func(context.Context) (int, error) {
		return func(ctx context.Context) (int, error) {
			l, err := s.Search(ctx, world.SearchQuery{Market: "de", Locale: "de-DE", Text: text, Limit: 48, At: then})
			if len(l.Products) >= atLeast {
				return 48, err
			}
			return len(l.Products), err
		}
	}
	middle := fmt.Sprint("p", n/2)
	return map[string]func(context.Context) (int, error){
		"list":     list(world.ListQuery{Kind: world.ListAll}),
		"plain":    list(world.ListQuery{Kind: world.ListPlain}),
		"category": list(world.ListQuery{Kind: world.ListCategory, Key: "k7"}),
		"beside":   list(world.ListQuery{Kind: world.ListBeside, Key: middle, Limit: 4}),
		"product": func(ctx context.Context) (int, error) {
			p, _, err := s.Product(ctx, "de", middle, "de-DE", then)
			if err == nil && (len(p.SKUs) != 2 || p.SKUs[0].PriorMinor != 500 || p.SKUs[0].PriceMinor != 400 || p.SKUs[1].PriorMinor != 0) {
				err = fmt.Errorf("sold as %+v", p.SKUs)
			}
			return 48, err
		},
		"current": func(ctx context.Context) (int, error) {
			o, err := s.Current(ctx, "de", "de-DE", []string{middle + "1", "p71", "p82"}, then)
			return 45 + len(o), err
		},
		"search for a rare word":                 search("nummer "+middle[1:], 1),
		"search for a word of some":              search("sorte17", 10),
		"search for a word of all":               search("kuchen", 48),
		"search for two words of all":            search("kuchen streus", 48),
		"search for words that none has all of":  search("sorte17 sorte18 kuchen", 0),
		"search for a beginning that many have":  search("s", 48),
		"search for eight words":                 search("kuchen nummer streuseln mit kuchen nummer streuseln n", 48),
		"search for a beginning behind one":      search("kuchen 1", 10),
		"search for what no word begins with":    search("zz", 0),
		"search for a beginning of many numbers": search("1", 10),
	}
}

// However many products there are, a page reads them with one statement, which
// looks at no table of products as a whole and puts no market in order.
func TestReadsOfManyProductsUseIndexes(t *testing.T) {
	n := manyProducts(t)
	conn := pgtest.Catalog(t)
	cfg, err := pgxpool.ParseConfig(conn)
	if err != nil {
		t.Fatal(err)
	}
	seen := &spy{}
	cfg.ConnConfig.Tracer = seen
	cfg.ConnConfig.RuntimeParams["plan_cache_mode"], cfg.ConnConfig.RuntimeParams["enable_memoize"] = "force_generic_plan", "off" // as Open has them
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	bigCatalog(t, pool, n)
	s, err := postgres.NewCatalogStore(bigWorld, []*postgres.Cluster{{Name: "catalog-here", Region: "here", Primary: true, Pool: pool}})
	if err != nil {
		t.Fatal(err)
	}
	for name, read := range reads(s, n) {
		seen.n.Store(0)
		seen.last = nil
		got, err := read(t.Context())
		if err != nil || got != 48 {
			t.Errorf("%s: %d products, %v", name, got, err)
		}
		if len(seen.last) != 1 {
			t.Errorf("%s: %d statements, want 1", name, len(seen.last))
			continue
		}
		q := seen.last[0]
		var plan []byte
		var before, after int // whole tables read, by functions too, which no plan shows
		const whole = `select coalesce(sum(seq_scan), 0) from pg_stat_xact_user_tables where relname = any($1)`
		err = pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
			if err := tx.QueryRow(t.Context(), whole, largeTables).Scan(&before); err != nil {
				return err
			}
			if err := tx.QueryRow(t.Context(), "explain (analyze, buffers, format json) "+q.SQL, q.Args...).Scan(&plan); err != nil {
				return err
			}
			return tx.QueryRow(t.Context(), whole, largeTables).Scan(&after)
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if after > before {
			t.Errorf("%s: reads %d tables as a whole", name, after-before)
		}
		for _, fault := range faultsOf(t, plan) {
			t.Errorf("%s: %s", name, fault)
		}
	}
}

// largeTables have a row for each product, or more.
var largeTables = []string{"product", "product_text", "product_word", "sku", "price", "product_address"}

// mostBuffers is how many pages of the database a read may touch. Five hundred
// products that are looked at, in two tables, are ten of them each; a table of a
// large catalog alone has more than all that.
const mostBuffers = 12_000

// faultsOf are the steps of a plan that read a large table as a whole, or more
// rows of it than a page has to do with.
func faultsOf(t *testing.T, plan []byte) (out []string) {
	t.Helper()
	type node struct {
		Type  string  `json:"Node Type"`
		Table string  `json:"Relation Name"`
		Rows  float64 `json:"Actual Rows"`
		Hit   int     `json:"Shared Hit Blocks"`
		Read  int     `json:"Shared Read Blocks"`
		Plans []node
	}
	var top []struct{ Plan node }
	if err := json.Unmarshal(plan, &top); err != nil {
		t.Fatal(err)
	}
	var walk func(n node)
	walk = func(n node) {
		if n.Type == "Seq Scan" && slices.Contains(largeTables, n.Table) {
			out = append(out, "Seq Scan of "+n.Table)
		}
		if strings.Contains(n.Type, "Sort") && n.Rows > 1000 {
			out = append(out, fmt.Sprintf("%s of %.0f rows", n.Type, n.Rows))
		}
		for _, child := range n.Plans {
			walk(child)
		}
	}
	if touched := top[0].Plan.Hit + top[0].Plan.Read; touched > mostBuffers {
		out = append(out, fmt.Sprintf("%d pages are read", touched))
	}
	walk(top[0].Plan)
	return out
}
