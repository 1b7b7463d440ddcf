package owner

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// attempts counts tries by a key: so many a minute, and that many at once
// after a quiet minute.
type attempts struct {
	perMinute, most int

	mu   sync.Mutex
	seen map[string]*rate.Limiter
}

func newAttempts(perMinute, most int) *attempts {
	return &attempts{perMinute: perMinute, most: most, seen: map[string]*rate.Limiter{}}
}

// try counts one attempt. It is 0 when the attempt may go on, else how long
// to wait before another; the attempt is not counted then.
func (a *attempts) try(key string, now time.Time) (wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.seen[key]
	if l == nil {
		if len(a.seen) >= a.most {
			a.forget(now)
		}
		if len(a.seen) >= a.most {
			return time.Minute // counting is what is lacking: nobody uncounted comes in
		}
		l = rate.NewLimiter(rate.Every(time.Minute/time.Duration(a.perMinute)), a.perMinute)
		a.seen[key] = l
	}
	r := l.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// forget drops those who have been quiet for a minute: they are as good as new.
func (a *attempts) forget(now time.Time) {
	for key, l := range a.seen {
		if l.TokensAt(now) >= float64(a.perMinute) {
			delete(a.seen, key)
		}
	}
}
