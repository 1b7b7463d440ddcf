package drill

import (
	"time"

	"meridian/world"
)

// Drills are all there are, in the order in which they are run.
func Drills() []Drill {
	return append(append(placeDrills(), pathDrills()...), partDrills()...)
}

func each(targets []string, f func(string) Fault) []Fault {
	var out []Fault
	for _, t := range targets {
		out = append(out, f(t))
	}
	return out
}

// regionTargets are what monitors say of a region that nobody reaches.
func regionTargets(region string) []string { return []string{world.Target(world.TargetShield, region)} }

// placeDrills lose a place.
func placeDrills() []Drill {
	return []Drill{
		{
			Name:       "pop-killed",
			Hypothesis: "When a PoP dies, browsers go on by the next address at once, and everybody is sent elsewhere as soon as DNS has been asked again.",
			Blast:      "Readers near that PoP, for one TTL; those who keep its address for ever, until it is back.",
			Plan: func(t *Target) Plan {
				return Plan{Faults: []Fault{{Kind: "kill", Target: "edge@" + t.pop()}}, Down: []string{world.Target(world.TargetPoP, t.pop())}, LostPoPs: []string{t.pop()}}
			},
		},
		{
			Name:       "shield-killed",
			Hypothesis: "When a region's shield dies, edges go to the next region's; the markets that are homed behind it can be read and not ordered from.",
			Blast:      "Carts and orders of the markets homed there. No reader.",
			Plan: func(t *Target) Plan {
				return Plan{Faults: []Fault{{Kind: "kill", Target: "shield@" + t.region()}}, Down: regionTargets(t.region())}
			},
			Allow: Allow{Orders: true},
		},
		{
			Name:       "region-lost",
			Hypothesis: "When all of a region is lost, with its stores and databases, every page and picture is still there from the others.",
			Blast:      "Carts, orders and owners of the markets homed there. Readers, for the seconds that detection takes.",
			Plan: func(t *Target) Plan {
				return Plan{Faults: []Fault{{Kind: "lost", Target: t.region()}}, Down: regionTargets(t.region())}
			},
			Allow: Allow{Orders: true, Recover: 15},
		},
		{
			Name:       "region-cut",
			Hypothesis: "A region that is cut off and lives on is as good as lost to everybody, and does no harm when it comes back.",
			Blast:      "As region-lost.",
			Plan: func(t *Target) Plan {
				return Plan{Faults: []Fault{{Kind: "cut", Target: t.region()}}, Down: regionTargets(t.region())}
			},
			Allow: Allow{Orders: true},
		},
		{
			Name:       "region-flapping",
			Hypothesis: "A region that comes and goes is taken out once and kept out: routes do not flap with it.",
			Blast:      "As region-lost, and for no longer than it flaps.",
			Plan: func(t *Target) Plan {
				return Plan{Faults: []Fault{{Kind: "cut", Target: t.region()}}, On: 3 * time.Second, Off: 2 * time.Second, Down: regionTargets(t.region())}
			},
			Allow: Allow{Orders: true, Reroute: 8, Detect: 15 * time.Second, Recover: 30},
			Lasts: 30 * time.Second,
			Extra: flapsLittle,
		},
	}
}

// pathDrills make ways worse.
func pathDrills() []Drill {
	return []Drill{
		{
			Name:       "region-slow",
			Hypothesis: "A region that is 300 ms farther and loses 2 % of packets costs time and no answers; what is cached costs nothing.",
			Blast:      "Orders of the markets homed there are slow.",
			Plan: func(t *Target) Plan {
				return Plan{Faults: []Fault{{Kind: "slow", Target: t.region(), DelayMS: 300, Loss: 0.02}}}
			},
			Allow: Allow{SlowPart: 0.15, Recover: 12},
		},
		{
			Name:       "replica-lag",
			Hypothesis: "With the replicas of a region a minute behind, no page shows a price that was replaced longer ago than the bound.",
			Blast:      "Pages that are asked for in that region take the way to the home region.",
			Plan: func(t *Target) Plan {
				return Plan{Faults: each(t.otherRegions(), func(r string) Fault { return Fault{Kind: "lag", Target: r} })}
			},
			Owners:     true,
			Travellers: true,
			Lasts:      time.Minute,
		},
		{
			Name:       "monitor-isolated",
			Hypothesis: "A monitor that hears nobody says so and takes nothing out.",
			Blast:      "Nobody.",
			Plan: func(t *Target) Plan {
				return Plan{Faults: []Fault{{Kind: "isolate", Target: t.region()}}}
			},
			Witness: func(r *run) witness { return isolation{newMonitors(r, r.target.region())} },
		},
		{
			Name:       "feed-frozen",
			Hypothesis: "When every monitor's feed hangs, consumers notice by its age and go on with the last good one.",
			Blast:      "Nobody, as long as nothing else fails.",
			Plan: func(t *Target) Plan {
				return Plan{Faults: each(t.regions(), func(r string) Fault { return Fault{Kind: "freeze", Target: r} })}
			},
			Extra: noticesFrozen,
		},
		{
			Name:       "split-brain",
			Hypothesis: "Two monitors that cannot reach one another, each hearing the third, do not take each other's region out, and go by the same version.",
			Blast:      "What goes from one of the two regions to the other: replicas, carts of the other's markets by way of it.",
			Plan: func(t *Target) Plan {
				a, b := t.regions()[0], t.regions()[1]
				return Plan{Faults: []Fault{{Kind: "cut", Target: a + ">" + b}, {Kind: "cut", Target: b + ">" + a}}}
			},
			Witness: func(r *run) witness { return agreement{newMonitors(r, r.target.regions()[:2]...)} },
		},
	}
}

// partDrills fail one thing everywhere, or what all go by.
func partDrills() []Drill {
	return []Drill{
		{
			Name:       "dns-killed",
			Hypothesis: "When a name server dies, resolvers ask the others.",
			Blast:      "Who asks that server first waits for a retry.",
			Plan: func(t *Target) Plan {
				return Plan{Faults: []Fault{{Kind: "kill", Target: "geodns@" + t.nameServers()[0]}}}
			},
			Asks:  true,
			Extra: foundElsewhere,
		},
		{
			Name:       "dns-tcp-only",
			Hypothesis: "When nothing gets through over UDP, names are found over TCP.",
			Blast:      "Who asks waits for a retry.",
			Plan: func(t *Target) Plan {
				return Plan{Faults: each(t.nameServers(), func(p string) Fault { return Fault{Kind: "no-udp", Target: p} })}
			},
			Asks:  true,
			Extra: foundOverTCP,
		},
		{
			Name:       "store-full",
			Hypothesis: "A region whose object store is full refuses pictures clearly and shows all that it has.",
			Blast:      "Uploads that are sent there.",
			Plan: func(t *Target) Plan {
				return Plan{Faults: []Fault{{Kind: "full", Target: t.region()}}}
			},
			Allow: Allow{Uploads: true},
		},
		{
			Name:       "primary-killed",
			Hypothesis: "When a region's database primaries are killed, their standbys take over and no order is lost; the old ones are fenced, and come back as standbys.",
			Blast:      "Orders of the markets homed there wait for some seconds.",
			HA:         true,
			Plan: func(t *Target) Plan {
				return Plan{Faults: each(t.clusters(), func(c string) Fault { return Fault{Kind: "kill", Target: t.primary(c)} })}
			},
			Witness: func(r *run) witness { return newTakeover(r, r.target.clusters()...) },
		},
		{
			Name:       "clock-skew",
			Hypothesis: "A region whose clock is ten minutes ahead and a PoP whose clock is ten minutes behind serve as ever.",
			Blast:      "Nobody.",
			Plan: func(t *Target) Plan {
				const tenMinutes = 600_000
				return Plan{Faults: []Fault{{Kind: "skew", Target: t.region(), SkewMS: tenMinutes}, {Kind: "skew", Target: t.pop(), SkewMS: -tenMinutes}}}
			},
		},
		{
			Name:       "purge-all-herd",
			Hypothesis: "When every cache forgets everything at three times the usual load, each thing is read once and nobody is turned away.",
			Blast:      "The first reader of each thing at each PoP waits for a region.",
			Plan:       func(*Target) Plan { return Plan{Purge: true} },
			Allow:      Allow{Rate: 3, SlowPart: 0.1},
		},
	}
}
