package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"meridian/adapter/postgres"
	"meridian/engine/fx"
	"meridian/engine/tax"
	"meridian/test/pgtest"
	"meridian/world"
)

var ratesWorld = &world.World{Main: "east"}

// ratesAs opens the store with the rights of a role's group.
func ratesAs(t *testing.T, conn, role string) *postgres.RateStore {
	t.Helper()
	c := pgtest.Cluster(t, "catalog-east", "east", conn+" options='-c role="+role+"'")
	s, err := postgres.NewRateStore(ratesWorld, []*postgres.Cluster{{Region: "west"}, c})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ratesDay(t *testing.T, text string) tax.Date {
	t.Helper()
	d, err := tax.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func ratesList(t *testing.T, source, day string, rates map[string]fx.Rate) fx.List {
	t.Helper()
	return fx.List{Source: source, Day: ratesDay(t, day), Rates: rates}
}

func toldRates(table fx.Table) string {
	var out []string
	for _, q := range table.Quotes() {
		out = append(out, fmt.Sprintf("%s %s %s %s", q.Currency, q.Rate, q.Day, q.Source))
	}
	return strings.Join(out, "; ")
}

func TestRatesAreKeptByDay(t *testing.T) {
	conn := pgtest.Catalog(t)
	ops, shop := ratesAs(t, conn, "meridian_ops"), ratesAs(t, conn, "meridian_shop")
	ctx := t.Context()
	if day, err := ops.NewestRates(ctx); err != nil || !day.IsZero() {
		t.Fatalf("before the first: %v, %v", day, err)
	}
	lists := []fx.List{
		ratesList(t, "bank", "2026-11-19", map[string]fx.Rate{"USD": "1.16", "JPY": "178"}),
		ratesList(t, "bank", "2026-11-20", map[string]fx.Rate{"USD": "1.1625"}),
	}
	if n, err := ops.AddRates(ctx, lists); err != nil || n != 3 {
		t.Fatalf("%d, %v", n, err)
	}
	if n, err := ops.AddRates(ctx, lists); err != nil || n != 0 {
		t.Errorf("the same again adds %d, %v", n, err)
	}
	if day, err := ops.NewestRates(ctx); err != nil || day.String() != "2026-11-20" {
		t.Errorf("newest: %v, %v", day, err)
	}
	for on, want := range map[string]string{
		"2026-11-18": "",
		"2026-11-19": "JPY 178 2026-11-19 bank; USD 1.16 2026-11-19 bank",
		"2026-11-20": "JPY 178 2026-11-19 bank; USD 1.1625 2026-11-20 bank",
		"2027-11-20": "JPY 178 2026-11-19 bank; USD 1.1625 2026-11-20 bank",
		"2027-11-21": "USD 1.1625 2026-11-20 bank",
		"2027-11-22": "",
	} {
		if table, err := shop.Rates(ctx, ratesDay(t, on)); err != nil || toldRates(table) != want {
			t.Errorf("%s: %s, %v; want %s", on, toldRates(table), err, want)
		}
	}
}

func TestACorrectedListHoldsAndTheOldOneStays(t *testing.T) {
	conn := pgtest.Catalog(t)
	s := ratesAs(t, conn, "meridian_ops")
	for i, rate := range []fx.Rate{"1.16", "1.17", "1.16"} { // back again, too
		if n, err := s.AddRates(t.Context(), []fx.List{ratesList(t, "bank", "2026-11-20", map[string]fx.Rate{"USD": rate})}); err != nil || n != 1 {
			t.Fatalf("correction %d: %d, %v", i, n, err)
		}
		table, err := s.Rates(t.Context(), ratesDay(t, "2026-11-20"))
		if want := fmt.Sprintf("USD %s 2026-11-20 bank", rate); err != nil || toldRates(table) != want {
			t.Errorf("%s, %v; want %s", toldRates(table), err, want)
		}
	}
	var rows int
	if err := pgtest.Cluster(t, "catalog-east", "east", conn).Pool.QueryRow(t.Context(), "select count(*) from fx_rate").Scan(&rows); err != nil || rows != 3 {
		t.Errorf("%d rows are left, %v", rows, err)
	}
}

func TestALongHistoryIsWrittenWhole(t *testing.T) {
	conn := pgtest.Catalog(t)
	s := ratesAs(t, conn, "meridian_ops")
	var lists []fx.List
	for year := 2000; year < 2012; year++ {
		for day := range 28 * 12 {
			list := ratesList(t, "bank", fmt.Sprintf("%d-%02d-%02d", year, 1+day/28, 1+day%28), map[string]fx.Rate{"USD": "1.2", "JPY": "130"})
			lists = append(lists, list)
		}
	}
	want := 2 * len(lists) // more than one batch
	if n, err := s.AddRates(t.Context(), lists); err != nil || n != want {
		t.Fatalf("%d of %d, %v", n, want, err)
	}
	bad := append(lists, fx.List{Source: "", Day: ratesDay(t, "2026-11-20"), Rates: map[string]fx.Rate{"USD": "1"}})
	for i := range bad {
		bad[i].Rates = map[string]fx.Rate{"GBP": "0.8"}
	}
	if n, err := s.AddRates(t.Context(), bad); err == nil || n != 0 {
		t.Errorf("a list without a source: %d, %v", n, err)
	}
	if table, err := s.Rates(t.Context(), ratesDay(t, "2011-12-28")); err != nil || strings.Contains(toldRates(table), "GBP") {
		t.Errorf("half of what was refused is there: %s, %v", toldRates(table), err)
	}
}

func TestWhoMayDoWhatWithRates(t *testing.T) {
	conn := pgtest.Catalog(t)
	list := []fx.List{ratesList(t, "bank", "2026-11-20", map[string]fx.Rate{"USD": "1.16"})}
	for _, role := range []string{"meridian_shop", "meridian_owner", "meridian_media"} {
		if _, err := ratesAs(t, conn, role).AddRates(t.Context(), list); err == nil {
			t.Errorf("%s may add rates", role)
		}
	}
	ops := pgtest.Cluster(t, "catalog-east", "east", conn+" options='-c role=meridian_ops'")
	for _, q := range []string{"update fx_rate set per_euro = 2", "delete from fx_rate", "truncate fx_rate"} {
		if _, err := ops.Pool.Exec(t.Context(), q); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", q, err)
		}
	}
	standby := pgtest.Cluster(t, "catalog-east", "east", conn)
	standby.Primary = false
	s, err := postgres.NewRateStore(ratesWorld, []*postgres.Cluster{standby})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddRates(t.Context(), list); !world.Is(err, world.CodeMisdirected) {
		t.Errorf("away from the main region: %v", err)
	}
	if _, err := postgres.NewRateStore(ratesWorld, []*postgres.Cluster{{Region: "west"}}); !world.Is(err, world.CodeInvalid) {
		t.Errorf("without the main region's cluster: %v", err)
	}
}
