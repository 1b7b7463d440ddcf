package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"meridian/test/worldtest"
	"meridian/world"
)

// Times of a run. They are for a machine that does much else.
const (
	answerWithin  = 3 * time.Second  // how long a client waits for an answer until it counts as lost
	resolveWithin = 20 * time.Second // after the faults: until every order has an outcome
	checkWithin   = 60 * time.Second // for the search of one history
)

// Rests of the clients between two requests.
const (
	readerRest   = 150 * time.Millisecond
	watcherRest  = 200 * time.Millisecond
	ownerRest    = 400 * time.Millisecond
	customerRest = 60 * time.Millisecond
	uploaderRest = 500 * time.Millisecond
)

// Settings are those that the world is started with: a lost feed is noticed in
// half of the usual time, since faults last seconds, and no picture is made
// before anybody asks for it.
const Settings = `
edge: {feed_limit: 2500ms}
shield: {feed_limit: 2500ms}
media: {care: {hot: [], polish: false}}
`

// Bounds of the prices that may be shown, by those settings. A tier hears of a
// price within feed_limit or knows that it does not; slack is for the way, which
// may be slow, and for a machine that does much else.
const (
	feedLimit  = 2500 * time.Millisecond
	priceSlack = 2 * time.Second
	keptStale  = (300 + 86400) * time.Second // max-age and stale-if-error of a page
)

// Stage is a world and the people who use it, from schedule to schedule.
type Stage struct {
	world   *worldtest.World
	admin   *worldtest.Client
	inject  *injector
	ground  Ground
	secrets stageSecrets
	began   time.Time
	shops   []*shopfront
	tiers   []string
	played  int
}

type stageSecrets struct{ super, upload, purge string }

// shopfront is a market and who is at work in it.
type shopfront struct {
	market  world.Market
	slugs   []string
	owner   *worldtest.Client
	ways    map[string]*worldtest.Client // by tier: a visitor at that PoP, or at the region's own door
	edges   []string
	highest map[string]int64 // the highest price that a product was ever to have, by slug
}

// NewStage prepares a world that is up for schedules. A world of one process has
// roles that cannot be killed by the system, so it should be one of many.
func NewStage(t testing.TB, w *worldtest.World, markets []string) *Stage {
	t.Helper()
	s := &Stage{world: w, admin: w.Admin(t).Within(startedWithin), began: time.Now(), tiers: w.Plan.Tiers()}
	sec := w.Secrets(t)
	s.secrets = stageSecrets{super: sec.Super, upload: sec.UploadToken, purge: sec.PurgeToken}
	var err error
	if s.inject, err = newInjector(s.admin, s.now); err != nil {
		t.Fatal(err)
	}
	cities := map[string]bool{}
	for _, c := range w.Plan.Cities {
		cities[c.ID] = true
	}
	if s.ground, err = s.inject.ground(func(place string) bool { return cities[place] }); err != nil {
		t.Fatal(err)
	}
	for _, id := range markets {
		s.shops = append(s.shops, s.open(t, id))
	}
	return s
}

// now is the moment of a history.
func (s *Stage) now() int64 { return int64(time.Since(s.began)) }

// open makes the ways into one market. Its products are those that take no photo.
func (s *Stage) open(t testing.TB, id string) *shopfront {
	t.Helper()
	f := &shopfront{market: s.world.Market(t, id), owner: s.world.Owner(t, id).Within(answerWithin), ways: map[string]*worldtest.Client{}, highest: map[string]int64{}}
	for _, p := range s.world.Plan.PoPs {
		tier := world.EdgeTier(p.ID)
		f.ways[tier], f.edges = s.world.AtPoP(t, id, p.ID).Within(answerWithin), append(f.edges, tier)
	}
	for _, r := range s.world.Plan.Regions {
		f.ways[world.ShieldTier(r.ID)] = s.world.Role(t, "shield", r.ID, id).Within(answerWithin)
	}
	conn := s.world.Catalog(t, f.market.HomeRegion)
	rows, err := conn.Query(t.Context(), "select slug from product where market = $1 and not takes_photo order by slug", id)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var slug string
		if err := rows.Scan(&slug); err != nil {
			t.Fatal(err)
		}
		f.slugs = append(f.slugs, slug)
	}
	if err := rows.Err(); err != nil || len(f.slugs) < 3 {
		t.Fatalf("market %s has the products %v, %v", id, f.slugs, err)
	}
	return f
}

// Play runs a schedule and everybody through it, and checks what came of it.
func (s *Stage) Play(t testing.TB, schedule Schedule) Report {
	t.Helper()
	r := s.newRun(t, schedule)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r.work(ctx)
	if err := s.inject.play(ctx, schedule); err != nil {
		r.fail("the faults could not be ended: %v", err)
	}
	r.healed = time.Now()
	close(r.over)
	r.people.Wait()
	if !s.world.Running() {
		r.fail("the world has ended")
		return r.report
	}
	r.converge(ctx)
	r.audit(ctx)
	r.check()
	return r.report
}

// run is one schedule on its way.
type run struct {
	*Stage
	schedule Schedule
	over     chan struct{} // closed when the faults are over: nothing new is begun
	healed   time.Time
	people   sync.WaitGroup
	stalls   []*stall

	mu      sync.Mutex
	uploads []*upload
	taken   []Taken
	report  Report
}

// stall is what a run does in one market.
type stall struct {
	*shopfront
	shelf   []string // products that are ordered; the first is what is short
	priced  []string // products whose price changes: one of the shelf, one beside it
	mu      sync.Mutex
	history Market
	writes  []PriceWrite
	reads   []PriceRead
	amounts map[string]int64 // a price as pages print it → minor units
	first   map[string]int64 // by slug: the price's version at the beginning
}

// stockFirst and stockSecond are what is there of the two products of a shelf:
// less than is asked for.
const (
	stockFirst  = 8
	stockSecond = 3
)

// newRun takes products that the last schedules have not touched and fills the
// shelves.
func (s *Stage) newRun(t testing.TB, schedule Schedule) *run {
	t.Helper()
	r := &run{Stage: s, schedule: schedule, over: make(chan struct{})}
	r.report.Schedule, r.report.Outcomes = schedule, map[string]int{}
	for _, f := range s.shops {
		at := func(i int) string { return f.slugs[(s.played*3+i)%len(f.slugs)] }
		st := &stall{shopfront: f, shelf: []string{at(0), at(1)}, priced: []string{at(0), at(2)}, amounts: map[string]int64{}, first: map[string]int64{}}
		st.history = Market{ID: f.market.ID, Stock: map[string]int{at(0): stockFirst, at(1): stockSecond}}
		for slug, n := range st.history.Stock {
			s.world.Restock(t, f.market.ID, slug, n)
		}
		conn := s.world.Catalog(t, f.market.HomeRegion)
		for _, slug := range st.priced {
			var version, minor int64
			if err := conn.QueryRow(t.Context(), "select version, amount_minor from price where market = $1 and sku = $2 order by version desc limit 1", f.market.ID, slug).Scan(&version, &minor); err != nil {
				t.Fatal(err)
			}
			st.first[slug], st.amounts[f.owner.Money(minor)] = version, minor
			f.highest[slug] = max(f.highest[slug], minor)
		}
		conn.Close(t.Context())
		r.stalls = append(r.stalls, st)
	}
	s.played++
	return r
}

// customers are how many order at once in each market.
const customers = 3

// work sends everybody off. Each has randomness of their own, from the seed.
func (r *run) work(ctx context.Context) {
	stream := uint64(1)
	send := func(do func(*rand.Rand)) {
		random := rand.New(rand.NewPCG(r.schedule.Seed, stream))
		stream++
		r.people.Go(func() { do(random) })
	}
	for _, st := range r.stalls {
		for range customers {
			client := int(stream)
			send(func(random *rand.Rand) { (&customer{r, st, client, random}).shop() })
		}
		client := int(stream)
		send(func(random *rand.Rand) { r.watch(st, client, random) })
		send(func(random *rand.Rand) { r.reprice(ctx, st, random) })
		for _, tier := range r.tiers {
			send(func(random *rand.Rand) { r.read(st, tier, random) })
		}
	}
	send(r.upload)
}

// ended reports whether the faults are over.
func (r *run) ended() bool {
	select {
	case <-r.over:
		return true
	default:
		return false
	}
}

// rest waits for about so long, or until the faults are over.
func (r *run) rest(random *rand.Rand, d time.Duration) {
	wait := time.NewTimer(d/2 + time.Duration(random.Int64N(int64(d))))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-r.over:
	}
}

// hopeless reports whether an order that has no outcome yet is to be given up.
func (r *run) hopeless() bool { return r.ended() && time.Since(r.healed) > resolveWithin }

func (r *run) fail(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Found = append(r.report.Found, fmt.Sprintf(format, args...))
}

func (r *run) count(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Outcomes[what]++
}
