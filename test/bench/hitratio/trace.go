// Package hitratio makes request traces and tells how often a cache of a given
// size would have answered them: under LRU, under Belady's choice by hindsight,
// and at most, whatever it does.
package hitratio

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Trace is a row of requests for objects of different sizes.
type Trace struct {
	Requests []int32 // object numbers
	Sizes    []int64 // of each object, in bytes
	Warm     int     // requests at the beginning that do not count
}

// Lognormal sizes of web objects: a median of 10 KB and a mean of about 30 KB,
// cut to sixteenths so that all of them fit in memory beside one another.
const (
	sizeMedian = 10_000.0 / 16
	sizeSigma  = 1.5
	sizeLeast  = 32
	sizeMost   = 256 << 10
)

// Zipf makes a trace in which the object at rank k is asked for in proportion to
// k^-alpha. A quarter of the requests is to warm up.
func Zipf(alpha float64, objects, requests int, seed uint64) Trace {
	r := rand.New(rand.NewPCG(seed, 1))
	t := Trace{Requests: make([]int32, requests), Sizes: make([]int64, objects), Warm: requests / 4}
	for i := range t.Sizes {
		t.Sizes[i] = min(max(int64(sizeMedian*math.Exp(sizeSigma*r.NormFloat64())), sizeLeast), sizeMost)
	}
	sum := 0.0
	upTo := make([]float64, objects)
	for k := range upTo {
		sum += math.Pow(float64(k+1), -alpha)
		upTo[k] = sum
	}
	number := r.Perm(objects) // an object's rank tells nothing of its size
	for i := range t.Requests {
		k, _ := slices.BinarySearch(upTo, r.Float64()*sum)
		t.Requests[i] = int32(number[min(k, objects-1)])
	}
	return t
}

// Footprint is what all objects that are asked for take together, in bytes.
func (t Trace) Footprint() int64 {
	seen := make([]bool, len(t.Sizes))
	var sum int64
	for _, o := range t.Requests {
		if !seen[o] {
			seen[o] = true
			sum += t.Sizes[o]
		}
	}
	return sum
}

// Ratio is the share of the counted requests for which hit said yes. It is asked
// for each request in turn.
func (t Trace) Ratio(hit func(i int, object int32) bool) float64 {
	n := 0
	for i, o := range t.Requests {
		if hit(i, o) && i >= t.Warm {
			n++
		}
	}
	return float64(n) / float64(len(t.Requests)-t.Warm)
}

// next is for each request the place of the next one for the same object;
// len(Requests) where there is none.
func (t Trace) next() []int32 {
	next := make([]int32, len(t.Requests))
	last := make([]int32, len(t.Sizes))
	for i := range last {
		last[i] = int32(len(t.Requests))
	}
	for i := len(t.Requests) - 1; i >= 0; i-- {
		o := t.Requests[i]
		next[i], last[o] = last[o], int32(i)
	}
	return next
}
