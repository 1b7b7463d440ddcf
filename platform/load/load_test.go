package load_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"meridian/platform/load"
	"meridian/world"
)

// The load is what was under way in the mean of the last seconds.
func TestPercent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := load.New(10)
		is := func(what string, want int) {
			t.Helper()
			if got := m.Percent(); got != want {
				t.Errorf("%s: %d %%, want %d", what, got, want)
			}
		}
		is("at rest", 1)
		for range 5 {
			m.Begin()
		}
		is("at the first moment", 50)
		time.Sleep(4 * time.Second)
		is("half of it all along", 50)
		for range 5 {
			m.End()
		}
		time.Sleep(4 * time.Second)
		is("half the time", 25)
		time.Sleep(20 * time.Second)
		is("long over", 1)
		time.Sleep(time.Hour)
		for range 30 {
			m.Begin()
		}
		time.Sleep(5 * time.Second)
		is("what was before counts still, less than half", 187)
		time.Sleep(5 * time.Second)
		is("and no more", 300)
		time.Sleep(time.Hour)
		is("and all the time", 300)
		for range 5000 {
			m.Begin()
		}
		time.Sleep(time.Minute)
		is("no more than can be told", world.MaxLoad)
	})
}

// Whoever has more requests under way at every moment tells no lower a load.
func TestMoreIsNeverLess(t *testing.T) {
	compare := func(tb interface{ Fatalf(string, ...any) }, steps, more []int) {
		synctest.Test(t, func(*testing.T) {
			a, b := load.New(7), load.New(7)
			run := func(m *load.Meter, n int) {
				for range n {
					m.Begin()
					time.AfterFunc(time.Second, m.End)
				}
			}
			for i, n := range steps {
				run(a, n)
				run(b, n+more[i])
				time.Sleep(700 * time.Millisecond)
				if x, y := a.Percent(), b.Percent(); x > y {
					tb.Fatalf("after step %d: %d %% and, with more, %d %%", i, x, y)
				}
			}
			time.Sleep(2 * time.Second)
		})
	}
	// The one more comes when the span is over, and nobody else does.
	compare(t, []int{3, 3, 3, 3, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0}, []int{0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0})
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 3), 1, 60).Draw(rt, "requests, a second each")
		more := rapid.SliceOfN(rapid.IntRange(0, 3), len(steps), len(steps)).Draw(rt, "and these beside them")
		compare(rt, steps, more)
	})
}

func TestWhoIsTold(t *testing.T) {
	synctest.Test(t, whoIsTold)
}

func whoIsTold(t *testing.T) { // at one moment
	const key, target = "the-wire-key", "pop/fra"
	busy := load.New(8)
	for range 5 { // and the probe itself
		busy.Begin()
	}
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if by := r.URL.Query().Get("by"); by != "" { // somebody behind it
			w.Header().Set(world.HeaderLoad, by)
		}
		_, _ = io.WriteString(w, "a page")
	})
	for name, c := range map[string]struct {
		key, probe, proof, query string
		also                     int
		want                     string
	}{
		"a monitor":                     {key, target, world.ProbeProof(key, target), "", 0, "75"},
		"a visitor":                     {key, "", "", "", 0, ""},
		"who knows the target's name":   {key, target, "", "", 0, ""},
		"who knows another key":         {key, target, world.ProbeProof("another", target), "", 0, ""},
		"who has another's proof":       {key, target, world.ProbeProof(key, "pop/lhr"), "", 0, ""},
		"who asks after another":        {key, "pop/lhr", world.ProbeProof(key, "pop/lhr"), "", 0, ""},
		"behind a door":                 {"", target, "", "", 0, "75"},
		"behind a door, of another":     {"", "media/eu", "", "?by=33", 0, "33"},
		"what is behind says something": {"", target, "", "?by=33", 0, "75"},
		"the higher load":               {key, target, world.ProbeProof(key, target), "", 90, "90"},
		"the lower one":                 {key, target, world.ProbeProof(key, target), "", 10, "75"},
	} {
		teller := load.Teller{Meter: busy, Target: target, Key: c.key}
		if c.also > 0 {
			teller.Also = func() int { return c.also }
		}
		r := httptest.NewRequest("GET", "/"+c.query, nil)
		r.Header.Set(world.HeaderProbe, c.probe)
		r.Header.Set("Authorization", c.proof)
		w := httptest.NewRecorder()
		teller.Handler(echo).ServeHTTP(w, r)
		got := w.Header().Get(world.HeaderLoad)
		if got != c.want || w.Body.String() != "a page" {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// What roles ask one another, a feed say, lasts for ever and is no load.
func TestFeedsAreNoLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := load.New(1)
		h := load.Teller{Meter: m}.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(time.Minute) }))
		for _, path := range []string{world.FeedPath, world.HealthPath, "/p/brezel"} {
			go h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
		}
		time.Sleep(30 * time.Second)
		if got := m.Percent(); got != 100 {
			t.Errorf("%d %%, want 100: the page's", got)
		}
		time.Sleep(time.Minute)
	})
}
