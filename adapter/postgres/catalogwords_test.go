package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

// astray are rows of words that no text has, and words of texts without a row.
const astray = `with want as (select t.market, t.locale, w.word, w.tier, p.place, t.slug from product_text t join product p using (market, slug), search_tiers(t.words) w)
	select (select count(*) from (select * from want except select * from product_word) a) + (select count(*) from (select * from product_word except select * from want) b)`

// Whatever becomes of products and texts, the words are theirs.
func TestWordsFollowTexts(t *testing.T) {
	c := pgtest.Cluster(t, "catalog-asia", "asia", pgtest.Catalog(t))
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.StringMatching(`((rye|plum|cake|bun)[ ]){0,4}`)
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			slug, locale := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "slug"), rapid.SampledFrom([]string{"de-DE", "en-GB"}).Draw(t, "locale")
			var err error
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				_, err = c.Pool.Exec(t.Context(), `insert into product (market, slug, tax_class, place) values ('gb', $1, 'cake', $2) on conflict (market, slug) do update set place = excluded.place`, slug, rapid.IntRange(0, 3).Draw(t, "place"))
			case 1, 2, 3:
				_, err = c.Pool.Exec(t.Context(), `insert into product_text (market, slug, locale, name, description, ingredients, address) select market, slug, $2, $3, $4, $5, slug from product where slug = $1
					on conflict (market, slug, locale) do update set name = excluded.name, description = excluded.description, ingredients = excluded.ingredients`,
					slug, locale, words.Draw(t, "name"), words.Draw(t, "description"), words.Draw(t, "ingredients"))
			case 4:
				_, err = c.Pool.Exec(t.Context(), `delete from product_text where slug = $1 and locale = $2`, slug, locale)
			case 5:
				_, err = c.Pool.Exec(t.Context(), `delete from product where slug = $1`, slug)
			}
			if err != nil {
				t.Fatal(err)
			}
			var n int
			if err := c.Pool.QueryRow(t.Context(), astray).Scan(&n); err != nil || n != 0 {
				t.Fatalf("%d words went astray, %v", n, err)
			}
		}
	})
}

// A product is moved while its text is rewritten.
func TestWordsOfTwoChangesAtOnce(t *testing.T) {
	c := pgtest.Cluster(t, "catalog-asia", "asia", pgtest.Catalog(t))
	exec := func(q string) error { _, err := c.Pool.Exec(t.Context(), q); return err }
	if err := exec(`insert into product (market, slug, tax_class) values ('gb', 'a', 'cake'); insert into product_text (market, slug, locale, name, description, address) values ('gb', 'a', 'en-GB', 'Bun', '', 'a')`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		for i := range 50 {
			if err := exec(fmt.Sprintf(`update product set place = %d where slug = 'a'`, i+1)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for i := range 50 {
		if err := exec(fmt.Sprintf(`update product_text set name = 'Bun %d' where slug = 'a'`, i)); err != nil {
			t.Error(err)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := count(t, c.Pool, astray); n != 0 {
		t.Errorf("%d words went astray", n)
	}
}

// However few products a search looks at, its pages have together what there is to
// find, each product once.
func TestSearchFindsAllPageByPage(t *testing.T) {
	c := pgtest.Cluster(t, "catalog-asia", "asia", pgtest.Catalog(t))
	stock := []string{"cake", "cakes", "cakewalk", "plum", "plums", "rye", "with", "ryebread", "केक", "बन"}
	var seed []postgres.SeedProduct
	pick := func(i, n int) string { // as if at random, and again the same
		var out []string
		for j := range n {
			out = append(out, stock[(i*i*7+i*j*3+j*5+i/3)%len(stock)])
		}
		return strings.Join(out, " ")
	}
	for i := range 60 {
		p := postgres.SeedProduct{Market: "in", Slug: fmt.Sprint("p", i), TaxClass: "cake", Place: i * 7 % 20, PriceMinor: 100, Currency: "INR",
			Texts: map[string]postgres.SeedText{"en-IN": {Name: pick(i, 2), Description: pick(i+5, 2), Ingredients: pick(i+9, 1)}}}
		if i%3 == 0 {
			p.Texts["hi-IN"] = postgres.SeedText{Name: pick(i+2, 1), Description: pick(i+4, 2)}
		}
		seed = append(seed, p)
	}
	if err := postgres.SeedCatalog(t.Context(), c.Pool, seed); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Pool.Exec(t.Context(), `update product set published_from = 'infinity' where place = 4`); err != nil {
		t.Fatal(err)
	}
	s, err := postgres.NewCatalogStore(searchWorld, []*postgres.Cluster{c})
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{"cake", "cake plum", "with", "केक", "plum केक", "rye p", "c", "ca", "bun", "cakes plums rye"} {
		for _, locale := range []string{"en-IN", "hi-IN"} {
			q := world.SearchQuery{Market: "in", Locale: locale, Text: text, At: then, Limit: 100}
			whole, err := s.Search(t.Context(), q)
			if err != nil || whole.Total != len(whole.Products) || whole.Next != "" {
				t.Fatalf("%+v, %v", whole, err)
			}
			q.Limit = 3 + i
			for _, looks := range []int{1 + i, 17} {
				var found []string
				for pages, next := 0, "-"; next != ""; pages++ {
					l, err := s.SearchLooking(t.Context(), q, looks)
					if err != nil || len(l.Products) > q.Limit || pages > 200 {
						t.Fatalf("%d products, page %d, %v", len(l.Products), pages, err)
					}
					found = append(found, namesOf(l.Products)...)
					next, q.After = l.Next, l.Next
				}
				want := namesOf(whole.Products)
				slices.Sort(want)
				slices.Sort(found)
				if !slices.Equal(found, want) {
					t.Errorf("%s %q, looking at %d: found %v, want %v", locale, text, looks, found, want)
				}
			}
		}
	}
}

// What has a word in its name comes before what has it elsewhere, also where there
// is too much to be ranked.
func TestSearchShowsNamesFirst(t *testing.T) {
	s := searchCatalog(t)
	for _, looks := range []int{1, 1000} {
		var found []string
		for q := (world.SearchQuery{Market: "in", Locale: "en-IN", Text: "cake", Limit: 1, At: then}); ; {
			l, err := s.SearchLooking(t.Context(), q, looks)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, namesOf(l.Products)...)
			if q.After = l.Next; l.Next == "" {
				break
			}
		}
		if want := []string{"plum-cake", "cherry-tart"}; !slices.Equal(found, want) {
			t.Errorf("looking at %d: %v, want %v", looks, found, want)
		}
	}
}
