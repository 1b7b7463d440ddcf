package httpcache

import (
	"net/http"
	"time"
)

// requestDirectives is what a request's Cache-Control asks of a cache
// (RFC 9111 §5.2.1); deltas are absent where not sent.
type requestDirectives struct {
	onlyIfCached, noCache, noStore bool

	maxAge, minFresh, maxStale time.Duration
	staleIfError               time.Duration // RFC 5861 §4
}

// parseRequest reads the directives of a request. Unless all are to be honoured
// only-if-cached alone counts. Pragma stands in for a Cache-Control that is not
// there (RFC 9111 §5.4).
func parseRequest(h http.Header, honour bool) requestDirectives {
	q := requestDirectives{maxAge: absent, minFresh: absent, maxStale: absent, staleIfError: absent}
	for _, v := range h["Cache-Control"] {
		eachDirective(v, func(name, value string, hasValue bool) {
			if honour || name == "only-if-cached" {
				q.set(name, value, hasValue)
			}
		})
	}
	if honour && len(h["Cache-Control"]) == 0 {
		for _, v := range h["Pragma"] {
			eachDirective(v, func(name, _ string, _ bool) { q.noCache = q.noCache || name == "no-cache" })
		}
	}
	return q
}

func (q *requestDirectives) set(name, value string, hasValue bool) {
	switch name {
	case "only-if-cached":
		q.onlyIfCached = true
	case "no-cache":
		q.noCache = true
	case "no-store":
		q.noStore = true
	case "max-age":
		setDelta(&q.maxAge, value, hasValue)
	case "min-fresh":
		if setDelta(&q.minFresh, value, hasValue); !hasValue {
			q.minFresh = maxDelta // as fresh as can be, as far as one can tell
		}
	case "stale-if-error":
		setDelta(&q.staleIfError, value, hasValue)
	case "max-stale":
		if setDelta(&q.maxStale, value, hasValue); !hasValue {
			q.maxStale = maxDelta // §5.2.1.2: however stale
		}
	}
}

// accepts reports whether a stored response is young enough (RFC 9111 §5.2.1).
// One that is immutable does not grow old while it is fresh (RFC 8246 §2).
func (q *requestDirectives) accepts(h *head, now time.Time) bool {
	switch {
	case q.noCache:
		return false
	case q.maxAge != absent && h.age(now) > q.maxAge && !(h.immutable && h.fresh(now)):
		return false
	}
	return q.minFresh == absent || h.ttl(now) >= q.minFresh
}

// acceptsStale reports whether max-stale covers a response that is stale, and the
// response allows such use (RFC 9111 §5.2.1.2, §4.2.4).
func (q *requestDirectives) acceptsStale(h *head, now time.Time) bool {
	return q.maxStale != absent && h.mayStale && -h.ttl(now) <= q.maxStale
}

// acceptsAfterError reports whether stale-if-error covers a response that is
// stale, after the upstream has failed, and the response allows such use (RFC 5861
// §4, RFC 9111 §4.2.4).
func (q *requestDirectives) acceptsAfterError(h *head, now time.Time) bool {
	if q.noCache || q.noStore {
		return false
	}
	return q.staleIfError != absent && h.mayStale && -h.ttl(now) <= q.staleIfError
}

// refusesStale reports whether who asks does not want what is stale, or a
// background read for its sake (RFC 9111 §5.2.1.1, §5.2.1.3 to §5.2.1.5).
func (q *requestDirectives) refusesStale() bool {
	return q.noCache || q.noStore || q.maxStale == absent && (q.maxAge != absent || q.minFresh != absent)
}
