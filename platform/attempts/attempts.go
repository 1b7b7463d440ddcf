// Package attempts slows down who guesses or asks too often: it counts tries by a
// key, such as a network or an account, and says how long to wait past so many a minute. (How
// many connections a listener takes is httpserver's.)
package attempts

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"meridian/world"
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

// Count counts a request by a key. The answer's header tells how many the key has
// left, and in how many seconds it has all of them again, by the policy's name, which
// is what the key is of: "network" (draft-ietf-httpapi-ratelimit-headers-10 §3 and
// §4). Past so many a minute it fails with busy, and Retry-After says for how long.
func (c *Counter) Count(h http.Header, policy, key string, now time.Time) error {
	_, wait := c.Try(key, now)
	c.announce(h, policy, key, now)
	if wait <= 0 {
		return nil
	}
	seconds := int(math.Ceil(wait.Seconds()))
	h.Set("Retry-After", strconv.Itoa(seconds))
	return world.E(world.CodeBusy, "attempts.count", fmt.Sprintf("Too many requests came from this %s. Wait %d seconds.", policy, seconds))
}

func (c *Counter) announce(h http.Header, policy, key string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := float64(0)
	if l := c.seen[key]; l != nil {
		left = max(0, l.TokensAt(now))
	}
	whole := time.Duration((float64(c.perMinute) - left) * float64(time.Minute) / float64(c.perMinute))
	h.Set("RateLimit-Policy", fmt.Sprintf("%q;q=%d;w=60", policy, c.perMinute))
	h.Set("RateLimit", fmt.Sprintf("%q;r=%d;t=%d", policy, int(left), int(math.Ceil(whole.Seconds()))))
}

// forget drops those who have been quiet for a minute: they are as good as new.
func (c *Counter) forget(now time.Time) {
	for key, l := range c.seen {
		if l.TokensAt(now) >= float64(c.perMinute) {
			delete(c.seen, key)
		}
	}
}
