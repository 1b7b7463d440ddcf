package memfile

import (
	"math/bits"
	"os"
	"sync"
)

// pageBytes is what memory is given out in.
var pageBytes = os.Getpagesize()

func wholePages(n int64) int64 {
	page := int64(pageBytes)
	return (n + page - 1) / page * page
}

// orderOf is the order of the smallest block that holds n bytes: one of order k
// is 2^k pages.
func orderOf(n int64) int {
	return bits.Len64(uint64(max(wholePages(n)/int64(pageBytes), 1) - 1))
}

// blocks gives out addresses by the buddy method (Knuth, The Art of Computer
// Programming 1, §2.5): blocks of 2^k pages, halved where a smaller one is asked
// for, and joined with their other half once both are free.
type blocks struct {
	mu   sync.Mutex
	free []map[int64]struct{} // by order: where the free ones begin
}

// init has one free block of an order.
func (b *blocks) init(order int) {
	b.free = make([]map[int64]struct{}, order+1)
	for i := range b.free {
		b.free[i] = map[int64]struct{}{}
	}
	b.free[order][0] = struct{}{}
}

func bytesOf(order int) int64 { return int64(pageBytes) << order }

// take gives out a block; false where there is none.
func (b *blocks) take(order int) (at int64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	from := order
	for from < len(b.free) && len(b.free[from]) == 0 {
		from++
	}
	if from >= len(b.free) {
		return 0, false
	}
	for at = range b.free[from] {
		break
	}
	delete(b.free[from], at)
	for ; from > order; from-- {
		b.free[from-1][at+bytesOf(from-1)] = struct{}{}
	}
	return at, true
}

// give takes a block back.
func (b *blocks) give(at int64, order int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for order < len(b.free)-1 {
		other := at ^ bytesOf(order)
		if _, free := b.free[order][other]; !free {
			break
		}
		delete(b.free[order], other)
		at = min(at, other)
		order++
	}
	b.free[order][at] = struct{}{}
}
