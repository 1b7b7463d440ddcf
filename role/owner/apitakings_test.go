package owner

import (
	"testing"
	"time"

	"meridian/role/owner/api"
)

// Days are those of the market's clocks: of 25 March to 2 April one has 23 hours.
func TestAPITakings(t *testing.T) {
	d, promised := newDesk(t, tokenFor([]string{"de"}, ReadOrders)), contract(t)
	got := read[api.Takings](t, d.do(promised, "GET", "/takings", ""))
	if got != (api.Takings{Market: "de", From: "2026-03-01", Until: "2026-03-02", TimeZone: "Europe/Berlin", Orders: 3, Gross: api.Amount{Minor: 11235, Currency: "EUR"},
		Refunded: api.Amount{Minor: 535, Currency: "EUR"}, Net: api.Amount{Minor: 10000, Currency: "EUR"}, Tax: api.Amount{Minor: 700, Currency: "EUR"}}) {
		t.Errorf("%+v", got)
	}
	got = read[api.Takings](t, d.do(promised, "GET", "/takings?from=2026-03-25&until=2026-04-02", ""))
	if asked := d.days[len(d.days)-1]; got.From != "2026-03-25" || got.Until != "2026-04-02" || !asked[0].Equal(time.Date(2026, 3, 24, 23, 0, 0, 0, time.UTC)) || asked[1].Sub(asked[0]) != 8*24*time.Hour-time.Hour {
		t.Errorf("%+v: %v", got, asked)
	}
	d.doAll(promised, []asked{
		{"GET", "/takings?from=2025-03-01&until=2026-03-02", "", nil, 200}, // a year
		{"GET", "/takings?from=2025-02-28", "", nil, 400},
		{"GET", "/takings?from=2026-03-02", "", nil, 400}, // tomorrow, up to tomorrow
		{"GET", "/takings?until=2026-03-01", "", nil, 400},
		{"GET", "/takings?from=today", "", nil, 400},
		{"GET", "/takings?from=2026-02-30", "", nil, 400},
	})
	newDesk(t, tokenFor([]string{"de"}, ReadStock)).doAll(promised, []asked{{"GET", "/takings", "", nil, 403}})
}
