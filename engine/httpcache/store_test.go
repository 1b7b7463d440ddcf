package httpcache

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// check compares a shard's bookkeeping with what it holds.
func (s *shard) check(t interface{ Fatalf(string, ...any) }) {
	s.mu.Lock()
	defer s.mu.Unlock()
	index := map[string]int{}
	var bytes, objects int64
	for key, sl := range s.slots {
		if len(sl.entries)+len(sl.fills) == 0 && sl.pass == nil {
			t.Fatalf("an empty slot is left of %s", key)
		}
		for _, e := range sl.entries {
			objects++
			bytes += e.size
			for _, name := range e.groups {
				index[name]++
				if _, ok := s.groups[name][e]; !ok {
					t.Fatalf("%s is not in the index of %s", key, name)
				}
			}
		}
		if sl.pass != nil {
			bytes += sl.pass.size
		}
	}
	for name, members := range s.groups {
		if len(members) != index[name] {
			t.Fatalf("the index of %s holds %d, stored are %d", name, len(members), index[name])
		}
	}
	if len(index) != len(s.groups) {
		t.Fatalf("%d groups indexed, %d stored", len(s.groups), len(index))
	}
	if bytes != s.ram.bytes() || bytes > s.ram.limit || objects != s.stats.Objects {
		t.Fatalf("bytes %d counted %d limit %d, objects %d counted %d", bytes, s.ram.bytes(), s.ram.limit, objects, s.stats.Objects)
	}
}

// The model: what a key is at the origin, and from which state on it may be
// served. Every purge that names it raises that to the state of now.
func TestWhatMayBeServedAgainstAModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type object struct{ version, least, size int }
		objects := map[string]*object{}
		groupsOf := func(key string) []string {
			n, _ := strconv.Atoi(key[2:])
			return []string{"all", "odd" + strconv.Itoa(n%2), "mod" + strconv.Itoa(n%5)}[:n%4]
		}
		g := newRig(t, func(c *Config) { c.MaxBytes, c.MaxObjectBytes = 16<<10, 6<<10 })
		g.origin.set(func(r *http.Request) (*http.Response, error) {
			o := objects[r.URL.Path]
			body := fmt.Sprint(o.version) + strings.Repeat(" ", o.size)
			return answer(200, body, "Cache-Control: max-age=60", "Surrogate-Key: "+strings.Join(groupsOf(r.URL.Path), " ")), nil
		})
		keyOf := rapid.Custom(func(rt *rapid.T) string { return "/k" + strconv.Itoa(rapid.IntRange(0, 19).Draw(rt, "n")) })
		object1 := func(key string) *object {
			if objects[key] == nil {
				objects[key] = &object{}
			}
			return objects[key]
		}
		rt.Repeat(map[string]func(*rapid.T){
			"get": func(rt *rapid.T) {
				key := keyOf.Draw(rt, "key")
				o := object1(key)
				r := g.get(key)
				got, _ := strconv.Atoi(strings.TrimSpace(r.Body.String()))
				if got < o.least || got > o.version {
					rt.Fatalf("%s served at %d (%s); it may be %d to %d", key, got, r.status(), o.least, o.version)
				}
				if !strings.Contains(r.status(), "; hit") && got != o.version {
					rt.Fatalf("%s fetched at %d, is %d", key, got, o.version)
				}
			},
			"change": func(rt *rapid.T) {
				o := object1(keyOf.Draw(rt, "key"))
				o.version++
				o.size = rapid.IntRange(0, 8<<10).Draw(rt, "size")
			},
			"purge key": func(rt *rapid.T) {
				key := keyOf.Draw(rt, "key")
				g.Purge(Purge{Keys: []string{"shop.test" + key}})
				object1(key).least = object1(key).version
			},
			"purge group": func(rt *rapid.T) {
				name := rapid.SampledFrom([]string{"all", "odd0", "odd1", "mod3"}).Draw(rt, "group")
				g.Purge(Purge{Groups: []string{name}})
				for key, o := range objects {
					for _, in := range groupsOf(key) {
						if in == name {
							o.least = o.version
						}
					}
				}
			},
			"purge all": func(rt *rapid.T) {
				g.Purge(Purge{All: true})
				for _, o := range objects {
					o.least = o.version
				}
			},
			"time": func(rt *rapid.T) { g.pass(time.Duration(rapid.IntRange(0, 40).Draw(rt, "s")) * time.Second) },
			"": func(rt *rapid.T) {
				for _, s := range g.shards {
					s.check(rt)
				}
			},
		})
	})
}

// Many readers, a changing origin and purges at once: who asks after a purge has
// returned never sees what was there before it. Run it with -race.
func TestPurgeIsARealBarrier(t *testing.T) {
	const keys, rounds = 8, 300
	g := newRig(t, func(c *Config) { c.MaxBytes, c.MaxObjectBytes = 64<<10, 1<<10 })
	var version, least [keys]atomic.Int64
	g.origin.set(func(r *http.Request) (*http.Response, error) {
		n, _ := strconv.Atoi(r.URL.Path[1:])
		return answer(200, strconv.FormatInt(version[n].Load(), 10), "Cache-Control: max-age=60",
			"Surrogate-Key: g"+strconv.Itoa(n%2)), nil
	})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			dice := rand.New(rand.NewPCG(uint64(w), 1))
			for range 4 * rounds {
				n := dice.IntN(keys)
				floor := least[n].Load()
				r := g.get("/" + strconv.Itoa(n))
				if got, _ := strconv.ParseInt(r.Body.String(), 10, 64); got < floor {
					t.Errorf("key %d served at %d after a purge at %d (%s)", n, got, floor, r.status())
				}
			}
		})
	}
	wg.Go(func() {
		dice := rand.New(rand.NewPCG(9, 1))
		for range rounds {
			half := dice.IntN(2)
			var now [keys]int64
			for n := half; n < keys; n += 2 {
				now[n] = version[n].Add(1)
			}
			g.Purge(Purge{Groups: []string{"g" + strconv.Itoa(half)}})
			for n := half; n < keys; n += 2 {
				least[n].Store(now[n])
			}
		}
	})
	wg.Wait()
	_ = g.Close()
	for _, s := range g.shards {
		s.check(t)
	}
}

func TestOneHitWondersDoNotPushOutWhatIsUsed(t *testing.T) {
	g := newRig(t, func(c *Config) { c.MaxBytes, c.MaxObjectBytes = 200<<10, 100<<10 })
	body := strings.Repeat("x", 1000)
	g.origin.set(func(*http.Request) (*http.Response, error) {
		return answer(200, body, "Cache-Control: max-age=600"), nil
	})
	hot := func() (reads int) {
		before := g.origin.reads()
		for i := range 20 {
			g.get("/hot" + strconv.Itoa(i))
		}
		return g.origin.reads() - before
	}
	for range 4 {
		hot()
	}
	for i := range 2000 {
		g.get("/once" + strconv.Itoa(i))
	}
	if n := hot(); n != 0 {
		t.Errorf("a scan pushed out %d of 20 used responses", n)
	}
	s := g.Stats()
	if s.Evictions == 0 || s.Bytes > 200<<10 {
		t.Errorf("the bound in bytes does not hold: %+v", s)
	}
	g.shards[0].check(t)
}

func TestWhatTheSmallQueueLetGoReturnsToTheMainOne(t *testing.T) {
	evicted := 0
	q := newS3FIFO(1000, func(*entry) { evicted++ })
	for i := range 20 {
		q.insert(&entry{size: 100, hash: uint64(i)})
	}
	if evicted != 10 || q.bytes() != 1000 {
		t.Fatalf("%d evicted, %d bytes", evicted, q.bytes())
	}
	back := &entry{size: 100, hash: 9}
	if !q.insert(back) || back.place.queue != &q.main {
		t.Error("a ghost's second visit belongs into the main queue")
	}
	if q.insert(&entry{size: 1001, hash: 99}) {
		t.Error("larger than all of it, and taken")
	}
	if q.ghost.bytes > 1000 || len(q.ghost.queue) != len(q.ghost.seen)+1 {
		t.Errorf("ghosts: %d bytes, %d queued, %d seen", q.ghost.bytes, len(q.ghost.queue), len(q.ghost.seen))
	}
}

// With a disk the ghosts remember what it could hold, but no more of them than
// the cache can have entries. What is far back is known, and begins anew.
func TestGhostsRememberWhatTheDiskHolds(t *testing.T) {
	const size = 4 * entryOverhead
	const limit = 20 * size
	q := newS3FIFO(limit, func(*entry) {})
	q.ghost.limit = 1000 * limit
	come := func(hash int) *entry {
		e := &entry{size: size, hash: uint64(hash)}
		q.insert(e)
		return e
	}
	for i := range 50 {
		come(i) // 0 to 29 are ghosts then, 10 to 29 of them near
	}
	if e := come(20); !e.place.known || e.place.queue != &q.main {
		t.Error("what is near belongs into the main queue")
	}
	if e := come(0); !e.place.known || e.place.queue != &q.small {
		t.Error("what is far back is not known, or not as that")
	}
	if e := come(99); e.place.known {
		t.Error("never seen, and known")
	}
	for i := range 200 {
		come(100 + i)
	}
	if n := len(q.ghost.queue); n != 81 || len(q.ghost.seen) > n || q.ghost.bytes != int64(n)*size {
		t.Errorf("%d ghosts, %d bytes", len(q.ghost.queue), q.ghost.bytes)
	}
}

func TestTheMainQueueGivesWhatWasUsedASecondChance(t *testing.T) {
	var evicted []uint64
	q := newS3FIFO(300, func(e *entry) { evicted = append(evicted, e.hash) })
	for i := range 3 {
		e := &entry{size: 100, hash: uint64(i)}
		q.main.push(e)
		if i == 0 {
			q.touch(e)
		}
	}
	for i := range 3 {
		q.insert(&entry{size: 100, hash: uint64(10 + i)})
	}
	if fmt.Sprint(evicted) != "[1 10 11]" || q.bytes() != 300 {
		t.Errorf("evicted %v, %d bytes", evicted, q.bytes())
	}
	bigger := &entry{size: 250, hash: 0}
	var old *entry
	for e := q.main.head; e != nil; e = e.place.next {
		if e.hash == 0 {
			old = e
		}
	}
	if !q.replace(old, bigger) || bigger.place.queue != &q.main || q.bytes() > 300 {
		t.Errorf("replaced by a larger one: %d bytes", q.bytes())
	}
	if q.replace(bigger, &entry{size: 301}) || q.bytes() != 0 {
		t.Errorf("replaced by one that does not fit: %d bytes", q.bytes())
	}
}

func BenchmarkHit(b *testing.B) {
	o := &origin{}
	o.says(200, strings.Repeat("x", 20<<10), "Cache-Control: max-age=600", `ETag: "v1"`, "Content-Type: image/avif", "Surrogate-Key: a b")
	c := New(Config{Name: "edge-iad", Now: func() time.Time { return epoch }, Upstream: o})
	r, _ := http.NewRequest("GET", "http://shop.test/img/cake/v1/avif/640x480", nil)
	w := &discard{header: http.Header{}}
	c.ServeHTTP(w, r)
	_ = c.Close()
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		c.ServeHTTP(w, r)
	}
}

// discard is a client that throws everything away.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}
