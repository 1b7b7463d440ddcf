package monitor

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meridian/engine/health"
	"meridian/engine/pause"
	"meridian/platform/operator"
	"meridian/world"
)

var regions = []string{"east", "mid", "west"}

// threeRegions is a world of three regions with a PoP and a market each, 100 ms apart.
func threeRegions() *world.World {
	w := &world.World{Name: "Crumbs", Link: world.LinkSpec{SameSiteMS: 1}}
	for i, r := range regions {
		w.Sites = append(w.Sites, world.Site{ID: r})
		w.Regions = append(w.Regions, world.Region{ID: r, Name: strings.ToUpper(r), Site: r, Number: i + 1})
		w.PoPs = append(w.PoPs, world.PoP{ID: r + "-pop", Name: "PoP " + r, Site: r})
		w.Markets = append(w.Markets, world.Market{ID: r, Name: "Land of " + r, Host: r + ".example", HomeRegion: r})
		for _, other := range regions[:i] {
			w.RTT = append(w.RTT, world.RTT{Between: [2]string{r, other}, MS: 100})
		}
	}
	return w
}

const image = "/img/crumbs/1000000000000000/v1/webp/320x0"

func pageOf(market string) string {
	return `<html lang="x"><h1>Land of ` + market + `</h1><img src="` + image + `"></html>` + "\n"
}

// net is the world as monitors see it: what is ill, and which ways are cut.
type net struct {
	mu    sync.Mutex
	ill   map[string]string // by target: refused, hangs, slow, 500, rubbish, stale, full, busy, absurd
	cut   map[string]bool   // "east>west": nothing comes through, either way
	alone map[string]bool   // regions whose monitor hears nobody and is heard by nobody
	asked map[string]int    // by target
}

func (n *net) set(target, how string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ill[target] = how
}

func (n *net) isCut(from, to string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cut[from+">"+to] || n.cut[to+">"+from]
}

func (n *net) isAlone(region string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.alone[region]
}

// isolate cuts a region's monitor off from everybody, or heals it.
func (n *net) isolate(region string, alone bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.alone[region] = alone
}

// way answers what a monitor asks of a place.
type way struct {
	n          *net
	from, site string
	pop        bool
}

func (w way) target(r *http.Request) string {
	switch {
	case w.pop:
		return world.Target(world.TargetPoP, w.site+"-pop")
	case strings.HasPrefix(r.URL.Path, "/img/"):
		return world.Target(world.TargetMedia, w.site)
	case r.URL.Path == "/cart":
		return world.Target(world.TargetShop, w.site)
	case r.URL.Path == "/owner/sign-in":
		return world.Target(world.TargetIdentity, w.site)
	}
	return world.Target(world.TargetShield, w.site)
}

func (w way) RoundTrip(r *http.Request) (*http.Response, error) {
	target := w.target(r)
	if proves := world.ProvesProbe(r.Header.Get("Authorization"), "wire", target); r.Header.Get(world.HeaderProbe) != target || proves != w.pop {
		return nil, errors.New("the probe does not say what it is")
	}
	w.n.mu.Lock()
	w.n.asked[target]++
	how := w.n.ill[target]
	w.n.mu.Unlock()
	trip := 100 * time.Millisecond
	if w.from == w.site {
		trip = time.Millisecond
	}
	switch {
	case w.n.isCut(w.from, w.site) || w.n.isAlone(w.from) || how == "hangs":
		<-r.Context().Done()
		return nil, r.Context().Err()
	case how == "slow":
		trip += 300 * time.Millisecond
	case how == "refused":
		pause.For(r.Context(), trip)
		return nil, errors.New("connection refused")
	}
	if !pause.For(r.Context(), trip) {
		return nil, r.Context().Err()
	}
	rec := httptest.NewRecorder()
	w.answer(rec, r, target, how)
	return rec.Result(), nil
}

func (w way) answer(rec *httptest.ResponseRecorder, r *http.Request, target, how string) {
	h := rec.Header()
	market, _, _ := strings.Cut(r.Host, ".")
	member := "shield-" + w.site
	if w.pop {
		h.Set(world.HeaderPoP, w.site+"-pop")
		member = "edge-" + w.site + "-pop"
	}
	h.Set(world.HeaderRegion, w.site)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Status", member+"; hit; ttl=20")
	body := pageOf(market)
	if strings.HasPrefix(target, world.TargetMedia) {
		h.Set("Content-Type", "image/jpeg")
		body = "\xff\xd8\xff\xe0jpeg"
	}
	switch how {
	case "500":
		rec.WriteHeader(500)
	case "rubbish":
		body = "<html>It works!</html>"
	case "full":
		h.Set(world.HeaderFull, "1")
	case "busy":
		h.Set(world.HeaderLoad, "70")
	case "absurd":
		h.Set(world.HeaderLoad, "999999999")
	case "stale":
		h.Set("Cache-Status", member+"; fwd=stale; detail=stale-if-error")
	}
	rec.WriteString(body)
}

// scene is three monitors in a world.
type scene struct {
	t        *testing.T
	net      *net
	monitors map[string]*Monitor
	log      *bytes.Buffer
	stop     map[string]func()
	shelves  map[string]*shelf
	skew     map[string]time.Duration
	change   func(*Config)
	cdns     func(region string) []CDN
}

func newScene(t *testing.T) *scene {
	s := &scene{
		t: t, net: &net{ill: map[string]string{}, cut: map[string]bool{}, alone: map[string]bool{}, asked: map[string]int{}}, monitors: map[string]*Monitor{}, log: &bytes.Buffer{},
		stop: map[string]func(){}, shelves: map[string]*shelf{}, skew: map[string]time.Duration{}, change: func(*Config) {}, cdns: func(string) []CDN { return nil },
	}
	for _, r := range regions {
		s.shelves[r] = &shelf{}
	}
	return s
}

// start begins all monitors; the test ends them by halt.
func (s *scene) start() {
	for _, r := range regions {
		s.make(r)
	}
	for _, r := range regions {
		s.run(r)
	}
}

func (s *scene) make(region string) {
	cfg := goodConfig()
	cfg.Region, cfg.Key = region, seedOf(region)
	sum := sha256.Sum256([]byte("secret"))
	cfg.Tokens = []Token{{Credential: operator.Credential{Name: "ops", SHA256: hex.EncodeToString(sum[:])}, Drain: []string{"pop/", "shop/mid"}}}
	s.change(&cfg)
	d := Deps{
		World: threeRegions(), PoPs: map[string]http.RoundTripper{}, Shields: map[string]http.RoundTripper{}, Views: map[string]Views{},
		Keeper: s.shelves[region], Now: func() time.Time { return time.Now().Add(s.skew[region]) }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	for _, site := range regions {
		d.PoPs[site+"-pop"] = way{s.net, region, site, true}
		d.Shields[site] = way{s.net, region, site, false}
		if site != region {
			d.Views[site] = s.views(region, site)
		}
	}
	d.CDNs = s.cdns(region)
	m, err := New(cfg, d)
	if err != nil {
		s.t.Fatal(err)
	}
	s.monitors[region] = m
}

func (s *scene) run(region string) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.monitors[region].Run(ctx) }()
	s.stop[region] = func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			s.t.Errorf("%s ended with %v", region, err)
		}
	}
}

func (s *scene) halt() {
	for _, stop := range s.stop {
		stop()
	}
}

// views follows a monitor's views by its handler, as long as the way is not cut.
func (s *scene) views(from, to string) Views {
	return func(ctx context.Context, take func([]byte), lost func(error)) error {
		for ctx.Err() == nil {
			cut := func() bool { return s.net.isCut(from, to) || s.net.isAlone(from) || s.net.isAlone(to) }
			if !cut() {
				w := &lines{take: take, broken: func() bool { return ctx.Err() != nil || cut() }}
				r := httptest.NewRequestWithContext(ctx, "GET", world.HealthViewsPath, nil)
				r.Header.Set("Authorization", "Bearer wire")
				s.monitors[to].Handler().ServeHTTP(w, r)
			}
			lost(errors.New("it broke off"))
			pause.For(ctx, 200*time.Millisecond)
		}
		return ctx.Err()
	}
}

// lines is a response that hands on its lines after half a round trip.
type lines struct {
	take   func([]byte)
	broken func() bool
	head   http.Header
}

func (l *lines) Header() http.Header {
	if l.head == nil {
		l.head = http.Header{}
	}
	return l.head
}

func (l *lines) WriteHeader(int) {}
func (l *lines) Flush()          {}

func (l *lines) Write(b []byte) (int, error) {
	time.Sleep(50 * time.Millisecond)
	if l.broken() {
		return 0, errors.New("nobody reads")
	}
	for line := range bytes.Lines(b) {
		l.take(bytes.TrimSuffix(line, []byte{'\n'}))
	}
	return len(b), nil
}

func (s *scene) issue(region string) world.Health {
	m := s.monitors[region]
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.issue
}

// until waits until a region's issue is so, and gives how long that took.
func (s *scene) until(region string, most time.Duration, is func(world.Health) bool) time.Duration {
	s.t.Helper()
	began := time.Now()
	for !is(s.issue(region)) {
		if time.Since(began) > most {
			s.t.Fatalf("%s after %v: %+v", region, most, s.issue(region))
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(began)
}

// agreed demands that all monitors say the same under one version, and gives it.
func (s *scene) agreed() world.Health {
	s.t.Helper()
	first := s.issue(regions[0])
	for _, r := range regions {
		is := s.issue(r)
		same := slices.EqualFunc(is.Targets, first.Targets, func(a, b world.TargetHealth) bool { return a.State == b.State && a.Target == b.Target })
		if is.Isolated || is.Version != first.Version || !same {
			s.t.Errorf("%s says %v (isolated %v), %s says %v", r, is.Version, is.Isolated, regions[0], first.Version)
		}
	}
	return first
}

func stateOf(target string, state world.HealthState) func(world.Health) bool {
	return func(h world.Health) bool { return h.Of(target).State == state }
}

// ask asks a region's monitor as its shield does.
func (s *scene) ask(region, method, path, body string, fields ...string) *httptest.ResponseRecorder {
	r, w := httptest.NewRequest(method, "http://crumbs.example"+path, strings.NewReader(body)), httptest.NewRecorder()
	for i := 0; i+1 < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	s.monitors[region].Handler().ServeHTTP(w, r)
	return w
}

// follower is a consumer of two regions' feeds.
func (s *scene) follower(ctx context.Context, from ...string) *health.Follower {
	f := health.NewFollower(health.FollowerConfig{Monitors: from, Now: time.Now})
	for _, region := range from {
		go func() {
			for ctx.Err() == nil {
				w := &lines{broken: func() bool { return ctx.Err() != nil }, take: func(line []byte) {
					h, err := health.Verify(s.monitors[region].ring, line)
					if err != nil {
						s.t.Error(err)
					}
					f.Take(h)
				}}
				r := httptest.NewRequestWithContext(ctx, "GET", world.HealthPath, nil)
				r.Header.Set("Authorization", "Bearer wire")
				s.monitors[region].Handler().ServeHTTP(w, r)
			}
		}()
	}
	return f
}
