package faults

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var someGround = Ground{
	Processes: []string{"edge@fra", "shop@eu-central", "postgres resident-eu-central"},
	Links:     []string{"fra>eu-central", "eu-central>fra", "eu-central>us-east"},
	Places:    []string{"fra", "eu-central"},
	Regions:   []Region{{"eu-central", []string{"shop@eu-central", "postgres resident-eu-central"}}},
}

func TestAScheduleIsOfItsSeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		length := time.Duration(rapid.IntRange(401, 9000).Draw(t, "ms")) * time.Millisecond
		s := Generate(seed, someGround, length)
		if again := Generate(seed, someGround, length); s.String() != again.String() {
			t.Fatalf("not the same again:\n%s\n%s", s, again)
		}
		if len(s.Faults) < 1 || len(s.Faults) > 2*mostFaults {
			t.Fatalf("%d faults", len(s.Faults))
		}
		for _, f := range s.Faults {
			if f.At < 0 || f.For < shortestFault || f.End() > length {
				t.Fatalf("outside its bounds: %s", f)
			}
			if (f.Kind == Kill) != slices.Contains(someGround.Processes, f.Target) {
				t.Fatalf("what cannot be: %s", f)
			}
			if !strings.Contains(s.String(), f.String()) {
				t.Fatalf("the printed schedule lacks %s", f)
			}
		}
		steps := s.Steps()
		if len(steps) != 2*len(s.Faults) || len(steps[len(steps)-1].Active) != 0 {
			t.Fatalf("%d steps, at the end hold %v", len(steps), steps[len(steps)-1].Active)
		}
		for i, st := range steps {
			if i > 0 && st.At < steps[i-1].At {
				t.Fatal("steps go back")
			}
			if slices.Contains(st.Active, st.Fault) != st.Begins {
				t.Fatalf("at %v holds %v", st, st.Active)
			}
		}
	})
}

func TestSchedulesDiffer(t *testing.T) {
	seen := map[string]bool{}
	kinds := map[Kind]int{}
	for seed := range uint64(200) {
		s := Generate(seed, someGround, 3*time.Second)
		seen[strings.SplitN(s.String(), "\n", 2)[1]] = true
		for _, f := range s.Faults {
			kinds[f.Kind]++
		}
	}
	if len(seen) < 199 {
		t.Errorf("only %d of 200 schedules differ", len(seen))
	}
	for _, k := range []Kind{Kill, Refuse, Blackhole, Slow} {
		if kinds[k] < 50 {
			t.Errorf("%d faults of kind %s in 200 schedules", kinds[k], k)
		}
	}
}

func TestShrinkFindsWhatMatters(t *testing.T) {
	s := Generate(7, someGround, 3*time.Second)
	for seed := uint64(8); len(s.Faults) < mostFaults; seed++ {
		s = Generate(seed, someGround, 3*time.Second)
	}
	first, last := s.Faults[0], s.Faults[len(s.Faults)-1]
	runs := 0
	small := Shrink(s, func(c Schedule) bool {
		runs++
		return slices.Contains(c.Faults, first) && slices.Contains(c.Faults, last)
	})
	if !slices.Equal(small.Faults, []Fault{first, last}) || small.Seed != s.Seed {
		t.Errorf("shrunk to %s", small)
	}
	if runs > len(s.Faults)*len(s.Faults) {
		t.Errorf("%d runs", runs)
	}
	if got := Shrink(s, func(Schedule) bool { return false }); !slices.Equal(got.Faults, s.Faults) {
		t.Errorf("what fails only whole became %s", got)
	}
}
