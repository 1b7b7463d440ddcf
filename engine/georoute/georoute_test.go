package georoute_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/engine/georoute"
	"meridian/world"
)

var (
	virginia  = world.Site{ID: "virginia", Latitude: 38.95, Longitude: -77.45}
	frankfurt = world.Site{ID: "frankfurt", Latitude: 50.11, Longitude: 8.68}
	singapore = world.Site{ID: "singapore", Latitude: 1.35, Longitude: 103.82}
	tokyo     = world.Site{ID: "tokyo", Latitude: 35.68, Longitude: 139.69}
	nowhere   = world.Site{ID: "nowhere"}
)

// measured are the published times of Azure regions, in milliseconds.
func measured(a, b string) (time.Duration, bool) {
	table := map[[2]string]int{
		{"virginia", "frankfurt"}: 97, {"virginia", "singapore"}: 229, {"frankfurt", "singapore"}: 179,
		{"tokyo", "singapore"}: 74, {"tokyo", "virginia"}: 165, {"tokyo", "frankfurt"}: 248,
	}
	ms, ok := table[[2]string{a, b}]
	if !ok {
		ms, ok = table[[2]string{b, a}]
	}
	return time.Duration(ms) * time.Millisecond, ok
}

func regions(unhealthy ...string) []georoute.Candidate {
	all := []georoute.Candidate{
		{Name: "us-east", Site: virginia}, {Name: "eu-central", Site: frankfurt}, {Name: "ap-southeast", Site: singapore},
	}
	for i := range all {
		all[i].Healthy = !slices.Contains(unhealthy, all[i].Name)
	}
	return all
}

func names(choices []georoute.Choice) (out []string) {
	for _, c := range choices {
		out = append(out, c.Name+" "+string(c.Reason))
	}
	return out
}

func TestOrderTable(t *testing.T) {
	for name, c := range map[string]struct {
		from      world.Site
		unhealthy []string
		rtt       georoute.RoundTrip
		want      []string
	}{
		"Tokyo":                   {tokyo, nil, measured, []string{"ap-southeast nearest", "us-east farther", "eu-central farther"}},
		"Tokyo, Singapore lost":   {tokyo, []string{"ap-southeast"}, measured, []string{"us-east nearest", "eu-central farther"}},
		"Tokyo, one left":         {tokyo, []string{"ap-southeast", "us-east"}, measured, []string{"eu-central nearest"}},
		"Tokyo, all lost":         {tokyo, []string{"ap-southeast", "us-east", "eu-central"}, measured, []string{"ap-southeast all_unhealthy", "us-east all_unhealthy", "eu-central all_unhealthy"}},
		"at home":                 {frankfurt, nil, measured, []string{"eu-central nearest", "us-east farther", "ap-southeast farther"}},
		"Tokyo by distance":       {tokyo, nil, nil, []string{"ap-southeast nearest", "eu-central farther", "us-east farther"}},
		"from nobody knows where": {nowhere, nil, measured, []string{"ap-southeast nearest", "eu-central farther", "us-east farther"}},
	} {
		if got := names(georoute.Order(c.from, regions(c.unhealthy...), c.rtt)); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	if got := georoute.Order(tokyo, nil, measured); len(got) != 0 {
		t.Errorf("out of nothing: %v", got)
	}
}

func TestRankKeepsTheUnhealthyBehind(t *testing.T) {
	got := names(georoute.Rank(tokyo, regions("ap-southeast"), measured))
	if want := []string{"us-east nearest", "eu-central farther", "ap-southeast unhealthy"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTheBasisIsSaid(t *testing.T) {
	mumbai := world.Site{ID: "mumbai", Latitude: 19.08, Longitude: 72.88}
	negative := func(a, b string) (time.Duration, bool) { return -1, true }
	for name, c := range map[string]struct {
		from, to world.Site
		rtt      georoute.RoundTrip
		basis    georoute.Basis
		rtts     time.Duration
	}{
		"in the matrix":         {tokyo, singapore, measured, georoute.Measured, 74 * time.Millisecond},
		"not in the matrix":     {mumbai, singapore, measured, georoute.Estimated, georoute.Estimate(georoute.Kilometres(mumbai, singapore))},
		"a nonsense matrix":     {mumbai, singapore, negative, georoute.Estimated, georoute.Estimate(georoute.Kilometres(mumbai, singapore))},
		"itself":                {nowhere, nowhere, measured, georoute.Estimated, 0},
		"no coordinates":        {tokyo, nowhere, measured, georoute.Unknown, 0},
		"off the globe":         {tokyo, world.Site{ID: "x", Latitude: 91, Longitude: 1}, nil, georoute.Unknown, 0},
		"not a number":          {tokyo, world.Site{ID: "x", Latitude: math.NaN(), Longitude: 1}, nil, georoute.Unknown, 0},
		"no ids, coordinates":   {world.Site{Latitude: 1}, world.Site{Latitude: 1}, nil, georoute.Estimated, georoute.Estimate(0)},
		"no ids nor coordinate": {world.Site{}, world.Site{}, nil, georoute.Unknown, 0},
	} {
		got := georoute.Order(c.from, []georoute.Candidate{{Name: "x", Site: c.to, Healthy: true}}, c.rtt)
		if len(got) != 1 || got[0].Basis != c.basis || got[0].RTT != c.rtts {
			t.Errorf("%s: got %v, want %s %s", name, got, c.basis, c.rtts)
		}
	}
}

func TestKilometres(t *testing.T) {
	for _, c := range []struct {
		a, b world.Site
		want float64
	}{
		{frankfurt, frankfurt, 0},
		{virginia, frankfurt, 6540},
		{frankfurt, singapore, 10_270},
		{tokyo, singapore, 5_315},
		{world.Site{Latitude: 90}, world.Site{Latitude: -90}, 20_015},
		{world.Site{Longitude: 179.5}, world.Site{Longitude: -179.5}, 111}, // over the date line
	} {
		if got := georoute.Kilometres(c.a, c.b); math.Abs(got-c.want) > 15 {
			t.Errorf("%v to %v: got %.0f km, want %.0f", c.a, c.b, got, c.want)
		}
	}
	if got := georoute.Estimate(10_000).Round(100 * time.Microsecond); got != 184900*time.Microsecond {
		t.Errorf("10 000 km: %s", got)
	}
}

func TestOrderProperties(t *testing.T) {
	sites := []world.Site{virginia, frankfurt, singapore, tokyo, nowhere, {ID: "sydney", Latitude: -33.87, Longitude: 151.21}}
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.SampledFrom(sites).Draw(t, "from")
		healthy := map[string]bool{}
		var candidates []georoute.Candidate
		for _, name := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-f]{1,2}`), 1, 8, rapid.ID).Draw(t, "names") {
			c := georoute.Candidate{Name: name, Site: rapid.SampledFrom(sites).Draw(t, "site"), Healthy: rapid.Bool().Draw(t, "healthy")}
			healthy[name] = c.Healthy
			candidates = append(candidates, c)
		}
		order, rank := georoute.Order(from, candidates, measured), georoute.Rank(from, candidates, measured)
		if len(order) == 0 || len(rank) != len(candidates) || !slices.Equal(rank[:len(order)], order) {
			t.Fatalf("order %v, rank %v of %v", order, rank, candidates)
		}
		if shuffled := rapid.Permutation(candidates).Draw(t, "shuffled"); !slices.Equal(georoute.Order(from, shuffled, measured), order) {
			t.Fatalf("another order in, another order out: %v", candidates)
		}
		wellCount := 0
		for _, well := range healthy {
			if well {
				wellCount++
			}
		}
		if wellCount == 0 {
			wellCount = len(candidates)
			healthy = nil
		}
		if len(order) != wellCount {
			t.Fatalf("%d can be chosen, %d are", wellCount, len(order))
		}
		for i, c := range order {
			if healthy != nil && !healthy[c.Name] {
				t.Fatalf("%s is chosen though it is unhealthy and others are not", c.Name)
			}
			if i > 0 && c.Basis != georoute.Unknown && (order[i-1].RTT > c.RTT || order[i-1].Basis == georoute.Unknown) {
				t.Fatalf("%v before %v", order[i-1], c)
			}
		}
	})
}
