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

func TestPurgeDuringFill(t *testing.T) {
	for _, tc := range []struct {
		name    string
		purge   Purge
		concern bool
	}{
		{"its group", Purge{Groups: []string{"g"}}, true},
		{"its key", Purge{Keys: []string{"shop.test/a"}}, true},
		{"all", Purge{All: true}, true},
		{"another group", Purge{Groups: []string{"h"}}, false},
		{"another key", Purge{Keys: []string{"shop.test/b"}}, false},
		{"as many names as are remembered", Purge{Groups: []string{"h", "i", "j"}}, false},
		{"one more than are remembered", Purge{Groups: []string{"h", "i", "j", "k"}}, true},
	} {
		for _, early := range []bool{true, false} {
			when := map[bool]string{true: "before its response", false: "in mid-body"}[early]
			t.Run(tc.name+" "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { purgeDuringFill(t, tc.purge, tc.concern, early) })
			})
		}
	}
}

func purgeDuringFill(t *testing.T, p Purge, concern, early bool) {
	g := newRig(t, func(c *Config) { c.MaxPurgeNames = 3 })
	gate := make(chan struct{})
	var reads atomic.Int64
	body, feed := io.Pipe()
	g.origin.set(func(*http.Request) (*http.Response, error) {
		if reads.Add(1) > 1 {
			return answer(200, "new", "Cache-Control: max-age=300", "Surrogate-Key: g"), nil
		}
		<-gate
		return streamed(body, 3, "Cache-Control: max-age=300", "Surrogate-Key: g"), nil
	})
	before := g.crowd(2, "/a")
	synctest.Wait()
	if !early {
		close(gate)
		synctest.Wait()
	}
	g.Purge(p)
	after := g.crowd(2, "/a")
	synctest.Wait()
	if early {
		close(gate)
	}
	feed.Write([]byte("old"))
	feed.Close()
	for _, r := range before() {
		if r.Body.String() != "old" || r.aborted {
			t.Errorf("who waited got %q", r.Body)
		}
	}
	want, wantReads := "old", int64(1)
	if concern {
		want, wantReads = "new", 2
	}
	for _, r := range after() {
		if r.Body.String() != want {
			t.Errorf("who came after the purge got %q, want %q", r.Body, want)
		}
	}
	if n := reads.Load(); n != wantReads {
		t.Errorf("%d upstream reads, want %d", n, wantReads)
	}
	if r := g.get("/a"); r.Body.String() != want {
		t.Errorf("stored is %q, want %q", r.Body, want)
	}
	_ = g.Close()
	s := g.shards[0]
	if s.filling != 0 || s.purges.names() != 0 {
		t.Error("names are remembered though no fill runs")
	}
}

func TestPurgeDuringValidation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		g.origin.says(200, "old", "Cache-Control: max-age=10, stale-if-error=600", `ETag: "v1"`, "Surrogate-Key: g")
		g.get("/a")
		g.pass(20 * time.Second)
		gate := make(chan struct{})
		g.origin.set(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("If-None-Match") == "" {
				return answer(200, "new", "Cache-Control: max-age=10"), nil
			}
			<-gate
			return answer(304, ""), nil
		})
		before := g.crowd(1, "/a")
		synctest.Wait()
		g.Purge(Purge{Groups: []string{"g"}})
		g.expect(g.get("/a"), 200, "new", "edge-iad; fwd=uri-miss; fwd-status=200; stored; ttl=10")
		close(gate)
		if r := before()[0]; r.Body.String() != "old" {
			t.Errorf("who waited got %q", r.Body)
		}
		g.expect(g.get("/a"), 200, "new", "edge-iad; hit; ttl=10")
	})
}

func TestTheSameDemandIsMetByOneRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, func(c *Config) { c.Behind = func(*http.Request) bool { return true } })
		g.origin.set(func(r *http.Request) (*http.Response, error) {
			<-time.After(time.Second)
			return answer(200, r.Header.Get("Meridian-Min-Cursor"), "Cache-Control: max-age=300"), nil
		})
		want := map[string]func() []result{}
		for i := range 3 {
			cursor := "us=7." + strconv.Itoa(i)
			want[cursor] = g.crowd(20, "/a", "Meridian-Min-Cursor: "+cursor)
		}
		for cursor, results := range want {
			for _, r := range results() {
				if r.Body.String() != cursor {
					t.Errorf("who demanded %s got %q", cursor, r.Body)
				}
			}
		}
		if n := g.origin.reads(); n != 3 {
			t.Errorf("%d upstream reads, want one a demand", n)
		}
	})
}
