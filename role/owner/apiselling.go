package owner

import (
	"cmp"
	"net/http"
	"time"

	"meridian/engine/checkout"
	"meridian/engine/money"
	"meridian/engine/promotion"
	"meridian/engine/slots"
	"meridian/engine/tax"
	"meridian/platform/openapi"
	"meridian/role/owner/api"
	"meridian/world"
)

var (
	exampleTerms     = api.Offer{Labels: map[string]string{"de-DE": "Advent: 10 % auf Stollen"}, Kind: "percent", Percent: "10", Code: "ADVENT", SKUs: []string{"stollen"}, Categories: []string{}, Until: &exampleSince, MaxUses: 500}
	examplePromotion = api.Promotion{Promotion: "advent", Version: 1, State: "in_force", Used: 12, Terms: exampleTerms}
	exampleWeek      = api.Week{Slots: []api.WeekSlot{{Kind: "pickup", Weekday: 1, Start: "09:00", End: "10:00", Capacity: 4, Cutoff: 90}}, Closed: []api.ClosedDay{{Day: "2026-12-25"}}}
	exampleBookings  = api.Bookings{Slots: []api.Booking{{ID: "pickup-2026-11-23-0900", Start: exampleSince, End: exampleSince.Add(time.Hour), Capacity: 4, Booked: 3}}}
)

func (o *Owner) addSelling(a *openapi.API) {
	missing := []world.Code{world.CodeNotFound}
	operate(a, ReadSelling, openapi.Operation{Method: http.MethodGet, Path: "/promotions", ID: "listPromotions", Tag: "selling",
		Summary: "A market's promotions, in force, to come and ended", Given: api.PromotionList{Promotions: []api.Promotion{examplePromotion}}}, o.apiPromotions)
	operate(a, ReadSelling, openapi.Operation{Method: http.MethodGet, Path: "/promotions/{promotion}", ID: "getPromotion", Tag: "selling",
		Summary: "A promotion", Description: "Its ETag is its version.", Given: examplePromotion, Errors: missing}, o.apiPromotion)
	operate(a, WriteSelling, openapi.Operation{Method: http.MethodPost, Path: "/promotions/{promotion}", ID: "createPromotion", Tag: "selling", Status: http.StatusCreated,
		Summary: "Makes a promotion", Description: againTaken, Sent: exampleTerms, Given: examplePromotion, Errors: []world.Code{world.CodeConflict}}, o.apiCreatePromotion)
	operate(a, WriteSelling, openapi.Operation{Method: http.MethodPut, Path: "/promotions/{promotion}", ID: "changePromotion", Tag: "selling",
		Summary: "Changes a promotion", Description: "Its terms are replaced whole.", Sent: exampleTerms, Given: examplePromotion, Errors: conditional(world.CodeNotFound, world.CodeConflict)}, o.apiChangePromotion)
	operate(a, WriteSelling, openapi.Operation{Method: http.MethodDelete, Path: "/promotions/{promotion}", ID: "endPromotion", Tag: "selling", Status: http.StatusNoContent,
		Summary: "Ends a promotion now", Description: "One that is to come is removed. Orders that have it keep it.", Errors: conditional(world.CodeNotFound, world.CodeConflict)}, o.apiEndPromotion)
	operate(a, ReadSelling, openapi.Operation{Method: http.MethodGet, Path: "/hours", ID: "getHours", Tag: "selling",
		Summary: "The week's slots, and closed days", Description: "Its ETag is its version.", Given: exampleWeek}, o.apiHours)
	operate(a, WriteSelling, openapi.Operation{Method: http.MethodPut, Path: "/hours", ID: "changeHours", Tag: "selling",
		Summary: "Replaces the week's slots and the closed days", Description: "What was booked stays so.", Sent: exampleWeek, Given: exampleWeek, Errors: conditional(world.CodeConflict)}, o.apiChangeHours)
	operate(a, ReadSelling, openapi.Operation{Method: http.MethodGet, Path: "/bookings", ID: "listBookings", Tag: "selling",
		Summary: "What is booked of the next days' slots", Given: exampleBookings}, o.apiBookings)
}

func (o *Owner) apiPromotions(v *visit, in *paged) (*answer[api.PromotionList], error) {
	limit := cmp.Or(in.Limit, min(o.cfg.PageSize, world.MaxList))
	offers, err := o.deps.Selling.Offers(v.r.Context(), v.at.market.ID, in.After, limit+1)
	if err != nil {
		return nil, world.Wrap("owner.api.promotions", err)
	}
	out := api.PromotionList{Promotions: []api.Promotion{}}
	if len(offers) > limit {
		offers = offers[:limit]
		out.Next = offers[limit-1].ID
	}
	uses, err := o.usesOf(v, offers)
	if err != nil {
		return nil, err
	}
	for _, f := range offers {
		out.Promotions = append(out.Promotions, o.apiOffer(f, uses[f.ID]))
	}
	return &answer[api.PromotionList]{Body: out}, nil
}

func (o *Owner) apiOffer(f promotion.Offer, used int) api.Promotion {
	out := api.Promotion{Promotion: f.ID, Version: f.Version, State: string(f.At(o.deps.Now())), Used: used, Terms: api.Offer{Labels: f.Labels, Kind: string(f.Kind),
		AmountMinor: f.Amount.Minor, Buy: f.Buy, Get: f.Get, Code: f.Code, SKUs: notNull(f.SKUs), Categories: notNull(f.Categories), MinMinor: f.MinSubtotal.Minor,
		Exclusive: f.Exclusive, Rank: f.Rank, MaxUses: f.MaxUses, MaxPerBuyer: f.MaxPerBuyer}}
	if f.Kind == promotion.Percent {
		out.Terms.Percent = f.Percent.Percent()
	}
	if !f.From.IsZero() {
		out.Terms.From = &f.From
	}
	if !f.To.IsZero() {
		out.Terms.Until = &f.To
	}
	return out
}

// notNull is a list as JSON has it: never null.
func notNull(all []string) []string {
	if all == nil {
		return []string{}
	}
	return all
}

// OfferAsked names a promotion.
type OfferAsked struct {
	ID string `path:"promotion" maxLength:"60"`
}

func (o *Owner) apiPromotion(v *visit, in *OfferAsked) (*answer[api.Promotion], error) {
	f, err := o.deps.Selling.Offer(v.r.Context(), v.at.market.ID, in.ID)
	if err != nil {
		return nil, world.Wrap("owner.api.promotion", err)
	}
	uses, err := o.usesOf(v, []promotion.Offer{f})
	if err != nil {
		return nil, err
	}
	return &answer[api.Promotion]{etag(f.Version), o.apiOffer(f, uses[f.ID])}, nil
}

// offerSent is a promotion's terms.
type offerSent struct {
	OfferAsked
	Body api.Offer
}

func (o *Owner) apiCreatePromotion(v *visit, in *offerSent) (*answer[api.Promotion], error) {
	if err := o.apiSaveOffer(v, in.ID, 0, in.Body); err != nil {
		return nil, err
	}
	return o.apiPromotion(v, &in.OfferAsked)
}

// offerChanged is a promotion's terms in the place of others.
type offerChanged struct {
	OfferAsked
	Matching
	Body api.Offer
}

func (o *Owner) apiChangePromotion(v *visit, in *offerChanged) (*answer[api.Promotion], error) {
	err := guarded(v, in.IfMatch, o.offerVersion(v, in.ID), func(expect int64) error { return o.apiSaveOffer(v, in.ID, expect, in.Body) })
	if err != nil {
		return nil, err
	}
	return o.apiPromotion(v, &in.OfferAsked)
}

// offerVersion reads the version that a promotion is at.
func (o *Owner) offerVersion(v *visit, id string) func() (int64, error) {
	return func() (int64, error) {
		f, err := o.deps.Selling.Offer(v.r.Context(), v.at.market.ID, id)
		return f.Version, world.Wrap("owner.api.promotion", err)
	}
}

func (o *Owner) apiSaveOffer(v *visit, id string, version int64, terms api.Offer) error {
	f := promotion.Offer{Labels: terms.Labels, Version: version, Promotion: promotion.Promotion{ID: id, Kind: promotion.Kind(terms.Kind), Buy: terms.Buy, Get: terms.Get,
		Code: terms.Code, SKUs: terms.SKUs, Categories: terms.Categories, Exclusive: terms.Exclusive, Rank: terms.Rank, MaxUses: terms.MaxUses, MaxPerBuyer: terms.MaxPerBuyer,
		Amount: money.Amount{Minor: terms.AmountMinor, Currency: v.at.market.Currency}, MinSubtotal: money.Amount{Minor: terms.MinMinor, Currency: v.at.market.Currency}}}
	if terms.Percent != "" {
		var err error
		if f.Percent, err = money.ParsePercent(terms.Percent); err != nil {
			return world.Wrap("owner.api.promotion", err)
		}
	}
	if terms.From != nil {
		f.From = *terms.From
	}
	if terms.Until != nil {
		f.To = *terms.Until
	}
	_, err := o.deps.Selling.SaveOffer(v.r.Context(), v.at.market.ID, f, o.deps.Now())
	return world.Wrap("owner.api.promotion", err)
}

// offerEnded names a promotion at a version.
type offerEnded struct {
	OfferAsked
	Matching
}

func (o *Owner) apiEndPromotion(v *visit, in *offerEnded) (*struct{}, error) {
	return nil, guarded(v, in.IfMatch, o.offerVersion(v, in.ID), func(expect int64) error {
		_, err := o.deps.Selling.EndOffer(v.r.Context(), v.at.market.ID, in.ID, expect, o.deps.Now())
		return world.Wrap("owner.api.promotion", err)
	})
}

func (o *Owner) apiHours(v *visit, _ *struct{}) (*answer[api.Week], error) {
	w, err := o.deps.Selling.Week(v.r.Context(), v.at.market.ID, o.deps.Now())
	if err != nil {
		return nil, world.Wrap("owner.api.hours", err)
	}
	out := api.Week{Slots: []api.WeekSlot{}, Closed: []api.ClosedDay{}}
	for _, r := range w.Slots {
		out.Slots = append(out.Slots, api.WeekSlot{Kind: string(r.Kind), Weekday: int(r.Weekday), Start: clockOf(r.Start), End: clockOf(r.End), Capacity: r.Capacity, Cutoff: int(r.Cutoff / time.Minute)})
	}
	for _, c := range w.Closed {
		out.Closed = append(out.Closed, api.ClosedDay{Day: c.Day.String(), Kind: string(c.Kind)})
	}
	return &answer[api.Week]{etag(w.Version), out}, nil
}

// weekSent is a week in the place of another.
type weekSent struct {
	Matching
	Body api.Week
}

func (o *Owner) apiChangeHours(v *visit, in *weekSent) (*answer[api.Week], error) {
	const op = "owner.api.hours"
	w, err := weekSentAs(in.Body)
	if err != nil {
		return nil, err
	}
	present := func() (int64, error) {
		now, err := o.deps.Selling.Week(v.r.Context(), v.at.market.ID, o.deps.Now())
		return now.Version, world.Wrap(op, err)
	}
	err = guarded(v, in.IfMatch, present, func(expect int64) error {
		w.Version = expect
		_, err := o.deps.Selling.ChangeWeek(v.r.Context(), v.at.market.ID, w, o.deps.Now())
		return world.Wrap(op, err)
	})
	if err != nil {
		return nil, err
	}
	return o.apiHours(v, nil)
}

func weekSentAs(in api.Week) (w checkout.Week, err error) {
	for _, s := range in.Slots {
		r := slots.Rule{Kind: slots.Kind(s.Kind), Weekday: time.Weekday(s.Weekday), Capacity: s.Capacity, Cutoff: time.Duration(s.Cutoff) * time.Minute}
		var from, until bool
		r.Start, from = timeOfDay(s.Start, true)
		r.End, until = timeOfDay(s.End, true)
		if !from || !until {
			return w, world.E(world.CodeInvalid, "owner.api.hours", "Write hours like 09:00, to 24:00.")
		}
		w.Slots = append(w.Slots, r)
	}
	for _, c := range in.Closed {
		day, err := tax.ParseDate(c.Day)
		if err != nil {
			return w, world.Wrap("owner.api.hours", err)
		}
		w.Closed = append(w.Closed, checkout.Closed{Day: day, Kind: slots.Kind(c.Kind)})
	}
	return w, nil
}

func (o *Owner) apiBookings(v *visit, _ *struct{}) (*answer[api.Bookings], error) {
	w, err := o.deps.Selling.Week(v.r.Context(), v.at.market.ID, o.deps.Now())
	if err != nil {
		return nil, world.Wrap("owner.api.bookings", err)
	}
	booked, err := o.booked(v, w)
	if err != nil {
		return nil, err
	}
	out := api.Bookings{Slots: []api.Booking{}}
	for _, s := range booked {
		out.Slots = append(out.Slots, api.Booking{ID: s.ID, Start: s.Start.UTC(), End: s.End.UTC(), Capacity: s.Capacity, Booked: s.used})
	}
	return &answer[api.Bookings]{Body: out}, nil
}
