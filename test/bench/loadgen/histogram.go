// Package loadgen asks one HTTP/1.1 server for whole objects as fast as it
// answers, over many connections from one thread, and throws the content away:
// what is measured is the server, not who asks.
package loadgen

import (
	"math/bits"
	"time"
)

// Histogram counts durations in buckets whose width is at most 1/64 of their
// value, as HdrHistogram does. The zero value is empty.
type Histogram struct {
	counts [buckets]uint64
	n      uint64
}

const (
	precision = 6 // bits of a value that are kept behind its first
	buckets   = (64 - precision) << precision
)

// Add counts one duration; a negative one counts as none.
func (h *Histogram) Add(d time.Duration) {
	h.counts[bucket(uint64(max(d, 0)))]++
	h.n++
}

// bucket is exact up to 127, and then keeps the first seven bits.
func bucket(v uint64) int {
	if v < 1<<(precision+1) {
		return int(v)
	}
	shift := bits.Len64(v) - precision - 1
	return shift<<precision + int(v>>shift)
}

// floor is the least value of a bucket.
func floor(b int) uint64 {
	if b < 1<<(precision+1) {
		return uint64(b)
	}
	shift := b>>precision - 1
	return uint64(b-shift<<precision) << shift
}

// Count is how many durations there are.
func (h *Histogram) Count() uint64 { return h.n }

// Quantile is the duration that a share q of all does not exceed, by at most
// 1/64 too much; 0 of an empty histogram.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := min(h.n, max(1, uint64(q*float64(h.n)+0.999999)))
	for b, c := range h.counts {
		if c >= rank {
			return time.Duration(floor(b+1) - 1)
		}
		rank -= c
	}
	return 0
}
