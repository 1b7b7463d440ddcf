package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meridian/engine/health"
	"meridian/engine/tier"
	"meridian/platform/lifecycle"
	"meridian/platform/netaddr"
	"meridian/platform/telemetry"
	"meridian/role/geodns"
	"meridian/role/monitor"
	"meridian/world"
)

// twoPoPs is a world of one region and two PoPs, of which far is the second for
// everybody.
var twoPoPs = &world.World{
	App: "cakes", Markets: []world.Market{{ID: "de", Name: "Cakes", Host: "de.localhost", HomeRegion: "home"}},
	Regions: []world.Region{{ID: "home", Zone: "europe", Site: "frankfurt", Number: 1}},
	Sites:   []world.Site{{ID: "frankfurt", Latitude: 50.1, Longitude: 8.7}, {ID: "warsaw", Latitude: 52.2, Longitude: 21}},
	PoPs:    []world.PoP{{ID: "near", Site: "frankfurt", Zone: "europe"}, {ID: "far", Site: "warsaw", Zone: "europe"}},
}

// held is a shield whose carts never come until it is let go.
type held struct {
	http.Handler
	begun chan struct{}
	free  chan struct{}
}

func newHeld() *held {
	h := &held{begun: make(chan struct{}, 100), free: make(chan struct{})}
	h.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/cart" && r.Header.Get(world.HeaderProbe) == "":
			h.begun <- struct{}{}
			<-h.free
		case r.URL.Path == world.FeedPath:
			tellNothing(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Cache-Status", "shield-home; hit")
		w.Header().Set(world.HeaderRegion, "home")
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, "<html>Cakes</html>")
	})
	return h
}

// aPoP is an edge that is fit for two requests at once.
func aPoP(t *testing.T, id, shield string) (address string, run lifecycle.Running) {
	t.Helper()
	f := NewFile("edge")
	f.Place, f.Edge.PoP, f.Edge.FeedKey, f.Edge.Health.FeedKey, f.Edge.HTTP.Capacity = id, id, "wire", "wire", 2
	f.Edge.Listen, f.Edge.Shields = "unix:"+filepath.Join(shortDir(t), "e"), []tier.Shield{{Region: "home", Address: shield}}
	f.Edge.UpstreamTimeout = 10 * time.Minute // carts are held for as long as it takes
	f.Edge.HedgeAfter = f.Edge.UpstreamTimeout
	p := &Process{World: twoPoPs, Root: telemetry.NewRoot(io.Discard, "text", slog.LevelError)}
	run, err := p.Components(f, f.Roles(), nil)[0].Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lifecycle.Kill(run); <-run.Done() })
	return f.Edge.Listen, run
}

// A PoP that is asked for more than it is fit for says so to the monitor, which
// says so in its feed, by which the name server sends some of its clients on, to
// the next PoP, and to it alone.
func TestAFullPoPSpillsToTheNext(t *testing.T) {
	shield := newHeld()
	l, err := netaddr.Listen(t.Context(), "unix:"+filepath.Join(shortDir(t), "s"))
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: shield, ReadHeaderTimeout: time.Minute}}
	s.Start()
	t.Cleanup(s.Close)
	way := "unix:" + l.Addr().String()
	near, _ := aPoP(t, "near", way)
	far, _ := aPoP(t, "far", way)

	var visitors sync.WaitGroup
	visit := netaddr.Transport(near, netaddr.DefaultTransportOptions())
	for range 6 { // three times what near is fit for, and none at far
		visitors.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), "GET", "http://de.localhost/cart", nil)
			if err != nil {
				t.Error(err)
				return
			}
			if res, err := visit.RoundTrip(r); err == nil {
				res.Body.Close()
			}
		})
	}
	for range 6 {
		<-shield.begun
	}
	defer visitors.Wait()
	defer close(shield.free)

	feed := watchTwo(t, map[string]string{"near": near, "far": far}, way)
	var view world.HealthView
	// Far may say much at first, when the first probes of it were all there is.
	for loads := map[string]int{}; loads["near"] < 150 || loads["far"] == 0 || loads["far"] > 60; time.Sleep(5 * time.Millisecond) {
		view.Health = feed()
		for _, pop := range []string{"near", "far"} {
			loads[pop] = view.Of(world.Target(world.TargetPoP, pop)).Load
		}
	}
	at := spread(t, func() world.HealthView { view.Beat++; return view })
	if at["near"] == 0 || at["far"] < 20 || at["near"]+at["far"] != 100 {
		t.Errorf("of 100 networks %v", at)
	}
}

// watchTwo is what a monitor of the world says next, each time that it is asked.
func watchTwo(t *testing.T, pops map[string]string, shield string) func() world.Health {
	t.Helper()
	o := netaddr.DefaultTransportOptions()
	d := monitor.Deps{
		World: twoPoPs, PoPs: map[string]http.RoundTripper{}, Shields: map[string]http.RoundTripper{"home": netaddr.Transport(shield, o)},
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
	for pop, at := range pops {
		d.PoPs[pop] = netaddr.Transport(at, o)
	}
	seed := health.NewSeed(rand.Reader)
	key, err := health.ParsePrivate(seed)
	if err != nil {
		t.Fatal(err)
	}
	cfg := monitor.Default()
	cfg.Listen, cfg.Region, cfg.WireKey, cfg.Key = "unix:/none", "home", "wire", seed
	cfg.Keys, cfg.Public, cfg.Every, cfg.DeepEvery = []health.Key{{Region: "home", Public: health.PublicOf(key)}}, true, 20*time.Millisecond, time.Hour
	m, err := monitor.New(cfg, d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = m.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	return func() world.Health {
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest("GET", world.HealthPagePath, nil))
		var is world.Health
		if err := json.Unmarshal(w.Body.Bytes(), &is); err != nil {
			t.Fatalf("%v: %s", err, w.Body)
		}
		return is
	}
}

// spread is to which PoP a name server sends clients of 100 networks, after some
// beats of what the feed says.
func spread(t *testing.T, view func() world.HealthView) map[string]int {
	t.Helper()
	cfg := geodns.Default()
	cfg.Listen, cfg.Place, cfg.Zone, cfg.Hostmaster = []string{"127.0.0.1:0"}, "home", "shop.example", "host.shop.example"
	cfg.NameServers, cfg.Elsewhere, cfg.Names = []string{"ns.other.test"}, "frankfurt", []geodns.Routed{{Name: "www"}}
	cfg.Addresses = map[string][]string{"near": {"192.0.2.1"}, "far": {"192.0.2.2"}}
	d := geoDNSDeps(twoPoPs)
	d.Health, d.Log, d.Metrics = view, slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	s, err := geodns.New(cfg, d)
	if err != nil {
		t.Fatal(err)
	}
	for range 40 {
		s.Refresh()
	}
	at := map[string]int{}
	for i := range 100 {
		e, err := s.Explain("www.shop.example", netip.MustParseAddr(fmt.Sprintf("203.0.%d.1", i)))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range e.PoPs {
			if c.Given {
				at[c.PoP]++
			}
		}
	}
	return at
}
