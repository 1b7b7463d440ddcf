package postgres_test

import (
	"cmp"
	"reflect"
	"slices"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

var catalogWorld = &world.World{
	Regions: []world.Region{{ID: "asia", Number: 3}, {ID: "far", Number: 4}},
	Markets: []world.Market{{ID: "in", HomeRegion: "asia", Locales: []string{"en-IN", "hi-IN"}, Currency: "INR"}},
}

func seedProducts() []postgres.SeedProduct {
	return []postgres.SeedProduct{
		{Market: "in", Slug: "pav", Art: "pav", TaxClass: "bread", Place: 1, PriceMinor: 6000, Currency: "INR", Stock: 5, Texts: map[string]postgres.SeedText{
			"en-IN": {Name: "Ladi pav", Description: "Soft rolls.", AllergenNote: "Wheat."}, "hi-IN": {Name: "लादी पाव", Description: "नरम पाव।", AllergenNote: "गेहूँ।"}}},
		{Market: "in", Slug: "cake", Art: "cake", TaxClass: "cake", Featured: true, Place: 0, PriceMinor: 54900, Currency: "INR", Texts: map[string]postgres.SeedText{
			"en-IN": {Name: "Plum cake", Description: "Rich."}}},
	}
}

// then is a moment of the tests' prices and lists.
var then = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// list is a list of the market in; its kind, locale, length and moment are filled in.
func list(t *testing.T, s *postgres.CatalogStore, q world.ListQuery) world.Listing {
	t.Helper()
	q.Market, q.Kind, q.Locale, q.Limit = "in", cmp.Or(q.Kind, world.ListAll), cmp.Or(q.Locale, "en-IN"), cmp.Or(q.Limit, world.MaxList)
	if q.At.IsZero() {
		q.At = then
	}
	l, err := s.List(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func newCatalog(t *testing.T) (*postgres.CatalogStore, *postgres.Cluster, *postgres.Cluster) {
	t.Helper()
	asia := pgtest.Cluster(t, "catalog-asia", "asia", pgtest.Catalog(t))
	far := pgtest.Cluster(t, "catalog-far", "far", pgtest.Catalog(t))
	if err := postgres.SeedCatalog(t.Context(), asia.Pool, seedProducts()); err != nil {
		t.Fatal(err)
	}
	s, err := postgres.NewCatalogStore(catalogWorld, []*postgres.Cluster{asia, far})
	if err != nil {
		t.Fatal(err)
	}
	return s, asia, far
}

func purges(t *testing.T, c *postgres.Cluster) (n int) {
	t.Helper()
	if err := c.Pool.QueryRow(t.Context(), `select count(*) from outbox where kind = 'purge'`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestProductsInALocaleWithFallback(t *testing.T) {
	s, _, _ := newCatalog(t)
	got := list(t, s, world.ListQuery{Locale: "hi-IN"}).Products
	if len(got) != 2 {
		t.Fatalf("%+v", got)
	}
	if got[0].Slug != "cake" || got[0].Name != "Plum cake" || !got[0].Featured {
		t.Errorf("first, with the default locale's text: %+v", got[0])
	}
	want := world.Product{Market: "in", Slug: "pav", Address: "pav", Version: 1, TaxClass: "bread", Name: "लादी पाव", Description: "नरम पाव।", AllergenNote: "गेहूँ।",
		SKUs: []world.SKU{{Key: "pav", PriceMinor: 6000, Currency: "INR", PriceVersion: 1, PriceList: world.BaseList, BaseMinor: 6000, BaseVersion: 1}}}
	if !reflect.DeepEqual(got[1], want) {
		t.Errorf("second: %+v", got[1])
	}
	if _, _, err := s.Product(t.Context(), "in", "nothing", "en-IN", then); !world.Is(err, world.CodeNotFound) {
		t.Errorf("no product gave %v", err)
	}
	if _, err := s.List(t.Context(), world.ListQuery{Market: "xx", Kind: world.ListAll, Limit: 1}); !world.Is(err, world.CodeNotFound) {
		t.Errorf("no market gave %v", err)
	}
}

func TestSeedingAgainKeepsPricesAndPurgesOnlyChanges(t *testing.T) {
	s, c, _ := newCatalog(t)
	ctx := t.Context()
	if _, err := c.Pool.Exec(ctx, `insert into price (market, sku, version, amount_minor, currency) values ('in', 'pav', 2, 6500, 'INR')`); err != nil {
		t.Fatal(err)
	}
	before := purges(t, c)
	if err := postgres.SeedCatalog(ctx, c.Pool, seedProducts()); err != nil {
		t.Fatal(err)
	}
	if n := purges(t, c); n != before {
		t.Errorf("nothing changed and %d purges came", n-before)
	}
	changed := seedProducts()
	changed[0].Texts["en-IN"] = postgres.SeedText{Name: "Pav"}
	if err := postgres.SeedCatalog(ctx, c.Pool, changed); err != nil {
		t.Fatal(err)
	}
	if n := purges(t, c); n != before+1 {
		t.Errorf("a change gave %d purges", n-before)
	}
	got, err := s.Current(ctx, "in", "en-IN", []string{"pav", "gone"}, then)
	if err != nil || len(got) != 1 || got[0].PriceMinor != 6500 || got[0].PriceVersion != 2 || got[0].Name != "Pav" {
		t.Errorf("%+v, %v", got, err)
	}
}

func putAsset(t *testing.T, c *postgres.Cluster, id, moderation string) {
	t.Helper()
	const q = `with a as (insert into asset (media_id, app, name, moderation, write_region, current_version) values ($1, 'app', 'a.jpg', $2, 'x', 2))
		insert into asset_version (media_id, version, sha256, media_type, bytes, width, height, color)
		select $1, n, repeat('0', 64), 'image/jpeg', 1, 1199 + n, 900, '#aabbcc' from generate_series(1, 3) n`
	if _, err := c.Pool.Exec(t.Context(), q, id, moderation); err != nil {
		t.Fatal(err)
	}
}

func TestPicturesComeFromTheClusterThatTheirIDNames(t *testing.T) {
	s, asia, far := newCatalog(t)
	here, there, hidden := "3000000000000000", "4000000000000000", "3111111111111111"
	putAsset(t, asia, here, "approved")
	putAsset(t, asia, hidden, "withheld")
	putAsset(t, far, there, "approved")
	for _, c := range []struct {
		id   string
		want world.Picture
	}{
		{here, world.Picture{MediaID: here, Version: 2, Width: 1201, Height: 900, Color: "#aabbcc"}},
		{there, world.Picture{MediaID: there, Version: 2, Width: 1201, Height: 900, Color: "#aabbcc"}},
		{hidden, world.Picture{}},
		{"4222222222222222", world.Picture{}}, // not replicated yet
		{"z222222222222222", world.Picture{}}, // of no region
	} {
		if err := postgres.SetPicture(t.Context(), asia.Pool, "in", "pav", c.id); err != nil {
			t.Fatal(err)
		}
		p, _, err := s.Product(t.Context(), "in", "pav", "en-IN", then)
		if err != nil || p.Picture != c.want || p.PictureID != c.id {
			t.Errorf("%s: %s %+v, %v", c.id, p.PictureID, p.Picture, err)
		}
	}
}

// Pictures of another region are read anew where more is demanded of it, and it
// is named when its replica stays behind.
func TestPicturesAreAsNewAsDemanded(t *testing.T) {
	_, asia, far := newCatalog(t)
	replica := *far
	replica.Primary = false
	s, err := postgres.NewCatalogStore(catalogWorld, []*postgres.Cluster{asia, &replica})
	if err != nil {
		t.Fatal(err)
	}
	const there = "4000000000000000"
	putAsset(t, far, there, "approved")
	if err := postgres.SetPicture(t.Context(), asia.Pool, "in", "pav", there); err != nil {
		t.Fatal(err)
	}
	before := list(t, s, world.ListQuery{}).Products
	if _, err := far.Pool.Exec(t.Context(), `update asset set current_version = 3`); err != nil {
		t.Fatal(err)
	}
	now, err := far.Position(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ahead, own := now, world.Position{Cluster: asia.Name, Epoch: 1, LSN: 1 << 60}
	ahead.LSN += 1 << 40
	for name, c := range map[string]struct {
		ask     []world.Position
		version int
		behind  string
	}{
		"nothing": {nil, 2, ""}, "the market's own": {[]world.Position{own}, 2, ""},
		"reached": {[]world.Position{own, now}, 3, ""}, "behind": {[]world.Position{ahead}, 3, "far"},
	} {
		products := slices.Clone(before)
		behind, err := s.RenewPictures(t.Context(), "in", products, c.ask, patience(c.behind == ""))
		if err != nil || behind != c.behind || products[1].Picture.Version != c.version || products[0].Picture != (world.Picture{}) {
			t.Errorf("%s: %q, %v, %+v", name, behind, err, products)
		}
	}
	if _, err := s.RenewPictures(t.Context(), "xx", before, nil, 0); !world.Is(err, world.CodeNotFound) {
		t.Errorf("no market gave %v", err)
	}
	if behind, err := s.RenewPictures(t.Context(), "in", before[:1], []world.Position{ahead}, 0); behind != "" || err != nil {
		t.Errorf("without a picture of that region: %q, %v", behind, err)
	}
}

// patience is long for what comes and short for what does not.
func patience(comes bool) time.Duration {
	if comes {
		return 20 * time.Second
	}
	return 20 * time.Millisecond
}

func TestSetPicturePurges(t *testing.T) {
	_, c, _ := newCatalog(t)
	if err := postgres.SetPicture(t.Context(), c.Pool, "in", "nothing", "3000000000000000"); !world.Is(err, world.CodeNotFound) {
		t.Errorf("got %v", err)
	}
	before := purges(t, c)
	if err := postgres.SetPicture(t.Context(), c.Pool, "in", "pav", "3000000000000000"); err != nil {
		t.Fatal(err)
	}
	var groups []string
	if err := c.Pool.QueryRow(t.Context(), `select groups from outbox order by seq desc limit 1`).Scan(&groups); err != nil {
		t.Fatal(err)
	}
	if purges(t, c) != before+1 || len(groups) != 2 || groups[0] != world.GroupProduct("in", "pav") || groups[1] != world.GroupMarket("in") {
		t.Errorf("purged %v", groups)
	}
}

func TestCurrentIsThePrimarysToSay(t *testing.T) {
	_, c, _ := newCatalog(t)
	replica := *c
	replica.Primary = false
	s, err := postgres.NewCatalogStore(catalogWorld, []*postgres.Cluster{&replica})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Current(t.Context(), "in", "en-IN", []string{"pav"}, then); !world.Is(err, world.CodeMisdirected) {
		t.Errorf("got %v", err)
	}
	here, err := replica.Position(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ahead, other := here, here
	ahead.LSN += 1 << 40
	other.Cluster, other.LSN = "catalog-other", 1<<60
	for _, c := range []struct {
		ask  []world.Position
		want bool
	}{{nil, true}, {[]world.Position{other, here}, true}, {[]world.Position{other, ahead}, false}} {
		ok, err := s.WaitFor(t.Context(), "in", c.ask, patience(c.want))
		if err != nil || ok != c.want {
			t.Errorf("%v: %v, %v", c.ask, ok, err)
		}
	}
}

func TestCatalogOfSomeRegions(t *testing.T) {
	if _, err := postgres.NewCatalogStore(catalogWorld, nil); !world.Is(err, world.CodeInvalid) {
		t.Errorf("no cluster: %v", err)
	}
	far := &postgres.Cluster{Name: "catalog-far", Region: "far"}
	if _, err := postgres.NewCatalogStore(catalogWorld, []*postgres.Cluster{far, far}); !world.Is(err, world.CodeInvalid) {
		t.Errorf("one region twice: %v", err)
	}
	s, err := postgres.NewCatalogStore(catalogWorld, []*postgres.Cluster{far})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.List(t.Context(), world.ListQuery{Market: "in", Kind: world.ListAll, Limit: 1}); !world.Is(err, world.CodeMisdirected) {
		t.Errorf("a market of another region: %v", err)
	}
}
