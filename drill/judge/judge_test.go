package judge

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func all(Outcome) bool { return true }

// at is an outcome that was due so many milliseconds after second 0.
func at(began time.Time, ms int, took time.Duration, failed, stale bool) Outcome {
	return Outcome{Due: began.Add(time.Duration(ms) * time.Millisecond), Took: took, Kind: Page, Class: Browser, Failed: failed, Stale: stale, Why: "reset"}
}

func TestSecondsCountEachOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		began := time.Unix(1000, 0)
		var list []Outcome
		for range rapid.IntRange(0, 60).Draw(t, "n") {
			list = append(list, at(began, rapid.IntRange(0, 9999).Draw(t, "ms"), time.Duration(rapid.IntRange(0, 2000).Draw(t, "took"))*time.Millisecond,
				rapid.Bool().Draw(t, "failed"), rapid.Bool().Draw(t, "stale")))
		}
		seconds := Seconds(began, time.Second, list, all)
		total, failed := 0, 0
		for i, s := range seconds {
			if s.T != i {
				t.Fatalf("second %d is in place %d", s.T, i)
			}
			total, failed = total+s.Total(), failed+s.Failed
		}
		sum := SumOf(time.Second, list, all)
		if total != len(list) || sum.Requests != len(list) || sum.Failed != failed {
			t.Fatalf("%d outcomes: %d in seconds, %d in the sum; %d and %d failed", len(list), total, sum.Requests, failed, sum.Failed)
		}
	})
}

func TestPercentileIsTheNearestRank(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	for _, c := range []struct {
		of   []time.Duration
		p    int
		want time.Duration
	}{{hundred, 50, 50}, {hundred, 95, 95}, {hundred, 99, 99}, {hundred, 100, 100}, {hundred[:1], 50, 1}, {hundred[:3], 99, 3}, {nil, 50, 0}} {
		if got := Percentile(c.of, c.p); got != c.want {
			t.Errorf("P%d of %d: %d, want %d", c.p, len(c.of), got, c.want)
		}
	}
}

func TestReroute(t *testing.T) {
	began := time.Unix(1000, 0)
	injected, healed := began.Add(5*time.Second), began.Add(25*time.Second)
	for name, c := range map[string]struct {
		failed []int // ms since began
		want   int
		ok     bool
	}{
		"nothing failed":              {nil, 0, true},
		"before the fault":            {[]int{4999}, 0, true},
		"at once":                     {[]int{5000, 5400, 5999}, 1, true},
		"for three seconds":           {[]int{5100, 7900}, 3, true},
		"a late one":                  {[]int{5100, 20_000}, 16, true},
		"to the end":                  {[]int{5100, 24_000}, 20, false},
		"after the heal counts not":   {[]int{25_000}, 0, true},
		"within the quiet time of it": {[]int{22_500}, 18, false},
	} {
		var list []Outcome
		for _, ms := range c.failed {
			list = append(list, at(began, ms, 0, true, false))
		}
		if got, ok := Reroute(list, all, injected, healed, 3*time.Second); got != c.want || ok != c.ok {
			t.Errorf("%s: %d %v, want %d %v", name, got, ok, c.want, c.ok)
		}
	}
}

func TestRecovery(t *testing.T) {
	began := time.Unix(1000, 0)
	healed, end := began.Add(10*time.Second), began.Add(20*time.Second)
	seconds := func(bad ...int) (out []Second) {
		for i := range 20 {
			s := Second{T: i, OK: 100}
			for _, b := range bad {
				if b == i {
					s.OK, s.Slow = 90, 10
				}
			}
			out = append(out, s)
		}
		return out
	}
	for name, c := range map[string]struct {
		bad  []int
		want int
		ok   bool
	}{
		"at once":       {nil, 0, true},
		"only before":   {[]int{9}, 0, true},
		"three seconds": {[]int{10, 12}, 3, true},
		"never":         {[]int{18}, 9, false},
	} {
		if got, ok := Recovery(seconds(c.bad...), began, healed, end, 3*time.Second); got != c.want || ok != c.ok {
			t.Errorf("%s: %d %v, want %d %v", name, got, ok, c.want, c.ok)
		}
	}
	if got, ok := Recovery([]Second{{T: 12, OK: 1000, Failed: 10}}, began, healed, end, time.Second); got != 0 || !ok {
		t.Errorf("one in a hundred and one is a failure to recover: %d %v", got, ok)
	}
}

func TestBudget(t *testing.T) {
	// At 1 request a second a month has 2,592,000 of them, of which 1296 may fail.
	if got := Budget(1296, 1); math.Abs(got-1) > 1e-9 {
		t.Errorf("the whole budget is %v", got)
	}
	if got := Budget(10, 0); got != 0 {
		t.Errorf("without requests: %v", got)
	}
}

// Slow answers do not slow the asking down, and what is late is told.
func TestOpenIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
		defer cancel()
		var mu sync.Mutex
		begun, refused := 0, 0
		Open(ctx, 20, 100, rand.New(rand.NewPCG(1, 2)), func(due time.Time, over bool) {
			if late := time.Since(due); late < 0 || late > time.Millisecond {
				t.Errorf("told %v after it was due", late)
			}
			mu.Lock()
			begun++
			if over {
				refused++
			}
			mu.Unlock()
			if !over {
				time.Sleep(10 * time.Second) // 200 would be under way at once
			}
		})
		if begun < 1850 || begun > 2150 {
			t.Errorf("%d requests began in 100 s at 20 a second", begun)
		}
		if refused < begun/3 || refused > begun*2/3 {
			t.Errorf("%d of %d found no seat, want about half", refused, begun)
		}
	})
}

func TestReasonsAreCounted(t *testing.T) {
	began := time.Unix(0, 0)
	list := []Outcome{at(began, 1, 0, true, false), at(began, 2, 0, false, false), at(began, 3, 0, true, false)}
	list[2].Why = "timeout"
	list = append(list, at(began, 4, 0, true, false))
	got := Reasons(list, all)
	if len(got) != 2 || got[0] != (Reason{"reset", 2}) || got[1] != (Reason{"timeout", 1}) {
		t.Errorf("%v", got)
	}
}
