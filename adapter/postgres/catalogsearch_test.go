package postgres_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

var searchWorld = &world.World{
	Regions: []world.Region{{ID: "asia", Number: 3}},
	Markets: []world.Market{
		{ID: "in", HomeRegion: "asia", Locales: []string{"en-IN", "hi-IN"}, Currency: "INR"},
		{ID: "de", HomeRegion: "asia", Locales: []string{"de-DE"}, Currency: "EUR"},
		{ID: "jp", HomeRegion: "asia", Locales: []string{"ja-JP"}, Currency: "JPY"},
	},
}

// searchCatalog is a catalog of one product for each text, named by its slug.
func searchCatalog(t testing.TB) *postgres.CatalogStore {
	t.Helper()
	c := pgtest.Cluster(t, "catalog-asia", "asia", pgtest.Catalog(t))
	var seed []postgres.SeedProduct
	add := func(market, slug string, texts map[string]postgres.SeedText) {
		m, _ := searchWorld.MarketByID(market)
		seed = append(seed, postgres.SeedProduct{Market: market, Slug: slug, TaxClass: "cake", Place: len(seed), PriceMinor: 100, Currency: m.Currency, Texts: texts})
	}
	add("in", "plum-cake", map[string]postgres.SeedText{"en-IN": {Name: "Plum cake", Description: "Rich with cherries, made with ghee."}, "hi-IN": {Name: "प्लम केक", Description: "मेवों से भरा।"}})
	add("in", "cherry-tart", map[string]postgres.SeedText{"en-IN": {Name: "Cherry tart", Description: "A tart, not a cake."}})
	add("in", "pav", map[string]postgres.SeedText{"en-IN": {Name: "Ladi pav", Description: "Soft rolls."}, "hi-IN": {Name: "लादी पाव", Description: "नरम रोटियाँ।"}})
	add("de", "kaesekuchen", map[string]postgres.SeedText{"de-DE": {Name: "Käsekuchen", Description: "Mit Quark auf Mürbeteig.", Ingredients: "*Quark*, Zucker, Süßrahm"}})
	add("de", "streuselkuchen", map[string]postgres.SeedText{"de-DE": {Name: "Streuselkuchen", Description: "Mit Butterstreuseln."}})
	add("jp", "ichigo", map[string]postgres.SeedText{"ja-JP": {Name: "いちごショートケーキ 5号", Description: "苺と生クリームの定番です。"}})
	add("jp", "matcha", map[string]postgres.SeedText{"ja-JP": {Name: "宇治抹茶ロールケーキ", Description: "大納言小豆をくるりと巻きました。"}})
	add("jp", "hojicha", map[string]postgres.SeedText{"ja-JP": {Name: "ほうじ茶 500ml", Description: "京都の茶葉。"}})
	if err := postgres.SeedCatalog(t.Context(), c.Pool, seed); err != nil {
		t.Fatal(err)
	}
	s, err := postgres.NewCatalogStore(searchWorld, []*postgres.Cluster{c})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSearchInEachLanguage(t *testing.T) {
	s := searchCatalog(t)
	for _, c := range []struct{ locale, text, want string }{
		{"en-IN", "plum cake", "plum-cake"},
		{"en-IN", "CAKES", "plum-cake cherry-tart"}, // in the name before the description
		{"en-IN", "cherr", "cherry-tart plum-cake"},
		{"en-IN", "cherry", "cherry-tart plum-cake"},
		{"en-IN", "cake cherry with", "plum-cake cherry-tart"}, // a word that says nothing is not asked for
		{"en-IN", "che plum", ""},                              // only the last may be a beginning
		{"en-IN", "the", ""},
		{"en-IN", "kuchen", ""}, // another market's
		{"en-IN", "प्लम", ""},   // another locale's
		{"hi-IN", "प्लम", "plum-cake"},
		{"hi-IN", "केक", "plum-cake"},
		{"hi-IN", "tart", "cherry-tart"}, // where there are no words of the locale
		{"hi-IN", "रोटी", "pav"},
		{"de-DE", "Käsekuchen", "kaesekuchen"},
		{"de-DE", "kasekuchen", "kaesekuchen"},
		{"de-DE", "KAESEKUCHEN", "kaesekuchen"},
		{"de-DE", "Kuchen", "kaesekuchen streuselkuchen"},
		{"de-DE", "kuch", "kaesekuchen streuselkuchen"},
		{"de-DE", "Suessrahm", "kaesekuchen"},
		{"de-DE", "quark", "kaesekuchen"},
		{"de-DE", "Kuchen Butter", "streuselkuchen"},
		{"ja-JP", "いちご", "ichigo"},
		{"ja-JP", "イチゴ", "ichigo"},
		{"ja-JP", "ｲﾁｺﾞ", "ichigo"},
		{"ja-JP", "ケーキ", "ichigo matcha"},
		{"ja-JP", "抹茶", "matcha"},
		{"ja-JP", "茶", "matcha hojicha"},
		{"ja-JP", "抹茶　ケーキ", "matcha"},
		{"ja-JP", "抹茶 いちご", ""},
		{"ja-JP", "500", "hojicha"},
		{"ja-JP", "５００ＭＬ", "hojicha"},
		{"ja-JP", "ごい", ""},
	} {
		market := strings.ToLower(c.locale[3:])
		l, err := s.Search(t.Context(), world.SearchQuery{Market: market, Locale: c.locale, Text: c.text, Limit: 10, At: then})
		got := namesOf(l.Products)
		slices.Sort(got)
		want := strings.Fields(c.want)
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) || l.Total != len(got) {
			t.Errorf("%s %q: %v (%d), %v, want %v", c.locale, c.text, got, l.Total, err, c.want)
		} else if len(l.Products) > 0 && l.Products[0].Slug != strings.Fields(c.want)[0] && strings.HasPrefix(c.locale, "en") {
			t.Errorf("%s %q: %s is first, want %s", c.locale, c.text, l.Products[0].Slug, c.want)
		}
	}
}

func namesOf(products []world.Product) (out []string) {
	for _, p := range products {
		out = append(out, p.Slug)
	}
	return out
}

func TestSearchPageByPage(t *testing.T) {
	s := searchCatalog(t)
	q := world.SearchQuery{Market: "jp", Locale: "ja-JP", Text: "茶", Limit: 1, At: then}
	first, err := s.Search(t.Context(), q)
	if err != nil || len(first.Products) != 1 || first.Total != 2 || first.Next == "" {
		t.Fatalf("%+v, %v", first, err)
	}
	q.After = first.Next
	second, err := s.Search(t.Context(), q)
	if err != nil || len(second.Products) != 1 || second.Total != 2 || second.Products[0].Slug == first.Products[0].Slug {
		t.Fatalf("%+v, %v", second, err)
	}
	q.After = second.Next
	if end, err := s.Search(t.Context(), q); err != nil || len(end.Products) != 0 || end.Next != "" {
		t.Errorf("%+v, %v", end, err)
	}
	for _, bad := range []world.SearchQuery{{Market: "jp", Limit: 0}, {Market: "jp", Limit: world.MaxList + 1}, {Market: "jp", Limit: 1, After: "x"}} {
		if _, err := s.Search(t.Context(), bad); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// Whatever is typed is looked for or finds nothing: it is never an error.
func FuzzSearch(f *testing.F) {
	s := searchCatalog(f)
	for _, text := range []string{"", "a:*", "':*", `\`, `'\''`, "a & !b | (c <-> d)", "@de/de-DE", "-- ;", "ー", "a\u0300", "😀", "%_", strings.Repeat("ab ", 99), "0,75 l", "ªº½", "I\u0307", "ﾞ"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			t.Skip()
		}
		for _, m := range searchWorld.Markets {
			for _, locale := range m.Locales {
				if _, err := s.Search(t.Context(), world.SearchQuery{Market: m.ID, Locale: locale, Text: text, Limit: 10, At: then}); err != nil {
					t.Errorf("%s %q: %v", locale, text, err)
				}
			}
		}
	})
}

// A category is there while something of it is for sale, with the best words for a
// locale and every address that it has.
func TestCategoriesOfAMoment(t *testing.T) {
	s, asia, _ := newCatalog(t)
	categories := func(at time.Time, locale string) (out []world.Category, until time.Time) {
		t.Helper()
		out, until, err := s.Categories(t.Context(), "in", locale, at)
		if err != nil {
			t.Fatal(err)
		}
		return out, until
	}
	if got, until := categories(then, "en-IN"); got != nil || !until.IsZero() {
		t.Errorf("without categories: %+v until %v", got, until)
	}
	soon := then.Add(time.Hour)
	for _, q := range []string{
		`insert into category (market, category, place) values ('in', 'cakes', 2), ('in', 'breads', 1), ('in', 'silent', 0), ('in', 'empty', 0)`,
		`insert into category_text (market, category, locale, name, address, description) values
			('in', 'cakes', 'hi-IN', 'केक', 'kek', ''), ('in', 'cakes', 'en-IN', 'Cakes', 'cakes', 'Rich ones.'),
			('in', 'breads', 'en', 'Breads', 'breads', ''), ('in', 'silent', 'de-DE', 'Stille', 'stille', ''), ('in', 'empty', 'en-IN', 'Empty', 'empty', '')`,
		`update product set category = 'cakes' where slug = 'cake'`,
		`update product set category = 'breads', published_from = '` + soon.Format(time.RFC3339) + `' where slug = 'pav'`,
		`insert into product (market, slug, tax_class, place, category) values ('in', 'hush', 'cake', 9, 'silent')`,
	} {
		if _, err := asia.Pool.Exec(t.Context(), q); err != nil {
			t.Fatalf("%.60s: %v", q, err)
		}
	}
	breads := world.Category{Key: "breads", Address: "breads", Addresses: []string{"breads"}, Name: "Breads"}
	cakes := world.Category{Key: "cakes", Address: "cakes", Addresses: []string{"cakes", "kek"}, Name: "Cakes", Description: "Rich ones."}
	kek := world.Category{Key: "cakes", Address: "kek", Addresses: []string{"kek", "cakes"}, Name: "केक"}
	for _, c := range []struct {
		at     time.Time
		locale string
		want   []world.Category
		until  time.Time
	}{
		{then, "en-IN", []world.Category{cakes}, soon},
		{soon.Add(-time.Microsecond), "hi-IN", []world.Category{kek}, soon},
		{soon, "en-IN", []world.Category{breads, cakes}, time.Time{}},
		{soon, "hi-IN", []world.Category{breads, kek}, time.Time{}},
	} {
		if got, until := categories(c.at, c.locale); !reflect.DeepEqual(got, c.want) || !until.Equal(c.until) {
			t.Errorf("%v in %s: %+v until %v, want %+v until %v", c.at, c.locale, got, until, c.want, c.until)
		}
	}
}
