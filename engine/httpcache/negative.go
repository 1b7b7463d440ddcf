package httpcache

import (
	"net/http"
	"sync"
	"time"

	"meridian/world"
)

// maxFailures is how many keys' failures are remembered at once. One more is
// not: an upstream that fails that many is found out by its own breaker.
const maxFailures = 4096

// failures remember of which keys the upstream has just failed, so that one
// that is dead is not asked again and again.
type failures struct {
	mu    sync.Mutex
	byKey map[string]failure
}

type failure struct {
	err    error
	status int // what the upstream answered; 0 where it did not
	until  time.Time
}

// note remembers a failure until a moment.
func (n *failures) note(key string, f failure, now time.Time) {
	if !f.until.After(now) {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.byKey == nil {
		n.byKey = map[string]failure{}
	}
	if len(n.byKey) >= maxFailures {
		for k, old := range n.byKey {
			if !old.until.After(now) {
				delete(n.byKey, k)
			}
		}
	}
	if len(n.byKey) < maxFailures {
		n.byKey[key] = f
	}
}

// recent is what is remembered of a key.
func (n *failures) recent(key string, now time.Time) (failure, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f, ok := n.byKey[key]
	if ok && !f.until.After(now) {
		delete(n.byKey, key)
		ok = false
	}
	return f, ok
}

// forget drops what a purge names; all of it where groups may be meant.
func (n *failures) forget(p Purge) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p.All || len(p.Groups) > 0 {
		clear(n.byKey)
	}
	for _, key := range p.Keys {
		delete(n.byKey, key)
	}
}

// failedLately ends a fill that has not begun with the failure of the last one
// of its key, if that was a moment ago.
func (c *Cache) failedLately(f *fill) bool {
	if c.cfg.NegativeError <= 0 {
		return false
	}
	was, ok := c.failures.recent(f.key, c.cfg.Now())
	if !ok {
		return false
	}
	f.shard.mu.Lock()
	f.shard.stats.Misses--
	f.shard.stats.Negative++
	f.shard.ended(f)
	f.shard.mu.Unlock()
	f.negative = true
	f.fail(was.err, was.status)
	return true
}

// failed remembers that the upstream gave no answer (status 0), or says that it
// cannot give one.
func (c *Cache) failed(f *fill, err error, status int) {
	now := c.cfg.Now()
	c.failures.note(f.key, failure{err: err, status: status, until: now.Add(c.cfg.NegativeError)}, now)
}

// refusals are the statuses by which a gateway says that it has no answer, each
// with the code that repeats it.
var refusals = map[int]world.Code{
	http.StatusBadGateway:         world.CodeBadUpstream,
	http.StatusServiceUnavailable: world.CodeUnavailable,
	http.StatusGatewayTimeout:     world.CodeTimeout,
}

// refused remembers a status that is one of the refusals.
func (c *Cache) refused(f *fill, status int) {
	if code, ok := refusals[status]; ok && !c.cfg.PassRefusals {
		c.failed(f, world.E(code, "httpcache.fill", "The server behind this cache cannot answer. Try again in a moment."), status)
	}
}

// Negative reports the errors that [Config].NegativeStatus may give a lifetime.
func Negative(status int) bool { return status >= 400 && heuristicStatus[status] }

// negativeLife is the lifetime by policy of an error without an explicit one.
// It is a heuristic (RFC 9111 §4.2.2), so it is for the statuses that allow one.
func (h *head) negativeLife(x exchange) time.Duration {
	if !Negative(h.status) {
		return 0
	}
	return x.policy.NegativeStatus[h.status]
}

// hitDetail says of a fresh hit that it is by that policy.
func (c *Cache) hitDetail(h *head) string {
	if h.guessed && h.status >= 400 && c.cfg.NegativeStatus[h.status] > 0 {
		return "negative"
	}
	return ""
}
