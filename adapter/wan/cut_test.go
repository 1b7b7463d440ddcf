package wan

import (
	"io"
	"testing"
	"testing/synctest"
	"time"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestBlackholeHoldsAndTheSameStreamResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Params{Delay: 40 * ms})
		near := r.dialNear(t)
		far := r.acceptFar(t)
		near.Write([]byte("under way "))
		time.Sleep(20 * ms)
		must(t, r.Cut("a", "b", Blackhole))
		near.Write([]byte("held"))
		far.Write([]byte("the other way is open"))
		readN(t, near, 21)
		time.Sleep(time.Hour)
		synctest.Wait()
		if s, _ := r.Get("a", "b"); s.Bytes != 0 || s.InFlight != 14 || s.Open != 1 {
			t.Errorf("while cut: %+v", s)
		}
		must(t, r.Heal("a", "b"))
		began := time.Now()
		if got := readN(t, far, 14); got != "under way held" {
			t.Errorf("after the heal came %q", got)
		}
		wantSince(t, "the held bytes", began, 40*ms)
	})
}

func TestAShortCutIsFeltByWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Params{Delay: 40 * ms})
		near := r.dialNear(t)
		far := r.acceptFar(t)
		began := time.Now()
		near.Write([]byte("x"))
		time.Sleep(30 * ms)
		must(t, r.Cut("a", "b", Blackhole))
		must(t, r.Heal("a", "b"))
		readN(t, far, 1)
		wantSince(t, "what was under way", began, 70*ms)
	})
}

// What was under way on a slow link comes by the link as it is after the cut.
func TestWhatIsUnderWayComesByTheHealedLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Params{Delay: 40 * ms})
		near := r.dialNear(t)
		far := r.acceptFar(t)
		must(t, r.SetLink("a", "b", Params{Delay: 20 * time.Second}))
		near.Write([]byte("x"))
		time.Sleep(time.Second)
		must(t, r.Cut("a", "b", Blackhole))
		began := time.Now()
		must(t, r.SetLink("a", "b", Params{Delay: 40 * ms}))
		readN(t, far, 1)
		wantSince(t, "what was under way", began, 40*ms)
	})
}

func TestBlackholeHangsNewConnections(t *testing.T) {
	for _, dir := range [][2]string{{"a", "b"}, {"b", "a"}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, Params{Delay: 40 * ms})
			r.echo()
			must(t, r.Cut(dir[0], dir[1], Blackhole))
			near := r.dialNear(t)
			near.Write([]byte("x"))
			time.Sleep(time.Minute)
			if s, _ := r.Get("a", "b"); s.Open != 1 || s.Bytes != 0 {
				t.Errorf("while %v is cut: %+v", dir, s)
			}
			must(t, r.Heal(dir[0], dir[1]))
			if got := readN(t, near, 1); got != "x" {
				t.Errorf("after the heal: %q", got)
			}
		})
	}
}

func TestADiallerThatGivesUpLeavesNothingBehind(t *testing.T) {
	for name, giveUp := range map[string]func(*memConn){
		"close": func(c *memConn) { c.Close() },
		"reset": (*memConn).reset,
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, Params{Delay: 40 * ms})
			must(t, r.Cut("a", "b", Blackhole))
			near := r.dialNear(t)
			near.Write([]byte("place this order"))
			time.Sleep(time.Second)
			giveUp(near)
			synctest.Wait()
			if s, _ := r.Get("a", "b"); s.Open != 0 {
				t.Errorf("%s: the connect still hangs: %+v", name, s)
			}
			must(t, r.Heal("a", "b"))
			time.Sleep(time.Minute)
			if len(r.target.conns) != 0 {
				t.Errorf("%s: the target heard of a dialler that had given up", name)
			}
		})
	}
}

func TestHalfCloseDuringAnUncutHandshakeIsNoGivingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Params{Delay: 40 * ms})
		near := r.dialNear(t)
		near.Write(make([]byte, 2*earlyRead)) // more than the handshake reads
		near.CloseWrite()
		if b, err := io.ReadAll(r.acceptFar(t)); err != nil || len(b) != 2*earlyRead {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	})
}

func TestConnectTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Params{})
		must(t, r.Cut("a", "b", Blackhole))
		began := time.Now()
		if _, err := r.dialNear(t).Read(make([]byte, 1)); !isReset(err) {
			t.Error(err)
		}
		wantSince(t, "a connect that hangs was reset", began, DefaultConnectTimeout)

		near := r.dialNear(t)
		near.Write([]byte("x"))
		time.Sleep(DefaultConnectTimeout - 1)
		must(t, r.Heal("a", "b"))
		if got := readN(t, r.acceptFar(t), 1); got != "x" {
			t.Errorf("just within the limit: %q", got)
		}
		time.Sleep(DefaultConnectTimeout)
		if s, _ := r.Get("a", "b"); s.Open != 1 {
			t.Error("the limit of the connect ended the connection")
		}
	})
}

func TestRefuse(t *testing.T) {
	for _, dir := range [][2]string{{"a", "b"}, {"b", "a"}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, Params{Delay: 40 * ms})
			near := r.dialNear(t)
			far := r.acceptFar(t)
			hanging := r.dialNear(t)
			synctest.Wait()
			began := time.Now()
			must(t, r.Cut(dir[0], dir[1], Refuse))
			for name, end := range map[string]*memConn{"near": near, "far": far, "one in its handshake": hanging} {
				if _, err := end.Read(make([]byte, 1)); !isReset(err) {
					t.Errorf("%v refuses, %s: %v", dir, name, err)
				}
			}
			if _, err := r.dialNear(t).Read(make([]byte, 1)); !isReset(err) {
				t.Errorf("%v refuses, a new connection: %v", dir, err)
			}
			wantSince(t, "all were reset", began, 0)
			synctest.Wait()
			for _, s := range r.List() {
				if refused := s.State == Refuse; s.Open != 0 || s.Total != 2 || (s.Refused == 1) != refused {
					t.Errorf("%+v", s)
				}
			}
			must(t, r.Heal(dir[0], dir[1]))
			r.echo()
			again := r.dialNear(t)
			again.Write([]byte("x"))
			readN(t, again, 1)
		})
	}
}

func TestAChangeTakesHoldOnLiveConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Params{Delay: 40 * ms})
		near := r.dialNear(t)
		far := r.acceptFar(t)
		must(t, r.SetLink("a", "b", Params{Delay: 500 * ms}))
		began := time.Now()
		near.Write([]byte("x"))
		readN(t, far, 1)
		wantSince(t, "at the new delay", began, 500*ms)

		began = time.Now()
		near.Write([]byte("1"))
		time.Sleep(100 * ms)
		must(t, r.SetLink("a", "b", Params{}))
		near.Write([]byte("2"))
		if got := readN(t, far, 2); got != "12" {
			t.Errorf("out of order: %q", got)
		}
		wantSince(t, "what is under way keeps its time", began, 500*ms)
	})
}

func TestAFasterWireDoesNotWorkOffItsOldQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const total = 1 << 20
		r := newRig(t, Params{})
		near := r.dialNear(t)
		far := r.acceptFar(t)
		must(t, r.SetLink("a", "b", Params{Bandwidth: MinBandwidth})) // 2.3 hours
		began := time.Now()
		go near.Write(make([]byte, total))
		time.Sleep(time.Second)
		must(t, r.SetLink("a", "b", Params{Bandwidth: 8 * total}))
		readN(t, far, total)
		if got := time.Since(began); got < 1990*ms || got > 2100*ms {
			t.Errorf("a second's worth took %v from the change", got-time.Second)
		}
	})
}

func TestCutPlaceSparesItsInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Params{})
		must(t, r.AddLink("a", "a", Params{}))
		must(t, r.AddLink("c", "a", Params{}))
		must(t, r.AddLink("b", "c", Params{}))
		must(t, r.CutPlace("a", Blackhole))
		want := map[pair]State{{"a", "a"}: Up, {"a", "b"}: Blackhole, {"b", "a"}: Blackhole, {"c", "a"}: Blackhole, {"b", "c"}: Up}
		for _, s := range r.List() {
			if s.State != want[pair{s.From, s.To}] {
				t.Errorf("%s to %s is %s", s.From, s.To, s.State)
			}
		}
		must(t, r.HealPlace("a"))
		for _, s := range r.List() {
			if s.State != Up {
				t.Errorf("after the heal %s to %s is %s", s.From, s.To, s.State)
			}
		}
	})
}

func TestCloseLeavesNothing(t *testing.T) {
	// The bubble itself fails when a goroutine is left.
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Params{Delay: 40 * ms})
		for range 10 {
			near, far := r.dialNear(t), r.acceptFar(t)
			go near.Write(make([]byte, 1<<20)) // full windows
			go far.Write(make([]byte, 1<<20))
		}
		r.dialNear(t) // in its handshake
		time.Sleep(50 * ms)
		must(t, r.Cut("a", "b", Blackhole))
		r.dialNear(t) // and one that hangs
		synctest.Wait()
		must(t, r.Close())
		must(t, r.Close())
		for _, s := range r.List() {
			if s.Open != 0 || s.InFlight != 0 {
				t.Errorf("after Close: %+v", s)
			}
		}
		if len(r.services["s"].conns) != 0 {
			t.Error("connections are still registered")
		}
	})
}

func TestIdleConnectionsSetNoTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Params{Delay: 40 * ms, Jitter: ms, Bandwidth: 1_000_000})
		near, far := r.dialNear(t), r.acceptFar(t)
		near.Write([]byte("x"))
		readN(t, far, 1)
		// The bubble's clock leaps from timer to timer: a ticker would make a
		// century last for ever.
		time.Sleep(100 * 365 * 24 * time.Hour)
		far.Write([]byte("y"))
		readN(t, near, 1)
	})
}
