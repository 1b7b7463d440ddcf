// Package load measures how much of what a listener is fit for it is asked for,
// and tells monitors who ask.
package load

import (
	"sync"
	"time"

	"meridian/world"
)

// span is how long the load is a mean over, at least; at most twice as long.
const span = 5 * time.Second

// Meter counts requests that are under way. It is safe for concurrent use.
type Meter struct {
	capacity int

	mu    sync.Mutex
	under int
	now   mark
	from  mark // what the mean is reckoned from
	next  mark // what it will be, once that is as old as span
}

// mark is a point in time, and how long all requests together have been under way
// until then.
type mark struct {
	at    time.Time
	spent time.Duration
}

// New is a meter of a listener that is fit for capacity requests at once, at least
// one.
func New(capacity int) *Meter {
	start := mark{at: time.Now()}
	return &Meter{capacity: max(1, capacity), now: start, from: start, next: start}
}

// Begin counts a request in.
func (m *Meter) Begin() { m.change(1) }

// End counts it out.
func (m *Meter) End() { m.change(-1) }

func (m *Meter) change(by int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advance()
	m.under += by
}

// advance reckons up to now. The lock is held. The marks are whole spans from the
// start, whenever somebody comes: two meters, one of which has more to do, are
// reckoned from the same moments.
func (m *Meter) advance() {
	now := time.Now()
	if spans := now.Sub(m.next.at) / span; spans > 0 {
		last := m.next.at.Add(spans * span)
		m.from = m.next
		if spans > 1 { // nothing has changed since before that
			m.from = m.until(last.Add(-span))
		}
		m.next = m.until(last)
	}
	m.now = m.until(now)
}

// until is the mark of a time at which as much is under way as now, and since
// something last changed.
func (m *Meter) until(t time.Time) mark {
	return mark{t, m.now.spent + t.Sub(m.now.at)*time.Duration(m.under)}
}

// Percent is how many requests were under way at once, in the mean over the last
// seconds, in percent of the capacity: at least 1, which says that it is known, and
// at most [world.MaxLoad]. More requests at any moment never make it less.
func (m *Meter) Percent() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advance()
	mean := float64(m.under)
	if over := m.now.at.Sub(m.from.at); over > 0 {
		mean = float64(m.now.spent-m.from.spent) / float64(over)
	}
	return within(mean * 100 / float64(m.capacity))
}

func within(percent float64) int { return int(min(max(percent, 1), world.MaxLoad)) }
