package drill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meridian/drill/judge"
	"meridian/world"
)

// inMemory answers over connections that are in this process alone, so that a
// whole drill can go by a test's own time.
type inMemory struct {
	http.Handler
	all sync.WaitGroup
}

func (s *inMemory) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	l := &oneConn{there, make(chan struct{}, 1)}
	l.there <- struct{}{}
	s.all.Go(func() { _ = http.Serve(l, s) })
	return here, nil
}

// oneConn listens for one connection that is there already.
type oneConn struct {
	net.Conn
	there chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if _, ok := <-l.there; !ok {
		return nil, net.ErrClosed
	}
	close(l.there)
	return l.Conn, nil
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return l.LocalAddr() }

// faultDesk is a world's API that notes which faults are active.
type faultDesk struct {
	mu      sync.Mutex
	begun   int
	active  map[string]bool
	takes   time.Duration // to begin one
	stuck   int           // so many heals fail
	renewed int
}

func (d *faultDesk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimPrefix(r.URL.Path, "/faults/")
	if r.Method == http.MethodPost && r.URL.Path == "/faults" {
		time.Sleep(d.takes)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case r.Method == http.MethodPost && r.URL.Path == "/faults":
		var f Fault
		if err := json.NewDecoder(r.Body).Decode(&f); err != nil || f.TTLSeconds != faultTTL.Seconds() {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		d.begun++
		f.ID = fmt.Sprintf("f%d", d.begun)
		d.active[f.ID] = true
		_ = json.NewEncoder(w).Encode(f)
	case r.Method == http.MethodPost:
		d.renewed++
	case r.Method == http.MethodDelete && d.stuck > 0:
		d.stuck--
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.Method == http.MethodDelete:
		delete(d.active, id)
	}
}

// well is a PoP that answers everything as it should be.
func well(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.Contains(r.URL.Path, "/drill-"):
		w.WriteHeader(http.StatusNotFound)
	case strings.HasPrefix(r.URL.Path, "/img/"):
		w.Header().Set("Content-Type", "image/webp")
		_, _ = io.WriteString(w, "a picture")
	default:
		_, _ = io.WriteString(w, "<html></html>")
	}
}

// rehearse carries a drill out against a made-up world, interrupted after a time.
func rehearse(t *testing.T, name string, desk *faultDesk, after time.Duration) (r *run, v *Verdict, err error) {
	t.Helper()
	d, err := byName(name)
	if err != nil {
		t.Fatal(err)
	}
	d.Allow, d.Witness = d.Allow.withDefaults(), nil
	api, pops := &inMemory{Handler: desk}, &inMemory{Handler: http.HandlerFunc(well)}
	target := shippedTarget(t)
	target.API = &API{base: "http://world.example", http: &http.Client{Transport: &http.Transport{DialContext: api.dial}}}
	target.dial = pops.dial
	target.health = func(context.Context) (world.HealthView, error) { return world.HealthView{}, errors.New("no monitors") }
	browser := newVisitor(target, nil, judge.Browser, target.World.Cities[0])
	browser.answer, browser.until = []string{"iad"}, time.Now().Add(time.Hour)
	plain, pinned := newVisitor(target, nil, judge.Plain, browser.city), newVisitor(target, nil, judge.Pinned, browser.city)
	for _, v := range []*visitor{plain, pinned} {
		v.answer, v.until = browser.answer, browser.until
	}
	o := DefaultOptions()
	o.For, o.Rate = DefaultFor, 5
	r = &run{drill: d, target: target, plan: d.Plan(target), o: o, crowd: &crowd{
		readers: []*visitor{browser, plain, pinned},
		shops:   map[string]*shop{browser.market.ID: {slugs: []string{"bread"}, pictures: []string{"/img/x"}}},
	}}
	ctx, cancel := context.WithTimeout(t.Context(), after)
	defer cancel()
	err = r.carryOut(ctx, rand.New(rand.NewPCG(1, 1)))
	if r.broke {
		v = r.verdict(ctx)
	}
	r.crowd.close()
	target.API.http.CloseIdleConnections()
	api.all.Wait()
	pops.all.Wait()
	return r, v, err
}

// Whoever interrupts a drill leaves nothing broken, at whatever moment, and is
// shown what it had seen.
func TestAnInterruptedDrillHealsWhatItBroke(t *testing.T) {
	began := warmUp + DefaultOptions().Steady
	for name, c := range map[string]struct {
		drill  string
		after  time.Duration
		desk   *faultDesk
		begun  int  // faults
		shown  bool // a verdict
		passed bool
	}{
		"before anything is broken":  {"region-cut", began - time.Second, &faultDesk{}, 0, false, false},
		"while it is broken":         {"region-cut", began + 5*time.Second, &faultDesk{}, 1, true, false},
		"while several are broken":   {"replica-lag", began + 8*time.Second, &faultDesk{}, 2, true, false},
		"while it begins":            {"split-brain", began + time.Second, &faultDesk{takes: 3 * time.Second}, 2, true, false},
		"while it flaps":             {"region-flapping", began + 6*time.Second, &faultDesk{}, 2, true, false},
		"after the heal":             {"region-cut", began + DefaultFor + time.Second, &faultDesk{}, 1, true, false},
		"a heal that fails at first": {"region-cut", began + 5*time.Second, &faultDesk{stuck: healTries - 1}, 1, true, false},
		"not at all":                 {"clock-skew", time.Hour, &faultDesk{}, 2, true, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			desk := c.desk
			desk.active = map[string]bool{}
			r, v, err := rehearse(t, c.drill, desk, c.after)
			if desk.begun != c.begun || len(desk.active) > 0 {
				t.Errorf("%s: %d faults were begun, %v are left", name, desk.begun, desk.active)
			}
			if (v != nil) != c.shown || (err == nil) != c.passed {
				t.Fatalf("%s: verdict %v, %v", name, v != nil, err)
			}
			if v == nil {
				return
			}
			if v.Pass != c.passed || (v.Aborted == "") != c.passed || v.Figures.Kept.Unseen == c.passed || len(v.Seconds) == 0 || v.Figures.Broken.Requests == 0 && name != "while it begins" {
				t.Errorf("%s: pass %v, aborted %q, %+v; not passed: %s", name, v.Pass, v.Aborted, v.Figures.Kept, v.bad())
			}
			if broken := c.after - began; broken > renewEvery && r.plan.On == 0 && desk.renewed == 0 {
				t.Errorf("%s: nothing was renewed in %v", name, broken)
			}
		})
	}
}

// What cannot be healed is told, with what was seen.
func TestAFaultThatDoesNotHealIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desk := &faultDesk{active: map[string]bool{}, stuck: 1000}
		_, v, err := rehearse(t, "region-cut", desk, time.Hour)
		if v == nil || v.Pass || v.Aborted == "" || err == nil || len(desk.active) != 1 {
			t.Errorf("%+v, %v", v, err)
		}
	})
}
