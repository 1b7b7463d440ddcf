package health

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/world"
)

var threeMonitors = []string{"us-east", "eu-central", "ap-southeast"}

// clock is a time that a test moves.
type clock struct{ t time.Time }

func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

func newClock() *clock { return &clock{time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)} }

func following(c *clock) *Follower {
	return NewFollower(FollowerConfig{Monitors: threeMonitors, FrozenAfter: 4 * time.Second, OpenAfter: 30 * time.Second, Now: c.now})
}

// saying is an issue whose content tells which it is.
func saying(monitor string, number, beat uint64, isolated bool, targets ...world.TargetHealth) world.Health {
	return world.Health{
		Version: world.HealthVersion{Number: number, Monitor: "us-east"}, Monitor: monitor, Beat: beat, Isolated: isolated,
		Heard: []string{fmt.Sprint(monitor, number, beat)}, Targets: targets,
	}
}

func TestWhatAnIssueDoes(t *testing.T) {
	pop := func(s world.HealthState, load int) world.TargetHealth {
		return world.TargetHealth{Target: "pop/fra", State: s, Load: load}
	}
	const a, b, c = "us-east", "eu-central", "ap-southeast"
	type step struct {
		wait  time.Duration
		says  world.Health
		takes bool
		held  uint64 // number after it
		from  string // whose issue is held after it
	}
	for name, steps := range map[string][]step{
		"the later version, whoever says it": {
			{0, saying(b, 5, 1, false), true, 5, b}, {0, saying(a, 4, 9, false), false, 5, b},
			{0, saying(c, 6, 1, false), true, 6, c}, {0, saying(b, 5, 2, false), false, 6, c},
		},
		"an earlier one once the held one is frozen": {
			{0, saying(b, 5, 1, false), true, 5, b}, {4*time.Second - 1, saying(a, 4, 9, false), false, 5, b}, {1, saying(a, 4, 10, false), true, 4, a},
		},
		"a later beat keeps it alive": {
			{0, saying(b, 5, 1, false), true, 5, b}, {3 * time.Second, saying(b, 5, 2, false), true, 5, b},
			{3 * time.Second, saying(a, 4, 1, false), false, 5, b},
		},
		"the same again does not": {
			{0, saying(b, 5, 2, false), true, 5, b}, {3 * time.Second, saying(b, 5, 2, false), false, 5, b},
			{0, saying(b, 5, 1, false), false, 5, b}, {time.Second, saying(b, 5, 2, false), false, 5, b}, {0, saying(a, 4, 1, false), true, 4, a},
		},
		"another that says the same keeps it alive": {
			{0, saying(a, 5, 1, false), true, 5, a}, {3 * time.Second, saying(b, 5, 70, false), true, 5, a}, {time.Second, saying(b, 5, 71, false), true, 5, b},
			{0, saying(a, 5, 2, false), true, 5, a},
		},
		"an isolated one is better than nothing": {
			{0, saying(a, 9, 1, true), true, 9, a}, {0, saying(b, 10, 1, true), true, 10, b}, {0, saying(c, 3, 1, false), true, 3, c}, {0, saying(b, 11, 2, true), false, 3, c},
		},
		"an isolated one keeps nothing alive": {
			{0, saying(a, 9, 1, false), true, 9, a}, {2 * time.Second, saying(b, 9, 1, true), false, 9, a}, {2 * time.Second, saying(b, 99, 2, true), false, 9, a}, {0, saying(c, 8, 1, false), true, 8, c},
		},
		"a monitor that began again with its beats": {
			{0, saying(a, 9, 50, false), true, 9, a}, {time.Second, saying(a, 9, 1, false), false, 9, a}, {3 * time.Second, saying(a, 9, 2, false), true, 9, a},
			{time.Second, saying(a, 9, 3, false), true, 9, a},
		},
		"a monitor that nobody told of": {{0, saying("nowhere", 9, 1, false), false, 0, ""}},
		"loads change without a version": {
			{0, saying(a, 9, 1, false, pop(world.Healthy, 10)), true, 9, a}, {0, saying(a, 9, 2, false, pop(world.Healthy, 90)), true, 9, a},
		},
	} {
		t.Run(name, func(t *testing.T) {
			at := newClock()
			f := following(at)
			for i, s := range steps {
				at.advance(s.wait)
				if got := f.Take(s.says); got != s.takes {
					t.Fatalf("step %d: it counts: %v, want %v", i, got, s.takes)
				}
				if v := f.View(); v.Version.Number != s.held || v.Monitor != s.from {
					t.Fatalf("step %d: holds %d of %q, want %d of %q", i, v.Version.Number, v.Monitor, s.held, s.from)
				}
			}
		})
	}
}

func TestAgeAndFailingOpen(t *testing.T) {
	at := newClock()
	f := following(at)
	if v := f.View(); v.Frozen || v.Open || v.Of("pop/fra").State != world.Healthy {
		t.Errorf("before anything was heard: %+v", v)
	}
	f.Take(saying("us-east", 1, 1, false,
		world.TargetHealth{Target: "pop/fra", State: world.Down}, world.TargetHealth{Target: "pop/lhr", State: world.Draining}))
	for _, c := range []struct {
		age          time.Duration
		frozen, open bool
		fra          world.HealthState
	}{
		{0, false, false, world.Down}, {4*time.Second - 1, false, false, world.Down}, {4 * time.Second, true, false, world.Down},
		{30*time.Second - 1, true, false, world.Down}, {30 * time.Second, true, true, world.Healthy}, {time.Hour, true, true, world.Healthy},
	} {
		at.t = newClock().t.Add(c.age)
		v := f.View()
		if v.Age != c.age || v.Frozen != c.frozen || v.Open != c.open || v.Of("pop/fra").State != c.fra {
			t.Errorf("at %v: age %v, frozen %v, open %v, fra %s", c.age, v.Age, v.Frozen, v.Open, v.Of("pop/fra").State)
		}
		if v.Of("pop/lhr").State != world.Draining {
			t.Errorf("at %v an operator's order no longer holds", c.age)
		}
	}
}

func TestChangedTellsWhatIsNew(t *testing.T) {
	at := newClock()
	f := following(at)
	told := func(h world.Health) bool {
		c := f.Changed()
		f.Take(h)
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	with := func(beat uint64, load int) world.Health {
		return saying("us-east", 1, beat, false, world.TargetHealth{Target: "pop/fra", Load: load})
	}
	for i, c := range []struct {
		says world.Health
		want bool
	}{
		{with(1, 0), true}, {with(2, 0), false}, {with(3, 7), true}, {with(3, 9), false}, {saying("eu-central", 1, 1, false), false}, {saying("eu-central", 2, 2, false), true},
	} {
		if got := told(c.says); got != c.want {
			t.Errorf("issue %d: told %v, want %v", i, got, c.want)
		}
	}
	at.advance(time.Minute)
	if !told(saying("eu-central", 2, 3, false)) {
		t.Error("nobody is told that the feed is back")
	}
}

// Whatever monitors say, in whatever order, lost, late, twice or after a restart:
// what is held is one issue, whole; while it is alive nothing earlier replaces it,
// and what was agreed on never gives way to who is cut off.
func TestHeldIssueProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := newClock()
		f := following(at)
		var said []world.Health
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			at.advance(time.Duration(rapid.IntRange(0, 6000).Draw(t, "ms")) * time.Millisecond)
			before := f.View()
			h := saying(rapid.SampledFrom(append(slices.Clone(threeMonitors), "stranger")).Draw(t, "monitor"),
				uint64(rapid.IntRange(1, 6).Draw(t, "number")), uint64(rapid.IntRange(1, 8).Draw(t, "beat")), rapid.Bool().Draw(t, "isolated"))
			said = append(said, h)
			counts := f.Take(h)
			after := f.View()
			if after.Version.Number != 0 && !slices.ContainsFunc(said, func(s world.Health) bool { return reflect.DeepEqual(s, after.Health) }) {
				t.Fatalf("nobody said %+v", after.Health)
			}
			if counts != (after.Age == 0 && (before.Age > 0 || !reflect.DeepEqual(before.Health, after.Health))) && before.Age > 0 {
				t.Fatalf("counts %v, and the age went from %v to %v", counts, before.Age, after.Age)
			}
			if !counts && !reflect.DeepEqual(before.Health, after.Health) {
				t.Fatal("what does not count is held")
			}
			agreed := before.Version.Number > 0 && !before.Isolated
			if agreed && after.Isolated {
				t.Fatal("one that is cut off replaced what was agreed on")
			}
			if agreed && !before.Frozen && after.Version.Compare(before.Version) < 0 {
				t.Fatalf("it went back from %v to %v", before.Version, after.Version)
			}
			if agreed && before.Frozen && !h.Isolated && slices.Contains(threeMonitors, h.Monitor) && !counts && !slices.ContainsFunc(said[:len(said)-1], func(s world.Health) bool { return reflect.DeepEqual(s, h) }) {
				t.Fatal("the view is frozen and something new was not heard")
			}
		}
	})
}

// The same issues in any order, none of them late, leave the same version held.
func TestOrderOfIssuesDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []world.Health
		for _, m := range threeMonitors {
			for beat := range uint64(rapid.IntRange(0, 5).Draw(t, "issues")) {
				all = append(all, saying(m, uint64(rapid.IntRange(1, 9).Draw(t, "number")), beat+1, rapid.IntRange(0, 3).Draw(t, "cut off") == 0))
			}
		}
		held := func(order []world.Health) world.HealthVersion {
			f := following(newClock())
			for _, h := range order {
				f.Take(h)
			}
			return f.View().Version
		}
		if one, other := held(all), held(rapid.Permutation(all).Draw(t, "order")); one != other {
			t.Fatalf("%v or %v", one, other)
		}
	})
}
