package drill

import (
	"cmp"
	"slices"
	"time"

	"meridian/drill/judge"
	"meridian/engine/georoute"
	"meridian/world"
)

// Drill is one rehearsed failure.
type Drill struct {
	Name       string
	Hypothesis string // what is expected to hold
	Blast      string // who may notice, and who must not

	// Plan says what is broken, on this world.
	Plan func(t *Target) Plan
	// HA says that it takes a standby in each region.
	HA bool
	// Owners says that it takes owners who change prices.
	Owners bool
	// Travellers says that some readers are in a shop that is at home elsewhere:
	// else each is in the one near him, and reads of its home region.
	Travellers bool
	// Asks has every reader ask DNS anew when it begins, as those do who come then.
	Asks bool
	// Lasts is how long it stays broken, unless asked otherwise; 0: [DefaultFor].
	Lasts time.Duration
	// Allow is what is held against it, where that is not the usual.
	Allow Allow
	// Extra are checks of its own.
	Extra func(r *run) []Check
	// Witness follows what readers do not see of it; nil: nothing.
	Witness func(r *run) witness
}

// Plan is what is broken.
type Plan struct {
	Faults []Fault
	// On and Off have the faults come and go for as long; 0: they stay.
	On, Off time.Duration
	// Purge forgets everything in every cache, in place of a fault.
	Purge bool
	// Down are the targets that the health feed is to name within the time that
	// detection may take; none: nothing may be taken down at all.
	Down []string
	// LostPoPs are those that nobody can reach: what pinned clients suffer there is
	// told and not judged.
	LostPoPs []string
}

// Allow is what a drill may cost.
type Allow struct {
	Detect   time.Duration // from the fault to the health feed saying so
	Reroute  int           // seconds in which reads may fail
	Recover  int           // seconds after the heal in which more than one in a hundred may fail or be slow
	SlowPart float64       // of reads, once rerouted
	Rate     float64       // how many times the usual rate is asked for from the fault on; 0: once
	Uploads  bool          // uploads may be refused
	Orders   bool          // orders may be refused or go unanswered: the home region is away
}

// The usual allowances, and the limits of the promise.
const (
	usualDetect  = 5 * time.Second
	usualReroute = 5 // seconds
	usualRecover = 10
	usualSlow    = 0.05
	mayFail      = judge.Objective // of reads, after the reroute's time
	steadySlow   = 0.05
)

func (a Allow) withDefaults() Allow {
	a.Detect = cmp.Or(a.Detect, usualDetect)
	a.Reroute = cmp.Or(a.Reroute, usualReroute)
	a.Recover = cmp.Or(a.Recover, usualRecover)
	a.SlowPart = cmp.Or(a.SlowPart, usualSlow)
	a.Rate = cmp.Or(a.Rate, 1)
	return a
}

// Abort is when a drill is broken off: more than Part of a second's reads failed
// in so many seconds in a row.
type Abort struct {
	Part    float64
	Seconds int
}

// theAbort is the same for all: what no rehearsal is worth.
var theAbort = Abort{Part: 0.8, Seconds: 10}

// met reports whether the condition holds in the last of seconds.
func (a Abort) met(seconds []judge.Second) bool {
	if len(seconds) < a.Seconds {
		return false
	}
	for _, s := range seconds[len(seconds)-a.Seconds:] {
		if s.Total() == 0 || float64(s.Failed) <= a.Part*float64(s.Total()) {
			return false
		}
	}
	return true
}

// region is the one that drills break: the home of the most markets, the first of
// several. other is another one.
func (t *Target) region() string {
	best, most := "", 0
	for _, r := range t.World.Regions {
		if n := len(t.World.HomedIn(r.ID)); n > most {
			best, most = r.ID, n
		}
	}
	return best
}

func (t *Target) otherRegions() []string {
	var out []string
	for _, r := range t.World.Regions {
		if r.ID != t.region() {
			out = append(out, r.ID)
		}
	}
	return out
}

// clusters are the database clusters of the region that drills break.
func (t *Target) clusters() []string {
	return []string{world.CatalogCluster(t.region()), world.ResidentCluster(t.region())}
}

func (t *Target) regions() []string { return append([]string{t.region()}, t.otherRegions()...) }

// pop is the one that drills break: the nearest to the city of the first market
// that the region is home of.
func (t *Target) pop() string {
	m := t.World.HomedIn(t.region())[0]
	i := slices.IndexFunc(t.World.Cities, func(c world.City) bool { return c.ID == m.City })
	if i < 0 {
		return t.World.PoPs[0].ID
	}
	var pops []georoute.Candidate
	for _, p := range t.World.PoPs {
		pops = append(pops, georoute.Candidate{Name: p.ID, Site: site(t.World, p.Site)})
	}
	return georoute.Order(site(t.World, t.World.Cities[i].Site), pops, t.World.RoundTrip)[0].Name
}

func site(w *world.World, id string) world.Site {
	for _, s := range w.Sites {
		if s.ID == id {
			return s
		}
	}
	return world.Site{ID: id}
}
