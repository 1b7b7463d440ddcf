package postgres_test

import (
	"slices"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/engine/checkout"
	"meridian/engine/money"
	"meridian/engine/promotion"
	"meridian/engine/slots"
	"meridian/engine/tax"
	"meridian/test/pgtest"
	"meridian/world"
)

func TestSellingIsWhatTheOwnerHasSet(t *testing.T) {
	c := pgtest.Cluster(t, "catalog-here", "here", pgtest.Catalog(t))
	w := &world.World{Regions: []world.Region{{ID: "here"}}, Markets: []world.Market{{ID: "in", HomeRegion: "here", Currency: "INR", Locales: []string{"en-IN", "hi-IN"}}}}
	s, err := postgres.NewCatalogStore(w, []*postgres.Cluster{c})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, q := range []string{
		`insert into promotion (market, promotion, labels, kind, percent, code, skus, max_uses) values ('in', 'ten', '{"en-IN": "Ten", "hi-IN": "दस"}', 'percent', 10.5, 'TEN', '{bun}', 9)`,
		`insert into promotion (market, promotion, labels, kind, amount_minor, min_minor, categories, from_at, until_at, rank, exclusive) values ('in', 'off', '{"en-IN": "Off"}', 'amount', 500, 2000, '{cakes}', '2026-11-01', '2026-12-01', 3, true)`,
		`insert into promotion (market, promotion, labels, kind, buy, get, until_at) values ('in', 'over', '{"en-IN": "Over"}', 'buy_x_get_y', 2, 1, '2026-11-22 12:00+00')`,
		`insert into slot_rule (market, kind, weekday, start_minute, end_minute, capacity, cutoff) values ('in', 'pickup', 1, 540, 600, 4, 90)`,
		`insert into slot_closed (market, day, kind) values ('in', '2026-11-23', ''), ('in', '2026-11-01', ''), ('in', '2026-11-24', 'delivery')`,
	} {
		if _, err := c.Pool.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Selling(t.Context(), "in", "hi-IN", now)
	if err != nil || len(got.Promotions) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	off, ten := got.Promotions[0], got.Promotions[1]
	if off.Label != "Off" || off.Amount != (money.Amount{Minor: 500, Currency: "INR"}) || off.MinSubtotal.Minor != 2000 || off.Rank != 3 || !off.Exclusive ||
		!off.From.Equal(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)) || off.To.Month() != time.December || !slices.Equal(off.Categories, []string{"cakes"}) {
		t.Errorf("%+v", off)
	}
	if ten.Label != "दस" || ten.Percent != 105_000 || ten.Code != "TEN" || !ten.From.IsZero() || !ten.To.IsZero() || ten.MaxUses != 9 || !slices.Equal(ten.SKUs, []string{"bun"}) {
		t.Errorf("%+v", ten)
	}
	for _, p := range got.Promotions {
		if err := promotion.DefaultLimits.Check(p); err != nil {
			t.Errorf("%s: %v", p.ID, err)
		}
	}
	if want := (slots.Rule{Kind: slots.PickUp, Weekday: time.Monday, Start: 9 * time.Hour, End: 10 * time.Hour, Capacity: 4, Cutoff: 90 * time.Minute}); len(got.Slots) != 1 || got.Slots[0] != want {
		t.Errorf("%+v", got.Slots)
	}
	closed := []checkout.Closed{{Day: tax.Date{Year: 2026, Month: 11, Day: 23}}, {Day: tax.Date{Year: 2026, Month: 11, Day: 24}, Kind: slots.Delivery}}
	if !slices.Equal(got.Closed, closed) {
		t.Errorf("%+v", got.Closed)
	}
	if hours, err := s.Hours(t.Context(), "in", now); err != nil || len(hours.Promotions) != 0 || !slices.Equal(hours.Slots, got.Slots) || !slices.Equal(hours.Closed, closed) {
		t.Errorf("slots alone: %+v, %v", hours, err)
	}
	if _, err := s.Selling(t.Context(), "nowhere", "en-IN", now); !world.Is(err, world.CodeNotFound) {
		t.Errorf("%v", err)
	}
}
