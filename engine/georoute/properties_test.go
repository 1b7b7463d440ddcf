package georoute_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/engine/georoute"
	"meridian/world"
)

var (
	everywhere = []world.Site{virginia, frankfurt, singapore, tokyo, nowhere, {ID: "sydney", Latitude: -33.87, Longitude: 151.21}}
	states     = []world.HealthState{world.Healthy, world.Healthy, world.Degraded, world.Draining, world.Down}
	shares     = rapid.SampledFrom([]float64{0, 0, 0.1, 0.5, 1})
)

func drawCandidates(t *rapid.T) []georoute.Candidate {
	var out []georoute.Candidate
	for _, name := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-f]{1,2}`), 1, 8, rapid.ID).Draw(t, "names") {
		out = append(out, georoute.Candidate{
			Name: name, Site: rapid.SampledFrom(everywhere).Draw(t, "site"), State: rapid.SampledFrom(states).Draw(t, "state"),
			Load: rapid.IntRange(0, 150).Draw(t, "load"), Weight: rapid.IntRange(0, 3).Draw(t, "weight"), Shed: shares.Draw(t, "shed"),
		})
	}
	return out
}

func drawClient(t *rapid.T, candidates []georoute.Candidate) (georoute.Policy, georoute.Client) {
	return georoute.Policy{Margin: time.Duration(rapid.IntRange(0, 150).Draw(t, "margin")) * time.Millisecond},
		georoute.Client{
			Site:    rapid.SampledFrom(everywhere).Draw(t, "from"),
			Network: rapid.SampledFrom([]string{"", "203.0.113.0/24", "198.51.100.0/24", "2001:db8::/48"}).Draw(t, "network"),
			Held:    rapid.SampledFrom(append(candidates, georoute.Candidate{})).Draw(t, "held").Name,
		}
}

func TestRankProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		candidates := drawCandidates(t)
		policy, client := drawClient(t, candidates)
		rank := policy.Rank(client, candidates, measured)
		if shuffled := rapid.Permutation(candidates).Draw(t, "shuffled"); !slices.Equal(policy.Rank(client, shuffled, measured), rank) {
			t.Fatal("another order in, another order out")
		}
		seen := map[string]bool{}
		states := map[string]world.HealthState{}
		well := 0
		for _, c := range candidates {
			states[c.Name] = c.State
			if c.State == world.Healthy || c.State == world.Degraded {
				well++
			}
		}
		for i, c := range rank {
			seen[c.Name] = true
			if c.State != states[c.Name] {
				t.Fatalf("%s is %s, it says %s", c.Name, states[c.Name], c.State)
			}
			if i > 0 && slices.Index(states4, rank[i-1].State) > slices.Index(states4, c.State) {
				t.Fatalf("%v before %v", rank[i-1], c)
			}
		}
		order := georoute.Usable(rank)
		if len(seen) != len(candidates) || len(order) == 0 || !slices.Equal(rank[:len(order)], order) {
			t.Fatalf("order %v, rank %v of %v", order, rank, candidates)
		}
		if want := well; well > 0 && len(order) != want || well == 0 && len(order) != len(candidates) {
			t.Fatalf("%d can be used, %d are", want, len(order))
		}
		plain := slices.DeleteFunc(slices.Clone(rank), func(c georoute.Choice) bool {
			return c.Reason == georoute.Held || c.Reason == georoute.Spilled || c.Reason == georoute.Full
		})
		for i := 1; i < len(plain); i++ {
			a, b := plain[i-1], plain[i]
			if a.State == b.State && b.Basis != georoute.Unknown && (a.RTT > b.RTT || a.Basis == georoute.Unknown) {
				t.Fatalf("%v before %v", a, b)
			}
		}
	})
}

var states4 = []world.HealthState{world.Healthy, world.Degraded, world.Draining, world.Down}

// A place that becomes worse in any way never gains a client.
func TestWhatBecomesWorseNeverGains(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		candidates := drawCandidates(t)
		policy, client := drawClient(t, candidates)
		i := rapid.IntRange(0, len(candidates)-1).Draw(t, "which")
		worse := slices.Clone(candidates)
		c, late := &worse[i], time.Duration(0)
		switch rapid.SampledFrom([]string{"state", "load", "shed", "round trip", "weight"}).Draw(t, "by") {
		case "state":
			at := slices.Index(states4, c.State)
			c.State = states4[rapid.IntRange(at, 3).Draw(t, "worse state")]
		case "load":
			c.Load += rapid.IntRange(0, 60).Draw(t, "more load")
		case "shed":
			c.Shed = min(1, c.Shed+rapid.Float64Range(0, 1).Draw(t, "more shed"))
		case "weight":
			c.Weight = max(0, c.Weight-1)
		default:
			late = time.Duration(rapid.IntRange(0, 200).Draw(t, "ms")) * time.Millisecond
			c.Site.ID += "!" // the same place, by a longer way
		}
		slower := func(a, b string) (time.Duration, bool) {
			if b == c.Site.ID && late > 0 {
				b = b[:len(b)-1]
				d, ok := measured(a, b)
				return d + late, ok
			}
			return measured(a, b)
		}
		if late > 0 {
			if _, ok := measured(client.Site.ID, candidates[i].Site.ID); !ok {
				return // only a measured round trip can be made longer
			}
		} else if c.Site != candidates[i].Site {
			return
		}
		before, after := policy.Rank(client, candidates, measured)[0], policy.Rank(client, worse, slower)[0]
		if after.Name == c.Name && before.Name != c.Name {
			t.Fatalf("%s became worse and was chosen over %v", c.Name, before)
		}
	})
}
