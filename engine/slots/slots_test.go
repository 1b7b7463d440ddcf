package slots_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/engine/slots"
	"meridian/engine/tax"
	"meridian/world"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func hm(hour, minute int) time.Duration {
	return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
}

// every is a rule for each day of the week.
func every(kind slots.Kind, start, end time.Duration) (rules []slots.Rule) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		rules = append(rules, slots.Rule{Kind: kind, Weekday: d, Start: start, End: end, Capacity: 5})
	}
	return rules
}

func calendar(t testing.TB, rules []slots.Rule, closed []tax.Date, now time.Time, lead time.Duration, days int) []slots.Slot {
	t.Helper()
	c, err := slots.Calendar(rules, closed, now.Location(), now, lead, days)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ids(c []slots.Slot) (out []string) {
	for _, s := range c {
		out = append(out, s.ID)
	}
	return out
}

func TestCalendarOfAWeek(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	friday := time.Date(2026, 11, 20, 10, 0, 0, 0, berlin)
	rules := []slots.Rule{
		{Kind: slots.PickUp, Weekday: time.Friday, Start: hm(10, 0), End: hm(11, 0), Capacity: 1},
		{Kind: slots.PickUp, Weekday: time.Friday, Start: hm(12, 0), End: hm(14, 0), Capacity: 1, Cutoff: 2 * time.Hour},
		{Kind: slots.PickUp, Weekday: time.Friday, Start: hm(13, 0), End: hm(14, 0), Capacity: 1, Cutoff: 2 * time.Hour},
		{Kind: slots.Delivery, Weekday: time.Friday, Start: hm(13, 0), End: hm(15, 0), Capacity: 1},
		{Kind: slots.PickUp, Weekday: time.Saturday, Start: hm(8, 0), End: hm(24, 0), Capacity: 1},
		{Kind: slots.PickUp, Weekday: time.Sunday, Start: hm(0, 0), End: hm(11, 0), Capacity: 1},
	}
	sunday := tax.Date{Year: 2026, Month: 11, Day: 22}
	for name, c := range map[string]struct {
		closed []tax.Date
		lead   time.Duration
		days   int
		want   []string
	}{
		"today": {nil, 0, 1, []string{"delivery-2026-11-20-1300", "pickup-2026-11-20-1300"}},
		"until Sunday": {nil, 0, 3, []string{"delivery-2026-11-20-1300", "pickup-2026-11-20-1300",
			"pickup-2026-11-21-0800", "pickup-2026-11-22-0000"}},
		"Sunday closed":    {[]tax.Date{sunday}, 0, 3, []string{"delivery-2026-11-20-1300", "pickup-2026-11-20-1300", "pickup-2026-11-21-0800"}},
		"a cake takes":     {nil, 22 * time.Hour, 3, []string{"pickup-2026-11-22-0000"}},
		"just long enough": {nil, 22*time.Hour - 1, 3, []string{"pickup-2026-11-21-0800", "pickup-2026-11-22-0000"}},
	} {
		if got := ids(calendar(t, rules, c.closed, friday, c.lead, c.days)); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	saturday := calendar(t, rules, nil, friday.Add(14*time.Hour), 0, 1)
	if end := saturday[0].End; !end.Equal(time.Date(2026, 11, 22, 0, 0, 0, 0, berlin)) {
		t.Errorf("a slot until midnight ends %v", end)
	}
	if first := ids(calendar(t, rules, nil, friday.Add(14*time.Hour), 0, 1)); first[0] != "pickup-2026-11-21-0800" {
		t.Errorf("at midnight the next day begins: %q", first)
	}
}

// The hours are those of a bakery that never sleeps, on the days when clocks
// are changed.
func TestDaysWhenClocksChange(t *testing.T) {
	for name, c := range map[string]struct {
		zone   string
		day    tax.Date
		rule   [2]time.Duration
		start  string // RFC 3339; "" for no slot
		length time.Duration
	}{
		"Berlin, an ordinary morning":         {"Europe/Berlin", tax.Date{Year: 2026, Month: 3, Day: 28}, [2]time.Duration{hm(9, 0), hm(10, 0)}, "2026-03-28T09:00:00+01:00", time.Hour},
		"Berlin, the morning after the leap":  {"Europe/Berlin", tax.Date{Year: 2026, Month: 3, Day: 29}, [2]time.Duration{hm(9, 0), hm(10, 0)}, "2026-03-29T09:00:00+02:00", time.Hour},
		"Berlin, over the leap":               {"Europe/Berlin", tax.Date{Year: 2026, Month: 3, Day: 29}, [2]time.Duration{hm(1, 0), hm(4, 0)}, "2026-03-29T01:00:00+01:00", 2 * time.Hour},
		"Berlin, into the leap":               {"Europe/Berlin", tax.Date{Year: 2026, Month: 3, Day: 29}, [2]time.Duration{hm(1, 30), hm(2, 30)}, "2026-03-29T01:30:00+01:00", 30 * time.Minute},
		"Berlin, out of the leap":             {"Europe/Berlin", tax.Date{Year: 2026, Month: 3, Day: 29}, [2]time.Duration{hm(2, 30), hm(3, 30)}, "2026-03-29T03:00:00+02:00", 30 * time.Minute},
		"Berlin, an hour that is not":         {"Europe/Berlin", tax.Date{Year: 2026, Month: 3, Day: 29}, [2]time.Duration{hm(2, 0), hm(3, 0)}, "", 0},
		"Berlin, the hour that comes twice":   {"Europe/Berlin", tax.Date{Year: 2026, Month: 10, Day: 25}, [2]time.Duration{hm(2, 0), hm(3, 0)}, "2026-10-25T02:00:00+02:00", 2 * time.Hour},
		"Berlin, until half of it":            {"Europe/Berlin", tax.Date{Year: 2026, Month: 10, Day: 25}, [2]time.Duration{hm(1, 0), hm(2, 30)}, "2026-10-25T01:00:00+02:00", 90 * time.Minute},
		"Berlin, from half of it":             {"Europe/Berlin", tax.Date{Year: 2026, Month: 10, Day: 25}, [2]time.Duration{hm(2, 30), hm(3, 0)}, "2026-10-25T02:30:00+02:00", 90 * time.Minute},
		"Berlin, all of 25 hours":             {"Europe/Berlin", tax.Date{Year: 2026, Month: 10, Day: 25}, [2]time.Duration{0, hm(24, 0)}, "2026-10-25T00:00:00+02:00", 25 * time.Hour},
		"New York, all of 23 hours":           {"America/New_York", tax.Date{Year: 2026, Month: 3, Day: 8}, [2]time.Duration{0, hm(24, 0)}, "2026-03-08T00:00:00-05:00", 23 * time.Hour},
		"New York, an hour that is not":       {"America/New_York", tax.Date{Year: 2026, Month: 3, Day: 8}, [2]time.Duration{hm(2, 0), hm(3, 0)}, "", 0},
		"New York, the hour that comes twice": {"America/New_York", tax.Date{Year: 2026, Month: 11, Day: 1}, [2]time.Duration{hm(1, 0), hm(2, 0)}, "2026-11-01T01:00:00-04:00", 2 * time.Hour},
		"New York, the morning after":         {"America/New_York", tax.Date{Year: 2026, Month: 11, Day: 1}, [2]time.Duration{hm(9, 0), hm(9, 30)}, "2026-11-01T09:00:00-05:00", 30 * time.Minute},
		"Cairo, a midnight that is not":       {"Africa/Cairo", tax.Date{Year: 2026, Month: 4, Day: 24}, [2]time.Duration{0, hm(2, 0)}, "2026-04-24T01:00:00+03:00", time.Hour},
	} {
		z := zone(t, c.zone)
		now := time.Date(c.day.Year, c.day.Month, c.day.Day, 12, 0, 0, 0, z).AddDate(0, 0, -1)
		var got []slots.Slot
		for _, s := range calendar(t, every(slots.PickUp, c.rule[0], c.rule[1]), nil, now, 0, 2) {
			if ref, err := slots.Parse(s.ID); err == nil && ref.Day == c.day {
				got = append(got, s)
			}
		}
		if c.start == "" {
			if len(got) != 0 {
				t.Errorf("%s: %v", name, got)
			}
			continue
		}
		if len(got) != 1 || got[0].Start.Format(time.RFC3339) != c.start || got[0].End.Sub(got[0].Start) != c.length {
			t.Errorf("%s: got %v; want %s for %v", name, got, c.start, c.length)
		}
	}
}

// A day is cut into slots that meet on the clock: they meet as moments too and
// fill the day, whatever clocks do on it.
func TestSlotsThatMeetFillTheDay(t *testing.T) {
	var rules []slots.Rule
	for m := 0; m < 24*60; m += 30 {
		rules = append(rules, every(slots.PickUp, time.Duration(m)*time.Minute, time.Duration(m+30)*time.Minute)...)
	}
	names := []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo", "Asia/Kolkata", "Africa/Cairo", "America/St_Johns"}
	rapid.Check(t, func(r *rapid.T) {
		z := zone(t, rapid.SampledFrom(names).Draw(r, "zone"))
		now := time.Date(2026, 1, 1+rapid.IntRange(0, 730).Draw(r, "day"), 0, 0, 0, 0, z).Add(-time.Minute)
		c := calendar(t, rules, nil, now, 0, 3)
		for i := 1; i < len(c); i++ {
			if !c[i-1].End.Equal(c[i].Start) || !c[i].Start.Before(c[i].End) {
				r.Fatalf("%v to %v, then %v to %v", c[i-1].Start, c[i-1].End, c[i].Start, c[i].End)
			}
		}
		whole := c[len(c)-1].End.Sub(c[0].Start)
		if whole < 47*time.Hour || whole > 49*time.Hour || c[0].Start.Sub(now) > time.Hour+time.Minute {
			r.Fatalf("from %v to %v", c[0].Start, c[len(c)-1].End)
		}
	})
}

// What the calendar offers can be found by its id, and nothing else.
func TestFindIsTheCalendar(t *testing.T) {
	z := zone(t, "America/New_York")
	rules := append(every(slots.PickUp, hm(1, 0), hm(2, 0)), every(slots.Delivery, hm(2, 0), hm(3, 0))...)
	rapid.Check(t, func(r *rapid.T) {
		now := time.Date(2026, 10, 25, 0, rapid.IntRange(0, 20*24*60).Draw(r, "now"), 0, 0, z)
		lead := time.Duration(rapid.IntRange(0, 72).Draw(r, "lead")) * time.Hour
		closed := []tax.Date{tax.DateOf(now.AddDate(0, 0, rapid.IntRange(0, 5).Draw(r, "closed")), z)}
		days := rapid.IntRange(1, 9).Draw(r, "days")
		offered := map[string]slots.Slot{}
		for _, s := range calendar(t, rules, closed, now, lead, days) {
			offered[s.ID] = s
		}
		for ahead := -1; ahead < 11; ahead++ {
			for _, start := range []string{"pickup-%s-0100", "delivery-%s-0200", "pickup-%s-0200"} {
				id := fmt.Sprintf(start, tax.DateOf(now.AddDate(0, 0, ahead), z))
				got, err := slots.DefaultLimits.Find(id, rules, closed, z, now, lead, days)
				if want, is := offered[id]; is != (err == nil) || is && got != want {
					r.Fatalf("%s: found %v, %v; offered %v", id, got, err, want)
				}
				if err != nil && !world.Is(err, world.CodeNotFound) && !world.Is(err, world.CodeConflict) {
					r.Fatal(err)
				}
			}
		}
	})
}

func TestRoom(t *testing.T) {
	for _, c := range []struct {
		capacity, booked, left int
		room                   slots.Room
	}{
		{1, 0, 1, slots.Free}, {1, 1, 0, slots.Full}, {1, 2, 0, slots.Full},
		{4, 2, 2, slots.Free}, {4, 3, 1, slots.Few}, {10, 7, 3, slots.Free}, {10, 8, 2, slots.Few},
	} {
		offers := slots.Offers([]slots.Slot{{ID: "a", Capacity: c.capacity}}, map[string]int{"a": c.booked, "b": 9})
		if offers[0].Left != c.left || offers[0].Room != c.room {
			t.Errorf("%+v: got %+v", c, offers[0])
		}
	}
}

func TestCheckAndLimits(t *testing.T) {
	limits := slots.Limits{MaxRules: 2, MaxClosed: 1, MaxDays: 3, MaxCapacity: 10, MaxCutoff: 24 * time.Hour}
	good := slots.Rule{Kind: slots.PickUp, Weekday: time.Saturday, Start: hm(9, 0), End: hm(24, 0), Capacity: 10, Cutoff: 24 * time.Hour}
	with := func(change func(*slots.Rule)) []slots.Rule {
		r := good
		change(&r)
		return []slots.Rule{r}
	}
	other := with(func(r *slots.Rule) { r.Start = hm(8, 0) })[0]
	for name, c := range map[string]struct {
		rules []slots.Rule
		code  world.Code
	}{
		"at the edges":       {[]slots.Rule{good, other}, ""},
		"one rule more":      {[]slots.Rule{good, other, good}, world.CodeTooLarge},
		"the same start":     {[]slots.Rule{good, good}, world.CodeInvalid},
		"no kind":            {with(func(r *slots.Rule) { r.Kind = "" }), world.CodeInvalid},
		"an eighth day":      {with(func(r *slots.Rule) { r.Weekday = 7 }), world.CodeInvalid},
		"before midnight":    {with(func(r *slots.Rule) { r.Start = -time.Minute }), world.CodeInvalid},
		"past midnight":      {with(func(r *slots.Rule) { r.End = hm(24, 1) }), world.CodeInvalid},
		"no length":          {with(func(r *slots.Rule) { r.End = r.Start }), world.CodeInvalid},
		"seconds":            {with(func(r *slots.Rule) { r.Start += time.Second }), world.CodeInvalid},
		"no capacity":        {with(func(r *slots.Rule) { r.Capacity = 0 }), world.CodeInvalid},
		"too much capacity":  {with(func(r *slots.Rule) { r.Capacity = 11 }), world.CodeInvalid},
		"a negative cutoff":  {with(func(r *slots.Rule) { r.Cutoff = -1 }), world.CodeInvalid},
		"a cutoff too early": {with(func(r *slots.Rule) { r.Cutoff = 24*time.Hour + 1 }), world.CodeInvalid},
	} {
		err := limits.Check(c.rules)
		if c.code == "" && err != nil || c.code != "" && !world.Is(err, c.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	closed := make([]tax.Date, 1)
	for name, c := range map[string]struct {
		closed []tax.Date
		lead   time.Duration
		days   int
		code   world.Code
	}{
		"at the edges":       {closed, 24 * time.Hour, 3, ""},
		"a closed day more":  {append(closed, tax.Date{}), 0, 3, world.CodeTooLarge},
		"a day more":         {nil, 0, 4, world.CodeTooLarge},
		"no day":             {nil, 0, 0, world.CodeTooLarge},
		"a negative lead":    {nil, -1, 1, world.CodeInvalid},
		"a lead beyond that": {nil, 24*time.Hour + 1, 1, world.CodeInvalid},
	} {
		_, err := limits.Calendar([]slots.Rule{good}, c.closed, time.UTC, now, c.lead, c.days)
		_, found := limits.Find("pickup-2026-11-21-0900", []slots.Rule{good}, c.closed, time.UTC, now, c.lead, c.days)
		for _, err := range []error{err, found} {
			if c.code == "" && err != nil && !world.Is(err, world.CodeConflict) || c.code != "" && !world.Is(err, c.code) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
