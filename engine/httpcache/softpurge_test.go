package httpcache

import (
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestSoftPurgeMakesStale(t *testing.T) {
	const swr, sie = "max-age=300, stale-while-revalidate=30", "max-age=300, stale-if-error=30"
	for _, tc := range []struct {
		name, control string
		purge         Purge
		named         int
		down          bool          // the upstream, from the purge on
		wait          time.Duration // after it
		body, status  string
	}{
		{"by group, validated in the background", swr, Purge{Groups: []string{"g", "none"}}, 1, false, 0, "old", "edge-iad; hit; ttl=0; detail=stale-while-revalidate"},
		{"by key", swr, Purge{Keys: []string{"shop.test/a"}}, 1, false, 0, "old", "edge-iad; hit; ttl=0; detail=stale-while-revalidate"},
		{"all", swr, Purge{All: true}, 2, false, 0, "old", "edge-iad; hit; ttl=0; detail=stale-while-revalidate"},
		{"its time begins at the purge", swr, Purge{All: true}, 2, false, 30*time.Second - 1, "old", "edge-iad; hit; ttl=-29; detail=stale-while-revalidate"},
		{"and ends", swr, Purge{All: true}, 2, false, 30 * time.Second, "new", "edge-iad; fwd=stale; fwd-status=200; stored; ttl=300"},
		{"after an error", sie, Purge{All: true}, 2, true, 0, "old", "edge-iad; fwd=stale; detail=stale-if-error"},
		{"without leave it is fetched", "max-age=300", Purge{All: true}, 2, false, 0, "new", "edge-iad; fwd=stale; fwd-status=200; stored; ttl=300"},
		{"another group", swr, Purge{Groups: []string{"h"}}, 0, false, 0, "old", "edge-iad; hit; ttl=300"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, nil)
				g.origin.says(200, "old", "Cache-Control: "+tc.control, `ETag: "v1"`, "Surrogate-Key: g")
				g.get("/a")
				g.origin.says(200, "else", "Cache-Control: max-age=300")
				g.get("/b")
				g.origin.says(200, "new", "Cache-Control: "+tc.control)
				tc.purge.Soft = true
				if n := g.Purge(tc.purge); n != tc.named {
					t.Errorf("%d responses named, want %d", n, tc.named)
				}
				if tc.down {
					g.origin.set(func(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed })
				}
				g.pass(tc.wait)
				r := g.get("/a")
				synctest.Wait()
				g.expect(r, 200, tc.body, tc.status)
				if s := g.Stats(); s.Objects != 2 {
					t.Errorf("%d responses stored, want 2", s.Objects)
				}
			})
		})
	}
}

// Who stands behind this tier reckons by Age: with the age that the response had
// it would hold to be fresh what was purged here.
func TestSoftPurgedIsStaleDownstreamToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		g.origin.says(200, "old", "Cache-Control: max-age=300, stale-while-revalidate=30")
		g.get("/a")
		g.Purge(Purge{All: true, Soft: true})
		if age, _ := strconv.Atoi(g.get("/a").Header().Get("Age")); age < 300 {
			t.Errorf("Age: %d, below the lifetime", age)
		}
		synctest.Wait()
	})
}

// A fill that began before the purge brings what is stale; who came after the
// purge is given it only as such.
func TestSoftPurgeDuringFill(t *testing.T) {
	for _, known := range []bool{true, false} { // whether its groups are known when the purge comes
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, nil)
			gate, rest := make(chan struct{}), make(chan struct{})
			var reads atomic.Int64
			g.origin.set(func(*http.Request) (*http.Response, error) {
				if n := reads.Add(1); n > 1 {
					return answer(200, "new", "Cache-Control: max-age=300"), nil
				}
				if !known {
					<-gate
				}
				a := answer(200, "old", "Cache-Control: max-age=300, stale-while-revalidate=60", "Surrogate-Key: g")
				a.Body = &gated{from: a.Body, gate: rest}
				return a, nil
			})
			before := g.crowd(2, "/a")
			synctest.Wait()
			g.Purge(Purge{Groups: []string{"g"}, Soft: true})
			if !known {
				close(gate)
				synctest.Wait()
			}
			close(rest)
			for _, r := range before() {
				if r.Body.String() != "old" {
					t.Errorf("who waited got %q", r.Body)
				}
			}
			g.expect(g.get("/a"), 200, "old", "edge-iad; hit; ttl=0; detail=stale-while-revalidate")
			synctest.Wait()
			g.expect(g.get("/a"), 200, "new", "edge-iad; hit; ttl=300")
			if n := reads.Load(); n != 2 {
				t.Errorf("%d reads, want 2", n)
			}
		})
	}
}

// gated is content that waits for its gate.
type gated struct {
	from io.ReadCloser
	gate chan struct{}
}

func (g *gated) Read(b []byte) (int, error) {
	<-g.gate
	return g.from.Read(b)
}

func (g *gated) Close() error { return g.from.Close() }

func TestHardPurgeOutdoesASoftOne(t *testing.T) {
	m := newPurgeMemory(9)
	m.record(Purge{Groups: []string{"g"}, Soft: true}, true)
	if v := m.hit(0, "k", []string{"g"}); v != softened {
		t.Error("soft", v)
	}
	m.record(Purge{Keys: []string{"k"}}, true)
	m.record(Purge{All: true, Soft: true}, true)
	for key, want := range map[string]purgeVerdict{"k": removed, "other": softened} {
		if v := m.hit(0, key, []string{"g"}); v != want {
			t.Errorf("%s: %d, want %d", key, v, want)
		}
	}
	if v := m.hit(3, "k", []string{"g"}); v != untouched {
		t.Error("a fill begun after all of them:", v)
	}
}

// A soft purge leaves each response where it is in its queue.
func TestSoftPurgeKeepsTheOrder(t *testing.T) {
	g := newRig(t, func(c *Config) { c.MaxBytes, c.MaxObjectBytes = 64<<10, 64<<10 })
	g.origin.says(200, "x", "Cache-Control: max-age=300")
	for i := range 20 {
		g.get("/" + strconv.Itoa(i))
	}
	order := func() (keys []string) {
		q := &g.shards[0].ram.small
		for e := q.head; e != nil; e = e.place.next {
			keys = append(keys, e.slot.key)
		}
		i := len(keys)
		for e := q.tail; e != nil; e = e.place.prev {
			if i--; i < 0 || keys[i] != e.slot.key {
				t.Fatal("the queue reads differently backwards")
			}
		}
		return keys
	}
	before, bytes := order(), g.Stats().Bytes
	if n := g.Purge(Purge{All: true, Soft: true}); n != 20 {
		t.Errorf("%d named", n)
	}
	if after := order(); len(after) != 20 || after[0] != before[0] || after[7] != before[7] || after[19] != before[19] {
		t.Errorf("before %v\nafter %v", before, after)
	}
	if g.Stats().Bytes != bytes {
		t.Errorf("%d bytes, were %d", g.Stats().Bytes, bytes)
	}
}

// What was purged softly stays stale when the clock is set back: in RAM, on the
// disk, and after a restart. A validation makes it fresh again.
func TestSoftPurgeHoldsWhenTheClockIsSetBack(t *testing.T) {
	for _, when := range []string{"in RAM", "stale already", "on the disk", "after a restart"} {
		t.Run(when, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := diskRig(t, &memDisk{}, nil)
				g.origin.says(200, "old", "Cache-Control: max-age=300")
				g.get("/a")
				g.get("/a")
				synctest.Wait()
				if when == "stale already" {
					g.pass(301 * time.Second)
				}
				if when == "on the disk" {
					g.flood()
				}
				g.Purge(Purge{Keys: []string{"shop.test/a"}, Soft: true})
				if when == "after a restart" {
					g = g.restart(t, nil)
				}
				g.pass(-60 * time.Second)
				g.origin.says(200, "new", "Cache-Control: max-age=300")
				if r := g.get("/a"); r.Body.String() != "new" {
					t.Errorf("got %q, %s", r.Body, r.Header().Get("Cache-Status"))
				}
				g.expect(g.get("/a"), 200, "new", "edge-iad; hit; ttl=300")
			})
		})
	}
}
