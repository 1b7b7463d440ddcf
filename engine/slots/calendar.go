package slots

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"meridian/engine/tax"
	"meridian/world"
)

// Calendar is [Limits.Calendar] under [DefaultLimits].
func Calendar(rules []Rule, closed []tax.Date, zone *time.Location, now time.Time, lead time.Duration, days int) ([]Slot, error) {
	return DefaultLimits.Calendar(rules, closed, zone, now, lead, days)
}

// Calendar is what can be chosen now: the slots of today and the following
// days, days in all, in order, that are not on a closed day, whose cutoff is
// not reached and for which there is time enough to make the slowest product
// (lead). It fails with [world.CodeInvalid] for a rule that cannot be and for
// a negative lead, and with [world.CodeTooLarge] past a limit.
func (l Limits) Calendar(rules []Rule, closed []tax.Date, zone *time.Location, now time.Time, lead time.Duration, days int) ([]Slot, error) {
	if err := l.Check(rules); err != nil {
		return nil, err
	}
	if err := l.checkAsked(closed, lead, days); err != nil {
		return nil, err
	}
	var open []Slot
	today := tax.DateOf(now, zone)
	for ahead := range days {
		on := dayAfter(today, ahead)
		if slices.Contains(closed, on) {
			continue
		}
		for _, r := range rules {
			if slot, is := r.on(on, zone, lead); is && now.Before(slot.Closes) {
				open = append(open, slot)
			}
		}
	}
	slices.SortFunc(open, func(a, b Slot) int { return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID)) })
	return open, nil
}

// Find is the slot of an id, if it can be chosen now. It fails as [Parse] does,
// with [world.CodeNotFound] where the shop has no such slot within days, and
// with [world.CodeConflict] where it is too late for it.
func (l Limits) Find(id string, rules []Rule, closed []tax.Date, zone *time.Location, now time.Time, lead time.Duration, days int) (Slot, error) {
	ref, err := Parse(id)
	if err != nil {
		return Slot{}, err
	}
	if err := l.Check(rules); err != nil {
		return Slot{}, err
	}
	if err := l.checkAsked(closed, lead, days); err != nil {
		return Slot{}, err
	}
	none := world.E(world.CodeNotFound, "slots.find", "the shop is not open then; choose another slot")
	today := tax.DateOf(now, zone)
	if ref.Day.Compare(dayAfter(today, days)) >= 0 || slices.Contains(closed, ref.Day) {
		return Slot{}, none
	}
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.Kind == ref.Kind && r.Start == ref.Start && r.Weekday == weekday(ref.Day) })
	if i < 0 {
		return Slot{}, none
	}
	slot, is := rules[i].on(ref.Day, zone, lead)
	if !is {
		return Slot{}, none
	}
	if !now.Before(slot.Closes) {
		return Slot{}, world.E(world.CodeConflict, "slots.find", "it is too late for that slot; choose a later one")
	}
	return slot, nil
}

func (l Limits) checkAsked(closed []tax.Date, lead time.Duration, days int) error {
	switch {
	case len(closed) > l.MaxClosed:
		return tooLarge(fmt.Sprintf("there are %d closed days, of at most %d; remove those that are over", len(closed), l.MaxClosed))
	case days < 1 || days > l.MaxDays:
		return tooLarge(fmt.Sprintf("a calendar is of 1 to %d days; ask for fewer", l.MaxDays))
	case lead < 0 || lead > l.MaxCutoff:
		return world.E(world.CodeInvalid, "slots.calendar",
			fmt.Sprintf("a product takes 0 to %.0f hours to make; correct its lead time", l.MaxCutoff.Hours()))
	}
	return nil
}

// on is the rule's slot of a day; there is none on another weekday, nor where
// clocks leap over all of it.
func (r Rule) on(date tax.Date, zone *time.Location, lead time.Duration) (Slot, bool) {
	if weekday(date) != r.Weekday {
		return Slot{}, false
	}
	s := Slot{
		ID: Ref{Kind: r.Kind, Day: date, Start: r.Start}.String(), Kind: r.Kind, Capacity: r.Capacity,
		Start: moment(date, r.Start, zone), End: moment(date, r.End, zone),
	}
	s.Closes = s.Start.Add(-max(r.Cutoff, lead))
	return s, s.Start.Before(s.End)
}

// moment is when the market's clocks first show a time of a day; of a time
// that they leap over, when they leap. (time.Date leaves open which it takes.)
// So later times are never earlier moments, and slots that meet on the clock
// meet on every day.
func moment(date tax.Date, clock time.Duration, zone *time.Location) time.Time {
	shown := time.Date(date.Year, date.Month, date.Day, 0, 0, 0, 0, time.UTC).Add(clock)
	first := shown.Add(-offset(shown.Add(-day), zone))
	second := shown.Add(-offset(shown.Add(day), zone))
	if second.Before(first) {
		first, second = second, first
	}
	for _, t := range []time.Time{first, second} {
		if t.Add(offset(t, zone)).Equal(shown) {
			return t.In(zone)
		}
	}
	leap, _ := second.In(zone).ZoneBounds()
	return leap
}

// offset is how far the zone's clocks are ahead of UTC.
func offset(t time.Time, zone *time.Location) time.Duration {
	_, seconds := t.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}

func dayAfter(d tax.Date, days int) tax.Date {
	return tax.DateOf(time.Date(d.Year, d.Month, d.Day+days, 0, 0, 0, 0, time.UTC), time.UTC)
}

func weekday(d tax.Date) time.Weekday {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Weekday()
}
