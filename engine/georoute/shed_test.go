package georoute_test

import (
	"fmt"
	"math"
	"testing"

	"meridian/engine/georoute"
	"meridian/world"
)

func ms(n int) world.Site { return world.Site{ID: fmt.Sprint(n), Latitude: 1, Longitude: float64(n)} }

// row are places at growing distances from a client at ms(0).
func row(loads ...int) []georoute.Candidate {
	var out []georoute.Candidate
	for i, l := range loads {
		out = append(out, georoute.Candidate{Name: fmt.Sprintf("p%d", i), Site: ms(i), Load: l})
	}
	return out
}

func sent(candidates []georoute.Candidate, clients int, held map[string]string) map[string]string {
	out := map[string]string{}
	for i := range clients {
		network := fmt.Sprintf("203.%d.%d.0/24", i/256, i%256)
		out[network] = georoute.Policy{}.Rank(georoute.Client{Site: ms(0), Network: network, Held: held[network]}, candidates, nil)[0].Name
	}
	return out
}

func count(sent map[string]string) map[string]int {
	out := map[string]int{}
	for _, p := range sent {
		out[p]++
	}
	return out
}

func near(t *testing.T, what string, got, want int) {
	t.Helper()
	if math.Abs(float64(got-want)) > 60+0.1*float64(want) {
		t.Errorf("%s: %d, want about %d", what, got, want)
	}
}

func TestAFullPlaceSpillsByRoomAndNotAllToOne(t *testing.T) {
	places := row(120, 20, 50, 0, 0)
	places[0].Shed = 0.5
	const clients = 6000
	got := count(sent(places, clients, nil))
	near(t, "the full place keeps its half", got["p0"], clients/2)
	// Rooms are 60, 30 and 80; the fourth is too far to be burdened.
	for place, room := range map[string]int{"p1": 60, "p2": 30, "p3": 80, "p4": 0} {
		near(t, place, got[place], clients/2*room/170)
	}
	places[3].Weight = 2
	near(t, "a place twice as large", count(sent(places, clients, nil))["p3"], clients/2*160/250)
}

func TestTheSameClientsSpill(t *testing.T) {
	places := row(120, 20, 50, 0)
	places[0].Shed = 0.3
	before := sent(places, 3000, nil)
	places[0].Shed = 0.5
	for network, place := range sent(places, 3000, nil) {
		if was := before[network]; was != place && was != "p0" {
			t.Fatalf("%s moves from %s to %s as more are shed", network, was, place)
		}
	}
	// A neighbour that fills loses some, and nobody else moves.
	before = sent(places, 3000, nil)
	places[3].Load = 60
	for network, place := range sent(places, 3000, nil) {
		if was := before[network]; was != place && was != "p3" {
			t.Fatalf("%s moves from %s to %s as p3 fills", network, was, place)
		}
	}
	// Who has been taken over stays, though the rooms change.
	held := sent(places, 3000, nil)
	places[1].Load, places[3].Load = 70, 0
	for network, place := range sent(places, 3000, held) {
		if place != held[network] {
			t.Fatalf("%s moves from %s to %s", network, held[network], place)
		}
	}
}

func TestNobodySpillsInVain(t *testing.T) {
	for name, change := range map[string]func([]georoute.Candidate){
		"all neighbours are full": func(c []georoute.Candidate) { c[1].Load, c[2].Load = 80, 200 },
		"they shed themselves":    func(c []georoute.Candidate) { c[1].Shed, c[2].Shed = 1, 1 },
		"they are degraded":       func(c []georoute.Candidate) { c[1].State, c[2].State = world.Degraded, world.Degraded },
		"they are down":           func(c []georoute.Candidate) { c[1].State, c[2].State = world.Down, world.Down },
		"all are down": func(c []georoute.Candidate) {
			c[0].State, c[1].State, c[2].State = world.Down, world.Down, world.Down
		},
	} {
		places := row(120, 10, 10)
		places[0].Shed = 1
		change(places)
		if got := count(sent(places, 100, nil)); got["p0"] != 100 {
			t.Errorf("%s: %v", name, got)
		}
	}
	places := row(120, 10)
	places[0].Shed = 1
	if got := (georoute.Policy{}).Rank(georoute.Client{Site: ms(0)}, places, nil); got[0].Name != "p0" {
		t.Errorf("without a network: %v", got)
	}
	got := georoute.Policy{}.Rank(georoute.Client{Site: ms(0), Network: "x"}, places, nil)
	if got[0].Reason != georoute.Spilled || got[1].Reason != georoute.Full {
		t.Errorf("the reasons: %v", got)
	}
}

// A place is asked for twice what it can serve, and clients follow an answer a
// while after it was given: the share settles where the place is full, no neighbour
// gets more than it has room for, and at the end nobody moves any more.
func TestShedLoadSettles(t *testing.T) {
	for _, lag := range []int{1, 5, 30} {
		const clients, fits, beats = 600, 300, 600 // p0 is asked for 200 %
		var s georoute.Shedder
		places := row(0, 0, 0, 0)
		history := make([]map[string]string, 0, beats)
		worst := 0
		for beat := range beats {
			acting := map[string]int{"p0": clients}
			if beat >= lag {
				acting = count(history[beat-lag])
			}
			loads := map[string]int{}
			for i := range places {
				p := &places[i]
				p.Load = acting[p.Name] * 100 / fits
				loads[p.Name] = p.Load
			}
			s.Observe(loads)
			for i := range places {
				places[i].Shed = s.Share(places[i].Name)
				if i > 0 && beat > 0 {
					worst = max(worst, places[i].Load)
				}
			}
			if beat%5 == 0 || beat < 2 {
				history = append(history, sent(places, clients, nil))
			} else {
				history = append(history, history[beat-1])
			}
		}
		end := count(history[len(history)-1])
		if load := end["p0"] * 100 / fits; load < 70 || load > 90 {
			t.Errorf("lag %d: the place settles at %d %%", lag, load)
		}
		if worst > 80 {
			t.Errorf("lag %d: a neighbour was at %d %%", lag, worst)
		}
		moved := 0
		for network, place := range history[len(history)-1] {
			if history[len(history)-100][network] != place {
				moved++
			}
		}
		if moved > clients/20 {
			t.Errorf("lag %d: %d of %d clients still move", lag, moved, clients)
		}
	}
}

func TestShareAtItsEdges(t *testing.T) {
	var s georoute.Shedder
	for range 2000 {
		s.Observe(map[string]int{"a": 85, "b": 1000, "c": 86, "d": 75})
	}
	if s.Share("a") != 0 || s.Share("b") != 1 || s.Share("c") < 0.999 || s.Share("d") != 0 {
		t.Errorf("a %v, b %v, c %v, d %v", s.Share("a"), s.Share("b"), s.Share("c"), s.Share("d"))
	}
	for range 2000 {
		s.Observe(map[string]int{"b": 75, "c": 74})
	}
	if s.Share("b") != 1 || s.Share("c") > 1e-9 {
		t.Errorf("just below full: b %v; c %v", s.Share("b"), s.Share("c"))
	}
	for range 100 {
		s.Observe(nil) // nobody knows
	}
	if s.Share("b") > 1e-9 {
		t.Errorf("without a load: %v", s.Share("b"))
	}
}

func TestLoadsOfAView(t *testing.T) {
	v := world.HealthView{Health: world.Health{Targets: []world.TargetHealth{
		{Target: "pop/fra", Load: 90}, {Target: "pop/lhr"}, {Target: "shield/eu-central", Load: 70}, {Target: "odd", Load: 3},
	}}}
	if got := georoute.Loads(v, world.TargetPoP); len(got) != 1 || got["fra"] != 90 {
		t.Errorf("%v", got)
	}
}
