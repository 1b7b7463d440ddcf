package httpcache

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// crowd sends n requests at once and hands back what they got.
func (g *rig) crowd(n int, path string, fields ...string) func() []result {
	results := make([]result, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { results[i] = g.get(path, fields...) })
	}
	return func() []result { wg.Wait(); return results }
}

func TestTenThousandWaitersOneRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		body, feed := io.Pipe()
		g.origin.set(func(*http.Request) (*http.Response, error) {
			<-time.After(time.Second)
			return streamed(body, 8, "Cache-Control: max-age=300"), nil
		})
		results := g.crowd(10_000, "/a")
		synctest.Wait()
		feed.Write([]byte("half"))
		feed.Write([]byte("half"))
		feed.Close()
		collapsed := 0
		for _, r := range results() {
			if r.Code != 200 || r.Body.String() != "halfhalf" || r.aborted {
				t.Fatalf("a waiter got %d %q", r.Code, r.Body)
			}
			if r.status() == "edge-iad; fwd=uri-miss; fwd-status=200; stored; ttl=300; collapsed" {
				collapsed++
			}
		}
		if n := g.origin.reads(); n != 1 {
			t.Errorf("%d upstream reads, want 1", n)
		}
		if s := g.Stats(); s.Misses != 1 || s.Collapsed != 9_999 || collapsed != 9_999 {
			t.Errorf("stats %+v, %d said collapsed", s, collapsed)
		}
	})
}

// slowWriter takes what is written only when the test lets it.
type slowWriter struct {
	*httptest.ResponseRecorder
	gate chan struct{}
}

func (w *slowWriter) Write(b []byte) (int, error) {
	<-w.gate
	return w.ResponseRecorder.Write(b)
}

func TestASlowReaderHoldsNobodyBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		body, feed := io.Pipe()
		g.origin.set(func(*http.Request) (*http.Response, error) {
			return streamed(body, -1, "Cache-Control: max-age=300"), nil
		})
		slow := &slowWriter{httptest.NewRecorder(), make(chan struct{})}
		slowDone := make(chan struct{})
		go func() {
			defer close(slowDone)
			g.ServeHTTP(slow, httptest.NewRequest("GET", "http://shop.test/a", nil))
		}()
		synctest.Wait()
		results := g.crowd(3, "/a")
		synctest.Wait()
		big := strings.Repeat("x", 300<<10)
		feed.Write([]byte("first"))
		synctest.Wait() // the slow one is stuck in its first write from here on
		feed.Write([]byte(big))
		feed.Close()
		for _, r := range results() {
			if r.Body.String() != "first"+big {
				t.Errorf("a fast reader got %d bytes", r.Body.Len())
			}
		}
		if r := g.get("/a"); !strings.HasPrefix(r.status(), "edge-iad; hit") {
			t.Errorf("stored while one still reads: %s", r.status())
		}
		close(slow.gate)
		<-slowDone
		if slow.Body.String() != "first"+big {
			t.Errorf("the slow reader got %d bytes", slow.Body.Len())
		}
	})
}

func TestWaitersReadWhileTheFirstFills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		body, feed := io.Pipe()
		g.origin.set(func(*http.Request) (*http.Response, error) {
			return streamed(body, 10, "Cache-Control: max-age=300"), nil
		})
		first := g.crowd(1, "/a")
		synctest.Wait()
		feed.Write([]byte("01234"))
		synctest.Wait()
		late := g.get("/a", "Range: bytes=1-3") // it is here already, though the rest is not
		g.expect(late, 206, "123", "edge-iad; fwd=uri-miss; fwd-status=200; stored; ttl=300; collapsed")
		feed.Write([]byte("56789"))
		feed.Close()
		if r := first()[0]; r.Body.String() != "0123456789" {
			t.Errorf("the first got %q", r.Body)
		}
	})
}

func TestDeathInMidBody(t *testing.T) { // RFC 9111 §3.3
	for _, tc := range []struct {
		name   string
		length int64
		end    error
	}{
		{"the connection breaks", 100, errors.New("reset")},
		{"the connection breaks, length unknown", -1, errors.New("reset")},
		{"less than declared", 100, io.EOF},
		{"more than declared", 3, io.EOF},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, nil)
				body, feed := io.Pipe()
				g.origin.set(func(*http.Request) (*http.Response, error) {
					return streamed(body, tc.length, "Cache-Control: max-age=300"), nil
				})
				results := g.crowd(5, "/a")
				synctest.Wait()
				go func() {
					feed.Write([]byte("half"))
					feed.CloseWithError(tc.end)
				}()
				for _, r := range results() {
					if !r.aborted {
						t.Errorf("%q passed for the whole", r.Body)
					}
				}
				if s := g.Stats(); s.Objects != 0 {
					t.Errorf("half a response is stored: %+v", s)
				}
			})
		})
	}
}

func TestTheFirstClientLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		gate := make(chan struct{})
		var up context.Context
		g.origin.set(func(r *http.Request) (*http.Response, error) {
			up = r.Context()
			<-gate
			return answer(200, "cake", "Cache-Control: max-age=300"), nil
		})
		ctx, leave := context.WithCancel(t.Context())
		go g.do(ctx, "GET", "/a")
		synctest.Wait()
		others := g.crowd(2, "/a")
		synctest.Wait()
		leave()
		synctest.Wait()
		if up.Err() != nil {
			t.Error("the fill went with the client that began it")
		}
		close(gate)
		for _, r := range others() {
			if r.Body.String() != "cake" {
				t.Errorf("a waiter got %d %q", r.Code, r.Body)
			}
		}
		if n := g.origin.reads(); n != 1 || g.Stats().Objects != 1 {
			t.Errorf("%d reads, %+v", n, g.Stats())
		}
	})
}

// closer tells when a body was closed.
type closer struct {
	io.Reader
	closed atomic.Bool
}

func (c *closer) Close() error { c.closed.Store(true); return nil }

func TestFillTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, func(c *Config) { c.FillTimeout = 10 * time.Second })
		g.origin.set(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		for _, r := range g.crowd(3, "/a")() {
			if r.Code != 504 {
				t.Errorf("got %d", r.Code)
			}
		}
		body, feed := io.Pipe()
		g.origin.set(func(r *http.Request) (*http.Response, error) {
			context.AfterFunc(r.Context(), func() { feed.CloseWithError(r.Context().Err()) })
			return streamed(body, 100, "Cache-Control: max-age=300"), nil
		})
		if r := g.get("/a"); !r.aborted || g.Stats().Objects != 0 {
			t.Error("a fill that never ends was not ended")
		}
	})
}

func TestLengthLimit(t *testing.T) {
	const limit = 64 << 10
	for _, tc := range []struct {
		name     string
		size     int
		declared bool
		stored   bool
	}{
		{"at the limit, declared", limit, true, true},
		{"over it, declared", limit + 1, true, false},
		{"at the limit, unknown", limit, false, true},
		{"over it, unknown", limit + 1, false, false},
		{"far over it, unknown", 20 * limit, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, func(c *Config) { c.MaxObjectBytes = limit })
				body := strings.Repeat("x", tc.size)
				g.origin.set(func(*http.Request) (*http.Response, error) {
					<-time.After(time.Second)
					length := int64(-1)
					if tc.declared {
						length = int64(tc.size)
					}
					return streamed(io.NopCloser(strings.NewReader(body)), length, "Cache-Control: max-age=300"), nil
				})
				for _, r := range g.crowd(3, "/a")() {
					if r.aborted || r.Body.String() != body {
						t.Errorf("got %d bytes of %d", r.Body.Len(), tc.size)
					}
				}
				if got := g.Stats().Objects == 1; got != tc.stored {
					t.Errorf("stored: %v, want %v", got, tc.stored)
				}
			})
		})
	}
}

func TestOutgrownStopsWithItsLastReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, func(c *Config) { c.MaxObjectBytes = 4 })
		body, feed := io.Pipe()
		g.origin.set(func(r *http.Request) (*http.Response, error) {
			context.AfterFunc(r.Context(), func() { feed.CloseWithError(r.Context().Err()) })
			return streamed(body, -1, "Cache-Control: max-age=300"), nil
		})
		ctx, leave := context.WithCancel(t.Context())
		go g.do(ctx, "GET", "/a")
		synctest.Wait()
		feed.Write([]byte("0123456789"))
		synctest.Wait()
		leave()
		_ = g.Close() // it would wait for ever
	})
}

func TestOutgrownAfterItsLastReaderLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, func(c *Config) { c.MaxObjectBytes = 4 })
		body, feed := io.Pipe()
		g.origin.set(func(r *http.Request) (*http.Response, error) {
			return streamed(body, -1, "Cache-Control: max-age=300"), nil
		})
		ctx, leave := context.WithCancel(t.Context())
		go g.do(ctx, "GET", "/a")
		synctest.Wait()
		leave()
		synctest.Wait()
		feed.Write([]byte("0123456789"))
		if _, err := feed.Write([]byte("0123456789")); err == nil {
			t.Error("it is read on for nobody")
		}
	})
}

func TestVaryMismatchAmongWaiters(t *testing.T) { // RFC 9111 §4.1
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		g.origin.set(func(r *http.Request) (*http.Response, error) {
			<-time.After(time.Second)
			return answer(200, r.Header.Get("Accept"), "Cache-Control: max-age=300", "Vary: Accept"), nil
		})
		var wg sync.WaitGroup
		for i := range 40 {
			kind := []string{"avif", "webp"}[i%2]
			wg.Go(func() {
				if r := g.get("/a", "Accept: "+kind); r.Body.String() != kind {
					t.Errorf("%s was given %q", kind, r.Body)
				}
			})
		}
		wg.Wait()
		if n := g.origin.reads(); n != 2 {
			t.Errorf("%d upstream reads, want one a variant", n)
		}
	})
}

func TestCloseWaitsAndRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		gate := make(chan struct{})
		g.origin.set(func(*http.Request) (*http.Response, error) {
			<-gate
			return answer(200, "cake", "Cache-Control: max-age=300"), nil
		})
		first := g.crowd(1, "/a")
		synctest.Wait()
		closed := make(chan struct{})
		go func() { defer close(closed); _ = g.Close() }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("closed while a fill runs")
		default:
		}
		if r := g.get("/b"); r.Code != 503 {
			t.Errorf("a new fill after Close: %d", r.Code)
		}
		close(gate)
		<-closed
		first()
		g.expect(g.get("/a"), 200, "cake", "edge-iad; hit; ttl=300")
	})
}

// nested asks again as soon as it has the whole.
type nested struct {
	*httptest.ResponseRecorder
	whole int
	then  func()
}

func (w *nested) Write(b []byte) (int, error) {
	n, err := w.ResponseRecorder.Write(b)
	if w.Body.Len() == w.whole {
		w.then()
	}
	return n, err
}

func TestWhoHasTheWholeFindsItStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		body, feed := io.Pipe()
		g.origin.set(func(*http.Request) (*http.Response, error) {
			return streamed(body, 8, "Cache-Control: max-age=300"), nil
		})
		asked := false
		w := &nested{httptest.NewRecorder(), 8, func() {
			asked = true
			g.expect(g.get("/a"), 200, "halfhalf", "edge-iad; hit; ttl=300")
		}}
		go func() {
			feed.Write([]byte("half"))
			feed.Write([]byte("half"))
			<-time.After(time.Second)
			feed.Close()
		}()
		g.ServeHTTP(w, httptest.NewRequest("GET", "http://shop.test/a", nil))
		if !asked {
			t.Error("the whole never came")
		}
	})
}

func TestALateReaderOfAnOutgrownResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 64 << 10
		g := newRig(t, func(c *Config) { c.MaxObjectBytes = limit })
		body := strings.Repeat("x", 10*limit)
		fed := &closer{Reader: strings.NewReader(body)}
		g.origin.set(func(*http.Request) (*http.Response, error) {
			<-time.After(time.Second)
			return streamed(fed, -1, "Cache-Control: max-age=300"), nil
		})
		slow := &slowWriter{httptest.NewRecorder(), make(chan struct{})}
		done := make(chan struct{})
		go func() {
			defer close(done)
			g.ServeHTTP(slow, httptest.NewRequest("GET", "http://shop.test/a", nil))
		}()
		fast := g.crowd(1, "/a")
		<-time.After(2 * time.Second)
		synctest.Wait()
		if fed.closed.Load() {
			t.Error("more than a window was read ahead of the slowest reader")
		}
		close(slow.gate)
		<-done
		if r := fast()[0]; r.Body.String() != body || slow.Body.String() != body {
			t.Errorf("got %d and %d bytes of %d", r.Body.Len(), slow.Body.Len(), len(body))
		}
	})
}
