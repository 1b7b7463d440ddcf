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
	dateAMKey    = "date.am"     // before noon, where {time12} is used
	datePMKey    = "date.pm"
	monthKey     = "date.month_" // and 1 to 12, where {month_name} is used
)

// oneOf are the parts that a form must have, each in one of two ways: a date
// without its day is found at the start and not by a reader.
var oneOf = [][2]string{{"{year}", "{year}"}, {"{month}", "{month_name}"}, {"{day}", "{day_bare}"}, {"{time}", "{time12}"}}

// DateForm is one way in which a locale writes moments.
type DateForm struct {
	form   string
	halves [2]string // of the day: before and after noon
	months [12]string
}

// DateForm reads how the locale writes a moment, from [DateShortKey] or
// [DateLongKey]. It fails with invalid, naming it, for a text or a part that
// is missing.
func (l Locale) DateForm(key string) (DateForm, error) {
	f := DateForm{form: l.Text(key)}
	texts := map[string]*string{key: &f.form}
	if strings.Contains(f.form, "{time12}") {
		texts[dateAMKey], texts[datePMKey] = &f.halves[0], &f.halves[1]
	}
	if strings.Contains(f.form, "{month_name}") {
		for i := range f.months {
			texts[monthKey+strconv.Itoa(i+1)] = &f.months[i]
		}
	}
	for _, k := range slices.Sorted(maps.Keys(texts)) {
		if !l.Has(k) {
			return DateForm{}, world.E(world.CodeInvalid, "i18n.date", fmt.Sprintf("%s%s lacks the text %s", l.Tag, Extension, k))
		}
		*texts[k] = l.Text(k)
	}
	for _, parts := range oneOf {
		if !strings.Contains(f.form, parts[0]) && !strings.Contains(f.form, parts[1]) {
			return DateForm{}, world.E(world.CodeInvalid, "i18n.date", fmt.Sprintf("%s%s: the text %s lacks %s", l.Tag, Extension, key, parts[0]))
		}
	}
	return f, nil
}

// Clock writes the time of day of a moment alone, as the form does.
func (f DateForm) Clock(t time.Time) string {
	if strings.Contains(f.form, "{time12}") {
		return t.Format("3:04 ") + f.halves[t.Hour()/12]
	}
	return t.Format("15:04")
}

// Format writes a moment on the clocks of its own time zone.
func (f DateForm) Format(t time.Time) string {
	half := f.halves[t.Hour()/12]
	return strings.NewReplacer(
		"{year}", t.Format("2006"), "{month}", t.Format("01"), "{month_name}", f.months[t.Month()-1],
		"{day}", t.Format("02"), "{day_bare}", t.Format("2"), "{time}", t.Format("15:04"), "{time12}", t.Format("3:04 ")+half,
	).Replace(f.form)
}
