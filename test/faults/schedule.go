package faults

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Kind is what a fault does to its target.
type Kind string

// The kinds of faults.
const (
	Kill      Kind = "kill"      // kill -9 of a process, which stays dead until the fault ends
	Refuse    Kind = "refuse"    // connections over a link are refused, those that are open are reset
	Blackhole Kind = "blackhole" // nothing comes through a link, and nobody is told
	Slow      Kind = "slow"      // a link takes longer, by SlowBy, each way
)

// SlowBy is how much later everything comes over a link that is slow.
const SlowBy = 300 * time.Millisecond

// Fault is something that goes wrong, and when it is put right again.
type Fault struct {
	Kind   Kind
	Target string        // of a kill a process of the world ("edge@fra", "postgres catalog-us-east"), else a link ("nrt>ap-southeast") or a place, whose links are all meant
	At     time.Duration // after the schedule's beginning
	For    time.Duration
}

// End is when the fault is put right, after the schedule's beginning.
func (f Fault) End() time.Duration { return f.At + f.For }

// String is the fault in one line.
func (f Fault) String() string {
	return fmt.Sprintf("%4d ms for %4d ms  %-9s %s", f.At.Milliseconds(), f.For.Milliseconds(), f.Kind, f.Target)
}

// Schedule is a row of faults. All of them are over at its end.
type Schedule struct {
	Seed   uint64
	Length time.Duration
	Faults []Fault // by their beginning
}

// String is the schedule as it can be read, with the seed that makes it again.
func (s Schedule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "schedule of seed %d, %d ms:", s.Seed, s.Length.Milliseconds())
	for _, f := range s.Faults {
		fmt.Fprintf(&b, "\n  %s", f)
	}
	return b.String()
}

// Ground is what can be hit, each list in an order that does not change.
type Ground struct {
	Processes []string
	Links     []string
	Places    []string
	Regions   []Region
}

// Region is a region with the processes that stand in it: all of them die at once
// where it is lost.
type Region struct {
	ID        string
	Processes []string
}

// Bounds of what Generate draws.
const (
	mostFaults    = 5
	shortestFault = 200 * time.Millisecond
)

// Generate draws a schedule: one to five faults that may overlap (the loss of a
// region is one for each of its processes), on what the
// ground has. The same seed, ground and length give the same schedule.
func Generate(seed uint64, g Ground, length time.Duration) Schedule {
	random := rand.New(rand.NewPCG(seed, 0))
	s := Schedule{Seed: seed, Length: length}
	for range 1 + random.IntN(mostFaults) {
		s.Faults = append(s.Faults, draw(random, g, length)...)
	}
	slices.SortStableFunc(s.Faults, func(a, b Fault) int { return int(a.At - b.At) })
	return s
}

// lostOnce is in how many faults one is the loss of a whole region.
const lostOnce = 25

// draw draws one fault: as often a death as a fault of links, and of these as
// often one link as all of a place. The loss of a region is that of each of its
// processes.
func draw(random *rand.Rand, g Ground, length time.Duration) []Fault {
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	var f Fault
	var lost []string
	switch n := random.IntN(4); {
	case len(g.Regions) > 0 && random.IntN(lostOnce) == 0:
		f.Kind, lost = Kill, g.Regions[random.IntN(len(g.Regions))].Processes
	case n < 2 && len(g.Processes) > 0:
		f.Kind, f.Target = Kill, pick(g.Processes)
	case n == 2 || len(g.Places) == 0:
		f.Kind, f.Target = pickKind(random), pick(g.Links)
	default:
		f.Kind, f.Target = pickKind(random), pick(g.Places)
	}
	ms := func(d time.Duration) int { return int(d.Milliseconds()) }
	f.At = time.Duration(random.IntN(ms(length-shortestFault))) * time.Millisecond
	most := ms(length - f.At - shortestFault)
	f.For = shortestFault + time.Duration(random.IntN(most+1))*time.Millisecond
	if lost == nil {
		return []Fault{f}
	}
	var out []Fault
	for _, f.Target = range lost {
		out = append(out, f)
	}
	return out
}

func pickKind(random *rand.Rand) Kind {
	return []Kind{Refuse, Blackhole, Slow}[random.IntN(3)]
}

// Step is a moment of a schedule at which a fault begins or ends.
type Step struct {
	At     time.Duration
	Fault  Fault
	Begins bool
	Active []Fault // those that hold from now on
}

// Steps are the moments of a schedule in their order; after the last no fault
// is active.
func (s Schedule) Steps() []Step {
	var out []Step
	for _, f := range s.Faults {
		out = append(out, Step{At: f.At, Fault: f, Begins: true}, Step{At: f.End(), Fault: f})
	}
	slices.SortStableFunc(out, func(a, b Step) int { return int(a.At - b.At) })
	var active []Fault
	for i, st := range out {
		if st.Begins {
			active = append(active, st.Fault)
		} else {
			active = slices.Delete(slices.Clone(active), slices.Index(active, st.Fault), slices.Index(active, st.Fault)+1)
		}
		out[i].Active = slices.Clone(active)
	}
	return out
}

// Shrink drops fault after fault from a schedule for as long as it still fails,
// and returns the smallest that does. fails runs a schedule; it is called once
// a fault that is left, and again after each that could be dropped.
func Shrink(s Schedule, fails func(Schedule) bool) Schedule {
	for i := 0; i < len(s.Faults) && len(s.Faults) > 1; {
		less := s
		less.Faults = slices.Delete(slices.Clone(s.Faults), i, i+1)
		if fails(less) {
			s, i = less, 0
		} else {
			i++
		}
	}
	return s
}
