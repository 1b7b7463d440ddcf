package health

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/world"
)

// model is several monitors between which messages are lost, late, doubled and
// out of order, links are cut one way or both, and clocks differ.
type model struct {
	t       *rapid.T
	names   []string
	boards  map[string]*Board
	skew    map[string]time.Duration
	now     time.Time
	cut     map[[2]string]bool // from, to
	mail    []letter
	liars   map[string]bool // they hold everything for down: never a quorum
	targets []string
	sick    map[string]bool // what is really down
	said    map[world.HealthVersion]string
	highest map[string]world.HealthVersion
}

type letter struct {
	to string
	v  View
}

func newModel(t *rapid.T) *model {
	m := &model{t: t, now: noon, cut: map[[2]string]bool{}, boards: map[string]*Board{}, skew: map[string]time.Duration{}, liars: map[string]bool{}, sick: map[string]bool{}, said: map[world.HealthVersion]string{}, highest: map[string]world.HealthVersion{}}
	n := rapid.IntRange(1, 5).Draw(t, "monitors")
	for i := range n {
		m.names = append(m.names, fmt.Sprintf("m%d", i))
	}
	for i, name := range m.names {
		m.skew[name] = time.Duration(rapid.IntRange(-100_000, 100_000).Draw(t, "skew")) * time.Second
		if i < (n-1)/2 { // a minority
			m.liars[name] = rapid.Bool().Draw(t, "liar")
		}
		m.start(name)
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "targets") {
		m.targets = append(m.targets, fmt.Sprintf("pop/p%d", i))
	}
	return m
}

// start gives a monitor a new life, which knows of the last one what was kept.
func (m *model) start(name string) {
	cfg := BoardConfig{Monitor: name, Monitors: m.names, Fresh: 3 * time.Second, Now: m.clock(name)}
	if b := m.boards[name]; b != nil {
		cfg.Floor, cfg.Orders = b.Number(), b.Orders()
	}
	m.boards[name] = NewBoard(cfg)
	delete(m.highest, name) // a monitor that starts anew has heard of none
}

func (m *model) clock(name string) time.Time { return m.now.Add(m.skew[name]) }

// look has a monitor probe everything.
func (m *model) look(name string) {
	was := map[string]Opinion{}
	for _, o := range m.boards[name].says {
		was[o.Target] = o
	}
	var now []Opinion
	for _, target := range m.targets {
		o := Opinion{Target: target, State: world.Healthy, Reason: world.ReasonAnswers, Since: m.clock(name)}
		if m.liars[name] || m.sick[target] {
			o.State, o.Reason = world.Down, world.ReasonTimeout
		}
		if old, ok := was[target]; ok && old.State == o.State {
			o = old
		}
		now = append(now, o)
	}
	m.boards[name].Say(now)
}

// tell posts what a monitor knows, its own view and those that it relays.
func (m *model) tell(name string) {
	b := m.boards[name]
	views, _ := b.Views(m.clock(name))
	views = append(views, b.View(m.clock(name)))
	for _, to := range m.names {
		if to != name && !m.cut[[2]string{name, to}] {
			for _, v := range views {
				m.mail = append(m.mail, letter{to, v})
			}
		}
	}
}

// decide has a monitor speak, and holds it to what a feed must keep.
func (m *model) decide(name string) {
	is, _ := m.boards[name].Decide(m.clock(name))
	if is.Version.Compare(m.highest[name]) < 0 {
		m.t.Fatalf("%s goes back from %v to %v", name, m.highest[name], is.Version)
	}
	m.highest[name] = is.Version
	sum := digest(is.Targets)
	if was, ok := m.said[is.Version]; ok && was != sum {
		m.t.Fatalf("version %v has two meanings", is.Version)
	}
	m.said[is.Version] = sum
	for _, target := range is.Targets {
		if target.State == world.Down && !m.sick[target.Target] && !m.wasSick(target.Target) {
			m.t.Fatalf("%s takes %s out, which a minority only holds for down: %+v", name, target.Target, target)
		}
	}
}

// wasSick keeps what ever was down: views of then may still be on their way.
func (m *model) wasSick(target string) bool { _, was := m.sick[target]; return was }

func (m *model) actions() map[string]func(*rapid.T) {
	one := func(t *rapid.T) string { return rapid.SampledFrom(m.names).Draw(t, "monitor") }
	return map[string]func(*rapid.T){
		"look":   func(t *rapid.T) { m.look(one(t)) },
		"tell":   func(t *rapid.T) { m.tell(one(t)) },
		"decide": func(t *rapid.T) { m.decide(one(t)) },
		"take": func(t *rapid.T) {
			if len(m.mail) == 0 {
				return
			}
			i := rapid.IntRange(0, len(m.mail)-1).Draw(t, "letter")
			l := m.mail[i]
			m.boards[l.to].Take(l.v, m.clock(l.to))
			if !rapid.Bool().Draw(t, "comes again") {
				m.mail = slices.Delete(m.mail, i, i+1)
			}
		},
		"lose": func(t *rapid.T) {
			if len(m.mail) > 0 {
				i := rapid.IntRange(0, len(m.mail)-1).Draw(t, "letter")
				m.mail = slices.Delete(m.mail, i, i+1)
			}
		},
		"wait": func(t *rapid.T) {
			m.now = m.now.Add(time.Duration(rapid.IntRange(1, 4000).Draw(t, "ms")) * time.Millisecond)
		},
		"cut":     func(t *rapid.T) { m.cut[[2]string{one(t), one(t)}] = rapid.Bool().Draw(t, "cut") },
		"restart": func(t *rapid.T) { m.start(one(t)) },
		"sicken": func(t *rapid.T) {
			m.sick[rapid.SampledFrom(m.targets).Draw(t, "target")] = rapid.Bool().Draw(t, "sick")
		},
		"drain": func(t *rapid.T) {
			name := one(t)
			o := Order{Target: rapid.SampledFrom(m.targets).Draw(t, "target"), Drain: rapid.Bool().Draw(t, "drain"), By: "ops", At: m.clock(name)}
			if rapid.Bool().Draw(t, "ends") {
				o.Until = m.now.Add(time.Second)
			}
			if _, err := m.boards[name].Order(o, m.clock(name)); err != nil && !world.Is(err, world.CodeUnavailable) {
				t.Fatal(err)
			}
		},
		"": func(*rapid.T) {},
	}
}

// Whatever is lost, late, cut and restarted: no version has two meanings, none
// goes back, and a minority takes nothing out. Once all hear each other again,
// they say the same under one version.
func TestMonitorsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t)
		t.Repeat(m.actions())
		m.mail, m.cut = nil, map[[2]string]bool{}
		m.now = m.now.Add(100 * time.Hour) // past the end of every drain by whatever clock
		var issues []world.Health
		for range 8 { // of beats
			m.now = m.now.Add(time.Second)
			issues = nil
			for _, name := range m.names {
				m.look(name)
				m.tell(name)
			}
			for _, l := range m.mail {
				m.boards[l.to].Take(l.v, m.clock(l.to))
			}
			m.mail = nil
			for _, name := range m.names {
				m.decide(name)
				is, _ := m.boards[name].Decide(m.clock(name))
				issues = append(issues, is)
			}
		}
		for i, is := range issues {
			if is.Isolated || is.Version != issues[0].Version || !reflect.DeepEqual(is.Targets, issues[0].Targets) {
				t.Fatalf("%s says %+v\n%s says %+v", m.names[0], issues[0], m.names[i], is)
			}
			for _, target := range m.targets {
				if down := is.Of(target).State == world.Down; down != m.sick[target] {
					t.Fatalf("%s is %v, and is really sick: %v", target, is.Of(target), m.sick[target])
				}
			}
		}
	})
}

// What was heard decides, not in which order, how often, nor from whom.
func TestMergingIsCommutativeAndIdempotent(t *testing.T) {
	states := []world.HealthState{world.Healthy, world.Down, world.Degraded, ""}
	rapid.Check(t, func(t *rapid.T) {
		var views []View
		for i := range rapid.IntRange(1, 12).Draw(t, "views") {
			v := viewOf(rapid.SampledFrom(three).Draw(t, "by"), uint64(i+1), rapid.SampledFrom(states).Draw(t, "state"))
			v.Version = world.HealthVersion{Number: uint64(rapid.IntRange(1, 50).Draw(t, "version")), Monitor: v.Monitor}
			v.States = v.Version.Monitor + fmt.Sprint(v.Version.Number)
			if rapid.Bool().Draw(t, "order") {
				o := order("pop/a", rapid.Bool().Draw(t, "drain"), time.Time{})
				o.Version = world.HealthVersion{Number: uint64(100 + i), Monitor: v.Monitor}
				v.Orders = []Order{o}
			}
			views = append(views, v)
		}
		run := func(list []View) (world.Health, []Order) {
			b := boardOf("asia", three...)
			b.Say(says(world.Healthy))
			for _, v := range list {
				b.Take(v, noon)
			}
			is, _ := b.Decide(noon)
			return is, b.Orders()
		}
		knows := map[string][]Order{} // a monitor's views have the orders that its earlier ones had
		for i, v := range views {
			if len(v.Orders) == 0 {
				views[i].Orders = knows[v.Monitor]
			}
			knows[v.Monitor] = views[i].Orders
		}
		other := slices.Concat(views, views)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		random.Shuffle(len(other), func(i, j int) { other[i], other[j] = other[j], other[i] })
		a, ordersA := run(views)
		b, ordersB := run(other)
		// The version is above what was heard of; how far depends on what was heard first.
		a.Version, b.Version = world.HealthVersion{}, world.HealthVersion{}
		if !reflect.DeepEqual(a, b) || !slices.EqualFunc(ordersA, ordersB, func(x, y Order) bool { return x.Version == y.Version && x.Drain == y.Drain }) {
			t.Fatalf("%+v %+v\n%+v %+v", a, ordersA, b, ordersB)
		}
	})
}
