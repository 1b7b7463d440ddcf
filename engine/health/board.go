package health

import (
	"maps"
	"slices"
	"time"

	"meridian/world"
)

// BoardConfig is what a [Board] is made with.
type BoardConfig struct {
	Monitor  string        // whose board it is
	Monitors []string      // all that are configured, itself among them
	Fresh    time.Duration // a monitor whose views have not moved on for longer is not heard
	Now      time.Time
	Floor    uint64  // below every version it gives: kept from its earlier lives, see [Board.Number]
	Orders   []Order // those that were kept
}

// Board is what one monitor knows: the newest view of each monitor, the newest
// order about each target, and the states that were agreed on last. Merging views
// is commutative and idempotent, so it does not matter in which order and how often
// they come, nor by whom. It is not safe for concurrent use, and has no clock.
type Board struct {
	cfg    BoardConfig
	quorum int
	views  map[string]heardView
	orders map[string]Order

	quorate time.Time // since when a quorum is heard, without a break; zero: it is not
	speaks  bool      // for that quorum

	says   []Opinion
	seq    uint64
	floor  uint64 // below every version of this life
	top    stated // the latest version that was ever heard of
	agreed world.Health
	sum    string // digest of what was agreed on
	told   View   // what the others were told last
}

type heardView struct {
	View
	at time.Time // when it came, by the own clock
}

// stated is a version and a digest of its states.
type stated struct {
	version world.HealthVersion
	states  string
}

// NewBoard begins with nothing heard: isolated, where there are other monitors.
func NewBoard(cfg BoardConfig) *Board {
	b := &Board{cfg: cfg, quorum: len(cfg.Monitors)/2 + 1, views: map[string]heardView{}, orders: map[string]Order{}, seq: unixMillis(cfg.Now), floor: max(unixMillis(cfg.Now), cfg.Floor)}
	b.takeOrders(cfg.Orders)
	return b
}

func unixMillis(t time.Time) uint64 { return uint64(max(t.UnixMilli(), 0)) }

// Say sets the monitor's own opinions, by target in order.
func (b *Board) Say(says []Opinion) { b.says = says }

// Take merges another monitor's view, and reports whether it was news. The own
// view of an earlier life comes back too: the next one has to go on from there.
func (b *Board) Take(v View, now time.Time) bool {
	if v.Monitor == b.cfg.Monitor {
		b.seq = max(b.seq, v.Seq)
		return false
	}
	if !slices.Contains(b.cfg.Monitors, v.Monitor) || v.Seq <= b.views[v.Monitor].Seq {
		return false
	}
	b.views[v.Monitor] = heardView{v, now}
	b.takeOrders(v.Orders)
	if v.Version.Compare(b.top.version) > 0 {
		b.top = stated{v.Version, v.States}
	}
	return true
}

func (b *Board) takeOrders(orders []Order) {
	for _, o := range orders {
		if o.Version.Compare(b.orders[o.Target].Version) > 0 {
			b.orders[o.Target] = o
		}
	}
}

// View is what this monitor tells the others now: at once where [Board.News] says
// so, and with each beat.
func (b *Board) View(now time.Time) View {
	b.seq++
	b.told = b.view(now)
	return b.told
}

func (b *Board) view(now time.Time) View {
	return View{
		Monitor: b.cfg.Monitor, Seq: b.seq, At: now, Hears: b.fresh(now), Says: b.says, Orders: b.Orders(),
		Version: b.agreed.Version, States: b.sum,
	}
}

// News reports whether the others should be told more than they were.
func (b *Board) News(now time.Time) bool { return b.view(now).differs(b.told) }

// NewsOf reports whether another monitor's view says more than that it still holds
// what it held.
func (b *Board) NewsOf(v View) bool { return v.differs(b.views[v.Monitor].View) }

// fresh are the monitors whose views move on, itself among them.
func (b *Board) fresh(now time.Time) []string {
	out := []string{b.cfg.Monitor}
	for name, v := range b.views {
		if now.Sub(v.at) <= b.cfg.Fresh {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// heard are the views that count: of monitors that are fresh and hear this one
// too. One that is heard and hears nobody sees the world through a broken link.
func (b *Board) heard(now time.Time) []View {
	own := View{Monitor: b.cfg.Monitor, At: now, Says: b.says}
	out := []View{own}
	for _, name := range b.fresh(now) {
		if v, ok := b.views[name]; ok && slices.Contains(v.Hears, b.cfg.Monitor) {
			out = append(out, v.View)
		}
	}
	return out
}

// join reports whether the monitor may speak for a quorum. One that comes to a
// quorum which has agreed on something listens for a beat, in which everybody
// speaks, unless it hears all before: with the first of the others alone it might
// find well what they agree is down.
func (b *Board) join(heard []View, now time.Time) bool {
	switch {
	case len(heard) < b.quorum:
		b.quorate, b.speaks = time.Time{}, false
	case b.quorate.IsZero():
		b.quorate = now
	}
	if !b.speaks && !b.quorate.IsZero() {
		b.speaks = b.top.version.Number == 0 || len(heard) == len(b.cfg.Monitors) || now.Sub(b.quorate) >= world.HealthBeat
	}
	return b.speaks
}

// Decide merges what is known into an issue of the feed. A monitor that does not
// hear a quorum says so, repeats what was agreed on last, and gives no version.
// changed is whether the issue says something that the last one did not.
func (b *Board) Decide(now time.Time) (issue world.Health, changed bool) {
	heard := b.heard(now)
	isolated := !b.join(heard, now)
	was := b.agreed
	if !isolated {
		b.liftOver(heard, now)
		b.settle(agree(heard, b.orders, b.quorum))
	}
	b.agreed.Monitor, b.agreed.Isolated, b.agreed.At = b.cfg.Monitor, isolated, now
	b.agreed.Heard = namesOf(heard)
	b.agreed.Beat++
	changed = was.Version != b.agreed.Version || was.Isolated != isolated || !slices.Equal(was.Heard, b.agreed.Heard)
	return b.agreed, changed
}

func namesOf(views []View) []string {
	var out []string
	for _, v := range views {
		out = append(out, v.Monitor)
	}
	slices.Sort(out)
	return out
}

// settle keeps the states under the latest version that is known of, if that one
// has the same, else under a later one of its own.
func (b *Board) settle(states []world.TargetHealth) {
	b.sum = digest(states)
	if b.top.version.Number == 0 || b.top.states != b.sum {
		b.top = stated{b.next(), b.sum}
	}
	b.agreed.Version, b.agreed.Targets = b.top.version, states
}

// next is a version later than all that were heard of.
func (b *Board) next() world.HealthVersion {
	n := max(b.top.version.Number, b.floor)
	for _, o := range b.orders {
		n = max(n, o.Version.Number)
	}
	return world.HealthVersion{Number: n + 1, Monitor: b.cfg.Monitor}
}

// Number is that of the latest version that was heard of or given. Who keeps it,
// or a number above it, gives no version twice after a restart, even with a clock
// that went back.
func (b *Board) Number() uint64 { return b.next().Number - 1 }

// Orders are the orders that are known of, by target, with those taken back.
func (b *Board) Orders() []Order { return byTarget(b.orders) }

// Order takes an operator's word; its version is given here. It fails with
// unavailable while the monitor is isolated: the others would not hear of it, and
// might know of a later one. Decide and tell the others after it.
func (b *Board) Order(o Order, now time.Time) (Order, error) {
	if !b.join(b.heard(now), now) {
		return Order{}, world.E(world.CodeUnavailable, "health.order", "This monitor is cut off from the others, so nobody would follow the order. Ask by way of another region.")
	}
	o.Version = b.next()
	b.orders[o.Target] = o
	return o, nil
}

// liftOver takes back the orders whose time is over by the middle one of the
// monitors' clocks. That makes an order of its own, so that monitors whose clocks
// differ do not contradict each other until the last has come to that time.
func (b *Board) liftOver(heard []View, now time.Time) {
	clocks := make([]time.Time, len(heard))
	for i, v := range heard {
		clocks[i] = v.At.Add(now.Sub(b.cameAt(v.Monitor, now)))
	}
	clock := middle(clocks)
	for _, target := range slices.Sorted(maps.Keys(b.orders)) {
		if o := b.orders[target]; o.Drain && !o.Until.IsZero() && !clock.Before(o.Until) {
			o.Drain, o.Version = false, b.next()
			b.orders[target] = o
		}
	}
}

// cameAt is when a monitor's view came; its own is of now.
func (b *Board) cameAt(monitor string, now time.Time) time.Time {
	if v, ok := b.views[monitor]; ok {
		return v.at
	}
	return now
}

// Views are the newest view of every other monitor that was ever heard, by name,
// and how old each is by the own clock.
func (b *Board) Views(now time.Time) (views []View, ages []time.Duration) {
	for _, v := range byTarget(b.views) {
		views, ages = append(views, v.View), append(ages, now.Sub(v.at))
	}
	return views, ages
}
