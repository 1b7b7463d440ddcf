package fx

import (
	"time"

	"meridian/engine/tax"
)

// The hour at which the day's list can be counted on. The ECB publishes "around
// 16:00 CET" on every day that TARGET is open.
const (
	publishedHour   = 16
	publishedMinute = 15
)

// Zone is the time zone of the ECB's clocks (IANA), which callers load.
const Zone = "Europe/Berlin"

// Open tells whether a list is published for a day: TARGET is closed on
// Saturdays, Sundays, 1 January, Good Friday, Easter Monday, 1 May, 25 and 26
// December (ECB, long-term calendar since 2002).
func Open(day tax.Date) bool {
	t := midnight(day)
	if w := t.Weekday(); w == time.Saturday || w == time.Sunday {
		return false
	}
	switch [2]int{int(day.Month), day.Day} {
	case [2]int{1, 1}, [2]int{5, 1}, [2]int{12, 25}, [2]int{12, 26}:
		return false
	}
	easter := easterSunday(day.Year)
	return t != easter.AddDate(0, 0, -2) && t != easter.AddDate(0, 0, 1)
}

// Due is the day of the newest list that can be counted on at a moment. zone is
// that of [Zone].
func Due(now time.Time, zone *time.Location) tax.Date {
	day := tax.DateOf(now, zone)
	if !now.Before(published(day, zone)) && Open(day) {
		return day
	}
	for day = shift(day, -1); !Open(day); day = shift(day, -1) {
	}
	return day
}

// Next is the first moment after now at which another list can be counted on.
func Next(now time.Time, zone *time.Location) time.Time {
	day := tax.DateOf(now, zone)
	for !Open(day) || !now.Before(published(day, zone)) {
		day = shift(day, 1)
	}
	return published(day, zone)
}

// missed counts the lists that were due after one day and before another.
func missed(after, before tax.Date) int {
	n := 0
	for day := shift(after, 1); day.Compare(before) < 0; day = shift(day, 1) {
		if Open(day) {
			n++
		}
	}
	return n
}

func published(day tax.Date, zone *time.Location) time.Time {
	return time.Date(day.Year, day.Month, day.Day, publishedHour, publishedMinute, 0, 0, zone)
}

func midnight(day tax.Date) time.Time {
	return time.Date(day.Year, day.Month, day.Day, 0, 0, 0, 0, time.UTC)
}

func shift(day tax.Date, days int) tax.Date {
	return tax.DateOf(midnight(day).AddDate(0, 0, days), time.UTC)
}

// daysBetween is how many days later one day is than another.
func daysBetween(earlier, later tax.Date) int {
	return int(midnight(later).Sub(midnight(earlier)) / (24 * time.Hour))
}

// easterSunday is by the anonymous Gregorian algorithm (Meeus, Astronomical
// Algorithms, chapter 8).
func easterSunday(year int) time.Time {
	a, b, c := year%19, year/100, year%100
	d, e, f := b/4, b%4, (b+8)/25
	g := (b - f + 1) / 3
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return time.Date(year, time.Month(n/31), n%31+1, 0, 0, 0, 0, time.UTC)
}
