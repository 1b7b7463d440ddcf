package localworld

import (
	"testing"

	"meridian/engine/failover"
)

// What is written down of a promotion before the primary has moved says nothing yet
// of the epoch.
func TestAnEpochIsToldWithItsPrimary(t *testing.T) {
	there := failover.Promotion{Epoch: 2, FromRegion: "home", ToRegion: "away"}
	back := failover.Promotion{Epoch: 3, FromRegion: "away", ToRegion: "home"}
	again := failover.Promotion{Epoch: 4, FromRegion: "home", ToRegion: "away"}
	for what, c := range map[string]struct {
		region string
		all    []failover.Promotion
		want   uint64
	}{
		"none":                {"home", nil, 0},
		"one under way":       {"home", []failover.Promotion{there}, 0},
		"one":                 {"away", []failover.Promotion{there}, 2},
		"back under way":      {"away", []failover.Promotion{there, back}, 2},
		"back":                {"home", []failover.Promotion{there, back}, 3},
		"a third under way":   {"home", []failover.Promotion{there, back, again}, 3},
		"a third has come to": {"away", []failover.Promotion{there, back, again}, 4},
	} {
		if got := epochIn(c.region, c.all); got != c.want {
			t.Errorf("%s: %d, want %d", what, got, c.want)
		}
	}
}
