package postgres

import (
	"math"
	"strings"
	"testing"
)

// The longest place that String writes is taken, and nothing longer.
func TestASpotsLength(t *testing.T) {
	longest := spot{math.MinInt32, math.MinInt32, strings.Repeat("a", 60)}
	if got, ok := parseSpot(longest.String()); !ok || got != longest || len(longest.String()) > maxSpot {
		t.Errorf("%d bytes: %+v, %v", len(longest.String()), got, ok)
	}
	if _, ok := parseSpot(spot{slug: strings.Repeat("a", 61)}.String()); ok {
		t.Error("a slug of 61 is a place")
	}
}

// A place that clients send back is one that String wrote, to the byte, or none:
// two writings of one place would be two pages in the caches.
func FuzzSpot(f *testing.F) {
	f.Add(spot{1, 20, "brezel"}.String())
	f.Add(spot{-1, math.MaxInt32, "a-0"}.String())
	f.Add("MS8yMC9icmV6ZWw=")
	f.Add("MDEvMjAvYnJlemVs")
	f.Add("../..")
	f.Fuzz(func(t *testing.T, text string) {
		p, ok := parseSpot(text)
		if ok && (p.String() != text || !keyForm.MatchString(p.slug)) {
			t.Errorf("%q is read as %+v", text, p)
		}
		if !ok && text == p.String() && keyForm.MatchString(p.slug) && len(text) <= maxSpot {
			t.Errorf("%q is refused", text)
		}
	})
}
