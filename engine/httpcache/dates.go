package httpcache

import (
	"strings"
	"time"
)

// The three forms of an HTTP-date (RFC 9110 §5.6.7), without their zone.
const (
	imfFixdate = "Mon, 02 Jan 2006 15:04:05"
	rfc850Date = "Monday, 02-Jan-06 15:04:05"
)

// parseDate reads an HTTP-date as a cache should (RFC 9111 §4.2): letter case
// does not count, and a zone other than GMT makes it no date at all. now decides
// the century of a year of two digits (RFC 9110 §5.6.7).
func parseDate(s string, now time.Time) (time.Time, bool) {
	if len(s) == len(time.ANSIC) && clockAt(s, 11) {
		return parsed(time.ANSIC, s)
	}
	n := len(s) - len(" GMT")
	if n < len(imfFixdate) || !strings.EqualFold(s[n:], " GMT") || !clockAt(s, n-8) {
		return time.Time{}, false
	}
	if n == len(imfFixdate) {
		return parsed(imfFixdate, s[:n])
	}
	t, ok := parsed(rfc850Date, s[:n])
	if !ok {
		return t, false
	}
	for t.After(now.AddDate(50, 0, 0)) {
		t = t.AddDate(-100, 0, 0)
	}
	for !t.AddDate(100, 0, 0).After(now.AddDate(50, 0, 0)) {
		t = t.AddDate(100, 0, 0)
	}
	return t, true
}

// clockAt reports whether s has the shape " 00:00:00" with its hour at i: the
// parser below would take an hour of one digit.
func clockAt(s string, i int) bool {
	return s[i-1] == ' ' && s[i+2] == ':' && s[i+5] == ':'
}

func parsed(layout, s string) (time.Time, bool) {
	t, err := time.Parse(layout, s)
	return t, err == nil
}
