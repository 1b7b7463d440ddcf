package world_test

import (
	"testing"

	"meridian/world"
)

func TestTargetsHaveOneName(t *testing.T) {
	for text, want := range map[string][2]string{
		"pop/fra": {"pop", "fra"}, "shop/eu-central": {"shop", "eu-central"},
		"": {}, "pop": {}, "pop/": {}, "pop/Fra": {}, "pop/fra/x": {}, "cellar/fra": {},
	} {
		kind, place, ok := world.SplitTarget(text)
		if ok != (want[0] != "") || ok && (kind != want[0] || place != want[1] || world.Target(kind, place) != text) {
			t.Errorf("%q: got %q, %q, %t", text, kind, place, ok)
		}
	}
}

func TestLaterHealthHolds(t *testing.T) {
	v := func(n uint64, m string) world.HealthVersion { return world.HealthVersion{Number: n, Monitor: m} }
	if v(1, "b").Compare(v(2, "a")) >= 0 || v(2, "b").Compare(v(2, "a")) <= 0 || v(2, "a").Compare(v(2, "a")) != 0 {
		t.Error("a version must go by its number, then by its monitor")
	}
}

func TestHealthIsOpenOnlyForWhatMonitorsSay(t *testing.T) {
	h := world.Health{Targets: []world.TargetHealth{
		{Target: "pop/bom", State: world.Down}, {Target: "pop/fra", State: world.Draining}, {Target: "pop/lhr", State: world.Degraded},
	}}
	shut, open := world.HealthView{Health: h}, world.HealthView{Health: h, Open: true}
	for target, want := range map[string][2]world.HealthState{
		"pop/bom": {world.Down, world.Healthy}, "pop/lhr": {world.Degraded, world.Healthy},
		"pop/fra": {world.Draining, world.Draining}, "pop/iad": {world.Healthy, world.Healthy},
	} {
		if got := [2]world.HealthState{shut.Of(target).State, open.Of(target).State}; got != want {
			t.Errorf("%s: got %v, want %v", target, got, want)
		}
	}
}
