package tax

import (
	"cmp"
	"fmt"
	"time"

	"meridian/world"
)

// Date is a calendar day in a market's own time zone, without an hour. The
// zero Date is no day at all.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// ParseDate reads a day as ISO 8601 has it: "2026-01-31". It fails with
// [world.CodeInvalid] for any other form and for a day that no calendar has.
func ParseDate(text string) (Date, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return Date{}, world.E(world.CodeInvalid, "tax.date",
			fmt.Sprintf("%q is not a date; write year, month and day, such as 2026-01-31", clip(text)))
	}
	return DateOf(t, time.UTC), nil
}

// DateOf is the day that the market's clocks show at a moment.
func DateOf(t time.Time, zone *time.Location) Date {
	year, month, day := t.In(zone).Date()
	return Date{Year: year, Month: month, Day: day}
}

// Compare is negative when d is before e, zero on the same day, positive after.
func (d Date) Compare(e Date) int {
	return cmp.Or(cmp.Compare(d.Year, e.Year), cmp.Compare(d.Month, e.Month), cmp.Compare(d.Day, e.Day))
}

// IsZero tells whether d is no day at all.
func (d Date) IsZero() bool { return d == Date{} }

// String is the day as [ParseDate] reads it; "" for no day at all.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

// MarshalText is [Date.String].
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is [ParseDate]; an empty text is no day at all.
func (d *Date) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Date{}
		return nil
	}
	parsed, err := ParseDate(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// exists tells whether a calendar has the day.
func (d Date) exists() bool {
	parsed, err := ParseDate(d.String())
	return err == nil && parsed == d
}
