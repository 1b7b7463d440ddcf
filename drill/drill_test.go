package drill

import (
	"strings"
	"testing"
	"time"

	"meridian/app"
	"meridian/drill/judge"
	"meridian/world"
)

func shippedTarget(t *testing.T) *Target {
	t.Helper()
	w, err := app.ReadWorld("")
	if err != nil {
		t.Fatal(err)
	}
	target := &Target{World: w, kinds: map[string]Kind{}}
	for _, k := range []string{"kill", "lost", "cut", "slow", "skew", "full", "lag"} {
		target.kinds[k] = Kind{Kind: k}
	}
	target.kinds["freeze"] = Kind{Kind: "freeze", Lacks: "No role monitor runs in this world."}
	for _, r := range w.Regions {
		target.parts = append(target.parts, Part{Name: "shield@" + r.ID, Role: "shield", Place: r.ID})
	}
	for _, p := range w.PoPs {
		target.parts = append(target.parts, Part{Name: "edge@" + p.ID, Role: "edge", Place: p.ID})
	}
	return target
}

func TestEveryDrillSaysWhatItIs(t *testing.T) {
	target := shippedTarget(t)
	target.parts = append(target.parts, Part{Name: "geodns@eu-central", Role: "geodns", Place: "eu-central"})
	seen := map[string]bool{}
	for _, d := range Drills() {
		p := d.Plan(target)
		if seen[d.Name] || d.Hypothesis == "" || d.Blast == "" || len(p.Faults) == 0 && !p.Purge {
			t.Errorf("%s: twice, or not told, or nothing is broken: %+v", d.Name, p)
		}
		seen[d.Name] = true
		for _, target := range p.Down {
			if _, _, ok := world.SplitTarget(target); !ok {
				t.Errorf("%s expects %q of the health feed, which is no target", d.Name, target)
			}
		}
	}
	if len(seen) != 16 {
		t.Errorf("there are %d drills", len(seen))
	}
}

func TestLacks(t *testing.T) {
	target := shippedTarget(t)
	for name, want := range map[string]string{
		"pop-killed": "", "region-lost": "", "purge-all-herd": "token", "replica-lag": "--dir", "dns-killed": "name server", "primary-killed": "--ha",
		"feed-frozen": "No role monitor", "monitor-isolated": "offers no fault isolate",
	} {
		d, err := byName(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := target.Lacks(d); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	target.HA = true
	d, _ := byName("primary-killed")
	if got := target.Lacks(d); !strings.Contains(got, "no part") {
		t.Errorf("a world without that database: %q", got)
	}
}

func TestPlacesThatAreBroken(t *testing.T) {
	target := shippedTarget(t)
	if got := target.region(); got != "eu-central" {
		t.Errorf("the region with the most markets is %s", got)
	}
	if got := target.pop(); got != "lhr" {
		t.Errorf("the PoP nearest to its first market's city is %s", got)
	}
	for city, want := range map[string]string{"new-york": "us", "san-francisco": "us", "london": "gb", "tokyo": "jp", "sydney": "jp", "sao-paulo": "us"} {
		for _, c := range target.World.Cities {
			if got := target.market(c).ID; c.ID == city && got != want {
				t.Errorf("%s shops in %s, want %s", city, got, want)
			}
		}
	}
}

// Travellers are what lets a drill see replicas: each reads away from home, and a
// shop whose prices change is read from every region that is not its home.
func TestTravellersReadReplicas(t *testing.T) {
	target := shippedTarget(t)
	c := &crowd{shops: map[string]*shop{}}
	for _, m := range target.World.Markets {
		c.shops[m.ID] = &shop{slugs: []string{"bread"}, pictures: []string{"/img/x"}}
	}
	c.shops["gb"].watched, c.shops["us"].watched, c.shops["in"].watched = "scone", "bagel", "naan"
	c.addTravellers(target)
	read := map[string]bool{}
	for _, v := range c.travellers {
		native := target.market(v.city)
		if v.market.HomeRegion == native.HomeRegion || c.shops[v.market.ID].watched == "" {
			t.Errorf("%s travels to %s", v.city.ID, v.market.ID)
		}
		read[v.market.HomeRegion+" in "+native.HomeRegion] = true
	}
	if len(c.travellers) != len(target.World.Cities) || !read["eu-central in us-east"] || !read["eu-central in ap-southeast"] {
		t.Errorf("%d travellers of %d cities: %v", len(c.travellers), len(target.World.Cities), read)
	}
}

func TestHistoryOfAPrice(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(1000+s), 0) }
	h := &history{}
	h.ask("1.00", at(0))
	h.ask("1.01", at(10)) // no answer came: it may hold or not
	h.ask("1.02", at(20))
	h.acknowledge(at(21))
	for _, c := range []struct {
		text           string
		due            int
		stale, unknown bool
	}{
		{"1.00", 5, false, false}, {"1.01", 15, false, false}, {"1.00", 30, false, false}, {"1.00", 31, false, false},
		{"1.00", 32, true, false}, {"1.01", 40, true, false}, {"1.02", 99, false, false}, {"1.03", 99, false, true}, {"", 0, false, true},
	} {
		if stale, unknown := h.judge(c.text, at(c.due), 10*time.Second); stale != c.stale || unknown != c.unknown {
			t.Errorf("%q at %d: stale %v, unknown %v", c.text, c.due, stale, unknown)
		}
	}
}

func TestAbort(t *testing.T) {
	a := Abort{Part: 0.8, Seconds: 3}
	bad, half, none := judge.Second{OK: 1, Failed: 9}, judge.Second{OK: 2, Failed: 8}, judge.Second{}
	for name, c := range map[string]struct {
		seconds []judge.Second
		want    bool
	}{
		"three in a row":    {[]judge.Second{half, bad, bad, bad}, true},
		"too few":           {[]judge.Second{bad, bad}, false},
		"just the part":     {[]judge.Second{bad, bad, half}, false},
		"nobody asked":      {[]judge.Second{bad, none, bad}, false},
		"over again":        {[]judge.Second{bad, bad, bad, half}, false},
		"nothing at all":    {nil, false},
		"from the very one": {[]judge.Second{bad, bad, bad}, true},
	} {
		if got := a.met(c.seconds); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestWatchTakesTheFirstWord(t *testing.T) {
	w := newWatch(&Target{})
	at := func(s int) time.Time { return time.Unix(int64(1000+s), 0) }
	says := func(s int, state world.HealthState, frozen bool) {
		v := world.HealthView{Frozen: frozen}
		v.Targets = []world.TargetHealth{{Target: "shield/eu-central", State: state}, {Target: "pop/fra", State: world.Healthy}}
		w.look(v, at(s))
	}
	says(0, world.Down, false)
	w.from()
	if got := w.detected([]string{"shield/eu-central"}); !got.IsZero() {
		t.Errorf("what was before counts: %v", got)
	}
	says(2, world.Healthy, false)
	says(3, world.Down, true)
	says(4, world.Down, true)
	says(5, world.Healthy, false)
	if got := w.detected([]string{"shield/eu-central"}); !got.Equal(at(3)) {
		t.Errorf("detected at %v", got)
	}
	if got := w.detected([]string{"shield/eu-central", "pop/fra"}); !got.IsZero() {
		t.Errorf("one of two is enough: %v", got)
	}
	if got := w.takenDown(); len(got) != 1 || w.flaps("shield/eu-central") != 3 || !w.frozenAt().Equal(at(3)) || !w.watches() {
		t.Errorf("%v, %d changes, frozen at %v", got, w.flaps("shield/eu-central"), w.frozenAt())
	}
}

func TestOptionsAreChecked(t *testing.T) {
	if err := DefaultOptions().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Options){
		"rate": func(o *Options) { o.Rate = 0.9 }, "much": func(o *Options) { o.Rate = 5001 }, "steady": func(o *Options) { o.Steady = 0 },
		"short": func(o *Options) { o.For = 7 * time.Second }, "after": func(o *Options) { o.After = quiet }, "slow": func(o *Options) { o.Slow = giveUp + 1 }, "stale": func(o *Options) { o.Stale = 0 },
	} {
		o := DefaultOptions()
		change(&o)
		if err := o.Validate(); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o := DefaultOptions()
	o.For = usualReroute*time.Second + quiet
	if err := o.Validate(); err != nil {
		t.Errorf("the shortest duration: %v", err)
	}
}
