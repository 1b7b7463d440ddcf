package httpcache

// What may not be shared among those who wait.

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestUncacheableReleasesTheWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		var serial atomic.Int64
		gate := make(chan struct{})
		g.origin.set(func(r *http.Request) (*http.Response, error) {
			if serial.Add(1) == 1 {
				<-gate
			}
			return answer(200, r.Header.Get("Cookie"), "Cache-Control: private"), nil
		})
		var wg sync.WaitGroup
		for i := range 100 {
			who := "visitor " + strconv.Itoa(i)
			wg.Go(func() {
				if r := g.get("/a", "Cookie: "+who); r.Body.String() != who {
					t.Errorf("%s was given the response of %s", who, r.Body)
				}
			})
			synctest.Wait()
		}
		close(gate)
		wg.Wait()
		if n := g.origin.reads(); n != 100 {
			t.Errorf("%d upstream reads, want one each", n)
		}

		// Later ones do not wait for each other.
		block := make(chan struct{})
		g.origin.set(func(*http.Request) (*http.Response, error) {
			<-block
			return answer(200, "x", "Cache-Control: private"), nil
		})
		later := g.crowd(4, "/a")
		synctest.Wait()
		if n := g.origin.reads(); n != 104 {
			t.Errorf("%d upstream reads at once, want 100 and 4", n)
		}
		close(block)
		for _, r := range later() {
			g.expect(r, 200, "x", "edge-iad; fwd=bypass; fwd-status=200; detail=hit-for-miss")
		}
		g.origin.says(200, "whole", "Cache-Control: private")
		g.get("/a", "Range: bytes=0-1")
		if g.origin.last().Header.Get("Range") == "" {
			t.Error("what is not cacheable is asked for as the client asked")
		}

		// One that can be stored ends the memory; so does its time.
		g.origin.says(200, "cake", "Cache-Control: max-age=300")
		g.get("/a")
		g.expect(g.get("/a"), 200, "cake", "edge-iad; hit; ttl=300")
		g.origin.says(200, "mine", "Cache-Control: private")
		g.get("/b")
		g.pass(DefaultHitForMiss)
		g.expect(g.get("/b"), 200, "mine", "edge-iad; fwd=uri-miss; fwd-status=200; detail=private")
	})
}

func TestReleasedWaitersSayTheyWaited(t *testing.T) { // RFC 9211 §2.8
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		g.origin.set(func(*http.Request) (*http.Response, error) {
			<-time.After(time.Second)
			return answer(200, "x", "Set-Cookie: a=b"), nil
		})
		waited := 0
		for _, r := range g.crowd(3, "/a")() {
			if strings.HasSuffix(r.status(), "; collapsed=?0; detail=set-cookie") || strings.HasSuffix(r.status(), "; collapsed=?0; detail=hit-for-miss") {
				waited++
			}
		}
		if waited != 2 {
			t.Errorf("%d say that they waited in vain, want 2", waited)
		}
	})
}

func TestAFailureIsSharedWithWhoWaitsAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		g.origin.set(func(*http.Request) (*http.Response, error) {
			<-time.After(time.Second)
			return answer(503, "busy", "Retry-After: 1"), nil
		})
		for _, r := range g.crowd(50, "/a")() {
			if r.Code != 503 || r.Body.String() != "busy" {
				t.Errorf("got %d %q", r.Code, r.Body)
			}
		}
		if n := g.origin.reads(); n != 1 {
			t.Errorf("%d upstream reads of a sick upstream, want 1", n)
		}
		g.origin.says(200, "well", "Cache-Control: max-age=300")
		g.expect(g.get("/a"), 200, "well", "edge-iad; fwd=uri-miss; fwd-status=200; stored; ttl=300")
	})
}

func TestNobodyTakesWhatCannotBeShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		gate := make(chan struct{})
		body := &closer{Reader: strings.NewReader("mine")}
		var up context.Context
		g.origin.set(func(r *http.Request) (*http.Response, error) {
			up = r.Context()
			<-gate
			return streamed(body, 4, "Cache-Control: private"), nil
		})
		ctx, leave := context.WithCancel(t.Context())
		go g.do(ctx, "GET", "/a")
		synctest.Wait()
		leave()
		synctest.Wait()
		close(gate)
		synctest.Wait()
		if !body.closed.Load() || up.Err() == nil {
			t.Error("the response was left open")
		}
	})
}

func TestNoCacheIsNotShared(t *testing.T) { // RFC 9111 §5.2.2.4
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		g.origin.set(func(r *http.Request) (*http.Response, error) {
			<-time.After(time.Second)
			if r.Header.Get("If-None-Match") == `"v1"` {
				return answer(304, ""), nil
			}
			return answer(200, "cake", "Cache-Control: no-cache", `ETag: "v1"`), nil
		})
		for round := range 2 { // not stored yet, and stored
			results := g.crowd(5, "/a")
			synctest.Wait()
			if n := g.origin.reads(); round == 1 && n != 10 {
				t.Errorf("%d upstream reads at once: known to need it, none waits for another", n-5)
			}
			for _, r := range results() {
				if r.Body.String() != "cake" {
					t.Errorf("got %d %q", r.Code, r.Body)
				}
			}
			if n := g.origin.reads(); n != 5+5*round {
				t.Errorf("%d upstream reads after round %d: each request validates for itself", n, round)
			}
		}
	})
}

func TestWhoComesDuringAFailureAsksAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		body, feed := io.Pipe()
		g.origin.set(func(*http.Request) (*http.Response, error) {
			r := streamed(body, -1)
			r.StatusCode = 500
			return r, nil
		})
		first := g.crowd(1, "/a")
		synctest.Wait()
		g.origin.says(200, "well", "Cache-Control: max-age=300")
		g.expect(g.get("/a"), 200, "well", "edge-iad; fwd=uri-miss; fwd-status=200; stored; ttl=300")
		feed.Close()
		if r := first()[0]; r.Code != 500 {
			t.Errorf("the first got %d", r.Code)
		}
	})
}

func TestAPrivateFailureIsNotSharedAndNotRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		g.origin.set(func(r *http.Request) (*http.Response, error) {
			<-time.After(time.Second)
			return answer(500, r.Header.Get("Cookie"), "Cache-Control: no-store"), nil
		})
		both := []func() []result{g.crowd(1, "/a", "Cookie: ann"), g.crowd(1, "/a", "Cookie: bob")}
		for i, who := range []string{"ann", "bob"} {
			if r := both[i]()[0]; r.Body.String() != who {
				t.Errorf("%s was given what is for %s", who, r.Body)
			}
		}
		before := g.origin.reads()
		g.origin.set(func(*http.Request) (*http.Response, error) {
			<-time.After(time.Second)
			return answer(200, "well", "Cache-Control: max-age=300"), nil
		})
		g.crowd(5, "/a")()
		if n := g.origin.reads() - before; n != 1 {
			t.Errorf("%d upstream reads after a failure, want 1", n)
		}
	})
}

func TestWhatCannotBeSharedIsTheClientsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, func(c *Config) { c.FillTimeout = time.Second })
		g.origin.says(200, "0123456789", "Cache-Control: private")
		g.expect(g.get("/range", "Range: bytes=0-1"), 200, "0123456789", "edge-iad; fwd=uri-miss; fwd-status=200; detail=private")

		var up context.Context
		body, feed := io.Pipe()
		g.origin.set(func(r *http.Request) (*http.Response, error) {
			up = r.Context()
			context.AfterFunc(up, func() { feed.CloseWithError(up.Err()) })
			return streamed(body, -1, "Cache-Control: private"), nil
		})
		ctx, leave := context.WithCancel(t.Context())
		done := make(chan result, 1)
		go func() { done <- g.do(ctx, "GET", "/a") }()
		synctest.Wait()
		<-time.After(time.Minute)
		feed.Write([]byte("still here"))
		synctest.Wait()
		if up.Err() != nil {
			t.Error("a client's own response was cut by FillTimeout")
		}
		leave()
		synctest.Wait()
		if r := <-done; up.Err() == nil || r.Body.String() != "still here" {
			t.Errorf("the client left and its read goes on; it got %q", r.Body)
		}
	})
}

func TestOnlyTheLeaderMayTakeWhatCannotBeShared(t *testing.T) {
	g := newRig(t, nil)
	f := newFill(g.shards[0], "k", 0, http.Header{})
	leader, other := f.enter(true), f.enter(false)
	own := answer(200, "ann's", "Cache-Control: private")
	f.settle(func() { f.outcome, f.own = released, own })
	if other.takeOwn() != nil || leader.takeOwn() != own {
		t.Error("a waiter took the response of another visitor")
	}
}

func TestAStoredResponseEndsHitForMiss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		g.origin.says(200, "mine", "Cache-Control: private")
		g.get("/a")
		g.origin.says(200, "cake", "Cache-Control: max-age=1")
		g.get("/a")
		g.pass(2 * time.Second) // stale, and hit-for-miss would not be over
		g.origin.set(func(*http.Request) (*http.Response, error) {
			<-time.After(time.Second)
			return answer(200, "pie", "Cache-Control: max-age=1"), nil
		})
		g.crowd(5, "/a")()
		if n := g.origin.reads(); n != 3 {
			t.Errorf("%d upstream reads, want 3", n)
		}
	})
}
