package postgres_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"testing"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

// bigWorld has a second region, which took in half of the pictures.
var bigWorld = &world.World{
	Regions: []world.Region{{ID: "here", Number: 1}, {ID: "there", Number: 2}},
	Markets: []world.Market{{ID: "de", HomeRegion: "here", Locales: []string{"de-DE"}, Currency: "EUR"}},
}

// bigPictures are the pictures of products with an even or an odd number i, in the
// region that took them in.
func bigPictures(region string, parity int) []string {
	return []string{
		fmt.Sprintf(`create temp table a as select %d || n::text || lpad(i::text, 14, '0') as id from m, generate_series(1, $1::integer) i where i %% 2 = %d`, parity+1, parity),
		`insert into asset (media_id, app, name, write_region, current_version) select id, 'shop', id, '` + region + `', 1 from a`,
		`insert into asset_version (media_id, version, sha256, media_type, bytes, width, height, color)
			select id, 1, md5(id) || md5(id), 'image/jpeg', 100000, 1600, 1200, '#c08040' from a`,
	}
}

// bigCatalog is a catalog of five markets with so many products each, of which a
// ninth is no longer for sale, in two sorts with a base price and a lower one, with
// a picture, in twenty categories, one of them without anything for sale, beside three
// hundred promotions of which all but five are over.
func bigCatalog(t *testing.T, n int) *postgres.Cluster {
	t.Helper()
	conn := pgtest.Catalog(t)
	fill(t, conn, n, append(bigPictures("here", 0),
		`insert into category (market, category, place) select market, 'k' || k, k from m, generate_series(0, 19) k`,
		`insert into category_text (market, category, locale, name, address) select market, category, case market when 'de' then 'de-DE' else 'en-GB' end, 'Sorte ' || place, category from category`,
		`insert into product (market, slug, tax_class, featured, place, category, media_id, published_until)
			select market, 'p' || i, 'cake', i % ($1::integer / 50) = 0, i, 'k' || i % 20, i % 2 + 1 || n::text || lpad(i::text, 14, '0'), case when i % 9 = 3 or i % 20 = 13 then '2026-06-01' else 'infinity' end::timestamptz
			from m, generate_series(1, $1::integer) i`,
		`insert into product_address (market, address, slug) select market, slug, slug from product`,
		`insert into product_text (market, slug, locale, name, description, address) select market, slug, case market when 'de' then 'de-DE' else 'en-GB' end, 'Kuchen Nummer ' || place, case market when 'de' then 'Sorte' || place % 97 || ' mit Streuseln' else '' end, slug from product`,
		`insert into product_word select t.market, t.locale, w.word, w.tier, p.place, t.slug from product_text t join product p using (market, slug), search_tiers(t.words) w`,
		`insert into sku (market, sku, slug, place) select market, slug || s, slug, s from product, generate_series(1, 2) s`,
		`insert into sku_text (market, sku, locale, name) select market, sku, case market when 'de' then 'de-DE' else 'en-GB' end, 'zu ' || place from sku`,
		`insert into price_list (market, list, rank) select market, 'base', 0 from m`,
		`insert into price_list (market, list, rank, from_at) select market, 'sale', 5, '2026-01-01' from m`,
		`insert into price (market, sku, version, amount_minor, currency, valid_from) select market, sku, 1, 500, 'EUR', '2025-01-01' from sku`,
		`insert into price (market, sku, version, amount_minor, currency, list, valid_from) select market, sku, 2, 400, 'EUR', 'sale', '2026-01-01' from sku where place = 1`,
		`insert into promotion (market, promotion, labels, kind, percent, until_at) select market, 'promo' || i, '{"en": "Cheaper"}', 'percent', 5, case when i <= 5 then 'infinity' else '2026-06-01' end::timestamptz from m, generate_series(1, 300) i`,
		`insert into slot_rule (market, kind, weekday, start_minute, end_minute, capacity) select market, 'pickup', d, 600 + 60 * h, 660 + 60 * h, 20 from m, generate_series(0, 6) d, generate_series(0, 7) h`,
		`insert into product_history (market, slug, version, product) select market, slug, 1, '{}' from product`,
	)...)
	return pgtest.Cluster(t, world.CatalogCluster("here"), "here", conn)
}

// catalogReadings are what pages, checkouts and owners ask the catalog for.
func catalogReadings(s *postgres.CatalogStore, n int) []reading {
	amount := func(got, want int, err error) error {
		if err == nil && got != want {
			err = fmt.Errorf("%d are found, want %d", got, want)
		}
		return err
	}
	list := func(q world.ListQuery) func(context.Context) error {
		return func(ctx context.Context) error {
			if q.Limit == 0 {
				q.Limit = 48
			}
			q.Market, q.Locale, q.At = "de", "de-DE", then
			l, err := s.List(ctx, q)
			for _, p := range l.Products {
				if p.Picture.MediaID == "" {
					return fmt.Errorf("%s has no picture", p.Slug)
				}
			}
			return amount(len(l.Products), q.Limit, err)
		}
	}
	// atLeast so many are found, or all of a page.
	search := func(text string, atLeast int) func(context.Context) error {
		return func(ctx context.Context) error {
			l, err := s.Search(ctx, world.SearchQuery{Market: "de", Locale: "de-DE", Text: text, Limit: 48, At: then})
			return amount(min(len(l.Products), atLeast), atLeast, err)
		}
	}
	middle := fmt.Sprint("p", n/2)
	behind := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "0/%d/%s", n/2, middle))
	return []reading{
		{"list", 3, 3, 4500, 1000, list(world.ListQuery{Kind: world.ListAll})},
		{"list, from the middle on", 3, 3, 4500, 1000, list(world.ListQuery{Kind: world.ListAll, After: behind})},
		{"list of a category", 2, 2, 4500, 1000, list(world.ListQuery{Kind: world.ListCategory, Key: "k7"})},
		{"list of a category, from the middle on", 2, 2, 4000, 900, list(world.ListQuery{Kind: world.ListCategory, Key: "k7", After: behind, Limit: 40})},
		{"list of what is featured", 2, 2, 4000, 900, list(world.ListQuery{Kind: world.ListFeatured, Limit: 40})},
		{"list of the rest", 3, 3, 4500, 1000, list(world.ListQuery{Kind: world.ListPlain})},
		{"four beside a product", 3, 3, 450, 100, list(world.ListQuery{Kind: world.ListBeside, Key: middle, Limit: 4})},
		{"categories", 1, 1, 250, 40, func(ctx context.Context) error {
			all, _, err := s.Categories(ctx, "de", "de-DE", then)
			return amount(len(all), 19, err)
		}},
		{"product", 2, 2, 170, 40, func(ctx context.Context) error {
			p, _, err := s.Product(ctx, "de", middle, "de-DE", then)
			if err == nil && (len(p.SKUs) != 2 || p.SKUs[0].PriorMinor != 500 || p.SKUs[0].PriceMinor != 400 || p.SKUs[1].PriorMinor != 0 || p.Picture.MediaID == "") {
				err = fmt.Errorf("sold as %+v", p)
			}
			return err
		}},
		{"three SKUs at a checkout", 3, 3, 370, 80, func(ctx context.Context) error {
			o, err := s.Current(ctx, "de", "de-DE", []string{middle + "1", "p71", "p82"}, then)
			return amount(len(o), 3, err)
		}},
		{"promotions and slots at a checkout", 1, 3, 20, 10, func(ctx context.Context) error {
			all, err := s.Selling(ctx, "de", "de-DE", then)
			return amount(len(all.Promotions)+len(all.Slots), 5+56, err)
		}},
		{"a product as its owner writes it", 1, 1, 40, 12, func(ctx context.Context) error {
			_, err := s.ProductDraft(ctx, "de", middle)
			return err
		}},
		{"a price in a list", 1, 1, 20, 4, func(ctx context.Context) error {
			_, err := s.PriceIn(ctx, "de", middle+"1", "sale")
			return err
		}},
		{"search for a rare word", 2, 2, 250, 800, search("nummer "+middle[1:], 1)},
		{"search for a word of some", 3, 3, 6000, 2700, search("sorte17", 10)},
		{"search for a word of all", 3, 3, 6000, 2700, search("kuchen", 48)},
		{"search for two words of all", 3, 3, 6000, 3500, search("kuchen streus", 48)},
		{"search for words that none has all of", 1, 1, 4500, 4500, search("sorte17 sorte18 kuchen", 0)},
		{"search for a beginning that many have", 3, 3, 6500, 17500, search("s", 48)},
		{"search for eight words", 3, 3, 6000, 7000, search("kuchen nummer streuseln mit kuchen nummer streuseln n", 48)},
		{"search for a beginning behind one", 3, 3, 6800, 2900, search("kuchen 1", 10)},
		{"search for what no word begins with", 1, 1, 80, 12, search("zz", 0)},
		{"search for a beginning of many numbers", 3, 3, 6300, 1400, search("1", 10)},
	}
}

// However many products there are, a page reads them with one statement, and one
// more for each region that took in their pictures. None looks at more than a page
// has to do with.
func TestReadsOfManyProductsUseIndexes(t *testing.T) {
	n := manyProducts(t)
	here := bigCatalog(t, n)
	conn := pgtest.Catalog(t)
	fill(t, conn, n, bigPictures("there", 1)...)
	there := pgtest.Cluster(t, world.CatalogCluster("there"), "there", conn)
	store := func(clusters ...*postgres.Cluster) *postgres.CatalogStore {
		s, err := postgres.NewCatalogStore(bigWorld, clusters)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	w := newWitness()
	seenHere, seenThere := w.watched(t, here), w.watched(t, there)
	watched := catalogReadings(store(seenHere, seenThere), n)
	large := largeTables(t, here.Pool)
	w.judgeAll(t, watched, catalogReadings(store(here, there), n), large)
	w.prepared(t, seenHere.Pool, seenThere.Pool)

	w.blind(t, here.Pool, watched, large,
		without{"product_place", "list"},
		without{"product_for_sale", "categories"},
		without{"product_category", "list of a category"},
		without{"product_featured", "list of what is featured"},
		without{"sku_product", "product"},
	)
}
