package hitratio

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func unit(requests ...int32) Trace {
	return Trace{Requests: requests, Sizes: []int64{1, 1, 1, 1, 1, 1}}
}

// Belady's own example class: pages of one size.
func TestKnownTraces(t *testing.T) {
	// 2 places. LRU: a b c a b c … never hits; the best keeps a and b.
	loop := unit(0, 1, 2, 0, 1, 2, 0, 1, 2)
	if got := loop.LRU(2, 0); got != 0 {
		t.Errorf("LRU on a loop: %v", got)
	}
	if got := loop.Belady(2, 0); got != 4./9 {
		t.Errorf("Belady on a loop: %v", got)
	}
	if got := loop.LRU(3, 0); got != 6./9 {
		t.Errorf("LRU with room for all: %v", got)
	}
	if got := loop.LRU(4, 1); got != 0 {
		t.Errorf("LRU, two of which fit with their overhead: %v", got)
	}
	warm := loop
	warm.Warm = 6
	if got := warm.LRU(3, 0); got != 1 {
		t.Errorf("after warming up: %v", got)
	}
	// A large object that would push out all others is not worth its room.
	big := Trace{Requests: []int32{0, 1, 2, 0, 1}, Sizes: []int64{1, 1, 9}}
	if got := big.Belady(9, 0); got != 2./5 {
		t.Errorf("Belady: %v", got)
	}
	if got := big.LRU(9, 0); got != 0 {
		t.Errorf("LRU: %v", got)
	}
}

// best tries every way to keep and to let go.
func best(t Trace, capacity int64) float64 {
	var hits func(i int, cached uint) int
	used := func(cached uint) (n int64) {
		for o, size := range t.Sizes {
			if cached>>o&1 == 1 {
				n += size
			}
		}
		return n
	}
	hits = func(i int, cached uint) int {
		if i == len(t.Requests) {
			return 0
		}
		o := t.Requests[i]
		n := int(cached >> o & 1)
		most := 0
		all := cached | 1<<o
		for keep := all; ; keep = (keep - 1) & all { // each subset
			if used(keep) <= capacity {
				most = max(most, hits(i+1, keep))
			}
			if keep == 0 {
				return n + most
			}
		}
	}
	return float64(hits(0, 0)) / float64(len(t.Requests))
}

// Nothing is above the bound, and no policy above the best there is.
func TestTheBoundHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := Trace{
			Sizes:    rapid.SliceOfN(rapid.Int64Range(1, 5), 3, 3).Draw(t, "sizes"),
			Requests: rapid.SliceOfN(rapid.Int32Range(0, 2), 1, 7).Draw(t, "requests"),
		}
		capacity := rapid.Int64Range(1, 12).Draw(t, "capacity")
		top := best(tr, capacity)
		if b := tr.Bound(capacity, 0); b < top-1e-9 {
			t.Fatalf("the bound is %v, and %v can be had", b, top)
		}
		for name, got := range map[string]float64{"LRU": tr.LRU(capacity, 0), "Belady": tr.Belady(capacity, 0)} {
			if got > top+1e-9 {
				t.Fatalf("%s: %v of at most %v", name, got, top)
			}
		}
		for i := range tr.Sizes {
			tr.Sizes[i] = 1
		}
		if got, want := tr.Belady(capacity, 0), best(tr, capacity); math.Abs(got-want) > 1e-9 {
			t.Fatalf("with one size Belady gets %v of %v", got, want)
		}
	})
}

func TestZipfIsSkewedAsItSays(t *testing.T) {
	tr := Zipf(1, 1000, 200_000, 1)
	counts := make([]int, 1000)
	for _, o := range tr.Requests {
		counts[o]++
	}
	most := 0
	for _, n := range counts {
		most = max(most, n)
	}
	// Rank 1 has 1/H(1000) = 13.4 % of all.
	if share := float64(most) / 200_000; math.Abs(share-0.134) > 0.005 {
		t.Errorf("the first has %v", share)
	}
	if again := Zipf(1, 1000, 200_000, 1); again.Requests[777] != tr.Requests[777] || again.Footprint() != tr.Footprint() {
		t.Error("the same seed gives another trace")
	}
	if tr.Footprint() <= 0 || tr.Warm != 50_000 {
		t.Error(tr.Footprint(), tr.Warm)
	}
}
