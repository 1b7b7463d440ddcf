package owner

import (
	"fmt"
	"net/http"
	"time"

	"meridian/engine/tax"
	"meridian/platform/openapi"
	"meridian/role/owner/api"
	"meridian/world"
)

// maxTakingsDays is the longest period that takings are summed up for: a year.
const maxTakingsDays = 366

var exampleTakings = api.Takings{Market: "de", From: "2026-11-23", Until: "2026-11-24", TimeZone: "Europe/Berlin", Orders: 3,
	Gross: api.Amount{Minor: 11235, Currency: "EUR"}, Refunded: api.Amount{Minor: 535, Currency: "EUR"}, Net: api.Amount{Minor: 10000, Currency: "EUR"}, Tax: api.Amount{Minor: 700, Currency: "EUR"}}

func (o *Owner) addTakings(a *openapi.API) {
	operate(a, ReadOrders, openapi.Operation{Method: http.MethodGet, Path: "/takings", ID: "getTakings", Tag: "orders",
		Summary: "What a market took by the orders of some days", Description: fmt.Sprintf("Days begin and end on the market's clocks. Without any it is today's; at most %d.", maxTakingsDays), Given: exampleTakings}, o.apiTakings)
}

// daysAsked names days on the market's clocks.
type daysAsked struct {
	From  string `query:"from" format:"date" maxLength:"10" doc:"the first day, such as 2026-11-23; none: today"`
	Until string `query:"until" format:"date" maxLength:"10" doc:"the day after the last; none: tomorrow, so that today is the last"`
}

// daysOf are the days that are asked for, from midnight to midnight on the market's
// clocks.
func (at *site) daysOf(in daysAsked, now time.Time) (from, until time.Time, err error) {
	from, until = at.today(now)
	for _, day := range []struct {
		text string
		to   *time.Time
	}{{in.From, &from}, {in.Until, &until}} {
		if day.text == "" {
			continue
		}
		d, err := tax.ParseDate(day.text)
		if err != nil {
			return from, until, err
		}
		*day.to = time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, at.zone)
	}
	switch {
	case !from.Before(until):
		return from, until, world.E(world.CodeInvalid, "owner.days", "Change the request: query.until: it is the day after the last, so later than from.")
	case until.After(from.AddDate(0, 0, maxTakingsDays)):
		return from, until, world.E(world.CodeInvalid, "owner.days", fmt.Sprintf("Change the request: query.until: ask for at most %d days at once.", maxTakingsDays))
	}
	return from, until, nil
}

func (o *Owner) apiTakings(v *visit, in *daysAsked) (*answer[api.Takings], error) {
	from, until, err := v.at.daysOf(*in, o.deps.Now())
	if err != nil {
		return nil, err
	}
	t, err := o.deps.Orders.Takings(v.r.Context(), v.at.market.ID, from, until)
	if err != nil {
		return nil, world.Wrap("owner.api.takings", err)
	}
	return &answer[api.Takings]{Body: api.Takings{Market: v.at.market.ID, From: from.Format(time.DateOnly), Until: until.Format(time.DateOnly), TimeZone: v.at.market.TimeZone, Orders: t.Orders,
		Gross: v.at.amount(t.GrossMinor), Refunded: v.at.amount(t.RefundedMinor), Net: v.at.amount(t.NetMinor), Tax: v.at.amount(t.TaxMinor())}}, nil
}
