package health

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"meridian/world"
)

// agree is what the heard monitors' views and the operators' orders make of every
// target that any of them names. It depends on nothing else, so who has heard the
// same says the same. A target is down, or degraded, only where quorum monitors
// say so.
func agree(heard []View, orders map[string]Order, quorum int) []world.TargetHealth {
	votes := map[string][]vote{}
	for _, v := range heard {
		for _, o := range v.Says {
			votes[o.Target] = append(votes[o.Target], vote{o, v.Monitor})
		}
	}
	for target, o := range orders {
		if _, named := votes[target]; o.Drain && !named {
			votes[target] = nil
		}
	}
	out := make([]world.TargetHealth, 0, len(votes))
	for _, target := range sortedKeys(votes) {
		t := count(target, votes[target], quorum)
		if o := orders[target]; o.Drain && t.State != world.Down {
			t.State, t.Reason, t.Since, t.By = world.Draining, world.ReasonDrained, o.At, []string{o.By}
		}
		out = append(out, t)
	}
	return out
}

type vote struct {
	Opinion
	by string
}

// count is what a quorum makes of one target.
func count(target string, votes []vote, quorum int) world.TargetHealth {
	var down, worse, looked []vote // worse: down or degraded
	for _, v := range votes {
		if v.Reason == world.ReasonUnknown {
			continue
		}
		looked = append(looked, v)
		if v.State == world.Down {
			down = append(down, v)
		}
		if v.State == world.Down || v.State == world.Degraded {
			worse = append(worse, v)
		}
	}
	t := world.TargetHealth{Target: target, State: world.Healthy, Reason: world.ReasonUnknown, Load: medianLoad(looked)}
	switch {
	case len(down) >= quorum:
		t.State, t.Reason = world.Down, commonest(down)
		t.Since, t.By = saidBy(down, quorum)
	case len(worse) >= quorum:
		t.State, t.Reason = world.Degraded, commonest(less(worse, world.Down))
		t.Since, t.By = saidBy(worse, quorum)
	case len(looked) >= quorum:
		t.Reason = world.ReasonAnswers
		t.Since, t.By = saidBy(less(less(looked, world.Down), world.Degraded), len(looked)-quorum+1)
	}
	return t
}

func less(votes []vote, s world.HealthState) []vote {
	return slices.DeleteFunc(slices.Clone(votes), func(v vote) bool { return v.State == s })
}

// saidBy is who says so, and since when enough of them do for it to be agreed: one
// who has always said so, or whose clock is wrong, does not date it.
func saidBy(votes []vote, enough int) (since time.Time, by []string) {
	slices.SortFunc(votes, func(a, b vote) int { return a.Since.Compare(b.Since) })
	for _, v := range votes {
		by = append(by, v.by)
	}
	slices.Sort(by)
	return votes[enough-1].Since, by
}

// commonest is the reason that most give; of several the first by name.
func commonest(votes []vote) world.HealthReason {
	n := map[world.HealthReason]int{}
	for _, v := range votes {
		n[v.Reason]++
	}
	var best world.HealthReason
	for r, times := range n {
		if times > n[best] || times == n[best] && r < best {
			best = r
		}
	}
	return best
}

// medianLoad is between what the monitors were told, of which one may be old.
func medianLoad(votes []vote) int {
	var loads []int
	for _, v := range votes {
		if v.Load > 0 {
			loads = append(loads, v.Load)
		}
	}
	if len(loads) == 0 {
		return 0
	}
	slices.Sort(loads)
	return loads[len(loads)/2]
}

// digest tells states apart, with their reasons. Who says so and since when is no
// part of it, nor are loads: they may change within a version.
func digest(targets []world.TargetHealth) string {
	sum := sha256.New()
	for _, t := range targets {
		fmt.Fprintf(sum, "%s %s %s\n", t.Target, t.State, t.Reason)
	}
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:16])
}

// middle is the median of the monitors' clocks, so that one that is wrong decides
// nothing; of two the earlier.
func middle(clocks []time.Time) time.Time {
	slices.SortFunc(clocks, func(a, b time.Time) int { return cmp.Compare(a.UnixNano(), b.UnixNano()) })
	return clocks[(len(clocks)-1)/2]
}
