package httpcache

import "net/http"

// storableStatus holds the final statuses that this cache understands and may
// store when their freshness is explicit (RFC 9111 §3, RFC 9110 §15.1).
var storableStatus = map[int]bool{
	200: true, 203: true, 204: true,
	300: true, 301: true, 302: true, 307: true, 308: true,
	404: true, 405: true, 410: true, 414: true, 501: true,
}

// whyNotStored names the first rule of RFC 9111 §3 that forbids a shared cache
// to store the answer to a GET; empty if none does.
func whyNotStored(h *head, d directives, request http.Header) string {
	_, explicit := lifetime(h.header, d, h.date)
	switch {
	case d.noStore && !(d.mustUnderstand && storableStatus[h.status]): // §5.2.2.3
		return "no-store"
	case d.private:
		return "private"
	case len(h.header["Set-Cookie"]) > 0:
		return "set-cookie"
	case len(request["Authorization"]) > 0 && !d.public && !d.mustRevalidate && d.sMaxAge == absent:
		return "authorization" // §3.5
	case !storableStatus[h.status]:
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
