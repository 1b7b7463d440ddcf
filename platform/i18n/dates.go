package i18n

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"meridian/world"
)

// Texts that say how a locale writes a moment. Their parts are {year}, {month}
// and {day} with two digits, {month_name}, {day_bare} without a leading zero,
// {time} on 24 hours and {time12} on twelve.
const (
	DateShortKey = "date.format" // in numbers, for lists: "{day}.{month}.{year}, {time}"
	DateLongKey  = "date.long"   // in words: "{day_bare}. {month_name} {year}, {time} Uhr"
	dateAMKey    = "date.am"     // before noon, where a part on twelve hours is used
	datePMKey    = "date.pm"
	monthKey     = "date.month_"   // and 1 to 12, where {month_name} is used
	weekdayKey   = "date.weekday_" // and 0 to 6 from Sunday, where {weekday} is used
)

// slotKey is the text that says how a locale writes a window of one day, near enough
// to need no year: "{weekday}, {month_name} {day_bare}, {from12}–{to12}". {from} and
// {to} are on 24 hours.
const slotKey = "date.slot"

// oneOf are the parts that a form must have, each in one of two ways: a date
// without its day is found at the start and not by a reader.
var oneOf = [][2]string{{"{year}", "{year}"}, {"{month}", "{month_name}"}, {"{day}", "{day_bare}"}, {"{time}", "{time12}"}}

// oneOfSlot are the parts of a window.
var oneOfSlot = [][2]string{{"{weekday}", "{weekday}"}, {"{month}", "{month_name}"}, {"{day}", "{day_bare}"}, {"{from}", "{from12}"}, {"{to}", "{to12}"}}

// DateForm is one way in which a locale writes moments.
type DateForm struct {
	form     string
	halves   [2]string // of the day: before and after noon
	months   [12]string
	weekdays [7]string
}

// SlotForm is how a locale writes windows of one day, as deliveries have them.
type SlotForm struct{ form DateForm }

// DateForm reads how the locale writes a moment, from [DateShortKey] or
// [DateLongKey]. It fails with invalid, naming it, for a text or a part that
// is missing.
func (l Locale) DateForm(key string) (DateForm, error) { return l.readForm(key, oneOf) }

// SlotForm reads how the locale writes a window. It fails as [Locale.DateForm] does.
func (l Locale) SlotForm() (SlotForm, error) {
	f, err := l.readForm(slotKey, oneOfSlot)
	return SlotForm{f}, err
}

func (l Locale) readForm(key string, needs [][2]string) (DateForm, error) {
	f := DateForm{form: l.Text(key)}
	texts := map[string]*string{key: &f.form}
	if strings.Contains(f.form, "12}") {
		texts[dateAMKey], texts[datePMKey] = &f.halves[0], &f.halves[1]
	}
	if strings.Contains(f.form, "{month_name}") {
		for i := range f.months {
			texts[monthKey+strconv.Itoa(i+1)] = &f.months[i]
		}
	}
	if strings.Contains(f.form, "{weekday}") {
		for i := range f.weekdays {
			texts[weekdayKey+strconv.Itoa(i)] = &f.weekdays[i]
		}
	}
	for _, k := range slices.Sorted(maps.Keys(texts)) {
		if !l.Has(k) {
			return DateForm{}, world.E(world.CodeInvalid, "i18n.date", fmt.Sprintf("%s%s lacks the text %s", l.Tag, Extension, k))
		}
		*texts[k] = l.Text(k)
	}
	for _, parts := range needs {
		if !strings.Contains(f.form, parts[0]) && !strings.Contains(f.form, parts[1]) {
			return DateForm{}, world.E(world.CodeInvalid, "i18n.date", fmt.Sprintf("%s%s: the text %s lacks %s", l.Tag, Extension, key, parts[0]))
		}
	}
	return f, nil
}

// Format writes a moment on the clocks of its own time zone.
func (f DateForm) Format(t time.Time) string {
	return strings.NewReplacer(append(f.parts(t), "{time}", t.Format("15:04"), "{time12}", f.twelve(t))...).Replace(f.form)
}

// Format writes a window on the clocks of its start's time zone.
func (s SlotForm) Format(start, end time.Time) string {
	f := s.form
	end = end.In(start.Location())
	return strings.NewReplacer(append(f.parts(start), "{from}", start.Format("15:04"), "{to}", end.Format("15:04"),
		"{from12}", f.twelve(start), "{to12}", f.twelve(end))...).Replace(f.form)
}

// parts are a day's, and what stands for each.
func (f DateForm) parts(t time.Time) []string {
	return []string{
		"{year}", t.Format("2006"), "{month}", t.Format("01"), "{month_name}", f.months[t.Month()-1],
		"{day}", t.Format("02"), "{day_bare}", t.Format("2"), "{weekday}", f.weekdays[t.Weekday()],
	}
}

// twelve is a time of day on twelve hours.
func (f DateForm) twelve(t time.Time) string { return t.Format("3:04 ") + f.halves[t.Hour()/12] }
