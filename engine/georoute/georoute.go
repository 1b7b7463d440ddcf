// Package georoute puts places in the order in which they should answer
// somebody: the nearest healthy one first. It picks among places that are
// running; which regions hold a picture at all is package placement's.
package georoute

import (
	"cmp"
	"math"
	"slices"
	"time"

	"meridian/world"
)

// RoundTrip is a measured round-trip time between two sites by their ids, as
// [world.World.RoundTrip] gives it. ok is false when nothing was measured.
type RoundTrip func(a, b string) (d time.Duration, ok bool)

// Candidate is a place that could answer.
type Candidate struct {
	Name    string     // region or PoP; must differ between candidates
	Site    world.Site // where it is; a site at 0°, 0° has no known coordinates
	Healthy bool       // as the health feed has it
}

// Basis says where a round-trip time comes from.
type Basis string

// The bases.
const (
	Measured  Basis = "measured"  // from the matrix
	Estimated Basis = "estimated" // from the distance over the ground
	Unknown   Basis = "unknown"   // neither: the round trip is 0 and means nothing
)

// Reason says why a candidate stands where it does.
type Reason string

// The reasons.
const (
	Nearest      Reason = "nearest"       // the healthy candidate with the shortest round trip
	Farther      Reason = "farther"       // healthy, and another is nearer
	Unhealthy    Reason = "unhealthy"     // behind every healthy candidate
	AllUnhealthy Reason = "all_unhealthy" // none is healthy, so it is kept: health can be judged wrongly
)

// Choice is a candidate in its place.
type Choice struct {
	Name   string
	RTT    time.Duration
	Basis  Basis
	Reason Reason
}

// Order is the candidates to try, best first: the healthy ones by round-trip
// time, or all of them when none is healthy. It is empty only without
// candidates. The same candidates in another order give the same answer.
func Order(from world.Site, candidates []Candidate, rtt RoundTrip) []Choice {
	ranked := Rank(from, candidates, rtt)
	for i, c := range ranked {
		if c.Reason == Unhealthy {
			return ranked[:i]
		}
	}
	return ranked
}

// Rank is every candidate, the healthy before the unhealthy and each of the
// two by round-trip time. A candidate whose round trip is not known comes
// behind those whose is; ties fall to the name. rtt may be nil.
func Rank(from world.Site, candidates []Candidate, rtt RoundTrip) []Choice {
	healthy := make(map[string]bool, len(candidates))
	anyHealthy := false
	choices := make([]Choice, len(candidates))
	for i, c := range candidates {
		d, basis := trip(from, c.Site, rtt)
		choices[i] = Choice{Name: c.Name, RTT: d, Basis: basis}
		healthy[c.Name] = c.Healthy
		anyHealthy = anyHealthy || c.Healthy
	}
	slices.SortStableFunc(choices, func(a, b Choice) int {
		return cmp.Or(
			falseLast(healthy[a.Name], healthy[b.Name]),
			falseLast(a.Basis != Unknown, b.Basis != Unknown),
			cmp.Compare(a.RTT, b.RTT),
			cmp.Compare(a.Name, b.Name))
	})
	for i := range choices {
		choices[i].Reason = reason(i, healthy[choices[i].Name], anyHealthy)
	}
	return choices
}

func falseLast(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func reason(place int, healthy, anyHealthy bool) Reason {
	switch {
	case !anyHealthy:
		return AllUnhealthy
	case !healthy:
		return Unhealthy
	case place == 0:
		return Nearest
	}
	return Farther
}

// trip is the round trip between two sites, by the best knowledge there is.
// A site is no trip away from itself, unless the matrix knows better.
func trip(from, to world.Site, rtt RoundTrip) (time.Duration, Basis) {
	if rtt != nil {
		if d, ok := rtt(from.ID, to.ID); ok && d >= 0 {
			return d, Measured
		}
	}
	if from.ID == to.ID && from.ID != "" {
		return 0, Estimated
	}
	if !located(from) || !located(to) {
		return 0, Unknown
	}
	return Estimate(Kilometres(from, to)), Estimated
}

// located tells whether a site's coordinates can be used. Nobody runs a
// machine in the sea at 0°, 0°, so that is where missing ones are.
func located(s world.Site) bool {
	onGlobe := math.Abs(s.Latitude) <= 90 && math.Abs(s.Longitude) <= 180 // false for NaN
	return onGlobe && (s.Latitude != 0 || s.Longitude != 0)
}

// The line fitted on the 45 pairs of ten cloud regions (P95 over 30 days to
// 2026-07-30, R² 0.61): cables take detours, so it says which of two places is
// nearer, not how near it is.
const (
	baseMS        = 27.9
	perKilometre  = 0.0157 // ms
	earthRadiusKM = 6371.0 // mean (IUGG)
)

// Estimate is the round-trip time to expect over a distance on the ground.
func Estimate(kilometres float64) time.Duration {
	return time.Duration((baseMS + perKilometre*kilometres) * float64(time.Millisecond))
}

// Kilometres is the great-circle distance between two sites (haversine).
func Kilometres(a, b world.Site) float64 {
	φ1, φ2 := radians(a.Latitude), radians(b.Latitude)
	half := func(x float64) float64 { s := math.Sin(x / 2); return s * s }
	h := half(φ2-φ1) + math.Cos(φ1)*math.Cos(φ2)*half(radians(b.Longitude-a.Longitude))
	return 2 * earthRadiusKM * math.Asin(math.Sqrt(min(h, 1)))
}

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }
