package fx_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/engine/fx"
	"meridian/engine/tax"
)

func frankfurt(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(fx.Zone)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestTheCalendarOfTarget(t *testing.T) {
	for text, open := range map[string]bool{
		"2026-11-20": true, "2026-11-21": false, "2026-11-22": false, "2026-11-23": true,
		"2026-12-24": true, "2026-12-25": false, "2027-01-01": false, "2026-12-31": true,
		"2026-04-03": false, "2026-04-06": false, "2026-04-02": true, "2026-04-07": true, // Easter on 5 April
		"2025-04-18": false, "2025-04-21": false, // Easter on 20 April
		"2038-04-23": false, "2038-04-26": false, // the latest that Easter can be
		"2008-03-21": false, "2008-03-24": false, // one of the earliest
		"2026-05-01": false, "2026-05-14": true, // Ascension is a working day
	} {
		if got := fx.Open(day(t, text)); got != open {
			t.Errorf("%s: open is %t", text, got)
		}
	}
}

func TestWhatIsDueAndWhatComesNext(t *testing.T) {
	zone := frankfurt(t)
	for _, c := range []struct{ now, due, next string }{
		{"2026-11-20T15:14:59Z", "2026-11-19", "2026-11-20T15:15:00Z"}, // winter: 16:15 is 15:15 UTC
		{"2026-11-20T15:15:00Z", "2026-11-20", "2026-11-23T15:15:00Z"}, // a Friday
		{"2026-11-22T12:00:00Z", "2026-11-20", "2026-11-23T15:15:00Z"},
		{"2026-07-01T14:14:59Z", "2026-06-30", "2026-07-01T14:15:00Z"}, // summer
		{"2026-07-01T14:15:00Z", "2026-07-01", "2026-07-02T14:15:00Z"},
		{"2026-04-02T20:00:00Z", "2026-04-02", "2026-04-07T14:15:00Z"}, // over Easter, and summer time
		{"2026-12-24T23:30:00Z", "2026-12-24", "2026-12-28T15:15:00Z"}, // the 25th in Frankfurt
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := fx.Due(now, zone); got.String() != c.due {
			t.Errorf("%s: due is %s, want %s", c.now, got, c.due)
		}
		if got := fx.Next(now, zone).UTC().Format(time.RFC3339); got != c.next {
			t.Errorf("%s: next is %s, want %s", c.now, got, c.next)
		}
	}
}

// At the next moment another list is due, the next one, and not a second before.
func TestNextIsWhenAnotherListIsDue(t *testing.T) {
	zone := frankfurt(t)
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(rapid.Int64Range(1_000_000_000, 3_000_000_000).Draw(t, "now"), 0)
		next := fx.Next(now, zone)
		if !next.After(now) || next.Sub(now) > 6*24*time.Hour {
			t.Fatalf("%v: next is %v", now, next)
		}
		if before := fx.Due(next.Add(-time.Second), zone); before != fx.Due(now, zone) {
			t.Fatalf("%v: %v is due already before %v", now, before, next)
		}
		if at := fx.Due(next, zone); at != tax.DateOf(next, zone) {
			t.Fatalf("%v: %v is due at %v", now, at, next)
		}
	})
}
