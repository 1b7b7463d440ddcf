// Package slots makes the calendar of a shop's windows for pick-up and
// delivery from its weekly rules, and reads the names of windows. What is in a
// window, and how it is taxed, is for others; this one knows hours and room.
package slots

import (
	"fmt"
	"time"

	"meridian/world"
)

// Kind is how goods reach the buyer in a slot.
type Kind string

// The kinds, as they are in a slot's id.
const (
	PickUp   Kind = "pickup"
	Delivery Kind = "delivery"
)

// Rule is a window of every week. Its hours are those of the market's clocks:
// nine is nine in summer and in winter.
type Rule struct {
	Kind     Kind          `json:"kind"`
	Weekday  time.Weekday  `json:"weekday"`  // Sunday is 0
	Start    time.Duration `json:"start"`    // since midnight by the clock, in whole minutes
	End      time.Duration `json:"end"`      // after Start, at most 24 hours
	Capacity int           `json:"capacity"` // orders
	Cutoff   time.Duration `json:"cutoff"`   // orders are taken until so long before Start
}

// Slot is a window of one day.
type Slot struct {
	ID       string // "pickup-2026-11-23-0900": kind, day and start by the market's clock
	Kind     Kind
	Start    time.Time // in the market's time zone
	End      time.Time // the first moment after it
	Capacity int
	Closes   time.Time // orders are taken before this moment
}

// Limits bound a calendar. Every one of them must be positive.
type Limits struct {
	MaxRules    int           // of a market
	MaxClosed   int           // days that are named closed
	MaxDays     int           // ahead, today included
	MaxCapacity int           // of a slot
	MaxCutoff   time.Duration // of a rule, and of what a product takes
}

// DefaultLimits hold a slot each half hour of every day, for both kinds.
var DefaultLimits = Limits{MaxRules: 700, MaxClosed: 400, MaxDays: 62, MaxCapacity: 10_000, MaxCutoff: 60 * day}

const day = 24 * time.Hour

// Check tells whether rules can be kept. It fails with [world.CodeInvalid],
// saying what to mend, and with [world.CodeTooLarge] past a limit.
func (l Limits) Check(rules []Rule) error {
	if len(rules) > l.MaxRules {
		return tooLarge(fmt.Sprintf("there are %d slot rules, of at most %d; use longer slots", len(rules), l.MaxRules))
	}
	type place struct {
		kind    Kind
		weekday time.Weekday
		start   time.Duration
	}
	seen := make(map[place]bool, len(rules))
	for _, r := range rules {
		if err := l.check(r); err != nil {
			return err
		}
		p := place{r.Kind, r.Weekday, r.Start}
		if seen[p] {
			return wrong(r, "there is another that starts then; keep one of them")
		}
		seen[p] = true
	}
	return nil
}

func (l Limits) check(r Rule) error {
	switch {
	case r.Kind != PickUp && r.Kind != Delivery:
		return wrong(r, fmt.Sprintf("it is neither %s nor %s", PickUp, Delivery))
	case r.Weekday < time.Sunday || r.Weekday > time.Saturday:
		return wrong(r, "its weekday is not 0, for Sunday, to 6")
	case r.Start < 0 || r.End <= r.Start || r.End > day || r.Start%time.Minute != 0 || r.End%time.Minute != 0:
		return wrong(r, "its hours are not whole minutes, one after the other, of one day")
	case r.Capacity < 1 || r.Capacity > l.MaxCapacity:
		return wrong(r, fmt.Sprintf("its capacity is not 1 to %d orders", l.MaxCapacity))
	case r.Cutoff < 0 || r.Cutoff > l.MaxCutoff:
		return wrong(r, fmt.Sprintf("its cutoff is not 0 to %.0f hours", l.MaxCutoff.Hours()))
	}
	return nil
}

func wrong(r Rule, what string) error {
	return world.E(world.CodeInvalid, "slots.check",
		fmt.Sprintf("the %.20q slot of weekday %d at %s: %s", r.Kind, r.Weekday, clock(r.Start), what))
}

func tooLarge(message string) error {
	return world.E(world.CodeTooLarge, "slots.check", message)
}

// clock is hours and minutes since midnight: "09:30".
func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", d/time.Hour, d%time.Hour/time.Minute)
}
