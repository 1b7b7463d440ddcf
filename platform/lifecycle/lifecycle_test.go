package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"meridian/world"
)

// part is a component for tests that notes what happens to it.
type part struct {
	startFor, stopFor time.Duration
	startErr, stopErr error
	deaf              bool // heeds no context while it stops
	done              chan struct{}
	mu                sync.Mutex
	err               error
}

// diary is what happened, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(name, what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, name+" "+what)
}

func (d *diary) at(line string) int { return slices.Index(d.lines, line) }

func (p *part) Start(ctx context.Context) (Running, error) {
	select {
	case <-time.After(p.startFor):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if p.startErr != nil {
		return nil, p.startErr
	}
	return p, nil
}

func (p *part) Stop(ctx context.Context) error {
	stop := ctx.Done()
	if p.deaf {
		stop = nil
	}
	select {
	case <-time.After(p.stopFor):
	case <-stop:
		return ctx.Err()
	}
	select {
	case <-p.done:
	default:
		close(p.done)
	}
	return p.stopErr
}

func (p *part) Done() <-chan struct{} { return p.done }

func (p *part) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *part) die(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
	close(p.done)
}

func (d *diary) part(name string, needs ...string) (*part, Component) {
	p := &part{done: make(chan struct{})}
	return p, Component{Name: name, Needs: needs, Start: p.Start, StartTimeout: 10 * time.Second, StopTimeout: 10 * time.Second}
}

func TestOrder(t *testing.T) {
	var d diary
	var cs []Component
	for _, s := range []string{"edge shield", "shield media shop", "shop db", "media db store", "db", "store"} {
		f := strings.Fields(s)
		_, c := d.part(f[0], f[1:]...)
		cs = append(cs, c)
	}
	got, err := Order(cs)
	if err != nil {
		t.Fatal(err)
	}
	if want := "[[db store] [media shop] [shield] [edge]]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestOrderRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		parts []string
		says  string
	}{
		"a circle":            {[]string{"x a", "a b", "b c", "c a"}, "a → b → c → a"},
		"a need of itself":    {[]string{"a a"}, "a → a"},
		"an unknown need":     {[]string{"a b"}, `"a" needs "b"`},
		"the same name twice": {[]string{"a", "a"}, `two components are named "a"`},
	} {
		var d diary
		var cs []Component
		for _, s := range c.parts {
			f := strings.Fields(s)
			_, one := d.part(f[0], f[1:]...)
			cs = append(cs, one)
		}
		_, err := Order(cs)
		if !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want it to say %q", name, err, c.says)
		}
		if _, err := Start(t.Context(), cs, nil); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s was started: %v", name, err)
		}
	}
	for name, c := range map[string]Component{"no name": {Start: (&part{}).Start}, "no Start": {Name: "a"}} {
		if _, err := Order([]Component{c}); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOrderOfAnyGraph draws graphs without cycles, starts and stops them, and
// checks every need against what was seen.
func TestOrderOfAnyGraph(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(rt, "components")
		needs := make([][]int, n)
		for i := range n {
			for j := range i {
				if rapid.Bool().Draw(rt, "needs") {
					needs[i] = append(needs[i], j)
				}
			}
		}
		perm := rapid.Permutation(slices.Collect(func(yield func(int) bool) {
			for i := 0; i < n && yield(i); i++ {
			}
		})).Draw(rt, "order")
		durations := rapid.SliceOfN(rapid.IntRange(0, 9), n, n).Draw(rt, "seconds")
		synctest.Test(t, func(t *testing.T) {
			var d diary
			var cs []Component
			for _, i := range perm {
				var names []string
				for _, j := range needs[i] {
					names = append(names, fmt.Sprint(j))
				}
				p, c := d.part(fmt.Sprint(i), names...)
				p.startFor = time.Duration(durations[i]) * time.Second
				cs = append(cs, c)
			}
			g, err := Start(t.Context(), cs, d.note)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(d.lines) != 4*n {
				t.Fatalf("%d steps for %d components: %v", len(d.lines), n, d.lines)
			}
			for i := range n {
				for _, j := range needs[i] {
					if d.at(fmt.Sprint(j, " ready")) > d.at(fmt.Sprint(i, " starting")) {
						t.Fatalf("%d started before %d, which it needs: %v", i, j, d.lines)
					}
					if d.at(fmt.Sprint(i, " stopped")) > d.at(fmt.Sprint(j, " stopping")) {
						t.Fatalf("%d was stopped under %d: %v", j, i, d.lines)
					}
				}
			}
		})
	})
}

func TestIndependentPartsStartAndStopSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		var cs []Component
		for i := range 8 {
			p, c := d.part(fmt.Sprint(i))
			p.startFor, p.stopFor = 3*time.Second, 2*time.Second
			cs = append(cs, c)
		}
		began := time.Now()
		g, err := Start(t.Context(), cs, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("the start took %v", d)
		}
		began = time.Now()
		if err := g.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d != 2*time.Second {
			t.Errorf("the stop took %v", d)
		}
	})
}

func TestAFailedStartStopsWhatIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		boom := world.E(world.CodeConflict, "db", "The port is taken.")
		_, db := d.part("db")
		bad, shop := d.part("shop", "db")
		bad.startFor, bad.startErr = time.Second, boom
		slow, media := d.part("media", "db")
		slow.startFor = 5 * time.Second
		_, edge := d.part("edge", "shop", "media")
		began := time.Now()
		_, err := Start(t.Context(), []Component{edge, media, shop, db}, d.note)
		if !errors.Is(err, boom) || !world.Is(err, world.CodeConflict) || !strings.Contains(err.Error(), "shop did not start") {
			t.Errorf("got %v", err)
		}
		if d := time.Since(began); d != time.Second {
			t.Errorf("it took %v: a start in progress was not cancelled", d)
		}
		if d.at("db stopped") < 0 || d.at("edge starting") >= 0 {
			t.Errorf("steps: %v", d.lines)
		}
	})
}

func TestAPartThatEndsByItselfEndsTheGroup(t *testing.T) {
	boom := errors.New("disk full")
	for name, c := range map[string]struct {
		err  error
		says string
	}{"with an error": {boom, "db failed"}, "without": {nil, "db ended by itself"}} {
		synctest.Test(t, func(t *testing.T) {
			var d diary
			db, one := d.part("db")
			_, two := d.part("shop", "db")
			g, err := Start(t.Context(), []Component{one, two}, d.note)
			if err != nil {
				t.Fatal(err)
			}
			db.die(c.err)
			err = g.Wait(t.Context())
			if err == nil || !errors.Is(err, c.err) && c.err != nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", name, err)
			}
			want := "db failed,shop stopping,shop stopped,db stopping,db stopped"
			if got := strings.Join(d.lines[4:], ","); got != want {
				t.Errorf("%s: %s", name, got)
			}
			if err := g.Stop(t.Context()); err != nil {
				t.Errorf("%s: a stop after the end: %v", name, err)
			}
		})
	}
}

func TestAPartThatEndsWhileOthersStartCancelsThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		db, one := d.part("db")
		slow, two := d.part("shop", "db")
		slow.startFor = 5 * time.Second
		time.AfterFunc(time.Second, func() { db.die(nil) })
		began := time.Now()
		_, err := Start(t.Context(), []Component{one, two}, nil)
		if err == nil || !strings.Contains(err.Error(), "db ended by itself") || time.Since(began) != time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestStartTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		slow, c := d.part("db")
		slow.startFor = time.Hour
		_, err := Start(t.Context(), []Component{c}, nil)
		if !world.Is(err, world.CodeTimeout) || !strings.Contains(err.Error(), "db did not start within 10s") {
			t.Errorf("got %v", err)
		}
		slow.startFor = 10*time.Second - 1
		g, err := Start(t.Context(), []Component{c}, nil)
		if err != nil {
			t.Fatal("just within the limit:", err)
		}
		g.Stop(t.Context())
	})
}

func TestAStartThatHeedsNothingIsStoppedWhenItComesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		p, c := d.part("db")
		c.Start = func(context.Context) (Running, error) {
			time.Sleep(time.Minute)
			return p, nil
		}
		began := time.Now()
		if _, err := Start(t.Context(), []Component{c}, nil); !world.Is(err, world.CodeTimeout) {
			t.Errorf("got %v", err)
		}
		if d := time.Since(began); d != c.StartTimeout+c.StopTimeout {
			t.Errorf("gave up after %v", d)
		}
		<-p.Done()
	})
}

func TestCancelledStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		_, db := d.part("db")
		slow, shop := d.part("shop", "db")
		slow.startFor = 5 * time.Second
		_, edge := d.part("edge", "shop")
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := Start(ctx, []Component{db, shop, edge}, d.note)
		if !errors.Is(err, context.Canceled) || !world.Is(err, world.CodeUnavailable) || d.at("db stopped") < 0 {
			t.Errorf("%v, steps %v", err, d.lines)
		}
		cancel()
		if _, err := Start(ctx, []Component{db, shop, edge}, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("started under a dead context: %v", err)
		}
	})
}

func TestTheStartsContextIsNotTheGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		_, db := d.part("db")
		ctx, cancel := context.WithCancel(t.Context())
		g, err := Start(ctx, []Component{db}, d.note)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := g.Wait(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Wait: %v", err)
		}
		synctest.Wait()
		if d.at("db stopping") >= 0 {
			t.Error("the group ended with the context of its start")
		}
		if err := g.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if err := g.Wait(t.Context()); err != nil {
			t.Errorf("Wait after an orderly stop: %v", err)
		}
	})
}

func TestAPartThatDoesNotStopIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		_, db := d.part("db")
		stuck, shop := d.part("shop", "db")
		stuck.stopFor, stuck.deaf = time.Hour, true
		g, err := Start(t.Context(), []Component{db, shop}, d.note)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		err = g.Stop(t.Context())
		if !world.Is(err, world.CodeTimeout) || !strings.Contains(err.Error(), "shop did not stop within 10s") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took != shop.StopTimeout+HurryTime || d.at("db stopped") < 0 {
			t.Errorf("after %v: %v", took, d.lines)
		}
		if again := g.Stop(t.Context()); again.Error() != err.Error() {
			t.Errorf("the second stop says %v", again)
		}
		<-stuck.Done() // a bubble must not leave anything running
	})
}

func TestStopsContextHurries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		slow, db := d.part("db")
		slow.stopFor = 9 * time.Second
		g, err := Start(t.Context(), []Component{db}, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := g.Stop(ctx); !world.Is(err, world.CodeTimeout) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("hurried for %v", took)
		}
	})
}

func TestAFailedStopIsReportedByStopAndWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		p, db := d.part("db")
		p.stopErr = errors.New("not clean")
		g, err := Start(t.Context(), []Component{db}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{g.Stop(t.Context()), g.Wait(t.Context())} {
			if !errors.Is(err, p.stopErr) || !strings.Contains(err.Error(), "db did not stop cleanly") {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestAPartWithNothingLeftToRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		once := Component{Name: "migrate", Start: func(context.Context) (Running, error) { return nil, nil }}
		_, shop := d.part("shop", "migrate")
		g, err := Start(t.Context(), []Component{shop, once}, d.note)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if d.at("migrate stopped") < 0 {
			t.Errorf("steps: %v", d.lines)
		}
	})
}

func TestAnEmptyGroup(t *testing.T) {
	g, err := Start(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}
