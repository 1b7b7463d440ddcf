package postgres_test

import (
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/engine/promotion"
	"meridian/world"
)

// promoted orders something by a promotion under limits; 0 is none.
func promoted(t *testing.T, s *postgres.OrderStore, email string, most, each int) (world.Order, error) {
	t.Helper()
	o := ordered(t, s, map[string]int{"brezel": 1})
	o.Contact.Email = email
	o.Discounts = []world.OrderDiscount{{Promotion: "auto", Label: "Auto", Minor: 10, MaxUses: most, PerBuyer: each}}
	o.DiscountMinor, o.Lines[0].DiscountMinor = 10, 10
	_, _, err := s.Place(t.Context(), o, "key-0123456789abcdef", draw)
	return o, err
}

// A limit that is set on a promotion which was used without one counts what was
// before it, in what is shown as in what is taken: who orders is never shown a
// discount that cannot be had.
func TestALimitCountsTheUsesFromBeforeIt(t *testing.T) {
	s, c := asShop(t)
	if err := postgres.SeedStock(t.Context(), c.Pool, []postgres.SeedProduct{{Market: "de", Slug: "brezel", Stock: 9}}); err != nil {
		t.Fatal(err)
	}
	super := postgres.NewOrderStore(c)
	for i, email := range []string{"Eve@example.com", "eve@example.com", "adam@example.com", "gone@example.com"} {
		o, err := promoted(t, super, email, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if i == 3 {
			if _, err := super.Change(t.Context(), world.OrderStep{OrderID: o.ID, Event: world.OrderCancel, By: world.ByOwner, At: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
	}
	uses := func(market, email string, most, each int) [2]int {
		t.Helper()
		total, mine, err := s.PromotionUse(t.Context(), market, email, []promotion.Promotion{{ID: "other", MaxUses: 9, MaxPerBuyer: 9}, {ID: "auto", MaxUses: most, MaxPerBuyer: each}})
		if err != nil || total["other"]+mine["other"] != 0 {
			t.Fatal(total, mine, err)
		}
		return [2]int{total["auto"], mine["auto"]}
	}
	for _, c := range []struct {
		market, email string
		most, each    int
		want          [2]int
	}{
		{"de", "EVE@example.com", 9, 9, [2]int{3, 2}},
		{"de", "EVE@example.com", 2, 1, [2]int{2, 1}}, // no further than the limits
		{"de", "EVE@example.com", 9, 0, [2]int{3, 0}},
		{"de", "EVE@example.com", 0, 9, [2]int{0, 2}},
		{"de", "", 9, 9, [2]int{3, 0}},
		{"de", "gone@example.com", 9, 9, [2]int{3, 0}},
		{"gb", "eve@example.com", 9, 9, [2]int{0, 0}},
	} {
		if got := uses(c.market, c.email, c.most, c.each); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	for name, limit := range map[string][2]int{"in all": {3, 0}, "by buyer": {0, 2}} { // as shown, so refused
		if _, err := promoted(t, s, "eve@example.com", limit[0], limit[1]); !world.Is(err, world.CodeConflict) {
			t.Errorf("used up %s: %v", name, err)
		}
	}
	if _, err := promoted(t, s, "adam@example.com", 9, 9); err != nil { // from now on rows count
		t.Fatal(err)
	}
	for email, want := range map[string][2]int{"adam@example.com": {4, 2}, "eve@example.com": {4, 2}, "new@example.com": {4, 0}} {
		if got := uses("de", email, 9, 9); got != want {
			t.Errorf("%s: %v", email, got)
		}
	}
}
