package ops

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meridian/platform/operator"
	"meridian/world"
)

// twoRegions is a world of two regions and two PoPs, with a market homed in each.
func twoRegions() *world.World {
	return &world.World{
		App:     "crumbs",
		Regions: []world.Region{{ID: "east", Number: 1}, {ID: "west", Number: 2}},
		PoPs:    []world.PoP{{ID: "iad"}, {ID: "sjc"}},
		Markets: []world.Market{{ID: "de", Host: "de.example", HomeRegion: "east"}, {ID: "jp", Host: "jp.example", HomeRegion: "west"}},
	}
}

func tokenOf(name, text string, scope func(*Token)) Token {
	sum := sha256.Sum256([]byte(text))
	t := Token{Credential: operator.Credential{Name: name, SHA256: hex.EncodeToString(sum[:])}}
	scope(&t)
	return t
}

// ledgerFake keeps purges in memory, and numbers its feed's events.
type ledgerFake struct {
	mu   sync.Mutex
	list []world.PurgeAsked
	feed []world.Purge
	fail error // of what writes

	states []world.ProviderState
	saves  int // of states

	forgetEvents, forgetPurges func(before time.Time, limit int) (int, error) // nil: there are none
}

func (l *ledgerFake) cursor() world.Cursor {
	return world.Cursor{Tx: 100 + uint64(len(l.feed)), Seq: 1}
}

func (l *ledgerFake) Begin(_ context.Context, p world.PurgeAsked, here world.Purge) (world.PurgeAsked, world.Cursor, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return world.PurgeAsked{}, world.Cursor{}, false, l.fail
	}
	for _, was := range l.list {
		if p.Key != "" && was.Token == p.Token && was.Key == p.Key {
			return was, world.Cursor{}, true, nil
		}
	}
	if !here.Empty() {
		l.feed = append(l.feed, here)
		p.Result.Placed = map[string]string{"east": l.cursor().String()}
	}
	l.list = append(l.list, p)
	return p, l.cursor(), false, nil
}

func (l *ledgerFake) Place(_ context.Context, p world.Purge) (world.Cursor, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.feed = append(l.feed, p)
	return l.cursor(), l.fail
}

func (l *ledgerFake) Record(_ context.Context, id string, r world.PurgeResult) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.list {
		if l.list[i].ID == id {
			l.list[i].Result = r
		}
	}
	return nil
}

func (l *ledgerFake) Unplaced(context.Context, time.Time, int) ([]world.PurgeAsked, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []world.PurgeAsked
	for _, p := range l.list {
		if len(p.Result.Placed) < len(p.Regions) {
			out = append(out, p)
		}
	}
	return out, nil
}

func (l *ledgerFake) ForgetEvents(_ context.Context, before time.Time, limit int) (int, error) {
	if l.forgetEvents == nil {
		return 0, nil
	}
	return l.forgetEvents(before, limit)
}

func (l *ledgerFake) ForgetPurges(_ context.Context, before time.Time, limit int) (int, error) {
	if l.forgetPurges == nil {
		return 0, nil
	}
	return l.forgetPurges(before, limit)
}

func (l *ledgerFake) Asked(_ context.Context, id string) (world.PurgeAsked, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.list {
		if p.ID == id {
			return p, nil
		}
	}
	return world.PurgeAsked{}, world.E(world.CodeNotFound, "ledger", "")
}

func (l *ledgerFake) List(_ context.Context, token string, _ time.Time, limit int) ([]world.PurgeAsked, []string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []world.PurgeAsked
	for _, p := range l.list {
		if token == "" || token == p.Token {
			out = append(out, p)
		}
	}
	return out[:min(limit, len(out))], nil, nil
}

// first is the first purge of the list.
func (l *ledgerFake) first() world.PurgeAsked {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.list[0]
}

func (l *ledgerFake) purges() []world.Purge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.feed)
}

// peersFake is the ops of the region west.
type peersFake func(ctx context.Context, p world.Purge, each func(world.PurgeNews) error) error

func (f peersFake) Purge(ctx context.Context, region string, p world.Purge, _ time.Duration, each func(world.PurgeNews) error) error {
	if region != "west" {
		panic("a region asks itself")
	}
	return f(ctx, p, each)
}

// allAtOnce places a purge and has every tier carry it out.
func allAtOnce(_ context.Context, _ world.Purge, each func(world.PurgeNews) error) error {
	each(world.PurgeNews{Event: world.PurgePlaced, Region: "west", Cursor: "7.1"})
	for _, t := range twoRegions().Tiers() {
		each(world.PurgeNews{Event: world.PurgeTaken, Tier: t})
	}
	return nil
}

type fixture struct {
	*Ops
	ledger *ledgerFake
	log    *bytes.Buffer
	h      http.Handler
}

func newFixture(t *testing.T, peers peersFake, change ...func(*Config)) *fixture {
	t.Helper()
	return newFixtureWith(t, peers, &ledgerFake{}, func(*Deps) {}, change...)
}

func newFixtureWith(t *testing.T, peers peersFake, ledger *ledgerFake, deps func(*Deps), change ...func(*Config)) *fixture {
	t.Helper()
	cfg := Default()
	cfg.Listen, cfg.Region, cfg.WireKey = "unix:/x", "east", "wire"
	cfg.Tokens = []Token{
		tokenOf("root", "root-token", func(t *Token) { t.All, t.Hard, t.Log = true, true, true }),
		tokenOf("german", "german-token", func(t *Token) {
			t.Groups, t.URLs = []string{"de/"}, []string{"de.example/p/", "/img/crumbs/"}
		}),
		tokenOf("app", "app-token", func(t *Token) { t.Apps, t.Hard = []string{"crumbs"}, true }),
	}
	for _, c := range change {
		c(&cfg)
	}
	f := &fixture{ledger: ledger, log: &bytes.Buffer{}}
	var seed [32]byte
	d := Deps{World: twoRegions(), Ledger: f.ledger, Peers: peers, Now: time.Now, Random: rand.NewChaCha8(seed), Log: slog.New(slog.NewTextHandler(&syncWriter{w: f.log}, nil))}
	deps(&d)
	o, err := New(cfg, d)
	if err != nil {
		t.Fatal(err)
	}
	f.Ops, f.h = o, o.Handler()
	return f
}

type syncWriter struct {
	mu sync.Mutex
	w  *bytes.Buffer
}

func (s *syncWriter) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(b)
}

func (f *fixture) do(method, path, token, body string, fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://ops"+path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	f.h.ServeHTTP(w, r)
	return w
}

// ack is a tier's word.
func (f *fixture) ack(t *testing.T, tier, cursor string) {
	t.Helper()
	b, _ := json.Marshal(world.Ack{Tier: tier, Cursor: cursor})
	if w := f.do("POST", world.AcksPath, "wire", string(b)); w.Code != 204 {
		t.Errorf("%s at %s: %d %s", tier, cursor, w.Code, w.Body)
	}
}

func news(t *testing.T, w *httptest.ResponseRecorder) (out []world.PurgeNews) {
	t.Helper()
	for line := range strings.Lines(w.Body.String()) {
		var n world.PurgeNews
		if err := json.Unmarshal([]byte(line), &n); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		out = append(out, n)
	}
	return out
}

func (l *ledgerFake) SaveProvider(_ context.Context, s world.ProviderState) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return l.fail
	}
	l.saves++
	l.states = slices.DeleteFunc(l.states, func(was world.ProviderState) bool { return was.Provider == s.Provider && was.Region == s.Region })
	l.states = append(l.states, s)
	return nil
}

func (l *ledgerFake) Providers(context.Context) ([]world.ProviderState, []string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.states), nil, l.fail
}

// state is how far a provider is in the region east.
func (l *ledgerFake) state(name string) world.ProviderState {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.states {
		if s.Provider == name && s.Region == "east" {
			return s
		}
	}
	return world.ProviderState{}
}
