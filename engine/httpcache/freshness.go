package httpcache

import (
	"net/http"
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
// allowed (RFC 5861, RFC 9111 §4.2.4). Without an explicit lifetime it is zero.
func (h *head) readFreshness(d directives) {
	h.noCache, h.immutable = d.noCache, d.immutable
	h.life, _ = lifetime(h.header, d, h.date)
	if d.noCache || d.mustRevalidate || d.proxyRevalidate || d.sMaxAge != absent {
		return
	}
	h.mayStale = true
	h.swr, h.sie = max(0, d.swr), max(0, d.sie)
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
