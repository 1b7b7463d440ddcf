package owner

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"meridian/engine/checkout"
	"meridian/engine/slots"
	"meridian/engine/tax"
	"meridian/world"
)

const hoursPath = ordersPath + "hours"

// bookedDays is how many days ahead, today included, owners see what is booked.
const bookedDays = 7

// kinds are the ways by which goods are handed over, and what the pages call them.
var (
	kinds     = []slots.Kind{slots.PickUp, slots.Delivery}
	kindWords = map[slots.Kind]string{slots.PickUp: "Pick-up", slots.Delivery: "Delivery"}
)

// hoursBody is a week as an owner writes it, and what is booked of the next days.
type hoursBody struct {
	Days    []dayField
	Closed  string
	Version string
	Booked  []bookedDay
	Wrong   string
}

// dayField is one weekday: a field for each way, with a line a slot.
type dayField struct {
	Day    string
	Fields []hourField
}

type hourField struct {
	Name, Kind, Text string
	Rows             int
}

type bookedDay struct {
	Day   string
	Slots []bookedSlot
}

type bookedSlot struct {
	Kind, Time, Used string
	Full             bool
}

func (o *Owner) showHours(v *visit) error {
	w, err := o.deps.Selling.Week(v.r.Context(), v.at.market.ID, o.deps.Now())
	if err != nil {
		return world.Wrap("owner.hours", err)
	}
	return o.hoursPage(v, http.StatusOK, w, hourFields(w), "")
}

func (o *Owner) hoursPage(v *visit, status int, w checkout.Week, form url.Values, wrong string) error {
	body := hoursBody{Closed: form.Get("closed"), Version: form.Get("version"), Wrong: wrong}
	for n := range 7 {
		day := time.Weekday((n + 1) % 7) // Monday first
		d := dayField{Day: day.String()}
		for _, k := range kinds {
			text := form.Get(hourName(k, day))
			d.Fields = append(d.Fields, hourField{Name: hourName(k, day), Kind: kindWords[k], Text: text, Rows: max(2, strings.Count(text, "\n")+1)})
		}
		body.Days = append(body.Days, d)
	}
	booked, err := o.booked(v, w)
	if err != nil {
		return err
	}
	for _, s := range booked {
		day := s.Start.Format("Monday 2 January")
		if n := len(body.Booked); n == 0 || body.Booked[n-1].Day != day {
			body.Booked = append(body.Booked, bookedDay{Day: day})
		}
		last := &body.Booked[len(body.Booked)-1]
		last.Slots = append(last.Slots, bookedSlot{Kind: kindWords[s.Kind], Time: s.Start.Format("15:04") + "–" + s.End.Format("15:04"),
			Used: fmt.Sprintf("%d of %d", s.used, s.Capacity), Full: s.used >= s.Capacity})
	}
	return o.render(v, status, "hours", page{Title: "Hours", Section: "hours", Body: body})
}

// slotUse is a slot with the orders that it has.
type slotUse struct {
	slots.Slot
	used int
}

// booked are the slots of today and the next days, whether they can still be chosen
// or not, with the orders that they have.
func (o *Owner) booked(v *visit, w checkout.Week) ([]slotUse, error) {
	open := checkout.Selling{Closed: w.Closed, Slots: slices.Clone(w.Slots)}
	for i := range open.Slots {
		open.Slots[i].Cutoff = 0
	}
	from, _ := v.at.today(o.deps.Now())
	var all []slotUse
	var ids []string
	for _, k := range kinds {
		// From a moment before the day on: also what begins with it.
		calendar, err := open.Calendar(world.Fulfilment(k), v.at.zone, from.Add(-time.Second), 0, bookedDays+1)
		if err != nil {
			return nil, world.Wrap("owner.hours", err)
		}
		for _, s := range calendar {
			all, ids = append(all, slotUse{Slot: s}), append(ids, s.ID)
		}
	}
	uses, err := o.deps.Stock.SlotUse(v.r.Context(), v.at.market.ID, ids)
	if err != nil {
		return nil, world.Wrap("owner.hours", err)
	}
	for i := range all {
		all[i].used = uses[all[i].ID]
	}
	slices.SortStableFunc(all, func(a, b slotUse) int { return a.Start.Compare(b.Start) })
	return all, nil
}

func hourName(k slots.Kind, day time.Weekday) string { return fmt.Sprintf("%s-%d", k, day) }

// hourFields is a week as its form writes it.
func hourFields(w checkout.Week) url.Values {
	form := url.Values{"version": {strconv.FormatInt(w.Version, 10)}}
	for _, r := range w.Slots {
		line := fmt.Sprintf("%s-%s %d", clockOf(r.Start), clockOf(r.End), r.Capacity)
		if r.Cutoff > 0 {
			line += fmt.Sprintf(" %d", r.Cutoff/time.Minute)
		}
		addLine(form, hourName(r.Kind, r.Weekday), line)
	}
	for _, c := range w.Closed {
		addLine(form, "closed", strings.TrimSpace(c.Day.String()+" "+string(c.Kind)))
	}
	return form
}

func addLine(form url.Values, name, line string) {
	if was := form.Get(name); was != "" {
		line = was + "\n" + line
	}
	form.Set(name, line)
}

func clockOf(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", d/time.Hour, d%time.Hour/time.Minute)
}

func (o *Owner) changeHours(v *visit) error {
	form := v.r.PostForm
	w, wrong := weekOf(form)
	var err error
	if w.Version, err = strconv.ParseInt(form.Get("version"), 10, 64); err != nil || w.Version < 1 {
		return world.E(world.CodeInvalid, "owner.hours", "The form does not say which version it showed. Open the hours again.")
	}
	status := http.StatusUnprocessableEntity
	if wrong == "" {
		_, err := o.deps.Selling.ChangeWeek(v.r.Context(), v.at.market.ID, w, o.deps.Now())
		if err == nil {
			seeOther(v, hoursPath)
			return nil
		}
		if wrong = mendable(err); wrong == "" {
			return world.Wrap("owner.hours", err)
		}
		if world.Is(err, world.CodeConflict) {
			status = http.StatusConflict
		}
	}
	now, err := o.deps.Selling.Week(v.r.Context(), v.at.market.ID, o.deps.Now())
	if err != nil {
		return world.Wrap("owner.hours", err)
	}
	return o.hoursPage(v, status, now, form, wrong)
}

// weekOf reads a week's form, but for its version; wrong says what to mend.
func weekOf(form url.Values) (w checkout.Week, wrong string) {
	for n := range 7 {
		for _, k := range kinds {
			for _, line := range lines(form.Get(hourName(k, time.Weekday(n)))) {
				r, ok := ruleOf(line)
				if !ok {
					return w, fmt.Sprintf("%s, %s: %.40q is no slot. Write a line like 09:00-10:00 4 90: from, until, orders, and minutes before it that orders are taken until.", time.Weekday(n), kindWords[k], line)
				}
				r.Kind, r.Weekday = k, time.Weekday(n)
				w.Slots = append(w.Slots, r)
			}
		}
	}
	for _, line := range lines(form.Get("closed")) {
		day, kind, _ := strings.Cut(line, " ")
		on, err := tax.ParseDate(day)
		c := checkout.Closed{Day: on, Kind: slots.Kind(strings.TrimSpace(kind))}
		if err != nil || c.Kind != "" && !slices.Contains(kinds, c.Kind) {
			return w, fmt.Sprintf("Closed days: %.40q is none. Write a line like 2026-12-25, or 2026-12-25 delivery.", line)
		}
		w.Closed = append(w.Closed, c)
	}
	return w, ""
}

func lines(text string) (out []string) {
	for line := range strings.Lines(text) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// ruleOf reads a line: 09:00-10:00 4 90.
func ruleOf(line string) (r slots.Rule, ok bool) {
	parts := strings.Fields(line)
	if len(parts) < 2 || len(parts) > 3 {
		return r, false
	}
	start, end, ok := strings.Cut(strings.ReplaceAll(parts[0], "–", "-"), "-")
	if r.Start, ok = timeOfDay(start, ok); !ok {
		return r, false
	}
	if r.End, ok = timeOfDay(end, true); !ok {
		return r, false
	}
	var err error
	if r.Capacity, err = strconv.Atoi(parts[1]); err != nil {
		return r, false
	}
	if len(parts) == 3 {
		minutes, err := strconv.Atoi(parts[2])
		if err != nil || minutes < 0 || minutes > 100_000 {
			return r, false
		}
		r.Cutoff = time.Duration(minutes) * time.Minute
	}
	return r, true
}

// timeOfDay reads 09:30, and 24:00 for the day's end.
func timeOfDay(text string, ok bool) (time.Duration, bool) {
	h, m, colon := strings.Cut(text, ":")
	hours, err1 := strconv.Atoi(h)
	minutes, err2 := strconv.Atoi(m)
	if !ok || !colon || err1 != nil || err2 != nil || len(m) != 2 || hours < 0 || minutes < 0 || minutes > 59 || hours > 24 || hours == 24 && minutes > 0 {
		return 0, false
	}
	return time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute, true
}
