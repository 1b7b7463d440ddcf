package httpcache

import (
	"net/http"
	"time"

	"meridian/world"
)

// usableAfterError reports whether stale-if-error, of the response or of the
// request, lets who asks have what the fill validates (RFC 5861 §4).
func (c *Cache) usableAfterError(f *fill, ask *want) bool {
	now := c.cfg.Now()
	return f.stale != nil && (f.stale.staleIfError(now) && !ask.refusesStale() || ask.acceptsAfterError(f.stale.head, now))
}

// patience is how long who asks waits for the fill's response before it counts
// as an error; 0: for as long as it takes.
func (c *Cache) patience(f *fill, ask *want) time.Duration {
	if c.cfg.StaleWait <= 0 || !c.usableAfterError(f, ask) {
		return 0
	}
	return max(1, c.cfg.StaleWait-c.cfg.Now().Sub(f.asked)) // who comes late need not wait as long
}

// serveFailure answers after the upstream failed: with the stale response where
// that is allowed, else with an error.
func (c *Cache) serveFailure(w http.ResponseWriter, r *http.Request, f *fill, ask *want, v verdict) {
	if c.usableAfterError(f, ask) {
		stale := v
		stale.detail = "stale-if-error"
		if c.serveStale(w, r, f, stale) {
			return
		}
	}
	if v.detail = string(world.CodeOf(f.failure)); f.negative {
		v.detail = "negative"
	}
	c.fail(w, r, f.key, v, f.failure)
}

// serveStale answers with what the fill validates; false if that is gone.
func (c *Cache) serveStale(w http.ResponseWriter, r *http.Request, f *fill, v verdict) bool {
	body, release, err := c.contentOf(f.stale)
	if err != nil {
		return false
	}
	defer release()
	f.shard.mu.Lock()
	f.shard.stats.Stale++
	f.shard.mu.Unlock()
	c.deliver(w, r, f.key, f.stale.head, body, v)
	return true
}
