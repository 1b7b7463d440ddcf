package health

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"meridian/world"
)

var three = []string{"asia", "europe", "us"}

func boardOf(name string, monitors ...string) *Board {
	return NewBoard(BoardConfig{Monitor: name, Monitors: monitors, Fresh: 3 * time.Second, Now: noon})
}

// says is what a monitor holds of pop/a.
func says(s world.HealthState) []Opinion {
	reason := map[world.HealthState]world.HealthReason{world.Healthy: world.ReasonAnswers, world.Down: world.ReasonTimeout, world.Degraded: world.ReasonSlow}[s]
	if s == "" {
		s, reason = world.Healthy, world.ReasonUnknown
	}
	return []Opinion{{Target: "pop/a", State: s, Reason: reason, Since: noon}}
}

// viewOf is another monitor's, which hears all.
func viewOf(name string, seq uint64, s world.HealthState) View {
	return View{Monitor: name, Seq: seq, At: noon, Hears: three, Says: says(s)}
}

func TestAQuorumOfTheConfiguredDecides(t *testing.T) {
	h, d, D, no := world.Healthy, world.Degraded, world.Down, world.HealthState("")
	for _, c := range []struct {
		votes  [3]world.HealthState
		state  world.HealthState
		reason world.HealthReason
		by     []string
	}{
		{[3]world.HealthState{h, h, h}, h, world.ReasonAnswers, three},
		{[3]world.HealthState{D, h, h}, h, world.ReasonAnswers, []string{"europe", "us"}},
		{[3]world.HealthState{D, no, no}, h, world.ReasonUnknown, nil},
		{[3]world.HealthState{D, h, no}, h, world.ReasonAnswers, []string{"europe"}},
		{[3]world.HealthState{D, D, h}, D, world.ReasonTimeout, []string{"asia", "europe"}},
		{[3]world.HealthState{D, D, D}, D, world.ReasonTimeout, three},
		{[3]world.HealthState{d, h, h}, h, world.ReasonAnswers, []string{"europe", "us"}},
		{[3]world.HealthState{d, d, h}, d, world.ReasonSlow, []string{"asia", "europe"}},
		{[3]world.HealthState{d, D, h}, d, world.ReasonSlow, []string{"asia", "europe"}},
		{[3]world.HealthState{no, no, no}, h, world.ReasonUnknown, nil},
	} {
		b := boardOf("asia", three...)
		b.Say(says(c.votes[0]))
		b.Take(viewOf("europe", 1, c.votes[1]), noon)
		b.Take(viewOf("us", 1, c.votes[2]), noon)
		is, _ := b.Decide(noon)
		if got := is.Of("pop/a"); got.State != c.state || got.Reason != c.reason || !slices.Equal(got.By, c.by) || is.Isolated {
			t.Errorf("%v: %+v", c.votes, got)
		}
	}
}

// TestAStateBeginsWhenAQuorumHasComeToIt has a monitor that stands in the region it
// looks at, and so never saw it away.
func TestAStateBeginsWhenAQuorumHasComeToIt(t *testing.T) {
	h, d, D, no := world.Healthy, world.Degraded, world.Down, world.HealthState("")
	for _, c := range []struct {
		votes [3]world.HealthState
		since [3]int // seconds
		want  int
	}{
		{[3]world.HealthState{h, h, h}, [3]int{0, 0, 0}, 0},
		{[3]world.HealthState{D, D, h}, [3]int{10, 12, 0}, 12},
		{[3]world.HealthState{D, D, D}, [3]int{12, 90, 10}, 12},
		{[3]world.HealthState{D, h, h}, [3]int{10, 30, 0}, 30},
		{[3]world.HealthState{h, h, h}, [3]int{32, 30, 0}, 30},
		{[3]world.HealthState{h, h, h}, [3]int{-900, 30, 0}, 0},
		{[3]world.HealthState{d, D, h}, [3]int{20, 10, 0}, 20},
		{[3]world.HealthState{D, h, no}, [3]int{10, 5, 0}, 5},
		{[3]world.HealthState{no, h, h}, [3]int{0, 5, 7}, 5},
	} {
		b := boardOf("asia", three...)
		said := func(i int) []Opinion {
			s := says(c.votes[i])
			s[0].Since = noon.Add(time.Duration(c.since[i]) * time.Second)
			return s
		}
		b.Say(said(0))
		for i, name := range three[1:] {
			b.Take(View{Monitor: name, Seq: 1, At: noon, Hears: three, Says: said(i + 1)}, noon)
		}
		is, _ := b.Decide(noon)
		if got := is.Of("pop/a"); got.Since.Sub(noon) != time.Duration(c.want)*time.Second {
			t.Errorf("%v since %v: %+v", c.votes, c.since, got)
		}
	}
}

func TestAMonitorThatHearsNoQuorumSaysSo(t *testing.T) {
	b := boardOf("asia", three...)
	b.Say(says(world.Healthy))
	if is, _ := b.Decide(noon); !is.Isolated || is.Version.Number != 0 {
		t.Errorf("at its start: %+v", is)
	}
	b.Take(viewOf("europe", 1, world.Healthy), noon)
	agreed, changed := b.Decide(noon)
	if agreed.Isolated || !changed || agreed.Version.Monitor != "asia" || agreed.Version.Number <= uint64(noon.UnixMilli()) || !slices.Equal(agreed.Heard, []string{"asia", "europe"}) {
		t.Errorf("with a second one: %+v", agreed)
	}
	b.Say(says(world.Down))
	later := noon.Add(3 * time.Second)
	if agreed, _ = b.Decide(later); agreed.Isolated || agreed.Of("pop/a").State != world.Healthy {
		t.Errorf("after %v: %+v", later.Sub(noon), agreed)
	}
	later = later.Add(1)
	is, changed := b.Decide(later)
	if !is.Isolated || !changed || is.Version != agreed.Version || !reflect.DeepEqual(is.Targets, agreed.Targets) || is.Beat != 4 {
		t.Errorf("cut off: %+v", is)
	}
	if _, changed := b.Decide(later); changed {
		t.Error("nothing is new, and it says so")
	}
	b.Take(viewOf("europe", 2, world.Down), later)
	if is, _ := b.Decide(later); !is.Isolated {
		t.Errorf("it has not listened yet: %+v", is)
	}
	later = later.Add(world.HealthBeat)
	if is, _ := b.Decide(later); is.Isolated || is.Of("pop/a").State != world.Down || is.Version.Compare(agreed.Version) <= 0 {
		t.Errorf("healed: %+v", is)
	}
}

// TestWhoComesBackContradictsNobody has a monitor come back to two that agree on
// what it, standing in that region or new, does not see; it hears one of them first.
func TestWhoComesBackContradictsNobody(t *testing.T) {
	for what, own := range map[string]world.HealthState{"cut off until now": world.Healthy, "begun anew": ""} {
		b := boardOf("asia", three...)
		b.Say(says(own))
		told := func(name string) View {
			v := viewOf(name, 1, world.Down)
			v.Version, v.States = world.HealthVersion{Number: 7, Monitor: "us"}, "theirs"
			return v
		}
		b.Take(told("europe"), noon)
		if is, _ := b.Decide(noon); !is.Isolated || is.Version.Number != 0 {
			t.Errorf("%s, hears one: %+v", what, is)
		}
		if _, err := b.Order(order("pop/a", true, time.Time{}), noon); world.CodeOf(err) != world.CodeUnavailable {
			t.Errorf("%s, an order: %v", what, err)
		}
		b.Take(told("us"), noon)
		if is, _ := b.Decide(noon); is.Isolated || is.Of("pop/a").State != world.Down {
			t.Errorf("%s, hears all: %+v", what, is)
		}
	}
}

func TestAMonitorAloneIsItsOwnQuorum(t *testing.T) {
	b := boardOf("asia", "asia")
	b.Say(says(world.Down))
	if is, _ := b.Decide(noon); is.Isolated || is.Of("pop/a").State != world.Down {
		t.Errorf("%+v", is)
	}
}

// A monitor that hears, and is heard by nobody or hears nobody, has no vote.
func TestHearingGoesBothWays(t *testing.T) {
	b := boardOf("asia", three...)
	b.Say(says(world.Down))
	deaf := viewOf("europe", 1, world.Down)
	deaf.Hears = []string{"europe"}
	b.Take(deaf, noon)
	if is, _ := b.Decide(noon); !is.Isolated {
		t.Errorf("europe does not hear us: %+v", is)
	}
	b.Take(viewOf("us", 1, world.Healthy), noon)
	if is, _ := b.Decide(noon); is.Isolated || is.Of("pop/a").State != world.Healthy || !slices.Equal(is.Heard, []string{"asia", "us"}) {
		t.Errorf("with us: %+v", is)
	}
}

func TestStrangersAndTheOldAreNotHeard(t *testing.T) {
	b := boardOf("asia", three...)
	for what, c := range map[string]struct {
		v    View
		news bool
	}{"a stranger": {viewOf("mars", 9, world.Down), false}, "itself": {viewOf("asia", 9, world.Down), false}} {
		if b.Take(c.v, noon) != c.news {
			t.Error(what)
		}
	}
	if !b.Take(viewOf("us", 5, world.Down), noon) || b.Take(viewOf("us", 5, world.Healthy), noon) || b.Take(viewOf("us", 4, world.Healthy), noon) {
		t.Error("of a monitor's views the highest holds")
	}
}

// A monitor that starts anew with a clock that went back goes on from what the
// others remember of it.
func TestSequencesGoOnAfterARestart(t *testing.T) {
	b := boardOf("asia", three...)
	if v := b.View(noon); v.Seq <= uint64(noon.UnixMilli()) {
		t.Errorf("%d", v.Seq)
	}
	b.Take(viewOf("asia", uint64(noon.UnixMilli())+5000, world.Healthy), noon)
	if v := b.View(noon); v.Seq != uint64(noon.UnixMilli())+5001 {
		t.Errorf("%d", v.Seq)
	}
}

func TestTheSameStatesTakeTheLatestVersion(t *testing.T) {
	a, b := boardOf("asia", three...), boardOf("europe", three...)
	now := noon
	for range 5 {
		now = now.Add(world.HealthBeat)
		for _, x := range []*Board{a, b} {
			x.Say(says(world.Healthy))
			x.Decide(now)
		}
		a.Take(b.View(now), now)
		b.Take(a.View(now), now)
	}
	x, _ := a.Decide(now)
	y, changed := b.Decide(now)
	if x.Version != y.Version || x.Isolated || changed {
		t.Errorf("%v %v", x.Version, y.Version)
	}
	// A higher version with other states does not hold: what is, is said above it.
	v := viewOf("us", 9, world.Healthy)
	v.Version, v.States = world.HealthVersion{Number: x.Version.Number + 100, Monitor: "us"}, "other"
	a.Take(v, now)
	if is, _ := a.Decide(now); is.Version.Number != x.Version.Number+101 || is.Version.Monitor != "asia" {
		t.Errorf("%v", is.Version)
	}
}

func order(target string, drain bool, until time.Time) Order {
	return Order{Target: target, Drain: drain, By: "ops", Reason: "a new disk", At: noon, Until: until}
}

func TestOrders(t *testing.T) {
	b := boardOf("asia", three...)
	b.Say(says(world.Healthy))
	if _, err := b.Order(order("pop/a", true, time.Time{}), noon); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("cut off: %v", err)
	}
	b.Take(viewOf("us", 1, world.Healthy), noon)
	b.Decide(noon)
	o, err := b.Order(order("pop/a", true, time.Time{}), noon)
	if err != nil {
		t.Fatal(err)
	}
	is, changed := b.Decide(noon)
	if got := is.Of("pop/a"); got.State != world.Draining || got.Reason != world.ReasonDrained || !slices.Equal(got.By, []string{"ops"}) || !changed {
		t.Errorf("drained: %+v", got)
	}
	older := viewOf("us", 2, world.Healthy)
	older.Orders = []Order{order("pop/a", false, time.Time{})}
	older.Orders[0].Version = world.HealthVersion{Number: o.Version.Number - 1, Monitor: "us"}
	b.Take(older, noon)
	if is, _ := b.Decide(noon); is.Of("pop/a").State != world.Draining {
		t.Error("an older order holds")
	}
	b.Say(says(world.Down))
	b.Take(viewOf("us", 3, world.Down), noon)
	if is, _ := b.Decide(noon); is.Of("pop/a").State != world.Down {
		t.Error("what is down is not merely drained")
	}
	later := viewOf("us", 4, world.Healthy)
	later.Orders = []Order{order("pop/a", false, time.Time{})}
	later.Orders[0].Version = world.HealthVersion{Number: o.Version.Number, Monitor: "us"}
	b.Say(says(world.Healthy))
	b.Take(later, noon)
	if is, _ := b.Decide(noon); is.Of("pop/a").State != world.Healthy || len(b.Orders()) != 1 || b.Orders()[0].Drain {
		t.Errorf("taken back: %+v", b.Orders())
	}
	// What was kept is there in the next life.
	again := NewBoard(BoardConfig{Monitor: "asia", Monitors: []string{"asia"}, Fresh: time.Second, Now: noon, Orders: []Order{o}})
	if is, _ := again.Decide(noon); is.Of("pop/a").State != world.Draining || is.Version.Compare(o.Version) <= 0 {
		t.Errorf("kept: %+v", is)
	}
}

// One clock that is wrong ends no drain, and keeps none.
func TestADrainEndsByTheMiddleClock(t *testing.T) {
	for _, c := range []struct {
		own, us, europe time.Duration // how far the clocks are ahead
		over            bool
	}{
		{time.Minute, time.Minute, time.Minute, true},
		{0, 0, 0, false},
		{time.Hour, 0, 0, false},
		{0, 0, time.Hour, false},
		{time.Minute, time.Minute, -time.Hour, true},
		{-time.Hour, time.Minute, time.Hour, true},
	} {
		b := NewBoard(BoardConfig{Monitor: "asia", Monitors: three, Fresh: 3 * time.Second, Now: noon})
		now := noon.Add(c.own)
		b.Say(says(world.Healthy))
		for name, ahead := range map[string]time.Duration{"us": c.us, "europe": c.europe} {
			v := viewOf(name, 1, world.Healthy)
			v.At = noon.Add(ahead - time.Second)
			b.Take(v, now.Add(-time.Second))
		}
		o, err := b.Order(order("pop/a", true, noon.Add(time.Minute)), now)
		if err != nil {
			t.Fatal(err)
		}
		is, _ := b.Decide(now)
		if over := is.Of("pop/a").State == world.Healthy; over != c.over || over && b.Orders()[0].Version.Compare(o.Version) <= 0 {
			t.Errorf("%+v: %+v", c, is.Of("pop/a"))
		}
	}
}

func TestNewsIsWhatTheOthersWereNotTold(t *testing.T) {
	b := boardOf("asia", three...)
	b.Say(says(world.Healthy))
	told := func(what string, want bool) {
		t.Helper()
		if b.News(noon) != want {
			t.Errorf("%s: news %v", what, !want)
		}
		b.View(noon)
	}
	told("at the start", true)
	told("again", false)
	b.Take(viewOf("us", 1, world.Healthy), noon)
	told("another is heard", true)
	b.Decide(noon)
	told("a version", true)
	b.Say(says(world.Down))
	told("an opinion", true)
	b.Order(order("pop/b", true, time.Time{}), noon)
	told("an order", true)
	told("nothing", false)
}

func TestLoadsMoveWithoutAVersion(t *testing.T) {
	b := boardOf("asia", "asia")
	for i, load := range []int{0, 50, 90} {
		o := says(world.Healthy)
		o[0].Load = load
		b.Say(o)
		if is, changed := b.Decide(noon); is.Of("pop/a").Load != load || changed != (i == 0) {
			t.Errorf("%d: %+v, changed %v", load, is.Of("pop/a"), changed)
		}
	}
}
