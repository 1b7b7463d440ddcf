// Package attempts slows down who guesses: it counts tries by a key, such as a
// network or an account, and says how long to wait past so many a minute. (How
// many connections a listener takes is httpserver's.)
package attempts

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Counter counts tries by a key: so many a minute, and that many at once after
// a quiet minute. It is safe for concurrent use.
type Counter struct {
	perMinute, most int

	mu   sync.Mutex
	seen map[string]*rate.Limiter
}

// New counts perMinute tries for each of at most most keys.
func New(perMinute, most int) *Counter {
	return &Counter{perMinute: perMinute, most: most, seen: map[string]*rate.Limiter{}}
}

// Try counts one attempt. wait is 0 when the attempt may go on, else how long to
// wait before another; the attempt is not counted then. Past most keys a new one
// waits: counting is what is lacking, and nobody uncounted comes in. An attempt
// that turns out to be none, a good password, is taken back by forgive.
func (c *Counter) Try(key string, now time.Time) (forgive func(), wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.seen[key]
	if l == nil {
		if len(c.seen) >= c.most {
			c.forget(now)
		}
		if len(c.seen) >= c.most {
			return func() {}, time.Minute
		}
		l = rate.NewLimiter(rate.Every(time.Minute/time.Duration(c.perMinute)), c.perMinute)
		c.seen[key] = l
	}
	r := l.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return func() {}, wait
	}
	return func() { r.CancelAt(now) }, 0
}

// forget drops those who have been quiet for a minute: they are as good as new.
func (c *Counter) forget(now time.Time) {
	for key, l := range c.seen {
		if l.TokensAt(now) >= float64(c.perMinute) {
			delete(c.seen, key)
		}
	}
}
