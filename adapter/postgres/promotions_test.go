package postgres_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/engine/checkout"
	"meridian/engine/money"
	"meridian/engine/promotion"
	"meridian/engine/slots"
	"meridian/engine/tax"
	"meridian/world"
)

func advent() promotion.Offer {
	return promotion.Offer{Labels: map[string]string{"de-DE": " Advent  2 € "}, Promotion: promotion.Promotion{
		ID: "advent", Kind: promotion.Amount, Amount: money.Amount{Minor: 200, Currency: "EUR"}, Code: "advent 26", SKUs: []string{"stollen"},
		MinSubtotal: money.Amount{Minor: 2000, Currency: "EUR"}, From: then.Add(-time.Hour), To: then.Add(time.Hour), MaxUses: 100, MaxPerBuyer: 1, Rank: 2, Exclusive: true,
		Percent: 5, Buy: 3, // of another kind: not kept
	}}
}

func save(t *testing.T, s *postgres.CatalogStore, o promotion.Offer) (int64, error) {
	t.Helper()
	return s.SaveOffer(t.Context(), "de", o, then)
}

func TestAnOfferIsKeptAndChangedByItsVersion(t *testing.T) {
	s, super := ownerCatalog(t, true)
	before := purges(t, super)
	if version, err := save(t, s, advent()); err != nil || version != 1 {
		t.Fatalf("%d, %v", version, err)
	}
	got, err := s.Offer(t.Context(), "de", "advent")
	if err != nil || got.Label != "Advent 2 €" || got.Code != "ADVENT26" || got.Percent != 0 || got.Buy != 0 || got.Amount.Minor != 200 || got.MinSubtotal.Currency != "EUR" ||
		!got.From.Equal(then.Add(-time.Hour)) || !got.To.Equal(then.Add(time.Hour)) || got.MaxUses != 100 || got.MaxPerBuyer != 1 || got.Rank != 2 || !got.Exclusive || got.Version != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if selling, err := s.Selling(t.Context(), "de", "de-DE", then); err != nil || len(selling.Promotions) != 1 || selling.Promotions[0].Code != "ADVENT26" {
		t.Errorf("the shop sees %+v, %v", selling.Promotions, err)
	}
	got.Kind, got.Percent, got.To, got.From = promotion.Percent, 100_000, time.Time{}, time.Time{}
	for i, want := range []world.Code{"", world.CodeConflict} { // the second time somebody else was faster
		if version, err := save(t, s, got); world.CodeOf(err) != want || err == nil && version != 2 {
			t.Errorf("change %d: %d, %v", i, version, err)
		}
	}
	if purges(t, super) != before+2 {
		t.Errorf("%d purges", purges(t, super)-before)
	}
	again, err := s.Offer(t.Context(), "de", "advent")
	if err != nil || again.Kind != promotion.Percent || again.Amount.Minor != 0 || !again.To.IsZero() || again.At(then) != promotion.PhaseInForce {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestOffersThatCannotBeKept(t *testing.T) {
	s, _ := ownerCatalog(t, true)
	if _, err := save(t, s, advent()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*promotion.Offer)
		code   world.Code
		says   string
	}{
		"the same name":     {func(o *promotion.Offer) { o.Code = "OTHER" }, world.CodeConflict, "name"},
		"the same code":     {func(o *promotion.Offer) { o.ID = "second"; o.Code = "ADVENT-26"; o.Code = "advent26" }, world.CodeConflict, "code"},
		"no such SKU":       {func(o *promotion.Offer) { o.ID, o.Code, o.SKUs = "second", "", []string{"stollen", "nothing"} }, world.CodeInvalid, "nothing"},
		"no such category":  {func(o *promotion.Offer) { o.ID, o.Code, o.Categories = "second", "", []string{"cakes"} }, world.CodeInvalid, "cakes"},
		"no label":          {func(o *promotion.Offer) { o.Labels = map[string]string{"de-DE": " "} }, world.CodeInvalid, "de-DE"},
		"another language":  {func(o *promotion.Offer) { o.Labels["fr-FR"] = "Noël" }, world.CodeInvalid, "fr-FR"},
		"a long label":      {func(o *promotion.Offer) { o.Labels["de-DE"] = strings.Repeat("ä", promotion.MaxLabel+1) }, world.CodeInvalid, "120"},
		"another money":     {func(o *promotion.Offer) { o.Amount.Currency = "USD" }, world.CodeInvalid, "EUR"},
		"a name of a word":  {func(o *promotion.Offer) { o.ID = "Advent" }, world.CodeInvalid, "a to z"},
		"a long name":       {func(o *promotion.Offer) { o.ID = strings.Repeat("a", promotion.MaxID+1) }, world.CodeInvalid, "60"},
		"a short code":      {func(o *promotion.Offer) { o.Code = "AB" }, world.CodeInvalid, "code"},
		"an odd code":       {func(o *promotion.Offer) { o.Code = "50%!" }, world.CodeInvalid, "code"},
		"ends first":        {func(o *promotion.Offer) { o.To = o.From }, world.CodeInvalid, "ends"},
		"nothing to change": {func(o *promotion.Offer) { o.ID, o.Code, o.Version = "second", "", 1 }, world.CodeNotFound, ""},
	} {
		o := advent()
		c.change(&o)
		if _, err := save(t, s, o); world.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.SaveOffer(t.Context(), "xx", advent(), then); !world.Is(err, world.CodeNotFound) {
		t.Errorf("another market: %v", err)
	}
	away, _ := ownerCatalog(t, false)
	if _, err := save(t, away, advent()); !world.Is(err, world.CodeMisdirected) {
		t.Errorf("away from home: %v", err)
	}
}

func TestAMarketHasSoManyOffers(t *testing.T) {
	s, super := ownerCatalog(t, true)
	if _, err := super.Pool.Exec(t.Context(), `insert into promotion (market, promotion, labels, kind, percent, until_at)
		select 'de', 'p' || n, '{"de-DE": "P"}', 'percent', 1, case when n = 0 then $2::timestamptz else 'infinity' end from generate_series(0, $1::int - 1) n`, promotion.DefaultLimits.MaxPromotions, then); err != nil {
		t.Fatal(err)
	}
	o := advent()
	if _, err := save(t, s, o); err != nil { // one has ended
		t.Fatal(err)
	}
	o.ID, o.Code = "more", ""
	if _, err := save(t, s, o); !world.Is(err, world.CodeConflict) || !strings.Contains(err.Error(), "200") {
		t.Errorf("one too many: %v", err)
	}
	o = advent()
	o.Version = 1
	if _, err := save(t, s, o); err != nil {
		t.Errorf("one that is there, changed: %v", err)
	}
	var names []string
	for after := ""; ; {
		page, err := s.Offers(t.Context(), "de", after, 70)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page {
			names = append(names, o.ID)
		}
		if len(page) < 70 {
			break
		}
		after = page[69].ID
	}
	if seen := slices.Compact(slices.Sorted(slices.Values(names))); len(seen) != 201 || len(names) != 201 || names[200] != "p0" || names[199] != "advent" {
		t.Errorf("%d of %d, at last %v", len(seen), len(names), names[len(names)-2:])
	}
}

func TestAnOfferEnds(t *testing.T) {
	s, _ := ownerCatalog(t, true)
	o := advent()
	if _, err := save(t, s, o); err != nil {
		t.Fatal(err)
	}
	o.ID, o.Code, o.From = "later", "", then.Add(time.Minute)
	if _, err := save(t, s, o); err != nil {
		t.Fatal(err)
	}
	if _, err := s.EndOffer(t.Context(), "de", "advent", 2, then); !world.Is(err, world.CodeConflict) {
		t.Errorf("another version: %v", err)
	}
	for version := range int64(2) { // again changes nothing
		if removed, err := s.EndOffer(t.Context(), "de", "advent", version+1, then); err != nil || removed {
			t.Errorf("%v, %v", removed, err)
		}
	}
	if got, err := s.Offer(t.Context(), "de", "advent"); err != nil || got.At(then) != promotion.PhaseEnded || !got.To.Equal(then) || got.Version != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	if removed, err := s.EndOffer(t.Context(), "de", "later", 1, then); err != nil || !removed {
		t.Errorf("one to come: %v, %v", removed, err)
	}
	for range 2 {
		if _, err := s.EndOffer(t.Context(), "de", "later", 1, then); !world.Is(err, world.CodeNotFound) {
			t.Errorf("one that is gone: %v", err)
		}
	}
}

func TestAWeekIsChangedWholeAndByItsVersion(t *testing.T) {
	s, super := ownerCatalog(t, true)
	if _, err := super.Pool.Exec(t.Context(), `insert into slot_closed (market, day, kind) values ('de', '2020-01-01', ''), ('gb', '2026-12-25', '')`); err != nil {
		t.Fatal(err)
	}
	rule := slots.Rule{Kind: slots.PickUp, Weekday: time.Monday, Start: 9 * time.Hour, End: 9*time.Hour + 30*time.Minute, Capacity: 4, Cutoff: 90 * time.Minute}
	closed := checkout.Closed{Day: tax.DateOf(then, time.UTC), Kind: slots.Delivery}
	w, err := s.Week(t.Context(), "de", then)
	if err != nil || w.Version != 1 || len(w.Slots)+len(w.Closed) != 0 {
		t.Fatalf("%+v, %v", w, err)
	}
	for n := range 2 {
		w.Slots, w.Closed = []slots.Rule{rule}, []checkout.Closed{closed}
		if _, err := s.ChangeWeek(t.Context(), "de", w, then); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ChangeWeek(t.Context(), "de", w, then); !world.Is(err, world.CodeConflict) {
			t.Errorf("of a version that is gone: %v", err)
		}
		if w, err = s.Week(t.Context(), "de", then); err != nil || w.Version != int64(n)+2 || len(w.Slots) != 1 || w.Slots[0] != rule || len(w.Closed) != 1 || w.Closed[0] != closed {
			t.Fatalf("%+v, %v", w, err)
		}
		rule.Capacity, closed.Kind = rule.Capacity+1, ""
	}
	var kept int
	if err := super.Pool.QueryRow(t.Context(), `select count(*) from slot_closed where day = '2020-01-01' or market = 'gb'`).Scan(&kept); err != nil || kept != 2 {
		t.Errorf("what is over, and another market's: %d, %v", kept, err)
	}
	for name, bad := range map[string]checkout.Week{
		"twice the same hour": {Version: 3, Slots: []slots.Rule{rule, rule}},
		"no capacity":         {Version: 3, Slots: []slots.Rule{{Kind: slots.PickUp, End: time.Hour}}},
		"closed twice":        {Version: 3, Closed: []checkout.Closed{closed, closed}},
		"closed for whom":     {Version: 3, Closed: []checkout.Closed{{Day: closed.Day, Kind: "post"}}},
	} {
		if _, err := s.ChangeWeek(t.Context(), "de", bad, then); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	many := checkout.Week{Version: 3}
	for n := range slots.DefaultLimits.MaxClosed + 1 {
		many.Closed = append(many.Closed, checkout.Closed{Day: tax.DateOf(then.AddDate(0, 0, n), time.UTC)})
	}
	if _, err := s.ChangeWeek(t.Context(), "de", many, then); !world.Is(err, world.CodeTooLarge) {
		t.Errorf("too many closed days: %v", err)
	}
	many.Closed = many.Closed[1:]
	if version, err := s.ChangeWeek(t.Context(), "de", many, then); err != nil || version != 4 {
		t.Errorf("as many as there may be: %d, %v", version, err)
	}
	if _, err := s.ChangeWeek(t.Context(), "de", checkout.Week{Version: 9}, then); !world.Is(err, world.CodeConflict) {
		t.Errorf("a version to come: %v", err)
	}
}
