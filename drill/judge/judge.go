// Package judge counts what clients of a running world saw, second by second,
// and reckons from it what a failure has cost them. It asks nothing itself.
package judge

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Kind is what a client wanted.
type Kind string

// The kinds.
const (
	Page    Kind = "page"    // a page that may come from a cache
	Fresh   Kind = "fresh"   // a page that nobody has asked for before: a region must answer
	Picture Kind = "picture" // a variant of a picture
	Order   Kind = "order"   // a checkout, sent again with the same key until it is answered
	Upload  Kind = "upload"  // a picture put in, sent again until it is answered
	Price   Kind = "price"   // an owner's change of a price
)

// Reads reports whether a kind changes nothing.
func (k Kind) Reads() bool { return k == Page || k == Fresh || k == Picture }

// Class is how a client goes by DNS.
type Class string

// The classes.
const (
	Browser Class = "browser" // asks DNS again when the TTL is over, and tries the answer's next address when a connection fails
	Plain   Class = "plain"   // asks again when the TTL is over, and tries the first address alone
	Pinned  Class = "pinned"  // asked once, and keeps that address for ever
)

// Outcome is what became of one request.
type Outcome struct {
	Due      time.Time     // when it was to begin; a client that is late counts the wait
	Took     time.Duration // from then until its answer was whole, or it was given up
	Kind     Kind
	Class    Class
	City     string
	PoP      string
	Resolved time.Time // when its client had last asked DNS
	Failed   bool
	Stale    bool          // it showed what had been replaced longer ago than the bound
	Why      string        // what failed
	Late     time.Duration // how long after it was due it was begun: the judge's own fault
}

// Judge takes outcomes from any number of clients.
type Judge struct {
	Began time.Time
	Slow  time.Duration // an answer that took longer is slow

	mu  sync.Mutex
	all []Outcome
}

// New is a judge that has seen nothing; second 0 begins at began.
func New(began time.Time, slow time.Duration) *Judge { return &Judge{Began: began, Slow: slow} }

// Take counts an outcome.
func (j *Judge) Take(o Outcome) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.all = append(j.all, o)
}

// Outcomes are those so far, by when they were due.
func (j *Judge) Outcomes() []Outcome {
	j.mu.Lock()
	out := slices.Clone(j.all)
	j.mu.Unlock()
	slices.SortStableFunc(out, func(a, b Outcome) int { return a.Due.Compare(b.Due) })
	return out
}

// Second is what happened to the requests that were due in one second. Each is
// in one of the four: a failed one is not slow as well.
type Second struct {
	T      int `json:"t"` // since the judge began
	OK     int `json:"ok"`
	Failed int `json:"failed"`
	Slow   int `json:"slow"`
	Stale  int `json:"stale"`
}

// Total is how many were due.
func (s Second) Total() int { return s.OK + s.Failed + s.Slow + s.Stale }

// Seconds are the sums of what keep lets through, without gaps, from second 0.
func Seconds(began time.Time, slow time.Duration, all []Outcome, keep func(Outcome) bool) []Second {
	var out []Second
	for _, o := range all {
		if !keep(o) || o.Due.Before(began) {
			continue
		}
		t := int(o.Due.Sub(began) / time.Second)
		for len(out) <= t {
			out = append(out, Second{T: len(out)})
		}
		s := &out[t]
		switch {
		case o.Failed:
			s.Failed++
		case o.Stale:
			s.Stale++
		case o.Took > slow:
			s.Slow++
		default:
			s.OK++
		}
	}
	return out
}

// Sum is what happened to many requests.
type Sum struct {
	Requests int     `json:"requests"`
	Failed   int     `json:"failed"`
	Slow     int     `json:"slow"`
	Stale    int     `json:"stale"`
	P50MS    float64 `json:"p50_ms"` // of those that did not fail
	P95MS    float64 `json:"p95_ms"`
	P99MS    float64 `json:"p99_ms"`
}

// SumOf sums what keep lets through.
func SumOf(slow time.Duration, all []Outcome, keep func(Outcome) bool) Sum {
	var s Sum
	var took []time.Duration
	for _, o := range all {
		if !keep(o) {
			continue
		}
		s.Requests++
		if o.Failed {
			s.Failed++
			continue
		}
		took = append(took, o.Took)
		if o.Stale {
			s.Stale++
		}
		if o.Took > slow {
			s.Slow++
		}
	}
	slices.Sort(took)
	s.P50MS, s.P95MS, s.P99MS = inMS(Percentile(took, 50)), inMS(Percentile(took, 95)), inMS(Percentile(took, 99))
	return s
}

func inMS(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Percentile is the smallest of sorted durations that p in a hundred are no
// longer than; 0 of none.
func Percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	i := (len(sorted)*p + 99) / 100 // the nearest rank
	return sorted[max(i, 1)-1]
}

// FailedPart is failed by all; 0 of none.
func (s Sum) FailedPart() float64 { return float64(s.Failed) / float64(max(s.Requests, 1)) }

// Lateness is how late requests were begun, of 99 in a hundred: what the judge's own
// machine adds to their times.
func Lateness(all []Outcome) time.Duration {
	var late []time.Duration
	for _, o := range all {
		late = append(late, o.Late)
	}
	slices.Sort(late)
	return Percentile(late, 99)
}

// Reasons are why requests failed, the most frequent first, as "12 × reset".
func Reasons(all []Outcome, keep func(Outcome) bool) []Reason {
	count := map[string]int{}
	for _, o := range all {
		if o.Failed && keep(o) {
			count[o.Why]++
		}
	}
	var out []Reason
	for why, n := range count {
		out = append(out, Reason{why, n})
	}
	slices.SortFunc(out, func(a, b Reason) int { return cmp.Or(b.Times-a.Times, cmp.Compare(a.Why, b.Why)) })
	return out
}

// Reason is why so many requests failed.
type Reason struct {
	Why   string `json:"why"`
	Times int    `json:"times"`
}
