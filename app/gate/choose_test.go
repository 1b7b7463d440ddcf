package gate

import (
	"strings"
	"testing"
	"time"

	"meridian/world"
)

func feed(targets ...world.TargetHealth) world.HealthView {
	return world.HealthView{Health: world.Health{Version: world.HealthVersion{Number: 1, Monitor: "m"}, Monitor: "m", Targets: targets}}
}

func pop(id string, s world.HealthState, r world.HealthReason) world.TargetHealth {
	return world.TargetHealth{Target: "pop/" + id, State: s, Reason: r}
}

// A traveller in Frankfurt is 4 ms from fra and 250 from nrt.
func TestTheGateGoesByTheFeedAndSaysWhy(t *testing.T) {
	frozen := feed()
	frozen.Frozen, frozen.Age = true, 9*time.Second
	open := feed(pop("fra", world.Down, world.ReasonTimeout))
	open.Frozen, open.Open, open.Age = true, true, 61*time.Second
	for name, c := range map[string]struct {
		view     world.HealthView
		pop, why string
	}{
		"nothing known": {world.HealthView{}, "fra", ">nearest<"},
		"down":          {feed(pop("fra", world.Down, world.ReasonTimeout)), "nrt", "nearest that is well: fra is down (timeout)"},
		"drained":       {feed(pop("fra", world.Draining, world.ReasonDrained)), "nrt", "fra is draining (drained)"},
		"degraded":      {feed(pop("fra", world.Degraded, world.ReasonSlow)), "nrt", "fra is degraded (slow)"},
		"the other":     {feed(pop("nrt", world.Down, world.ReasonRefused)), "fra", ">nearest<"},
		"both":          {feed(pop("fra", world.Down, world.ReasonRefused), pop("nrt", world.Down, world.ReasonRefused)), "fra", "no PoP is well"},
		"frozen":        {frozen, "fra", "nearest; the health feed is silent for 9 s"},
		"failing open":  {open, "fra", "silent for 61 s"},
	} {
		f := newFixture()
		f.health = c.view
		w := f.do("GET", "/", "", "Accept", "text/html")
		if len(f.pops[c.pop].asked) != 1 || !strings.Contains(w.Body.String(), c.why) || !strings.Contains(w.Body.String(), "<code>"+c.pop+"</code>") {
			t.Errorf("%s: %s was asked %d times\n%s", name, c.pop, len(f.pops[c.pop].asked), w.Body)
		}
	}
}

func TestTheBarSaysThatAPoPDidNotAnswer(t *testing.T) {
	f := newFixture()
	f.pops["fra"].answer = gone
	if w := f.do("GET", "/", "", "Accept", "text/html"); !strings.Contains(w.Body.String(), "fra did not answer") {
		t.Errorf("%s", w.Body)
	}
}

// Who changes something goes by the feed too, and to one PoP.
func TestAChangeGoesToAHealthyPoP(t *testing.T) {
	f := newFixture()
	f.health = feed(pop("fra", world.Down, world.ReasonTimeout))
	if w := f.do("POST", "/cart", "a=b"); w.Code != 200 || len(f.pops["nrt"].asked) != 1 || len(f.pops["fra"].asked) != 0 {
		t.Errorf("%d", w.Code)
	}
}

// A city keeps the PoP that it has until another is nearer by more than the margin.
func TestACityKeepsItsPoP(t *testing.T) {
	view := feed(pop("a", world.Down, world.ReasonTimeout))
	c := newChooser(func() world.HealthView { return view })
	near := []PoP{{ID: "a", RTT: 20 * time.Millisecond}, {ID: "b", RTT: 30 * time.Millisecond}, {ID: "c", RTT: 31 * time.Millisecond}}
	first := func(city string) string { pops, why := c.order(city, near); return pops[0].ID + " " + why }
	if got := first("x"); !strings.HasPrefix(got, "b ") {
		t.Fatal(got)
	}
	view = feed()
	if got := first("x"); got != "b kept: no other is nearer by more than 10ms" {
		t.Errorf("%s", got)
	}
	if got := first("y"); got != "a nearest" {
		t.Errorf("another city: %s", got)
	}
	view = feed(pop("b", world.Down, world.ReasonTimeout))
	first("x")
	near[0].RTT = 19 * time.Millisecond
	view = feed()
	if got := first("x"); got != "a nearest" {
		t.Errorf("%s", got)
	}
}

// A full PoP spills, a little more with each beat of the feed and not with each request.
func TestAFullPoPSpills(t *testing.T) {
	view := feed(world.TargetHealth{Target: "pop/a", State: world.Healthy, Load: 200})
	c := newChooser(func() world.HealthView { return view })
	near := []PoP{{ID: "a", RTT: 20 * time.Millisecond}, {ID: "b", RTT: 90 * time.Millisecond}}
	for range 100 {
		c.order("x", near)
	}
	if share := c.shed.Share("a"); share > 0.02 {
		t.Errorf("one beat has it shed %v", share)
	}
	for range 200 {
		view.Beat++
		c.order("x", near)
	}
	if pops, why := c.order("x", near); pops[0].ID != "b" || why != "a is full" {
		t.Errorf("%s %s", pops[0].ID, why)
	}
}
