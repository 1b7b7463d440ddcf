package georoute_test

import (
	"math"
	"slices"
	"testing"
	"time"

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

func regions(down ...string) []georoute.Candidate {
	all := []georoute.Candidate{
		{Name: "us-east", Site: virginia}, {Name: "eu-central", Site: frankfurt}, {Name: "ap-southeast", Site: singapore},
	}
	for i := range all {
		if slices.Contains(down, all[i].Name) {
			all[i].State = world.Down
		}
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
		from world.Site
		down []string
		rtt  georoute.RoundTrip
		want []string
	}{
		"Tokyo":                   {tokyo, nil, measured, []string{"ap-southeast nearest", "us-east farther", "eu-central farther"}},
		"Tokyo, Singapore lost":   {tokyo, []string{"ap-southeast"}, measured, []string{"us-east nearest", "eu-central farther"}},
		"Tokyo, one left":         {tokyo, []string{"ap-southeast", "us-east"}, measured, []string{"eu-central nearest"}},
		"Tokyo, all lost":         {tokyo, []string{"ap-southeast", "us-east", "eu-central"}, measured, []string{"ap-southeast all_down", "us-east all_down", "eu-central all_down"}},
		"at home":                 {frankfurt, nil, measured, []string{"eu-central nearest", "us-east farther", "ap-southeast farther"}},
		"Tokyo by distance":       {tokyo, nil, nil, []string{"ap-southeast nearest", "eu-central farther", "us-east farther"}},
		"from nobody knows where": {nowhere, nil, measured, []string{"ap-southeast nearest", "eu-central farther", "us-east farther"}},
	} {
		if got := names(georoute.Order(c.from, regions(c.down...), c.rtt)); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	if got := georoute.Order(tokyo, nil, measured); len(got) != 0 {
		t.Errorf("out of nothing: %v", got)
	}
}

func TestRankGoesByStateFirst(t *testing.T) {
	with := func(us, eu, ap world.HealthState) []georoute.Candidate {
		all := regions()
		all[0].State, all[1].State, all[2].State = us, eu, ap
		return all
	}
	const h, g, d, x = world.Healthy, world.Degraded, world.Draining, world.Down
	for name, c := range map[string]struct {
		candidates  []georoute.Candidate
		rank, order []string
	}{
		"down":             {with(h, h, x), []string{"us-east nearest", "eu-central farther", "ap-southeast down"}, []string{"us-east nearest", "eu-central farther"}},
		"draining":         {with(h, x, d), []string{"us-east nearest", "ap-southeast draining", "eu-central down"}, []string{"us-east nearest"}},
		"degraded":         {with(h, h, g), []string{"us-east nearest", "eu-central farther", "ap-southeast degraded"}, []string{"us-east nearest", "eu-central farther", "ap-southeast degraded"}},
		"none is healthy":  {with(x, d, g), []string{"ap-southeast degraded", "eu-central draining", "us-east down"}, []string{"ap-southeast degraded"}},
		"none may be used": {with(x, d, x), []string{"eu-central all_down", "ap-southeast all_down", "us-east all_down"}, []string{"eu-central all_down", "ap-southeast all_down", "us-east all_down"}},
		"a newer feed":     {with("tired", "", ""), []string{"ap-southeast nearest", "us-east farther", "eu-central farther"}, []string{"ap-southeast nearest", "us-east farther", "eu-central farther"}},
	} {
		if got := names(georoute.Rank(tokyo, c.candidates, measured)); !slices.Equal(got, c.rank) {
			t.Errorf("%s: got %v, want %v", name, got, c.rank)
		}
		if got := names(georoute.Order(tokyo, c.candidates, measured)); !slices.Equal(got, c.order) {
			t.Errorf("%s: got %v in order, want %v", name, got, c.order)
		}
	}
}

// Singapore is 74 ms from Tokyo, Virginia 165, Frankfurt 248.
func TestTheHeldPlaceIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		held   string
		margin int // ms
		down   []string
		want   string
	}{
		"within the margin":     {"us-east", 91, nil, "us-east held"},
		"beyond it":             {"us-east", 90, nil, "ap-southeast nearest"},
		"the nearest itself":    {"ap-southeast", 91, nil, "ap-southeast nearest"},
		"no margin":             {"us-east", 0, nil, "ap-southeast nearest"},
		"none held":             {"", 91, nil, "ap-southeast nearest"},
		"one that is not known": {"us-west", 91, nil, "ap-southeast nearest"},
		"the held one is down":  {"us-east", 91, []string{"us-east"}, "ap-southeast nearest"},
		"the nearest is down":   {"us-east", 0, []string{"ap-southeast"}, "us-east nearest"},
	} {
		p := georoute.Policy{Margin: time.Duration(c.margin) * time.Millisecond}
		got := names(p.Rank(georoute.Client{Site: tokyo, Held: c.held}, regions(c.down...), measured))
		if got[0] != c.want || len(got) != 3 {
			t.Errorf("%s: got %v, want %s first", name, got, c.want)
		}
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
		got := georoute.Order(c.from, []georoute.Candidate{{Name: "x", Site: c.to}}, c.rtt)
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
