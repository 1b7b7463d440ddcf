package health

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/world"
)

var probes = map[rune]world.HealthReason{
	'.': world.ReasonAnswers, 'x': world.ReasonRefused, 't': world.ReasonTimeout, 's': world.ReasonSlow, 'o': world.ReasonStale,
}

// told runs probes a second apart, and gives the state after each: h, d, D.
func told(d *Detector, run string, from time.Time) string {
	var out strings.Builder
	for i, c := range run {
		d.Take(probes[c], from.Add(time.Duration(i)*time.Second))
		out.WriteString(map[world.HealthState]string{world.Healthy: "h", world.Degraded: "d", world.Down: "D"}[d.Opinion().State])
	}
	return out.String()
}

func TestDetectorIsQuickToDoubtAndSlowToTrust(t *testing.T) {
	d := Damping{DownAfter: 2, OkAfter: 3, UpAfter: 4, DegradedAfter: 2, FlapWindow: time.Minute, FlapMost: 10}
	for _, c := range []struct{ probes, want string }{
		{"....", "hhhh"},
		{".x...x...", "hhhhhhhhh"},     // one now and then, and well between
		{".x.x", "hhhD"},               // again before it was well
		{".xt", "hhD"},                 // in a row
		{".xx...", "hhDDDD"},           // three are not enough
		{".xx....", "hhDDDDh"},         // four are
		{".xx...x....", "hhDDDDDDDDh"}, // in a row
		{".ss", "hhd"},
		{".s.s.s", "hhhhhh"}, // slow now and then
		{".ss.", "hhdd"},
		{".ss..", "hhddh"},
		{".oso", "hhdd"},
		{".ssxx", "hhddD"},
		{".xxssss", "hhDDDDd"}, // slow answers are answers
	} {
		if got := told(NewDetector("pop/a", d, noon), c.probes, noon); got != c.want {
			t.Errorf("%s: %s, want %s", c.probes, got, c.want)
		}
	}
}

func TestWhatComesBackSlowlyIsDegraded(t *testing.T) {
	d := NewDetector("pop/a", Damping{DownAfter: 1, OkAfter: 3, UpAfter: 3, DegradedAfter: 2, FlapMost: 10}, noon)
	if got := told(d, "xsss", noon); got != "DDDd" || d.Opinion().Reason != world.ReasonSlow {
		t.Errorf("%s, %+v", got, d.Opinion())
	}
}

func TestFlappingTakesLongerProof(t *testing.T) {
	damping := Damping{DownAfter: 1, OkAfter: 1, UpAfter: 2, DegradedAfter: 2, FlapWindow: time.Minute, FlapMost: 7}
	d := NewDetector("pop/a", damping, noon)
	if got := told(d, ".x..x....x......."+"x.......", noon); got != "hDDhDDDDhDDDDDDDh"+"DDDDDDDh" {
		t.Error(got) // 2, then 4, then 7 at most
	}
	d = NewDetector("pop/a", damping, noon)
	if told(d, ".x.", noon); d.Opinion().Reason != world.ReasonRecovering || d.Opinion().State != world.Down {
		t.Errorf("it answers again: %+v", d.Opinion())
	}
	if told(d, "x", noon.Add(3*time.Second)); d.Opinion().Reason == world.ReasonRecovering {
		t.Errorf("it answers no more: %+v", d.Opinion())
	}
	d = NewDetector("pop/a", damping, noon)
	told(d, ".x..x", noon)
	if d.Take(world.ReasonAnswers, noon.Add(6*time.Second)); d.Opinion().Reason != world.ReasonFlapping || d.Opinion().State != world.Down {
		t.Errorf("it answers, and is waited for: %+v", d.Opinion())
	}
	if got := told(d, "...x..", noon.Add(2*time.Minute)); got != "hhhDDh" {
		t.Errorf("a minute later it goes on being distrusted: %s", got)
	}
}

func TestSinceIsOfTheState(t *testing.T) {
	d := NewDetector("pop/a", Damping{DownAfter: 2, OkAfter: 3, UpAfter: 4, DegradedAfter: 2, FlapMost: 10}, noon)
	told(d, ".xxtt", noon)
	if o := d.Opinion(); !o.Since.Equal(noon.Add(2*time.Second)) || o.Reason != world.ReasonRefused {
		t.Errorf("%+v", o)
	}
}

func TestAStartingTargetIsNotCalledDown(t *testing.T) {
	damping := DefaultDamping()
	for _, c := range []struct {
		before string
		after  time.Duration
		down   bool
	}{{"", damping.Grace - time.Second, false}, {"", damping.Grace, true}, {".", 0, true}} {
		d := NewDetector("pop/a", damping, noon)
		told(d, c.before, noon)
		for range damping.DownAfter {
			d.Take(world.ReasonRefused, noon.Add(c.after))
		}
		if o := d.Opinion(); (o.State == world.Down) != c.down || !c.down && o.Reason != world.ReasonUnknown {
			t.Errorf("%q and failures after %v: %+v", c.before, c.after, o)
		}
	}
}

func TestAFailureMakesWary(t *testing.T) {
	d := NewDetector("pop/a", DefaultDamping(), noon)
	d.Take(world.ReasonAnswers, noon)
	if changed := d.Take(world.ReasonTimeout, noon); !changed || !d.Opinion().Wary {
		t.Errorf("after a failure: %+v", d.Opinion())
	}
	if changed := d.Take(world.ReasonAnswers, noon); !changed || d.Opinion().Wary {
		t.Errorf("after an answer: %+v", d.Opinion())
	}
	d.SetLoad(80)
	if d.Opinion().Load != 80 {
		t.Error("the load is lost")
	}
}

// Whatever comes, a target goes down only by DownAfter failures since it was last
// well, and comes back only by UpAfter answers in a row.
func TestDetectorModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		up := rapid.IntRange(2, 6).Draw(t, "up")
		damping := Damping{
			DownAfter: rapid.IntRange(1, up).Draw(t, "down"), OkAfter: rapid.IntRange(1, 5).Draw(t, "ok"), UpAfter: up,
			DegradedAfter: rapid.IntRange(1, 4).Draw(t, "degraded"), FlapWindow: time.Minute, FlapMost: 20,
		}
		d := NewDetector("pop/a", damping, noon)
		run := rapid.SliceOfN(rapid.SampledFrom([]rune(".....xts")), 1, 200).Draw(t, "probes")
		state, failures, answers := world.Healthy, 0, 0
		for i, c := range run {
			d.Take(probes[c], noon.Add(time.Duration(i)*time.Second))
			if c == 'x' || c == 't' {
				failures, answers = failures+1, 0
			} else if answers++; answers >= damping.OkAfter {
				failures = 0
			}
			is := d.Opinion()
			switch {
			case state != world.Down && is.State == world.Down && failures < damping.DownAfter:
				t.Fatalf("probe %d: down after %d failures", i, failures)
			case state != world.Down && is.State != world.Down && failures >= damping.DownAfter:
				t.Fatalf("probe %d: %d failures, and not down", i, failures)
			case state == world.Down && is.State != world.Down && answers < damping.UpAfter:
				t.Fatalf("probe %d: up after %d answers", i, answers)
			case state == world.Down && is.State == world.Down && answers >= damping.FlapMost:
				t.Fatalf("probe %d: %d answers, and still down", i, answers)
			}
			if state == world.Down && is.State != world.Down {
				failures = 0
			}
			state = is.State
		}
	})
}

func TestDampingAtItsEdges(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*Damping)
		ok     bool
	}{
		"default":             {func(*Damping) {}, true},
		"down at once":        {func(d *Damping) { d.DownAfter = 1 }, true},
		"down after nothing":  {func(d *Damping) { d.DownAfter = 0 }, false},
		"ok after nothing":    {func(d *Damping) { d.OkAfter = 0 }, false},
		"degraded by nothing": {func(d *Damping) { d.DegradedAfter = 0 }, false},
		"as quick":            {func(d *Damping) { d.UpAfter = d.DownAfter }, true},
		"quicker up":          {func(d *Damping) { d.UpAfter = d.DownAfter - 1 }, false},
		"no room to flap":     {func(d *Damping) { d.FlapMost = d.UpAfter - 1 }, false},
		"a window below none": {func(d *Damping) { d.FlapWindow = -1 }, false},
		"grace below none":    {func(d *Damping) { d.Grace = -1 }, false},
	} {
		d := DefaultDamping()
		c.change(&d)
		if said := d.Validate(); (said == "") != c.ok {
			t.Errorf("%s: %q", what, said)
		}
	}
}
