package monitor

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"meridian/engine/health"
	"meridian/world"
)

// play runs a scene in a bubble of its own time.
func play(t *testing.T, do func(*testing.T, *scene)) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		s.start()
		defer s.halt()
		time.Sleep(10*time.Second + world.HealthBeat) // who says so too comes with the next beat
		do(t, s)
	})
}

func TestAllIsWell(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		is := s.agreed()
		if len(is.Targets) != 15 || len(is.Heard) != 3 {
			t.Fatalf("%+v", is)
		}
		for _, target := range is.Targets {
			if target.State != world.Healthy || target.Reason != world.ReasonAnswers || len(target.By) != 3 {
				t.Errorf("%+v", target)
			}
		}
		before := s.issue("east")
		time.Sleep(10 * world.HealthBeat)
		if after := s.issue("east"); after.Version != before.Version || after.Beat < before.Beat+9 {
			t.Errorf("nothing has happened, and %v became %v, beat %d became %d", before.Version, after.Version, before.Beat, after.Beat)
		}
	})
}

// What does not answer is down everywhere within seconds, with the reason, and is
// back after its longer proof.
func TestIllTargetsAreTakenOut(t *testing.T) {
	for _, c := range []struct {
		target, how string
		reason      world.HealthReason
		within      time.Duration
	}{
		{"pop/west-pop", "refused", world.ReasonRefused, 2 * time.Second},
		{"pop/west-pop", "hangs", world.ReasonTimeout, 3500 * time.Millisecond},
		{"pop/west-pop", "500", world.ReasonStatus, 2 * time.Second},
		{"pop/west-pop", "rubbish", world.ReasonContent, 2 * time.Second},
		{"shield/mid", "hangs", world.ReasonTimeout, 3500 * time.Millisecond},
		{"media/mid", "500", world.ReasonStatus, 3 * time.Second},
		{"media/mid", "rubbish", world.ReasonContent, 3 * time.Second},
		{"shop/east", "500", world.ReasonStatus, 3 * time.Second},
		{"shop/east", "rubbish", world.ReasonContent, 3 * time.Second},
		{"identity/west", "500", world.ReasonStatus, 6 * time.Second},
	} {
		t.Run(c.target+" "+c.how, func(t *testing.T) {
			play(t, func(t *testing.T, s *scene) {
				s.net.set(c.target, c.how)
				took := s.until("east", c.within, stateOf(c.target, world.Down))
				time.Sleep(2 * time.Second)
				is := s.agreed()
				got := is.Of(c.target)
				if got.Reason != c.reason || len(got.By) != 3 {
					t.Errorf("after %v: %+v", took, got)
				}
				for _, other := range is.Targets {
					if other.Target != c.target && other.State != world.Healthy {
						t.Errorf("too: %+v", other)
					}
				}
				s.net.set(c.target, "")
				s.until("east", 30*time.Second, stateOf(c.target, world.Healthy))
			})
		})
	}
}

func TestSlowAndStaleAreDegraded(t *testing.T) {
	for how, c := range map[string]struct {
		target string
		reason world.HealthReason
	}{"slow": {"pop/mid-pop", world.ReasonSlow}, "stale": {"pop/mid-pop", world.ReasonStale}, "full": {"media/mid", world.ReasonFull}} {
		play(t, func(t *testing.T, s *scene) {
			s.net.set(c.target, how)
			s.until("west", 25*time.Second, stateOf(c.target, world.Degraded))
			if got := s.issue("west").Of(c.target); got.Reason != c.reason {
				t.Errorf("%+v", got)
			}
			s.net.set(c.target, "")
			s.until("west", 25*time.Second, stateOf(c.target, world.Healthy))
		})
	}
}

// outside is the way to a CDN, which answers as the net says of it.
type outside struct{ way }

func (o outside) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Host != "west.example" || r.URL.Path != "/p/a" || r.Header.Get(world.HeaderProbe) != "" || r.Header.Get("Authorization") != "" {
		return nil, errors.New("this is not what everybody asks")
	}
	o.n.mu.Lock()
	how := o.n.ill["cdn/main"]
	o.n.mu.Unlock()
	rec := httptest.NewRecorder()
	o.answer(rec, r, "cdn/main", how)
	return rec.Result(), nil
}

// An outside CDN is looked at as our own PoPs are, and is down when it does not give
// the shop's page.
func TestAnOutsideCDNIsWatched(t *testing.T) {
	for _, how := range []string{"500", "rubbish"} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t)
			s.cdns = func(region string) []CDN {
				return []CDN{{Name: "main", Host: "west.example", Path: "/p/a", Way: outside{way{s.net, region, "far away", false}}}}
			}
			s.start()
			defer s.halt()
			s.until("east", 15*time.Second, func(h world.Health) bool { return h.Of("cdn/main").Reason == world.ReasonAnswers })
			s.net.set("cdn/main", how)
			s.until("mid", 15*time.Second, stateOf("cdn/main", world.Down))
			s.net.set("cdn/main", "")
			s.until("west", 30*time.Second, stateOf("cdn/main", world.Healthy))
		})
	}
}

// What a target says of its load is in the feed; what cannot be one spoils nothing.
func TestLoadsAreInTheFeed(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		for how, load := range map[string]int{"busy": 70, "absurd": world.MaxLoad} {
			s.net.set("pop/mid-pop", how)
			s.until("west", 25*time.Second, func(h world.Health) bool { return h.Of("pop/mid-pop").Load == load })
			if is := s.issue("west"); is.Of("pop/east-pop").Load != 0 || is.Of("pop/mid-pop").State != world.Healthy {
				t.Errorf("%s: %+v", how, is.Targets)
			}
		}
		s.net.set("pop/mid-pop", "")
		s.until("west", 25*time.Second, func(h world.Health) bool { return h.Of("pop/mid-pop").Load == 0 })
	})
}

// A monitor that is cut off alone takes nothing out: not by its own word, which it
// does not give, nor by anybody else's.
func TestACutOffMonitorTakesNothingOut(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		reader := s.follower(ctx, "east", "mid")
		before := s.agreed()
		s.net.isolate("east", true)
		s.until("east", Default().Fresh+world.HealthBeat, func(h world.Health) bool { return h.Isolated })
		for range 60 {
			time.Sleep(time.Second)
			for _, r := range regions {
				for _, target := range s.issue(r).Targets {
					if target.State != world.Healthy {
						t.Fatalf("%s takes out %+v", r, target)
					}
				}
			}
			if v := reader.View(); v.Frozen || v.Isolated || v.Age > 2*time.Second {
				t.Fatalf("a reader goes by %+v", v)
			}
		}
		if is := s.issue("east"); is.Version.Compare(before.Version) != 0 || s.issue("mid").Isolated || len(s.issue("mid").Heard) != 2 {
			t.Errorf("east gave version %v, mid hears %v", is.Version, s.issue("mid").Heard)
		}
		s.net.isolate("east", false)
		time.Sleep(20 * time.Second)
		s.agreed()
	})
}

// Two feeds that disagree are resolved by version, whole: while a monitor is cut
// off the others take a PoP out, and a reader of both goes by them.
func TestOfTwoFeedsTheLaterHolds(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		reader := s.follower(ctx, "east", "mid")
		s.net.isolate("east", true)
		time.Sleep(5 * time.Second)
		s.net.set("pop/west-pop", "refused")
		s.until("mid", 4*time.Second, stateOf("pop/west-pop", world.Down))
		time.Sleep(2 * time.Second)
		if old := s.issue("east"); !old.Isolated || old.Of("pop/west-pop").State != world.Healthy {
			t.Fatalf("east says %+v", old)
		}
		if v := reader.View(); v.Of("pop/west-pop").State != world.Down || v.Version != s.issue("mid").Version || v.Monitor != "mid" {
			t.Errorf("the reader goes by %v of %s", v.Version, v.Monitor)
		}
	})
}

// A region that is lost with its monitor is taken out by the others.
func TestALostRegionIsTakenOut(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		s.stop["east"]()
		delete(s.stop, "east")
		for _, kind := range []string{world.TargetShield, world.TargetMedia, world.TargetShop} {
			s.net.set(world.Target(kind, "east"), "hangs")
		}
		s.net.isolate("east", true)
		s.until("mid", 5*time.Second, stateOf("shield/east", world.Down))
		s.until("mid", time.Second, func(h world.Health) bool { // they were doubted with it
			return h.Of("media/east").State == world.Down && h.Of("shop/east").State == world.Down
		})
		if is := s.issue("mid"); is.Isolated || is.Of("pop/mid-pop").State != world.Healthy {
			t.Errorf("%+v", is)
		}
	})
}

// Two monitors between which the link is cut hear each other through the third.
func TestViewsAreRelayed(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		s.net.mu.Lock()
		s.net.cut["east>west"] = true
		s.net.mu.Unlock()
		time.Sleep(30 * time.Second)
		is := s.agreed()
		if len(is.Heard) != 3 || is.Of("shield/west").State != world.Healthy || is.Of("shield/east").State != world.Healthy {
			t.Errorf("%+v", is)
		}
	})
}

// At rest the probes are few.
func TestProbesAreFew(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		count := func() (n int) {
			s.net.mu.Lock()
			defer s.net.mu.Unlock()
			for _, times := range s.net.asked {
				n += times
			}
			return n
		}
		before := count()
		time.Sleep(time.Minute)
		// Three monitors: three shields every 3 s, three PoPs every 5 s, six others every
		// 8 s and three every 16 s.
		if n, want := count()-before, 3*(3*20+3*12)+6*3*60/8+3*3*60/16; n < want-20 || n > want+20 {
			t.Errorf("%d probes a minute", n)
		}
	})
}

// A monitor relays the others' views before it tells its own: who hears that, and
// what was decided, has then heard all that it was made of.
func TestTheOwnViewComesLast(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		for _, r := range regions {
			ctx, cancel := context.WithCancel(t.Context())
			var from []string
			w := &lines{broken: func() bool { return ctx.Err() != nil }, take: func(line []byte) {
				v, err := health.VerifyView(s.monitors[r].ring, line)
				if err != nil {
					t.Error(err)
				}
				if from = append(from, v.Monitor); len(from) == len(regions) {
					cancel()
				}
			}}
			req := httptest.NewRequestWithContext(ctx, "GET", world.HealthViewsPath, nil)
			req.Header.Set("Authorization", "Bearer wire")
			s.monitors[r].Handler().ServeHTTP(w, req)
			cancel()
			if from[len(from)-1] != r {
				t.Errorf("%s tells the views of %v", r, from)
			}
		}
	})
}

// After a doubt all monitors have looked at once. They go on in turn all the same:
// what fails next is seen by one of them within a third of the time between probes.
func TestMonitorsLookInTurnAfterADoubt(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		time.Sleep(1234 * time.Millisecond)
		var next []time.Duration
		for _, r := range regions {
			m := s.monitors[r]
			i := slices.IndexFunc(m.checks, func(c *check) bool { return c.target == "pop/west-pop" })
			at := time.Now().Add(m.pause(m.checks[i], m.turn(i)))
			next = append(next, time.Duration(at.UnixNano())%m.cfg.PoPEvery)
		}
		slices.Sort(next)
		third := Default().PoPEvery / 3
		for i, n := range next[1:] {
			if gap := n - next[i]; gap < third-time.Millisecond || gap > third+time.Millisecond {
				t.Errorf("they look at %v of every %v", next, Default().PoPEvery)
			}
		}
	})
}
