package postgres_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

// asOwner opens a database with the rights that the owner role has, no more.
func asOwner(t *testing.T, name, conn string, primary bool) *postgres.Cluster {
	t.Helper()
	c, err := postgres.Open(t.Context(), name, "here", primary, conn+"  role=meridian_owner", "pgtest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func ownerWorld() *world.World {
	return &world.World{
		Regions: []world.Region{{ID: "here", Zone: "z", Number: 1}},
		Markets: []world.Market{
			{ID: "de", Currency: "EUR", Locales: []string{"de-DE"}, HomeRegion: "here"},
			{ID: "gb", Currency: "GBP", Locales: []string{"en-GB"}, HomeRegion: "here"},
		},
	}
}

// ownerCatalog is a catalog with one cake, as the owner role sees it, and the
// same database as its superuser does.
func ownerCatalog(t *testing.T, primary bool) (*postgres.CatalogStore, *postgres.Cluster) {
	t.Helper()
	conn := pgtest.Catalog(t)
	super := pgtest.Cluster(t, "catalog-here", "here", conn)
	err := postgres.SeedCatalog(t.Context(), super.Pool, []postgres.SeedProduct{{
		Market: "de", Slug: "stollen", TaxClass: "food", PriceMinor: 3200, Currency: "EUR",
		Texts: map[string]postgres.SeedText{"de-DE": {Name: "Stollen"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := postgres.NewCatalogStore(ownerWorld(), []*postgres.Cluster{asOwner(t, "catalog-here", conn, primary)})
	if err != nil {
		t.Fatal(err)
	}
	return s, super
}

func TestChangePriceAndPurgeAreOneTransaction(t *testing.T) {
	s, super := ownerCatalog(t, true)
	ctx := t.Context()
	version, err := s.ChangePrice(ctx, "de", "stollen", 1, 3490)
	if err != nil || version != 2 {
		t.Fatalf("version %d, %v", version, err)
	}
	p, err := s.Draft(ctx, "de", "stollen", "de-DE", then)
	if err != nil || p.PriceMinor != 3490 || p.PriceVersion != 2 || p.Currency != "EUR" {
		t.Errorf("got %+v, %v", p, err)
	}
	var kind string
	var groups []string
	var together bool
	const q = `select o.kind, o.groups, o.txid::xid = p.xmin from outbox o, price p where p.sku = 'stollen' and p.version = 2 order by o.seq desc limit 1`
	if err := super.Pool.QueryRow(ctx, q).Scan(&kind, &groups, &together); err != nil {
		t.Fatal(err)
	}
	slices.Sort(groups)
	if want := []string{"de/p/stollen", "de/pages"}; kind != world.EventPurge || !slices.Equal(groups, want) || !together {
		t.Errorf("outbox has %s %v, in the price's transaction: %v; want purge %v", kind, groups, together, want)
	}
}

func TestChangePriceThatCannotBePurgedIsNotMade(t *testing.T) {
	s, super := ownerCatalog(t, true)
	ctx := t.Context()
	if _, err := super.Pool.Exec(ctx, "revoke insert on outbox from meridian_owner"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ChangePrice(ctx, "de", "stollen", 1, 3490); err == nil {
		t.Fatal("a change without its purge was taken")
	}
	if n := count(t, super.Pool, "select count(*) from price where sku = 'stollen'"); n != 1 {
		t.Errorf("there are %d prices, want the first alone", n)
	}
}

func TestChangePriceRefusals(t *testing.T) {
	s, super := ownerCatalog(t, true)
	ctx := t.Context()
	if _, err := s.ChangePrice(ctx, "de", "stollen", 1, 3490); err != nil {
		t.Fatal(err)
	}
	before := count(t, super.Pool, "select count(*) from outbox")
	for _, c := range []struct {
		market, slug string
		version      int64
		want         world.Code
	}{
		{"de", "stollen", 1, world.CodeConflict},
		{"de", "stollen", 3, world.CodeConflict},
		{"de", "brezel", 1, world.CodeNotFound},
		{"gb", "stollen", 2, world.CodeNotFound},
		{"fr", "stollen", 2, world.CodeNotFound},
	} {
		if _, err := s.ChangePrice(ctx, c.market, c.slug, c.version, 1); !world.Is(err, c.want) {
			t.Errorf("%s/%s after version %d: got %v, want %s", c.market, c.slug, c.version, err, c.want)
		}
	}
	if n := count(t, super.Pool, "select count(*) from outbox"); n != before {
		t.Errorf("refused changes put %d purges into the outbox", n-before)
	}
	away, _ := ownerCatalog(t, false)
	if _, err := away.ChangePrice(ctx, "de", "stollen", 1, 1); !world.Is(err, world.CodeMisdirected) {
		t.Errorf("at a standby: got %v", err)
	}
	if err := away.ChangePicture(ctx, "de", "stollen", "10000000000000aa"); !world.Is(err, world.CodeMisdirected) {
		t.Errorf("a picture at a standby: got %v", err)
	}
}

// Of many who saw the same price one changes it; the rest are told.
func TestChangePriceAtOnce(t *testing.T) {
	s, super := ownerCatalog(t, true)
	errs := make([]error, 6)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = s.ChangePrice(t.Context(), "de", "stollen", 1, int64(100+i)) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !world.Is(err, world.CodeConflict) {
			t.Errorf("got %v, want conflict", err)
		}
	}
	if n := count(t, super.Pool, "select count(*) from price where sku = 'stollen'"); won != 1 || n != 2 {
		t.Errorf("%d won and %d prices are there, want 1 and 2", won, n)
	}
}

func TestPricesNewestFirst(t *testing.T) {
	s, _ := ownerCatalog(t, true)
	ctx := t.Context()
	for i := range int64(3) {
		if _, err := s.ChangePrice(ctx, "de", "stollen", i+1, 4000+i); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	err := s.Prices(ctx, "de", "stollen", 3, func(version, minor int64, currency string, since time.Time) {
		got = append(got, fmt.Sprintf("%d %d %s %v", version, minor, currency, since.IsZero()))
	})
	if want := []string{"4 4002 EUR false", "3 4001 EUR false", "2 4000 EUR false"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func TestOwnerCannotUndoWhatWas(t *testing.T) {
	conn := pgtest.Catalog(t)
	super := pgtest.Cluster(t, "catalog-here", "here", conn)
	ctx := t.Context()
	if err := postgres.SeedCatalog(ctx, super.Pool, []postgres.SeedProduct{{Market: "de", Slug: "stollen", TaxClass: "food", PriceMinor: 1, Currency: "EUR"}}); err != nil {
		t.Fatal(err)
	}
	owner := asOwner(t, "catalog-here", conn, true)
	s, err := postgres.NewCatalogStore(ownerWorld(), []*postgres.Cluster{owner})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ChangePicture(ctx, "de", "stollen", "10000000000000aa"); err != nil {
		t.Fatal(err)
	}
	if err := s.ChangePicture(ctx, "de", "brezel", "10000000000000aa"); !world.Is(err, world.CodeNotFound) {
		t.Errorf("got %v", err)
	}
	for _, q := range []string{"update price set amount_minor = 1", "delete from price", "delete from outbox", "delete from product", "delete from sku",
		"update product set version = 9", "update product set slug = 'x'", "update sku set slug = 'x'", "delete from product_history",
		"insert into product_history (market, slug, version, product) values ('de', 'stollen', 9, '{}')", "update product_address set slug = 'x'", "select product_told('de', 'stollen')"} {
		if _, err := owner.Pool.Exec(ctx, q); err == nil {
			t.Errorf("the owner role may %s", q)
		}
	}
}

// placeAt writes an order as it would stand there, past the rules of placing.
func placeAt(t *testing.T, super *postgres.Cluster, market, id string, at time.Time, net, tax int64) {
	t.Helper()
	id = fmt.Sprintf("%026s", id)
	_, err := super.Pool.Exec(t.Context(), `
with o as (insert into orders (id, number, market, cart_id, idempotency_key, locale, name, email, line1, city, postal_code, jurisdiction, currency, net_minor, tax_minor, total_minor, placed_at, state_at, state, payment_method, fulfilment, inclusive)
           values ($1, $1, $2, 'c', $1, 'de-DE', 'Ada', 'ada@example.com', 'Weg 1', 'Bonn', '53111', 'DE', 'EUR', $3::bigint, $4::bigint, $3::bigint + $4::bigint, $5, $5, 'placed', 'on_collection', 'delivery', true))
insert into order_line (order_id, n, sku, product, name, tax_class, quantity, unit_minor, line_minor, tax_minor, price_version)
values ($1, 2, 'b', 'b', 'Brezel', 'food', 2, 1, 2, 0, 1), ($1, 1, 'a', 'a', 'Anis', 'food', 1, 1, 1, 0, 7)`, id, market, net, tax, at)
	if err != nil {
		t.Fatal(err)
	}
}

func TestOrdersOfMarketPageByPage(t *testing.T) {
	conn := pgtest.Resident(t)
	super := pgtest.Cluster(t, "resident-here", "here", conn)
	s := postgres.NewOrderStore(asOwner(t, "resident-here", conn, true))
	ctx := t.Context()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)
	var want []string
	for i := range 7 { // three moments, shared by several: the id decides
		placeAt(t, super, "de", fmt.Sprint(i), noon.Add(time.Duration(i/3)*time.Microsecond), 100, 7)
		want = append(want, fmt.Sprintf("%026d", i))
	}
	placeAt(t, super, "gb", "8", noon, 5, 5)
	slices.Reverse(want)
	var got []string
	var before time.Time
	var beforeID string
	for {
		page, err := s.OrdersOfMarket(ctx, "de", before, beforeID, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, o := range page {
			got = append(got, o.ID)
			if len(o.Lines) != 2 || o.Lines[0].SKU != "a" || o.Lines[1].Quantity != 2 || o.Lines[0].PriceVersion != 7 {
				t.Errorf("order %s has lines %+v", o.ID, o.Lines)
			}
		}
		before, beforeID = page[len(page)-1].PlacedAt, page[len(page)-1].ID
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if o, err := s.Order(ctx, want[0]); err != nil || len(o.Lines) != 2 {
		t.Errorf("the owner role reads an order: %+v, %v", o, err)
	}
}

func TestTakingsOfADay(t *testing.T) {
	conn := pgtest.Resident(t)
	super := pgtest.Cluster(t, "resident-here", "here", conn)
	s := postgres.NewOrderStore(asOwner(t, "resident-here", conn, true))
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	to := from.AddDate(0, 0, 1)
	placeAt(t, super, "de", "1", from.Add(-time.Microsecond), 1, 0)
	placeAt(t, super, "de", "2", from, 100, 7)
	placeAt(t, super, "de", "3", to.Add(-time.Microsecond), 200, 14)
	placeAt(t, super, "de", "4", to, 1, 0)
	placeAt(t, super, "gb", "5", from, 1, 0)
	if _, err := super.Pool.Exec(t.Context(), `insert into refund (order_id, n, idempotency_key, at, actor, net_minor, tax_minor, total_minor) values (lpad('3', 26, '0'), 1, 'k', $1, 'owner', 50, 4, 54)`, to.AddDate(0, 1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := super.Pool.Exec(t.Context(), `update orders set refunded_minor = 54 where id = lpad('3', 26, '0')`); err != nil {
		t.Fatal(err)
	}
	got, err := s.Takings(t.Context(), "de", from, to)
	if want := (world.Takings{Orders: 2, GrossMinor: 321, RefundedMinor: 54, NetMinor: 250}); err != nil || got != want || got.TaxMinor() != 17 {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if got, err = s.Takings(t.Context(), "in", from, to); err != nil || got != (world.Takings{}) {
		t.Errorf("a market without orders: %+v, %v", got, err)
	}
}

func TestOwnerSessions(t *testing.T) {
	conn := pgtest.Resident(t)
	super := pgtest.Cluster(t, "resident-here", "here", conn)
	s := postgres.NewAccountStore(asOwner(t, "resident-here", conn, true))
	ctx := t.Context()
	const email = "owner@de.example"
	for _, hash := range []string{"first", "second"} { // seeding again changes the password
		if err := postgres.SeedOwner(ctx, super.Pool, "de", email, hash); err != nil {
			t.Fatal(err)
		}
		if got, err := s.PasswordHash(ctx, "de", email); err != nil || got != hash {
			t.Fatalf("got %q, %v; want %q", got, err, hash)
		}
	}
	if _, err := s.PasswordHash(ctx, "gb", email); !world.Is(err, world.CodeNotFound) {
		t.Errorf("an account of de under gb: %v", err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	until := now.Add(time.Hour)
	old, token := sha256.Sum256([]byte("old")), sha256.Sum256([]byte("token"))
	if err := s.StartSession(ctx, old, "de", email, now.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.StartSession(ctx, token, "de", email, until); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what   string
		token  [32]byte
		market string
		at     time.Time
		ok     bool
	}{
		{"fresh", token, "de", now, true},
		{"to its last moment", token, "de", until.Add(-time.Microsecond), true},
		{"expired", token, "de", until, false},
		{"of another market", token, "gb", now, false},
		{"expired long ago", old, "de", now, false},
		{"unknown", sha256.Sum256([]byte("unknown")), "de", now, false},
	} {
		got, err := s.Session(ctx, c.token, c.market, c.at)
		if c.ok && (err != nil || got != email) || !c.ok && !world.Is(err, world.CodeNotFound) {
			t.Errorf("%s: got %q, %v", c.what, got, err)
		}
	}
	for range 2 { // ending it twice is no failure
		if err := s.EndSession(ctx, token); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Session(ctx, token, "de", now); !world.Is(err, world.CodeNotFound) {
		t.Errorf("after its end: %v", err)
	}
	if err := s.StartSession(ctx, token, "gb", email, until); err == nil {
		t.Error("a session without an account was started")
	}
}

func TestForgetSessions(t *testing.T) {
	conn := pgtest.Resident(t)
	super := pgtest.Cluster(t, "resident-here", "here", conn)
	s := postgres.NewAccountStore(asOwner(t, "resident-here", conn, true))
	ctx := t.Context()
	const email = "owner@de.example"
	if err := postgres.SeedOwner(ctx, super.Pool, "de", email, "hash"); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i, until := range []time.Duration{-time.Hour, -time.Minute, 0, time.Microsecond} {
		if err := s.StartSession(ctx, sha256.Sum256([]byte{byte(i)}), "de", email, now.Add(until)); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int{2, 1, 0} { // two at once, of three that have ended
		if n, err := s.ForgetSessions(ctx, now, 2); err != nil || n != want {
			t.Errorf("%d forgotten, %v; want %d", n, err, want)
		}
	}
	if got, err := s.Session(ctx, sha256.Sum256([]byte{3}), "de", now); err != nil || got != email {
		t.Errorf("the one that has not ended: %q, %v", got, err)
	}
}
