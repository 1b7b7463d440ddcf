package httpcache

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// epoch is when the tests begin.
var epoch = time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)

// origin is an upstream made of a function. It keeps what it was asked.
type origin struct {
	mu     sync.Mutex
	asked  []*http.Request
	answer func(*http.Request) (*http.Response, error)
}

func (o *origin) RoundTrip(r *http.Request) (*http.Response, error) {
	o.mu.Lock()
	o.asked = append(o.asked, r)
	answer := o.answer
	o.mu.Unlock()
	return answer(r)
}

func (o *origin) reads() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.asked)
}

func (o *origin) last() *http.Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked[len(o.asked)-1]
}

// says makes the origin answer the same from now on; fields are "Name: value".
func (o *origin) says(status int, body string, fields ...string) {
	o.set(func(*http.Request) (*http.Response, error) { return answer(status, body, fields...), nil })
}

func (o *origin) set(f func(*http.Request) (*http.Response, error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = f
}

func answer(status int, body string, fields ...string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: header(fields...),
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// streamed is a 200 of unknown length, or of a declared one.
func streamed(body io.ReadCloser, length int64, fields ...string) *http.Response {
	return &http.Response{StatusCode: 200, Header: header(fields...), Body: body, ContentLength: length}
}

func header(fields ...string) http.Header {
	h := http.Header{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		h.Add(name, value)
	}
	return h
}

// rig is a cache with its origin and a clock that the test turns.
type rig struct {
	*Cache
	t      *testing.T
	origin *origin
	mu     sync.Mutex
	now    time.Time
	found  []func() // what was found and is to be released
}

func newRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	g := &rig{t: t, origin: &origin{}, now: epoch}
	memory := NewPoisonedMemory(t, 16<<20)
	cfg := Config{Name: "edge-iad", Now: g.clock, Upstream: g.origin, Memory: memory, MemoryFrom: 1}
	if change != nil {
		change(&cfg)
	}
	g.Cache = New(cfg)
	t.Cleanup(func() {
		_ = g.Close()
		for _, release := range g.found {
			release()
		}
		g.Purge(Purge{All: true})
		if held, taken := memory.Held(); held > 0 && !t.Failed() {
			t.Errorf("%d of %d contents in memory were never given up", held, taken)
		}
	})
	return g
}

func (g *rig) clock() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now
}

func (g *rig) pass(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now = g.now.Add(d)
}

// result is what a client got; aborted is true if its response was broken off.
type result struct {
	*httptest.ResponseRecorder
	aborted bool
}

func (r result) status() string { return r.Header().Get("Cache-Status") }

func (g *rig) get(path string, fields ...string) result {
	return g.do(context.Background(), "GET", path, fields...)
}

func (g *rig) do(ctx context.Context, method, path string, fields ...string) (res result) {
	r := httptest.NewRequestWithContext(ctx, method, "http://shop.test"+path, nil)
	r.Header = header(fields...)
	res.ResponseRecorder = httptest.NewRecorder()
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler {
				panic(p)
			}
			res.aborted = true
		}
	}()
	g.ServeHTTP(res.ResponseRecorder, r)
	return res
}

// expect checks status, body and our member of Cache-Status.
func (g *rig) expect(r result, status int, body, cacheStatus string) {
	g.t.Helper()
	if r.Code != status || r.Body.String() != body || r.status() != cacheStatus {
		g.t.Errorf("got %d %.60q\n  %s\nwant %d %.60q\n  %s", r.Code, r.Body.String(), r.status(), status, body, cacheStatus)
	}
}

// asked is a request for a path of the test's shop.
func asked(method, path string, fields ...string) *http.Request {
	r := httptest.NewRequest(method, "http://shop.test"+path, nil)
	r.Header = header(fields...)
	return r
}
