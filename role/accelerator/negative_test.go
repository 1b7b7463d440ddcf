package accelerator

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnOriginThatIsAwayIsNotAskedForTheSameAgain(t *testing.T) {
	g := newRig(t, func(c *Config) { c.Origins = c.Origins[:1] })
	g.origin.down["one.example"] = true
	first := g.ask("GET http://a.example/x")
	g.origin.down["one.example"] = false
	if w := g.ask("GET http://a.example/x"); w.Code != first.Code || !strings.Contains(w.Header().Get("Cache-Status"), "detail=negative") || len(g.origin.asked) != 0 {
		t.Errorf("at once: %d %s", w.Code, w.Header().Get("Cache-Status"))
	}
	g.now = g.now.Add(g.cfg.NegativeError)
	if w := g.ask("GET http://a.example/x"); w.Code != 200 {
		t.Errorf("a moment later: %d", w.Code)
	}
}

// The origin's own page for a failure is what visitors are to see, each time
// anew, unless the config gives it a lifetime.
func TestErrorPagesAreTheOrigins(t *testing.T) {
	for _, status := range []int{404, 503} {
		for _, kept := range []bool{false, true} {
			g := newRig(t, func(c *Config) {
				c.Origins = c.Origins[:1]
				if kept {
					c.Lifetimes = map[int]time.Duration{status: time.Minute}
				}
			})
			g.origin.status, g.origin.header = status, http.Header{}
			for i := range 3 {
				want := "http://one.example/x 1"
				if !kept {
					want = want[:len(want)-1] + string(rune('1'+i))
				}
				if w := g.ask("GET http://a.example/x"); w.Code != status || w.Body.String() != want {
					t.Errorf("%d, kept %v: %d %s, want %s", status, kept, w.Code, w.Body, want)
				}
			}
		}
	}
}

type way func(*http.Request) (*http.Response, error)

func (f way) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// says answers with its name after a while, which may change, unless its asker leaves.
func says(name string, after *time.Duration) way {
	return func(r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(*after):
			return &http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(name)), ContentLength: int64(len(name)), Request: r}, nil
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

func TestAnOriginThatIsSlowerThanUsualIsHedged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Default()
		cfg.Listen, cfg.Origins, cfg.HedgeAfter = "tcp:127.0.0.1:0", []string{"http://one", "http://two"}, time.Second
		one, two := time.Duration(0), time.Duration(0)
		a, err := New(cfg, Deps{Origins: map[string]http.RoundTripper{"http://one": says("one", &one), "http://two": says("two", &two)}, LoopID: "r", Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer a.cache.Close()
		ask := func(who string, after time.Duration) {
			t.Helper()
			began, w := time.Now(), httptest.NewRecorder()
			a.ServeHTTP(w, httptest.NewRequest("GET", "http://a.example/x", nil))
			if took := time.Since(began); w.Body.String() != who || took != after {
				t.Errorf("%s after %v, want %s after %v", w.Body, took, who, after)
			}
		}
		for i := range 100 { // each a little quicker than those before
			one = 400*time.Millisecond - time.Duration(i)*time.Millisecond
			ask("one", one)
		}
		one = time.Minute
		ask("two", 396*time.Millisecond)
	})
}

// Misses beyond the bound wait, then they are told when to come again; hits are
// served all the while.
func TestMissesUnderWayAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Default()
		cfg.Listen, cfg.Origins, cfg.Misses, cfg.Lifetimes = "tcp:127.0.0.1:0", []string{"http://one"}, 2, map[int]time.Duration{200: time.Hour}
		takes := time.Duration(0)
		a, err := New(cfg, Deps{Origins: map[string]http.RoundTripper{"http://one": says("one", &takes)}, LoopID: "r", Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer a.cache.Close()
		ask := func(path string) (*httptest.ResponseRecorder, time.Duration) {
			began, w := time.Now(), httptest.NewRecorder()
			a.ServeHTTP(w, httptest.NewRequest("GET", "http://a.example"+path, nil))
			return w, time.Since(began)
		}
		ask("/stored")
		takes = cfg.MissWait + time.Second
		for _, path := range []string{"/one", "/two"} {
			go ask(path)
		}
		synctest.Wait()
		if w, took := ask("/three"); w.Code != 503 || w.Header().Get("Retry-After") == "" || took != cfg.MissWait {
			t.Errorf("a third: %d %v after %v", w.Code, w.Header(), took)
		}
		if w, took := ask("/stored"); w.Code != 200 || took != 0 {
			t.Errorf("a hit: %d after %v", w.Code, took)
		}
		if w, took := ask("/four"); w.Code != 200 || took != takes+time.Second {
			t.Errorf("one that waits for its turn: %d after %v", w.Code, took)
		}
	})
}
