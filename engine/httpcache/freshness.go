package httpcache

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// readDates finds the response's date and the moment its age was zero
// (RFC 9111 §4.2.3). Age itself is taken out of the fields: it is generated anew.
func (h *head) readDates(x exchange) {
	date, ok := parseDate(h.header.Get("Date"), x.answered)
	if !ok { // RFC 9110 §6.6.1: a recipient adds the time at which it received it
		date = x.answered
		h.header["Date"] = []string{x.answered.UTC().Format(http.TimeFormat)}
	}
	h.date = date
	var ageValue time.Duration
	if first, _, _ := strings.Cut(h.header.Get("Age"), ","); first != "" { // §5.1: the first of a list
		ageValue, _ = parseDelta(strings.TrimSpace(first))
	}
	delete(h.header, "Age")
	apparent := max(0, x.answered.Sub(date))
	corrected := ageValue + x.answered.Sub(x.asked)
	h.born = x.answered.Add(-max(apparent, corrected))
}

// readFreshness finds the lifetime (RFC 9111 §4.2.1) and what stale use is
// allowed (RFC 5861, RFC 9111 §4.2.4). Without an explicit lifetime, or a
// heuristic where the policy has one, it is zero.
func (h *head) readFreshness(d directives, x exchange) {
	h.noCache, h.immutable = d.noCache, d.immutable
	explicit := false
	if h.life, explicit = lifetime(h.header, d, h.date); !explicit {
		h.life, h.guessed = h.heuristic(d, x)
	}
	if d.noCache || d.mustRevalidate || d.proxyRevalidate || d.sMaxAge != absent {
		return
	}
	h.mayStale = true
	h.swr, h.sie = d.swr, d.sie
	if d.swr == absent {
		h.swr = x.policy.StaleWhileRevalidate
	}
	if d.sie == absent {
		h.sie = x.policy.StaleIfError
	}
}

// heuristicStatus holds the statuses that may be stored without explicit
// freshness (RFC 9110 §15.1), of those that this cache stores.
var heuristicStatus = map[int]bool{
	200: true, 203: true, 204: true, 300: true, 301: true, 308: true,
	404: true, 405: true, 410: true, 414: true, 501: true,
}

// heuristic is the lifetime by policy of a response without an explicit one
// (RFC 9111 §4.2.2): a share of the time for which it had not changed when it was
// made. False where none may be used.
func (h *head) heuristic(d directives, x exchange) (time.Duration, bool) {
	if d := x.policy.Lifetimes[h.status]; d > 0 && saysNothing(h.header, x.policy.TargetedFields) {
		return d, true
	}
	if d := h.negativeLife(x); d > 0 {
		return d, true
	}
	if x.policy.HeuristicPercent == 0 || h.lastModified.IsZero() || (!heuristicStatus[h.status] && !d.public) {
		return 0, false
	}
	unchanged := max(0, h.date.Sub(h.lastModified))
	return min(unchanged/100*time.Duration(x.policy.HeuristicPercent), x.policy.MaxHeuristic), true
}

// saysNothing reports that a response leaves it all to the policy: whether it may
// be stored, and for how long.
func saysNothing(header http.Header, targeted []string) bool {
	for _, name := range []string{"Cache-Control", "Expires", "Pragma"} {
		if header[name] != nil {
			return false
		}
	}
	return !slices.ContainsFunc(targeted, func(name string) bool { return header.Values(name) != nil })
}

// lifetime is the explicit freshness lifetime; false where none is given.
func lifetime(header http.Header, d directives, date time.Time) (time.Duration, bool) {
	switch {
	case d.sMaxAge != absent:
		return d.sMaxAge, true
	case d.maxAge != absent:
		return d.maxAge, true
	case d.targeted || len(header["Expires"]) == 0:
		return 0, false
	}
	expires, ok := parseDate(header.Get("Expires"), date)
	if !ok { // §5.3: an invalid date, "0" above all, means already expired
		return 0, true
	}
	return max(0, expires.Sub(date)), true
}
