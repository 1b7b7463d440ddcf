package shop

import (
	"context"
	"time"

	"meridian/engine/tax"
	"meridian/role/shop/api"
	"meridian/world"
)

// slotsAsked is what slots may be asked by.
type slotsAsked struct {
	Kind string `query:"kind" required:"true" enum:"pickup,delivery" doc:"how an order reaches its buyer"`
	From string `query:"from" format:"date" maxLength:"10" doc:"the first day, on the market's clock; today if it is missing"`
}

func (s *Shop) apiSlots(ctx context.Context, in *slotsAsked) (*answer[api.SlotList], error) {
	const op = "shop.api.slots"
	at, err := s.asked(ctx)
	if err != nil {
		return nil, err
	}
	now := s.deps.Now()
	first := tax.DateOf(now, at.zone)
	if in.From != "" {
		if first, err = tax.ParseDate(in.From); err != nil {
			return nil, world.Wrap(op, err)
		}
	}
	hours, err := s.deps.Catalog.Hours(ctx, at.market.ID, now)
	if err != nil {
		return nil, world.Wrap(op, err)
	}
	calendar, err := hours.Calendar(world.Fulfilment(in.Kind), at.zone, now, 0, s.cfg.SlotDays)
	if err != nil {
		return nil, world.Wrap(op, err)
	}
	until := nextDay(now, at.zone) // a day is added
	out := api.SlotList{Slots: []api.Slot{}}
	for _, c := range calendar {
		until = soonest(until, c.Closes)
		if tax.DateOf(c.Start, at.zone).Compare(first) >= 0 {
			out.Slots = append(out.Slots, api.Slot{ID: c.ID, Start: c.Start, End: c.End, Closes: c.Closes.In(at.zone)})
		}
	}
	return &answer[api.SlotList]{out}, s.give(ctx, until, nil)
}

// nextDay is when the day ends that a moment lies in.
func nextDay(now time.Time, zone *time.Location) time.Time {
	year, month, day := now.In(zone).Date()
	return time.Date(year, month, day+1, 0, 0, 0, 0, zone)
}
