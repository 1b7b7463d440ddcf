package httpcache_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"meridian/engine/httpcache"
)

var (
	modelSteps = flag.Int("model.steps", 20_000, "steps of the model test")
	modelSeed  = flag.Uint64("model.seed", 0, "its seed; 0: each length has its own")
)

// TestModel takes random steps with an origin, a shield and two edges and
// compares what visitors are given with what a simple model of them allows: no
// response staler than allowed, none private to another, none torn, and as many
// reads of the origin as sharing leaves. To run more of it:
//
//	go test ./engine/httpcache -run TestModel -model.steps 1000000 -model.seed 7
func TestModel(t *testing.T) {
	seed := *modelSeed
	if seed == 0 {
		seed = uint64(*modelSteps)
	}
	t.Logf("seed %d, %d steps", seed, *modelSteps)
	const life = 5000 // steps of one set of caches
	for done := 0; done < *modelSteps; done += life {
		synctest.Test(t, func(t *testing.T) {
			m := newModel(t, seed+uint64(done))
			defer m.close()
			for m.step = 0; m.step < min(life, *modelSteps-done) && !t.Failed(); m.step++ {
				m.act()
			}
			if t.Failed() {
				t.Logf("again with: -model.seed %d -model.steps %d", m.seed, life)
			}
			m.sum(&modelTotals)
		})
		if t.Failed() {
			return
		}
	}
	t.Logf("%+v", modelTotals)
}

// totals tell what a run has touched: a check that is never reached holds always.
type totals struct {
	Requests, Crowds, Fresh, Stale, Validated, Collapsed, Errors, Aborted, Parts, NotModified int
	Unsure, Purged, TakeOvers, Rooms                                                          int
}

var modelTotals totals

// modelKeys is how many resources there are; each kind of policy has several.
const modelKeys = 48

const feedLimit = 5 * time.Second

// event is a purge as the feed tells of it.
type event struct {
	httpcache.Purge
	versions [modelKeys]int // at the time, of what is named; 0: not named
}

// tier is a cache with its place in the feed.
type tier struct {
	*httpcache.Cache
	name   string
	memory *httpcache.PoisonedMemory // whatever is read of it too late shows as torn
	demand atomic.Int64              // events announced; read by fills while a crowd goes on
	taken  atomic.Int64              // events done; likewise
	cut    bool
	heard  time.Time
	floor  [modelKeys]int // versions below are purged here
	softly [modelKeys]int // versions below are stale here
}

func (l *tier) unsure() bool { return time.Since(l.heard) > feedLimit }

// model is the world of one run.
type model struct {
	t      *testing.T
	seed   uint64
	step   int
	rng    *rand.Rand
	origin *modelOrigin
	shield *tier
	edges  [2]*tier
	events []event
	count  totals
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 9))}
	m.origin = newModelOrigin()
	m.shield = m.tier("shield", m.origin)
	for i := range m.edges {
		m.edges[i] = m.tier(fmt.Sprint("edge-", i), &link{to: m.shield})
	}
	return m
}

// demandField carries how far the feed must have been taken.
const demandField = "Meridian-Min-Cursor"

func (m *model) tier(name string, upstream http.RoundTripper) *tier {
	l := &tier{name: name, heard: time.Now(), memory: httpcache.NewPoisonedMemory(m.t, 32<<20)}
	l.Cache = httpcache.New(httpcache.Config{
		Name: name, MaxBytes: 200 << 10, MaxObjectBytes: 8 << 10, Now: time.Now, Upstream: upstream, Memory: l.memory, MemoryFrom: 1,
		KeyOf: func(r *http.Request) (string, bool) { return r.URL.Path, true },
		Prepare: func(r *http.Request) {
			asked := 0
			fmt.Sscan(r.Header.Get(demandField), &asked)
			r.Header.Set(demandField, fmt.Sprint(max(int(l.demand.Load()), asked)))
		},
		Behind: func(r *http.Request) bool {
			asked := 0
			fmt.Sscan(r.Header.Get(demandField), &asked)
			return asked > int(l.taken.Load())
		},
		Unsure: func(*http.Request) bool { return l.unsure() },
	})
	return l
}

func (m *model) close() {
	time.Sleep(time.Hour) // whatever still runs ends
	for _, l := range m.tiers() {
		_ = l.Close()
		l.Purge(httpcache.Purge{All: true})
		if held, taken := l.memory.Held(); held > 0 {
			m.t.Errorf("seed %d: %s: %d of %d contents in memory were never given up", m.seed, l.name, held, taken)
		}
	}
}

func (m *model) tiers() []*tier { return []*tier{m.shield, m.edges[0], m.edges[1]} }

// act is one step.
func (m *model) act() {
	switch n := m.rng.IntN(100); {
	case n < 62:
		m.request()
	case n < 67:
		m.crowd()
	case n < 75:
		time.Sleep(time.Duration(m.rng.IntN(2500)) * time.Millisecond)
	case n < 80:
		m.change()
	case n < 98:
		for _, l := range m.tiers() {
			m.tell(l)
		}
	default:
		m.post()
	}
	synctest.Wait()
	m.origin.calm()
}

// change makes a newer version, mostly with a purge that names it.
func (m *model) change() {
	k := m.rng.IntN(modelKeys)
	m.origin.bump(k)
	p := httpcache.Purge{Soft: m.rng.IntN(4) == 0}
	var named func(int) bool
	switch n := m.rng.IntN(100); {
	case n < 30:
		return // it changes unheard
	case n < 60:
		p.Groups, named = []string{groupOf(k)}, func(o int) bool { return groupOf(o) == groupOf(k) }
	case n < 98:
		p.Keys, named = []string{pathOf(k)}, func(o int) bool { return o == k }
	default:
		p.All, named = true, func(int) bool { return true }
	}
	e := event{Purge: p}
	for o := range modelKeys {
		if named(o) {
			e.versions[o] = m.origin.version(o)
		}
	}
	m.events = append(m.events, e)
}

// tell takes the feed on at a tier, a way or all of it.
func (m *model) tell(l *tier) {
	if l.cut = l.cut && m.rng.IntN(10) > 0 || m.rng.IntN(100) == 0; l.cut {
		return
	}
	for int(l.taken.Load()) < len(m.events) && m.rng.IntN(6) > 0 {
		m.take(l)
	}
	if int(l.taken.Load()) == len(m.events) {
		l.heard = time.Now() // a heartbeat: nothing is missing
	}
}

func (m *model) take(l *tier) {
	e := m.events[l.taken.Load()]
	l.demand.Store(l.taken.Load() + 1)
	l.Purge(e.Purge)
	l.taken.Add(1)
	m.count.Purged++
	for k, v := range e.versions {
		if e.Soft {
			l.softly[k] = max(l.softly[k], v)
		} else {
			l.floor[k] = max(l.floor[k], v)
		}
	}
}

// post changes a resource through an edge, which forgets it on the way.
func (m *model) post() {
	k, edge := m.rng.IntN(modelKeys), m.edges[m.rng.IntN(2)]
	a := m.send(edge, ask{key: k, method: "POST"})
	if a.status != 200 {
		m.t.Errorf("seed %d step %d: POST: %d", m.seed, m.step, a.status)
	}
	for _, l := range []*tier{edge, m.shield} {
		l.floor[k] = max(l.floor[k], m.origin.version(k))
	}
}

func (m *model) sum(to *totals) {
	m.count.TakeOvers = int(m.shield.Stats().TakeOvers + m.edges[0].Stats().TakeOvers + m.edges[1].Stats().TakeOvers)
	to.Requests += m.count.Requests
	to.Crowds += m.count.Crowds
	to.Fresh += m.count.Fresh
	to.Stale += m.count.Stale
	to.Validated += m.count.Validated
	to.Collapsed += m.count.Collapsed
	to.Errors += m.count.Errors
	to.Aborted += m.count.Aborted
	to.Parts += m.count.Parts
	to.NotModified += m.count.NotModified
	to.Unsure += m.count.Unsure
	to.Purged += m.count.Purged
	to.TakeOvers += m.count.TakeOvers
	for _, l := range m.tiers() {
		_, taken := l.memory.Held()
		to.Rooms += taken
	}
}
