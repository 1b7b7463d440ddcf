package faults

import (
	"slices"
	"testing"

	"meridian/test/worldtest"
)

func TestLinksUnderFaults(t *testing.T) {
	rest := []worldtest.Link{
		{From: "fra", To: "eu-central", DelayMS: 1, State: "up"},
		{From: "eu-central", To: "fra", DelayMS: 1, State: "up"},
		{From: "eu-central", To: "us-east", DelayMS: 48.5, State: "up"},
	}
	on := func(k Kind, target string) Fault { return Fault{Kind: k, Target: target} }
	for _, c := range []struct {
		active []Fault
		want   [3]string
		slow   [3]bool
	}{
		{nil, [3]string{"up", "up", "up"}, [3]bool{}},
		{[]Fault{on(Kill, "eu-central")}, [3]string{"up", "up", "up"}, [3]bool{}},
		{[]Fault{on(Refuse, "fra>eu-central")}, [3]string{"refuse", "up", "up"}, [3]bool{}},
		{[]Fault{on(Slow, "fra")}, [3]string{"up", "up", "up"}, [3]bool{true, true, false}},
		{[]Fault{on(Slow, "fra"), on(Slow, "eu-central")}, [3]string{"up", "up", "up"}, [3]bool{true, true, true}},
		{[]Fault{on(Blackhole, "fra"), on(Refuse, "eu-central"), on(Slow, "us-east")}, [3]string{"blackhole", "blackhole", "refuse"}, [3]bool{false, false, true}},
	} {
		for i, l := range linksUnder(rest, c.active) {
			slow := l.DelayMS == rest[i].DelayMS+300
			if l.State != c.want[i] || slow != c.slow[i] || !slow && l.DelayMS != rest[i].DelayMS {
				t.Errorf("%v: %+v", c.active, l)
			}
		}
	}
	if !slices.Equal(linksUnder(rest, nil), rest) {
		t.Error("without faults the links are not as before")
	}
}
