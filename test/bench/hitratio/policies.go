package hitratio

import (
	"container/heap"
	"container/list"
	"slices"
)

// LRU is the hit ratio of a cache of so many bytes that lets go what was not
// asked for the longest. overhead is what an object costs beside its size.
func (t Trace) LRU(capacity, overhead int64) float64 {
	order := list.New() // of object numbers, the latest first
	at := make([]*list.Element, len(t.Sizes))
	var used int64
	return t.Ratio(func(_ int, o int32) bool {
		if e := at[o]; e != nil {
			order.MoveToFront(e)
			return true
		}
		size := t.Sizes[o] + overhead
		if size > capacity {
			return false
		}
		for used += size; used > capacity; {
			out := order.Remove(order.Back()).(int32)
			at[out] = nil
			used -= t.Sizes[out] + overhead
		}
		at[o] = order.PushFront(o)
		return false
	})
}

// Belady is the hit ratio of a cache that knows the future, and lets go what is
// asked for again the latest (Belady 1966); what would be let go at once it does
// not take. With objects of one size nothing is better. With different sizes
// something may be: see [Trace.Bound].
func (t Trace) Belady(capacity, overhead int64) float64 {
	next := t.next()
	when := make([]int32, len(t.Sizes)) // of a cached object: its next request; 0 where not cached
	var far latest
	var used int64
	return t.Ratio(func(i int, o int32) bool {
		hit := when[o] != 0
		if !hit {
			used += t.Sizes[o] + overhead
		}
		when[o] = next[i]
		heap.Push(&far, use{o, next[i]})
		for used > capacity {
			u := heap.Pop(&far).(use)
			if when[u.object] == u.next { // else it has been asked for since
				when[u.object] = 0
				used -= t.Sizes[u.object] + overhead
			}
		}
		return hit
	})
}

type use struct{ object, next int32 }

type latest []use

func (l latest) Len() int           { return len(l) }
func (l latest) Less(i, j int) bool { return l[i].next > l[j].next }
func (l latest) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }
func (l *latest) Push(x any)        { *l = append(*l, x.(use)) }
func (l *latest) Pop() any {
	old := *l
	u := old[len(old)-1]
	*l = old[:len(old)-1]
	return u
}

// Bound is a hit ratio that no cache of so many bytes can pass, sizes taken into
// account: PFOO-L of Berger, Beckmann and Harchol-Balter ("Practical Bounds on
// Optimal Caching with Variable Object Sizes", 2018). A hit costs its object's
// size for as long as it has to be kept; the cheapest hits are taken until all
// that the cache has over the whole trace is spent.
func (t Trace) Bound(capacity, overhead int64) float64 {
	next := t.next()
	var costs []int64
	for i, o := range t.Requests {
		if j := int(next[i]); j < len(t.Requests) && j >= t.Warm {
			costs = append(costs, (t.Sizes[o]+overhead)*int64(j-i))
		}
	}
	slices.Sort(costs)
	left, hits := capacity*int64(len(t.Requests)), 0
	for _, c := range costs {
		if left -= c; left < 0 {
			break
		}
		hits++
	}
	return float64(hits) / float64(len(t.Requests)-t.Warm)
}
