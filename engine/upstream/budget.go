package upstream

import "sync"

// budget allows second tries in proportion to requests: when everything fails,
// an outage is not multiplied by those who try again.
type budget struct {
	mu     sync.Mutex
	cents  int // a hundredth of a try each
	each   int // cents that a request earns
	most   int
	denied int64
}

func newBudget(percent, burst int) *budget {
	return &budget{cents: 100 * burst, each: percent, most: 100 * burst}
}

// earn is a request's share.
func (b *budget) earn() {
	b.mu.Lock()
	b.cents = min(b.cents+b.each, b.most)
	b.mu.Unlock()
}

// spend takes the price of a try; false, and counted, if there is not enough.
func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cents < 100 {
		b.denied++
		return false
	}
	b.cents -= 100
	return true
}

// figures are how many tries there is enough for, and how many there was not.
func (b *budget) figures() (left, denied int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return int64(b.cents / 100), b.denied
}
