package failover

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

// rig is a keeper at work on a model, with clients who write all the time.
type rig struct {
	*model
	t      *testing.T
	k      *Keeper
	cancel context.CancelFunc
	done   chan struct{}
}

func begin(t *testing.T, m *model) *rig {
	r := &rig{model: m, t: t}
	r.restart()
	ctx, cancel := context.WithCancel(context.Background())
	clients := make(chan struct{})
	go func() {
		defer close(clients)
		for step(ctx, 7*time.Millisecond) == nil {
			m.write()
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-clients
		r.crash()
	})
	return r
}

func (r *rig) restart() {
	r.k = New(Config{Cluster: "c", Nodes: [2]string{"a", "b"}, Keeper: "me", Servers: r.model, Store: r.model, Now: time.Now, Log: slog.New(watcher{r})})
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel, r.done = cancel, make(chan struct{})
	go func() {
		defer close(r.done)
		r.k.Run(ctx)
	}()
}

// watcher looks at what the keeper tells whenever it logs, which it does right
// after each change of its state.
type watcher struct{ r *rig }

func (watcher) Enabled(context.Context, slog.Level) bool { return true }
func (w watcher) WithAttrs([]slog.Attr) slog.Handler     { return w }
func (w watcher) WithGroup(string) slog.Handler          { return w }

func (w watcher) Handle(_ context.Context, line slog.Record) error {
	s := w.r.k.Status()
	whole := s.Takeover == nil || s.State != Synced || s.Takeover.Rejoined != nil
	whole = whole && (s.Count == 0) == (s.Takeover == nil)
	if s.State == Degraded && s.Takeover != nil && s.Takeover.Epoch == s.Epoch {
		whole = whole && s.Takeover.To == s.Primary && s.Takeover.Seconds > 0
	}
	if !whole {
		w.r.t.Errorf("at %q it tells %+v of %+v", line.Message, s, s.Takeover)
	}
	return nil
}

// crash is the death of the keeper's process: in whatever it does, without a
// farewell, and the servers die with it.
func (r *rig) crash() {
	var was bool
	r.with(func() { was, r.down = r.down, true })
	r.cancel()
	<-r.done
	r.with(func() {
		r.down = was
		r.end("a")
		r.end("b")
	})
}

// heal ends all that is wrong, and waits for the cluster to be whole.
func (r *rig) heal() {
	r.t.Helper()
	r.with(func() {
		r.down = false
		for _, n := range r.nodes {
			n.keptOff = false
		}
	})
	for range 600 {
		time.Sleep(200 * time.Millisecond)
		r.with(func() {
			if n := r.nodes[r.lease.Primary]; n != nil && r.lease.Standby == "" && n.hung {
				n.hung = false // nobody could take over from it: it comes back by itself
			}
			for name, n := range r.nodes {
				if n.hung && name != r.lease.Primary {
					n.hung = false
				}
			}
		})
		if r.k.Status().State == Synced {
			return
		}
	}
	r.t.Fatalf("two minutes after everything is well again it is %+v; a %+v, b %+v, lease %+v", r.k.Status(), brief(r.nodes["a"]), brief(r.nodes["b"]), r.lease)
}

func brief(n *node) node {
	c := *n
	c.log = nil
	return c
}

// verify holds the model against its promises.
func (r *rig) verify() {
	r.t.Helper()
	r.with(func() {
		for _, w := range r.wrong {
			r.t.Error(w)
		}
		there := r.nodes[r.lease.Primary].log
		held := map[string]bool{}
		for _, row := range there {
			held[row] = true
		}
		for _, row := range r.acked {
			if !held[row] {
				r.t.Errorf("%s was acknowledged and is lost", row)
				break
			}
		}
		if r.leads != r.lease.Primary {
			r.t.Errorf("others follow %s, and the primary is %s", r.leads, r.lease.Primary)
		}
	})
}

func (r *rig) await(what string, holds func(Status) bool) Status {
	r.t.Helper()
	for range 3000 {
		if s := r.k.Status(); holds(s) {
			return s
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.t.Fatalf("not within 30 s: %s; it is %+v", what, r.k.Status())
	return Status{}
}

func synced(s Status) bool { return s.State == Synced }

func TestAKilledPrimaryIsTakenOverFromAndRejoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, newModel())
		r.await("both in step", synced)
		for epoch := uint64(2); epoch < 5; epoch++ {
			from := r.k.Status().Primary
			r.with(func() { r.end(from) })
			s := r.await("the other is primary", func(s Status) bool { return s.Primary != from && s.State == Degraded })
			if s.Epoch != epoch || s.Takeover.Epoch != epoch || s.Count != int(epoch)-1 || s.Follows || s.Behind != -1 || s.Takeover.From != from || s.Takeover.Writable > 300*time.Millisecond {
				t.Errorf("%+v, %+v", s, s.Takeover)
			}
			s = r.await("both in step again", synced)
			if s.Takeover.Rejoined == nil || s.Timeline != uint32(epoch) {
				t.Errorf("%+v", s)
			}
		}
		r.verify()
	})
}

// Each epoch has a timeline of its own: until its primary has told it, none is told.
func TestAnEpochIsNotToldWithTheTimelineBefore(t *testing.T) {
	k := New(Config{Cluster: "c", Nodes: [2]string{"a", "b"}, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	for n := range uint32(3) {
		k.lease.Epoch = uint64(n + 1)
		k.leads("")
		if s := k.Status(); s.Epoch != k.lease.Epoch || s.Timeline != 0 {
			t.Errorf("before anybody has looked: %+v", s)
		}
		k.see(Look{Timeline: n + 1})
		k.leads("")
		if s := k.Status(); s.Timeline != n+1 {
			t.Errorf("after it: %+v", s)
		}
	}
}

// A promotion that was given up is carried on, and told as the takeover that it is.
func TestAPromotionThatFailsIsCarriedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, newModel())
		r.await("both in step", synced)
		r.with(func() { r.slow = 2; r.end("a") })
		s := r.await("b is primary", func(s Status) bool { return s.Primary == "b" && s.State == Degraded })
		if s.Count != 1 || s.Takeover == nil || s.Takeover.From != "a" || s.Takeover.To != "b" || s.Takeover.Epoch != 2 {
			t.Fatalf("%+v, %+v", s, s.Takeover)
		}
		if took := s.Takeover.Writable; took < 400*time.Millisecond {
			t.Errorf("three promotions took %v", took)
		}
		r.await("both in step", synced)
		r.verify()
	})
}

func TestAHungPrimaryIsKilledThenTakenOverFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, newModel())
		r.await("both in step", synced)
		began := time.Now()
		r.with(func() { r.nodes["a"].hung = true })
		r.await("b is primary", func(s Status) bool { return s.Primary == "b" && s.State == Degraded })
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("noticed and taken over after %v", took)
		}
		r.await("both in step", synced)
		r.verify()
	})
}

// When neither answers it is the way to them: nobody is killed for it.
func TestASlowMachineIsNoHungPrimary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, newModel())
		r.await("both in step", synced)
		r.with(func() { r.nodes["a"].hung, r.nodes["b"].hung = true, true })
		time.Sleep(8 * time.Second)
		r.with(func() { r.nodes["a"].hung, r.nodes["b"].hung = false, false })
		time.Sleep(8 * time.Second)
		if s := r.await("both in step", synced); s.Epoch != 1 || s.Count != 0 {
			t.Errorf("%+v", s)
		}
		r.verify()
	})
}

func TestALostStandbyIsWaitedForWithinABound(t *testing.T) {
	for name, lose := range map[string]func(*node, func()){
		"hung":         func(n *node, _ func()) { n.hung = true },
		"gone":         func(n *node, end func()) { n.keptOff = true; end() },
		"gone at once": func(_ *node, end func()) { end() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := begin(t, newModel())
				r.await("both in step", synced)
				r.with(func() { lose(r.nodes["b"], func() { r.end("b") }) })
				time.Sleep(5 * time.Second)
				s := r.k.Status()
				if want := map[bool]State{true: Synced, false: Degraded}[name == "gone at once"]; s.State != want || s.Primary != "a" {
					t.Errorf("after five seconds it is %+v", s)
				}
				var n int
				r.with(func() { n = len(r.acked) })
				time.Sleep(time.Second)
				r.with(func() {
					if len(r.acked) <= n {
						t.Error("commits hang")
					}
				})
				// Whoever degraded lacks what was acknowledged since: it must not take over.
				r.with(func() { r.end("a") })
				r.await("a is back", func(s Status) bool { return s.State == Degraded || s.State == Synced })
				r.heal()
				r.verify()
			})
		})
	}
}

func TestBothKilledComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, newModel())
		r.await("both in step", synced)
		r.with(func() { r.end("b"); r.end("a") })
		r.heal()
		r.verify()
	})
}

// A primary that cannot start any more is replaced by the standby that has everything.
func TestAPrimaryThatCannotStartIsTakenOverFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, newModel())
		r.await("both in step", synced)
		r.crash()
		r.with(func() { r.nodes["a"].keptOff = true })
		r.restart()
		r.await("b is primary", func(s Status) bool { return s.Primary == "b" && s.State == Degraded })
		r.heal()
		r.verify()
	})
}

// Another keeper has the lease: what is ours may take no more writes.
func TestAKeeperWithoutItsLeaseFencesItsPrimary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, newModel())
		r.await("both in step", synced)
		r.with(func() {
			r.lease.Holder, r.lease.Until = "another", time.Now().Add(20*time.Second)
			r.lease.Epoch, r.lease.Primary, r.lease.Standby = 2, "b", ""
			r.lease.Revision++
		})
		r.await("fenced", func(s Status) bool { return s.State == Fenced })
		time.Sleep(100 * time.Millisecond)
		r.with(func() {
			if r.nodes["a"].running {
				t.Error("its primary runs on")
			}
			r.wrong = nil // until the renewal nobody here could know
			r.acked = nil
		})
		time.Sleep(10 * time.Second)
		r.with(func() {
			if r.nodes["a"].running || len(r.acked) > 0 {
				t.Errorf("writes are taken without a lease: %v", r.acked)
			}
		})
		if s := r.await("taken again when it ran out", synced); s.Primary != "b" || s.Epoch != 2 {
			t.Errorf("%+v", s)
		}
		r.verify()
	})
}

func TestAStoreThatIsAwayIsBorneUntilTheLeaseRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, newModel())
		r.await("both in step", synced)
		r.with(func() { r.down = true })
		time.Sleep(5 * time.Second)
		if s := r.k.Status(); s.State != Synced {
			t.Errorf("after five seconds: %+v", s)
		}
		time.Sleep(8 * time.Second)
		r.with(func() {
			if r.nodes["a"].running {
				t.Errorf("it takes writes while the lease may be another's: %+v", r.k.Status())
			}
			r.down = false
		})
		r.await("back", synced)
		r.verify()
	})
}

// seedsVariable sets how many rows of failures are tried.
const seedsVariable = "FAILOVER_SEEDS"

func seeds() uint64 {
	if n, err := strconv.ParseUint(os.Getenv(seedsVariable), 10, 64); err == nil {
		return n
	}
	return 40
}

// Anything at any time, in a row of a random seed: no acknowledged row is lost, no
// node acknowledges one without the lease, and it ends well.
func TestNoOrderOfFailuresLosesAnAcknowledgedRow(t *testing.T) {
	for seed := range seeds() {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 17))
			r := begin(t, newModel())
			var told []string
			for range 14 {
				time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
				what := r.something(random)
				told = append(told, what)
			}
			r.heal()
			r.verify()
			if t.Failed() {
				t.Logf("seed %d: %v", seed, told)
			}
		})
		if t.Failed() {
			return
		}
	}
}

func (r *rig) something(random *rand.Rand) string {
	name := []string{"a", "b"}[random.IntN(2)]
	n := r.nodes[name]
	switch random.IntN(9) {
	case 0, 1, 2:
		r.with(func() { r.end(name) })
		return "kill " + name
	case 3:
		r.with(func() { n.hung = n.running })
		return "hang " + name
	case 4:
		r.with(func() { n.hung = false })
		return "wake " + name
	case 5:
		r.with(func() { n.keptOff = !n.keptOff })
		return fmt.Sprintf("%s cannot start: %v", name, n.keptOff)
	case 6:
		r.with(func() { r.down = !r.down })
		return "store away or back"
	case 7:
		r.crash()
		r.restart()
		return "crash"
	}
	r.with(func() { r.end("a"); r.end("b") })
	return "kill both"
}

func TestTheRulesOfALease(t *testing.T) {
	was := Lease{Cluster: "c", Epoch: 3, Primary: "a", Standby: "b", Holder: "me"}
	for what, c := range map[string]struct {
		change func(*Lease)
		ok     bool
	}{
		"renewed":                         {func(l *Lease) { l.Until = l.Until.Add(time.Second) }, true},
		"another holder":                  {func(l *Lease) { l.Holder = "you" }, true},
		"degraded":                        {func(l *Lease) { l.Standby = "" }, true},
		"taken over":                      {func(l *Lease) { l.Epoch, l.Primary, l.Standby = 4, "b", "" }, true},
		"taken over in the same epoch":    {func(l *Lease) { l.Primary, l.Standby = "b", "" }, false},
		"an epoch left out":               {func(l *Lease) { l.Epoch, l.Primary, l.Standby = 5, "b", "" }, false},
		"an epoch back":                   {func(l *Lease) { l.Epoch, l.Primary, l.Standby = 2, "b", "" }, false},
		"the same primary, another epoch": {func(l *Lease) { l.Epoch, l.Standby = 4, "" }, false},
		"a standby at once":               {func(l *Lease) { l.Epoch, l.Primary, l.Standby = 4, "b", "a" }, false},
		"its own standby":                 {func(l *Lease) { l.Standby = "a" }, false},
		"no primary":                      {func(l *Lease) { l.Primary = "" }, false},
		"no holder":                       {func(l *Lease) { l.Holder = "" }, false},
		"another cluster":                 {func(l *Lease) { l.Cluster = "d" }, false},
		"no name":                         {func(l *Lease) { l.Cluster = "" }, false},
	} {
		next := was
		c.change(&next)
		if err := Check(was, next); (err == nil) != c.ok || err != nil && !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	now := time.Now()
	for what, c := range map[string]struct {
		lease Lease
		free  bool
	}{
		"none yet":  {Lease{}, true},
		"ours":      {Lease{Epoch: 1, Holder: "me", Until: now.Add(time.Hour)}, true},
		"another's": {Lease{Epoch: 1, Holder: "you", Until: now.Add(1)}, false},
		"run out":   {Lease{Epoch: 1, Holder: "you", Until: now}, true},
	} {
		if got := c.lease.free("me", now); got != c.free {
			t.Errorf("%s: free is %v", what, got)
		}
	}
}
