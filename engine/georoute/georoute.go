// Package georoute puts places in the order in which they should answer
// somebody: the nearest healthy one first. It picks among places that are
// running; which regions hold a picture at all is package placement's.
package georoute

import (
	"cmp"
	"slices"
	"time"

	"meridian/world"
)

// Candidate is a place that could answer.
type Candidate struct {
	Name  string            // region or PoP; must differ between candidates
	Site  world.Site        // where it is; a site at 0°, 0° has no known coordinates
	State world.HealthState // as the health feed has it; "" counts as healthy
	// Load is what percentage of what it can serve it is asked for, 0 where that is
	// not known; Weight how much it can serve next to the others, 0 as 1. Both
	// decide how much it takes over from a place that sheds.
	Load, Weight int
	// Shed is the share of its clients, 0 to 1, that go elsewhere: a [Shedder]
	// reckons it from the loads.
	Shed float64
}

// Client is who is to be answered.
type Client struct {
	Site world.Site
	// Network is what those share who are sent to the same place, as
	// [world.NetworkOf] has it. "": none of them is sent on by a place that sheds.
	Network string
	// Held is the place that the client has now, "" for none: it keeps it unless
	// another is better.
	Held string
}

// Policy is how places are picked. The zero Policy has no margin.
type Policy struct {
	// Margin is how much nearer than the held place another has to be, for the
	// client to leave it for that one.
	Margin time.Duration
	// Full is the load from which a place takes nobody over, in percent; 0:
	// [DefaultFull].
	Full int
}

// Reason says why a candidate stands where it does.
type Reason string

// The reasons.
const (
	Nearest  Reason = "nearest"  // the healthy candidate with the shortest round trip
	Farther  Reason = "farther"  // healthy, and another is nearer
	Held     Reason = "held"     // the client has it, and no other is nearer by the margin
	Spilled  Reason = "spilled"  // it takes the client over from a nearer one that is full
	Full     Reason = "full"     // it would be the first, and sends this client on
	Degraded Reason = "degraded" // behind every healthy candidate
	Draining Reason = "draining" // behind those: it takes nobody new
	Down     Reason = "down"     // behind all others
	AllDown  Reason = "all_down" // none is healthy or degraded, so it is kept: health can be judged wrongly
)

// Choice is a candidate in its place.
type Choice struct {
	Name   string
	RTT    time.Duration
	Basis  Basis
	State  world.HealthState // never ""
	Reason Reason
}

// Order is the candidates to try for a client at a site, best first: without the
// draining ones and those that are down, or all of them when there is no other.
// It is empty only without candidates. The same candidates in another order give
// the same answer.
func Order(from world.Site, candidates []Candidate, rtt RoundTrip) []Choice {
	return Usable(Rank(from, candidates, rtt))
}

// Rank is every candidate, as [Policy.Rank] has it for a client at a site of whom
// nothing else is known.
func Rank(from world.Site, candidates []Candidate, rtt RoundTrip) []Choice {
	return Policy{}.Rank(Client{Site: from}, candidates, rtt)
}

// Usable is what [Order] keeps of a rank.
func Usable(ranked []Choice) []Choice {
	for i, c := range ranked {
		if c.Reason == Draining || c.Reason == Down {
			return ranked[:i]
		}
	}
	return ranked
}

// Rank is every candidate: the healthy, then the degraded, the draining, and those
// that are down; each of the four by round-trip time, one whose round trip is not
// known behind those whose is, ties by name. The place that the client holds comes
// first while it is of the best state there is and no other is nearer by the margin.
// One that sheds the client comes behind the neighbour that takes it over. rtt may
// be nil.
//
// A place that becomes worse, by its state, round trip, load or share, is never
// first for a client for whom it was not first before.
func (p Policy) Rank(client Client, candidates []Candidate, rtt RoundTrip) []Choice {
	r := ranking{policy: p, client: client, of: make(map[string]*Candidate, len(candidates))}
	for i, c := range candidates {
		d, basis := trip(client.Site, c.Site, rtt)
		state := cmp.Or(c.State, world.Healthy)
		r.choices = append(r.choices, Choice{Name: c.Name, RTT: d, Basis: basis, State: state})
		r.of[c.Name] = &candidates[i]
	}
	slices.SortStableFunc(r.choices, func(a, b Choice) int {
		return cmp.Or(
			cmp.Compare(class(a.State), class(b.State)),
			falseLast(a.Basis != Unknown, b.Basis != Unknown),
			cmp.Compare(a.RTT, b.RTT),
			cmp.Compare(a.Name, b.Name))
	})
	r.giveReasons()
	r.keepHeld()
	r.spill()
	return r.choices
}

// ranking is a rank on its way.
type ranking struct {
	policy  Policy
	client  Client
	of      map[string]*Candidate
	choices []Choice
}

// class is how good a state is; what is not known counts as healthy, so that a
// newer feed takes nothing out here.
func class(s world.HealthState) int {
	switch s {
	case world.Degraded:
		return 1
	case world.Draining:
		return 2
	case world.Down:
		return 3
	}
	return 0
}

// Worst is the worst of several states: that of a place that needs all of them.
func Worst(states ...world.HealthState) world.HealthState {
	worst := world.Healthy
	for _, s := range states {
		if class(s) > class(worst) {
			worst = s
		}
	}
	return worst
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

func (r *ranking) giveReasons() {
	for i := range r.choices {
		c := &r.choices[i]
		switch best := class(r.choices[0].State); {
		case best >= class(world.Draining):
			c.Reason = AllDown
		case class(c.State) > 0:
			c.Reason = Reason(c.State)
		case i == 0:
			c.Reason = Nearest
		default:
			c.Reason = Farther
		}
	}
}

// best is how many of the choices share the first one's state.
func (r *ranking) best() int {
	n := slices.IndexFunc(r.choices, func(c Choice) bool { return class(c.State) != class(r.choices[0].State) })
	if n < 0 {
		return len(r.choices)
	}
	return n
}

// keepHeld moves the place that the client has to the front, where it may stay.
func (r *ranking) keepHeld() {
	i := slices.IndexFunc(r.choices, func(c Choice) bool { return c.Name == r.client.Held })
	if i <= 0 || i >= r.best() {
		return
	}
	held, first := r.choices[i], r.choices[0]
	if first.Reason == AllDown || (held.Basis == Unknown) != (first.Basis == Unknown) || held.RTT-first.RTT > r.policy.Margin {
		return
	}
	held.Reason = Held
	if first.Reason == Nearest {
		r.choices[0].Reason = Farther
	}
	r.toFront(i, held)
}

func (r *ranking) toFront(i int, c Choice) {
	copy(r.choices[1:i+1], r.choices[:i])
	r.choices[0] = c
}
