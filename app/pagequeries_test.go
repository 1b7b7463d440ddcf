package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/adapter/postgres"
	"meridian/data"
	"meridian/engine/keyring"
	"meridian/platform/i18n"
	"meridian/role/shop"
	"meridian/test/pgtest"
	"meridian/world"
)

// counted counts statements.
type counted struct{ n atomic.Int64 }

func (c *counted) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}
func (*counted) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// stock makes products p<from> to p<to> of the market, each with a picture, one in
// five featured, in one of five categories.
const stock = `
insert into category (market, category) select 'gb', 'k' || i from generate_series(0, 4) i on conflict do nothing;
insert into category_text (market, category, locale, name, address) select 'gb', 'k' || i, 'en-GB', 'Category', 'k' || i from generate_series(0, 4) i on conflict do nothing;
insert into product (market, slug, tax_class, featured, place, category, media_id) select 'gb', 'p' || i, 'cake', i %% 5 = 0, i, 'k' || i %% 5, %[3]d || 'abcdefghjkmnpq' || i %% 10 from generate_series(%[1]d, %[2]d) i;
insert into product_text (market, slug, locale, name, description, address) select 'gb', 'p' || i, 'en-GB', 'Cake ' || i, 'A plain cake', 'p' || i from generate_series(%[1]d, %[2]d) i;
insert into sku (market, sku, slug) select 'gb', 'p' || i, 'p' || i from generate_series(%[1]d, %[2]d) i;
insert into price (market, sku, version, amount_minor, currency) select 'gb', 'p' || i, 1, 100, 'GBP' from generate_series(%[1]d, %[2]d) i;`

// However many products there are and a page shows, it asks the database as often:
// nothing is asked for each product, and for the categories once a moment.
func TestAPageAsksAsOftenWhateverTheCatalog(t *testing.T) {
	w, err := ReadWorld("")
	if err != nil {
		t.Fatal(err)
	}
	for i := range w.Markets {
		w.Markets[i].HomeRegion = w.Main
	}
	main, _ := w.RegionByID(w.Main)
	cfg, err := pgxpool.ParseConfig(pgtest.Catalog(t))
	if err != nil {
		t.Fatal(err)
	}
	asked := &counted{}
	cfg.ConnConfig.Tracer = asked
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	now := time.Now()
	handler := readingShop(t, w, pool, func() time.Time { return now })
	market, _ := w.MarketByID("gb")

	pages := map[string]struct{ first, again int64 }{ // again: within menu_keep
		"/":                            {5, 4}, // featured, the others, their pictures, categories
		"/c/k1":                        {3, 2}, // categories, the list, pictures
		"/search?q=cake":               {3, 2},
		"/search?q=plain+cake+1":       {3, 2},
		"/p/p5":                        {5, 4}, // the product, those beside it, their pictures, categories
		"/api/v1/products":             {2, 2},
		"/api/v1/products/p5":          {2, 2},
		"/api/v1/products?q=ca":        {2, 2},
		"/api/v1/products?category=k1": {3, 2},
		"/api/v1/categories":           {1, 0},
	}
	ask := func(path string, products int, want int64) {
		t.Helper()
		asked.n.Store(0)
		r := httptest.NewRequest(http.MethodGet, "http://"+market.Host+path, nil)
		r.Header.Set("Accept", "text/html, application/json")
		a := httptest.NewRecorder()
		handler.ServeHTTP(a, r)
		if got := asked.n.Load(); a.Code != http.StatusOK || got != want || !strings.Contains(a.Body.String(), "k1") && !strings.Contains(a.Body.String(), "p5") {
			t.Errorf("%s with %d products: %d statements, want %d; %d %.200s", path, products, got, want, a.Code, a.Body)
		}
	}
	had := 0
	for _, n := range []int{9, 70, 700} {
		if _, err := pool.Exec(t.Context(), fmt.Sprintf(stock, had+1, n, main.Number)); err != nil {
			t.Fatal(err)
		}
		had = n
		for path, want := range pages {
			now = now.Add(time.Minute)
			ask(path, n, want.first)
			ask(path, n, want.again)
		}
	}
}

// readingShop is a shop that reads the catalog through pool, and does no more.
func readingShop(t *testing.T, w *world.World, pool *pgxpool.Pool, now func() time.Time) http.Handler {
	t.Helper()
	clusters := []*postgres.Cluster{{Name: world.CatalogCluster(w.Main), Region: w.Main, Primary: true, Pool: pool}}
	catalog, err := postgres.NewCatalogStore(w, clusters)
	if err != nil {
		t.Fatal(err)
	}
	exchange, err := postgres.NewRateStore(w, clusters)
	if err != nil {
		t.Fatal(err)
	}
	rates, err := TaxTable()
	if err != nil {
		t.Fatal(err)
	}
	locales, err := fs.Sub(data.FS, "locales")
	if err != nil {
		t.Fatal(err)
	}
	words, err := i18n.Load(locales)
	if err != nil {
		t.Fatal(err)
	}
	cfg := shop.Default()
	cfg.Region, cfg.WireKey, cfg.Private.Keys = w.Main, "k", []keyring.Key{{ID: "now", Secret: "long enough to be a secret"}}
	s, err := shop.New(cfg, shop.Deps{World: w, Catalog: catalog, Tax: rates, Rates: exchange, Texts: words, Now: now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s.Handler()
}
