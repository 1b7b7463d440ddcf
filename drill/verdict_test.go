package drill

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"meridian/app/localworld"
	"meridian/drill/judge"
	"meridian/engine/failover"
	"meridian/world"
)

// scene is a drill of which all that was seen is made up.
type scene struct {
	*run
	all  []judge.Outcome
	kept Acknowledged
}

// at is a moment of a scene: seconds since its judge began.
func at(seconds float64) time.Time {
	return time.Unix(1_000_000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

// newScene is a drill in which all goes well: broken after 6 s, healed after 26,
// looked at up to 41. Of each class, and of who changes something, one asks every
// tenth of a second.
func newScene(t *testing.T, name string) *scene {
	t.Helper()
	d, err := byName(name)
	if err != nil {
		t.Fatal(err)
	}
	d.Allow = d.Allow.withDefaults()
	target := shippedTarget(t)
	target.parts = append(target.parts, Part{Name: "geodns@eu-central", Role: "geodns", Place: "eu-central"})
	target.resolver = &resolvers{}
	s := &scene{run: &run{drill: d, target: target, plan: d.Plan(target), o: DefaultOptions(), judge: judge.New(at(0), time.Second), watch: newWatch(target), injected: at(6), healed: at(26), ended: at(41)}}
	for i := range 410 {
		due := at(float64(i) / 10)
		for _, class := range []judge.Class{judge.Browser, judge.Plain, judge.Pinned} {
			s.all = append(s.all, judge.Outcome{Due: due, Took: 50 * time.Millisecond, Kind: judge.Page, Class: class, PoP: "fra", Resolved: due.Add(-time.Second)})
		}
		for _, kind := range []judge.Kind{judge.Order, judge.Upload, judge.Price} {
			s.all = append(s.all, judge.Outcome{Due: due, Took: 50 * time.Millisecond, Kind: kind, PoP: "fra"})
		}
	}
	s.sees(0, nil, false)
	s.watch.from()
	for _, target := range s.plan.Down {
		s.sees(8, map[string]world.HealthState{target: world.Down}, false)
	}
	return s
}

// sees has the drill's watch look at a feed that says so of some targets.
func (s *scene) sees(seconds float64, states map[string]world.HealthState, frozen bool) {
	v := world.HealthView{Frozen: frozen}
	for _, target := range []string{"media/eu-central", "pop/lhr", "shield/eu-central"} {
		state := world.Healthy
		if is, ok := states[target]; ok {
			state = is
		}
		v.Targets = append(v.Targets, world.TargetHealth{Target: target, State: state})
	}
	s.watch.look(v, at(seconds))
}

// spoil changes the outcomes that were due in a time and are of a kind and class.
func (s *scene) spoil(from, to float64, k judge.Kind, c judge.Class, change func(*judge.Outcome)) {
	for i := range s.all {
		if o := &s.all[i]; o.Kind == k && o.Class == c && !o.Due.Before(at(from)) && o.Due.Before(at(to)) {
			change(o)
		}
	}
}

func fails(o *judge.Outcome)   { o.Failed, o.Why = true, "no answer in time" }
func refused(o *judge.Outcome) { o.Failed, o.Why = true, errRefused.Error()+": no" }
func isSlow(o *judge.Outcome)  { o.Took = 2 * time.Second }
func isStale(o *judge.Outcome) { o.Stale = true }

// bad are the checks that were not passed.
func (v *Verdict) bad() string {
	var out []string
	for _, c := range v.Checks {
		if !c.Pass {
			out = append(out, c.What)
		}
	}
	return strings.Join(out, "; ")
}

// Every check of a verdict fails for what it is there for, and for nothing that is
// within what the drill allows.
func TestVerdictsOnBadFigures(t *testing.T) {
	for name, c := range map[string]struct {
		drill string
		spoil func(s *scene)
		bad   []string // parts of the checks that must fail; none: it passes
	}{
		"all is well":                            {"region-cut", func(*scene) {}, nil},
		"all is well, nothing is to be detected": {"clock-skew", func(*scene) {}, nil},
		"fails up to the reroute":                {"region-cut", func(s *scene) { s.spoil(6, 8, judge.Page, judge.Browser, fails) }, nil},
		"fails after the reroute": {"region-cut", func(s *scene) { s.spoil(13, 13.2, judge.Page, judge.Browser, fails) },
			[]string{"failed reads of clients that asked DNS", "reads fail for", "reads that fail after those"}},
		"fails to the end":             {"clock-skew", func(s *scene) { s.spoil(25, 26, judge.Page, judge.Plain, fails) }, []string{"reads fail for", "reads that fail after those"}},
		"slow after the reroute":       {"clock-skew", func(s *scene) { s.spoil(12, 16, judge.Page, judge.Browser, isSlow) }, []string{"take longer than 1s"}},
		"slow for a moment":            {"clock-skew", func(s *scene) { s.spoil(12, 12.5, judge.Page, judge.Browser, isSlow) }, nil},
		"a stale price":                {"replica-lag", func(s *scene) { s.spoil(20, 20.1, judge.Page, judge.Browser, isStale) }, []string{"prices shown that were replaced"}},
		"a stale price, to the pinned": {"replica-lag", func(s *scene) { s.spoil(20, 20.1, judge.Page, judge.Pinned, isStale) }, []string{"prices shown that were replaced"}},
		"the pinned fail":              {"clock-skew", func(s *scene) { s.spoil(20, 20.1, judge.Page, judge.Pinned, fails) }, []string{"reads of pinned clients at PoPs that are well"}},
		"the pinned fail at a PoP that is lost": {"pop-killed", func(s *scene) {
			s.spoil(6, 26, judge.Page, judge.Pinned, func(o *judge.Outcome) { o.PoP = "lhr"; fails(o) })
		}, nil},
		"the plain fail before they can know": {"pop-killed", func(s *scene) {
			s.spoil(6, 26, judge.Page, judge.Plain, func(o *judge.Outcome) { o.PoP, o.Resolved = "lhr", at(5); fails(o) })
		}, nil},
		"the plain fail once they know": {"pop-killed", func(s *scene) {
			s.spoil(15, 15.1, judge.Page, judge.Plain, func(o *judge.Outcome) { o.PoP = "lhr"; fails(o) })
		}, []string{"failed reads of clients that asked DNS", "reads fail for", "reads that fail after those"}},
		"not detected": {"region-cut", func(s *scene) { s.watch.from() }, []string{"the health feed says so"}},
		"detected late": {"region-cut", func(s *scene) {
			s.watch.from()
			s.sees(11.1, map[string]world.HealthState{"shield/eu-central": world.Down}, false)
		}, []string{"the health feed says so"}},
		"taken down":                           {"clock-skew", func(s *scene) { s.sees(9, map[string]world.HealthState{"media/eu-central": world.Down}, false) }, []string{"targets taken down"}},
		"degraded only":                        {"clock-skew", func(s *scene) { s.sees(9, map[string]world.HealthState{"media/eu-central": world.Degraded}, false) }, nil},
		"an order fails":                       {"clock-skew", func(s *scene) { s.spoil(20, 20.1, judge.Order, "", fails) }, []string{"orders go through"}},
		"orders of a region that is away":      {"region-lost", func(s *scene) { s.spoil(6, 26, judge.Order, "", fails) }, nil},
		"an upload fails":                      {"clock-skew", func(s *scene) { s.spoil(20, 20.1, judge.Upload, "", fails) }, []string{"uploads go through"}},
		"an upload is refused by a full store": {"store-full", func(s *scene) { s.spoil(6, 26, judge.Upload, "", refused) }, nil},
		"an upload to a full store hangs":      {"store-full", func(s *scene) { s.spoil(6, 6.1, judge.Upload, "", fails) }, []string{"uploads go through or are refused clearly"}},
		"slow to recover":                      {"clock-skew", func(s *scene) { s.spoil(36.5, 36.6, judge.Page, judge.Browser, isSlow) }, []string{"recovery after the heal"}},
		"never recovers":                       {"clock-skew", func(s *scene) { s.spoil(40, 41, judge.Page, judge.Browser, isSlow) }, []string{"recovery after the heal"}},
		"recovers in time":                     {"clock-skew", func(s *scene) { s.spoil(26, 30, judge.Page, judge.Browser, fails) }, nil},
		"an order is lost":                     {"region-lost", func(s *scene) { s.kept.Lost = []string{"order /orders/1"} }, []string{"acknowledged orders and uploads lost"}},
		"nobody looked":                        {"region-lost", func(s *scene) { s.kept.Unseen = true }, []string{"acknowledged orders and uploads lost"}},
		"the feed's age is noticed":            {"feed-frozen", func(s *scene) { s.sees(15, nil, true) }, nil},
		"the feed's age is noticed late":       {"feed-frozen", func(s *scene) { s.sees(6+6*world.HealthBeat.Seconds()+0.1, nil, true) }, []string{"consumers notice"}},
		"the feed's age is not noticed":        {"feed-frozen", func(*scene) {}, []string{"consumers notice"}},
		"routes flap": {"region-flapping", func(s *scene) {
			for i := range 3 {
				s.sees(float64(10+2*i), nil, false)
				s.sees(float64(11+2*i), map[string]world.HealthState{"shield/eu-central": world.Down}, false)
			}
		}, []string{"the feed changes its mind"}},
		"routes hold": {"region-flapping", func(s *scene) { s.sees(27, nil, false) }, nil},
		"names over TCP": {"dns-tcp-only", func(s *scene) {
			s.target.resolver.found = []found{{at(5), "udp", "eu-central"}, {at(9), "tcp", "eu-central"}}
		}, nil},
		"names over UDP after all": {"dns-tcp-only", func(s *scene) {
			s.target.resolver.found = []found{{at(9), "tcp", "eu-central"}, {at(9), "udp", "us-east"}}
		}, []string{"names found over TCP"}},
		"nobody asked for a name": {"dns-tcp-only", func(*scene) {}, []string{"names found over TCP"}},
		"names elsewhere": {"dns-killed", func(s *scene) {
			s.target.resolver.found = []found{{at(6.4), "udp", "eu-central"}, {at(9), "udp", "us-east"}}
		}, nil},
		"names from the dead": {"dns-killed", func(s *scene) {
			s.target.resolver.found = []found{{at(9), "udp", "eu-central"}, {at(9), "udp", "us-east"}}
		}, []string{"names found at the other servers"}},
		"broken off": {"clock-skew", func(s *scene) { s.aborted = "it was interrupted" }, []string{}},
	} {
		s := newScene(t, c.drill)
		c.spoil(s)
		v := s.reckon(s.all, s.kept)
		if v.Pass != (c.bad == nil) {
			t.Errorf("%s: pass %v; not passed: %s", name, v.Pass, v.bad())
		}
		for _, want := range c.bad {
			if !strings.Contains(v.bad(), want) {
				t.Errorf("%s: %q is passed; not passed: %s", name, want, v.bad())
			}
		}
		if got := strings.Count(v.bad(), "; ") + 1; v.bad() != "" && got != len(c.bad) {
			t.Errorf("%s: not passed: %s; want %q", name, v.bad(), c.bad)
		}
	}
}

const catalog = "catalog-eu-central"

// A takeover is passed when the standby was promoted in time, the old primary is
// never seen to take writes again, and comes back.
func TestTheTakeoverIsWitnessed(t *testing.T) {
	back := at(30)
	before := localworld.Database{Status: failover.Status{Cluster: catalog, Primary: "a", Epoch: 3, Follows: true}}
	taken := localworld.Database{Status: failover.Status{Cluster: catalog, Primary: "b", Epoch: 4, Takeover: &failover.Took{Seconds: 0.4}}}
	again := taken
	again.Follows, again.Takeover = true, &failover.Took{Seconds: 0.4, Rejoined: &back}
	returned := before
	returned.Epoch = 5
	dead, standby, alone := Part{Name: "a", State: "killed"}, Part{Name: "a", State: "up", StandbyOf: "b"}, Part{Name: "a", State: "up"}
	type seen struct {
		at   float64
		is   localworld.Database
		part Part
	}
	for name, c := range map[string]struct {
		seen []seen
		bad  []int // of promoted, fenced, rejoined
	}{
		"as it should be":       {[]seen{{5, before, alone}, {7, taken, dead}, {28, taken, standby}, {30, again, standby}}, nil},
		"nobody takes over":     {[]seen{{5, before, alone}, {7, before, dead}, {30, before, alone}}, []int{0, 1, 2}},
		"late":                  {[]seen{{5, before, alone}, {11.5, taken, dead}, {30, again, standby}}, []int{0}},
		"it returns on its own": {[]seen{{5, before, alone}, {7, taken, dead}, {27, taken, alone}, {30, again, standby}}, []int{1}},
		"it is primary again":   {[]seen{{5, before, alone}, {7, taken, dead}, {27, returned, alone}, {30, again, standby}}, []int{1}},
		"it does not come back": {[]seen{{5, before, alone}, {7, taken, dead}, {60, taken, dead}}, []int{2}},
		"it comes back late":    {[]seen{{5, before, alone}, {7, taken, dead}, {57, again, standby}}, []int{2}},
		"no answer":             {nil, []int{0, 1, 2}},
	} {
		r := newScene(t, "region-lost").run
		r.target.primaries = map[string]string{catalog: "a"}
		w := newTakeover(r, catalog)
		for _, s := range c.seen {
			w.now = func() time.Time { return at(s.at) }
			w.ask = func(context.Context) ([]localworld.Database, []Part, error) {
				return []localworld.Database{s.is, {Status: failover.Status{Cluster: "another"}}}, []Part{s.part}, nil
			}
			w.look(t.Context())
		}
		w.ask = func(context.Context) ([]localworld.Database, []Part, error) { return nil, nil, errors.New("away") }
		w.look(t.Context())
		holds(t, name, w.checks(r), c.bad)
		if done := len(c.bad) == 0 || c.bad[len(c.bad)-1] != 2 || name == "it comes back late"; w.settled() != done {
			t.Errorf("%s: settled %v", name, w.settled())
		}
	}
}

// holds fails the test unless just the checks of some numbers fail.
func holds(t *testing.T, name string, checks []Check, bad []int) {
	t.Helper()
	wrong := map[int]bool{}
	for _, i := range bad {
		wrong[i] = true
	}
	for i, c := range checks {
		if c.Pass == wrong[i] {
			t.Errorf("%s: %s: %s, pass %v", name, c.What, c.Got, c.Pass)
		}
	}
}

// What monitors say of themselves: one that is cut off has to say so and to take
// it back, two that a third connects have to agree.
func TestMonitorsAreWitnessed(t *testing.T) {
	type said struct {
		at       float64
		isolated bool
		versions [2]uint64 // 0: no answer
	}
	for name, c := range map[string]struct {
		said           []said
		alone, between []int // checks of each kind that fail
	}{
		"nothing is said":     {nil, []int{0, 1}, []int{0, 1}},
		"never isolated":      {[]said{{5, false, [2]uint64{1, 1}}, {24, false, [2]uint64{2, 2}}, {28, false, [2]uint64{2, 2}}}, []int{0, 1}, nil},
		"isolated":            {[]said{{5, false, [2]uint64{1, 1}}, {9, true, [2]uint64{1, 1}}, {28, false, [2]uint64{1, 1}}}, nil, []int{0, 1}},
		"isolated late":       {[]said{{5, false, [2]uint64{1, 1}}, {15, true, [2]uint64{1, 1}}, {28, false, [2]uint64{1, 1}}}, []int{0}, []int{0, 1}},
		"isolated for ever":   {[]said{{9, true, [2]uint64{1, 1}}, {60, true, [2]uint64{1, 1}}}, []int{1}, []int{0, 1}},
		"back too soon":       {[]said{{9, true, [2]uint64{1, 1}}, {12, false, [2]uint64{1, 1}}}, []int{1}, []int{0, 1}},
		"back late":           {[]said{{9, true, [2]uint64{1, 1}}, {35, false, [2]uint64{1, 1}}}, []int{1}, []int{0, 1}},
		"they differ":         {[]said{{24, false, [2]uint64{2, 3}}, {27, false, [2]uint64{3, 3}}}, []int{0, 1}, []int{1}},
		"one does not answer": {[]said{{24, false, [2]uint64{2, 0}}}, []int{0, 1}, []int{0, 1}},
	} {
		r := newScene(t, "split-brain").run
		m := newMonitors(r, "eu-central", "us-east")
		for _, s := range c.said {
			m.now = func() time.Time { return at(s.at) }
			m.ask = func(_ context.Context, region string) (world.Health, error) {
				i := map[string]int{"eu-central": 0, "us-east": 1}[region]
				if s.versions[i] == 0 {
					return world.Health{}, errors.New("away")
				}
				return world.Health{Monitor: region, Isolated: s.isolated && i == 0, Version: world.HealthVersion{Number: s.versions[i]}}, nil
			}
			m.look(t.Context())
		}
		holds(t, name+", alone", isolation{m}.checks(r), c.alone)
		holds(t, name+", between two", agreement{m}.checks(r), c.between)
	}
}

func TestThePoPBesideARegion(t *testing.T) {
	target := shippedTarget(t)
	for region, want := range map[string]string{"eu-central": "fra", "us-east": "iad"} {
		if got := target.popBeside(region); got != want {
			t.Errorf("beside %s is %s, want %s", region, got, want)
		}
	}
}
