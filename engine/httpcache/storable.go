package httpcache

import "net/http"

// CookiePolicy says what becomes of a response that sets a cookie. RFC 9111 §7.3
// leaves that to the cache.
type CookiePolicy uint8

const (
	CookiesRefused  CookiePolicy = iota // it is not stored
	CookiesWithheld                     // it is stored without Set-Cookie, which only who fetched it gets
	CookiesStored                       // it is stored with Set-Cookie, which everybody gets
)

// understood holds the final statuses of RFC 9110 §15 whose rules for caches
// this one keeps: must-understand is about them (RFC 9111 §5.2.2.3).
var understood = map[int]bool{
	200: true, 203: true, 204: true,
	300: true, 301: true, 302: true, 303: true, 307: true, 308: true,
	400: true, 403: true, 404: true, 405: true, 406: true, 410: true, 414: true, 415: true, 451: true,
	500: true, 501: true, 502: true, 503: true, 504: true,
}

// mayBeStored reports whether a status lets a response be stored whose freshness
// is explicit: any final one, known or not (RFC 9111 §3). Those left out answer a
// condition or a range, which a fill does not send.
func mayBeStored(status int, mustUnderstand bool) bool {
	switch status {
	case http.StatusPartialContent, http.StatusNotModified,
		http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
		return false
	}
	return status >= 200 && status <= 599 && (!mustUnderstand || understood[status])
}

// whyNotStored names the first rule of RFC 9111 §3 that forbids a shared cache
// to store the answer to a GET; empty if none does.
func whyNotStored(h *head, d directives, x exchange) string {
	_, explicit := lifetime(h.header, d, h.date)
	request := x.request
	switch {
	case d.noStore && !(d.mustUnderstand && understood[h.status]): // §5.2.2.3
		return "no-store"
	case d.private:
		return "private"
	case len(h.header["Set-Cookie"]) > 0 && x.policy.Cookies != CookiesStored:
		return "set-cookie"
	case len(request["Authorization"]) > 0 && !d.public && !d.mustRevalidate && d.sMaxAge == absent:
		return "authorization" // §3.5
	case !mayBeStored(h.status, d.mustUnderstand):
		return "status"
	case d.noCache && !h.hasValidator():
		return "no-cache"
	case !explicit && !h.guessed && !d.noCache:
		return "no-freshness"
	case h.life <= 0 && h.swr == 0 && h.sie == 0 && !h.hasValidator():
		return "no-freshness" // never of use: neither fresh, nor to be validated
	}
	return ""
}

// sharedError reports a failure of the upstream that those who wait may all be
// given although it is not stored. Nothing in it speaks of one visitor.
func sharedError(status int, why string) bool {
	if why != "status" && why != "no-freshness" {
		return false
	}
	return upstreamFailed(status)
}

// upstreamFailed holds the statuses that RFC 5861 §4 calls an error.
func upstreamFailed(status int) bool {
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
