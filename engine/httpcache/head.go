package httpcache

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// head is a response without its content: what a cache must know of it. It is
// never changed once others can see it.
type head struct {
	status int
	header http.Header // as delivered: end-to-end fields, no Age
	length int64       // of the content in bytes; -1 while it is not known

	born time.Time // the moment at which its age was zero (RFC 9111 §4.2.3)
	date time.Time

	life      time.Duration // freshness lifetime (§4.2.1)
	guessed   bool          // life is a heuristic (§4.2.2)
	swr, sie  time.Duration // stale-while-revalidate, stale-if-error; zero where stale use is forbidden
	immutable bool          // unchanged while fresh, however often a client reloads (RFC 8246)
	mayStale  bool          // a client that asks for it may be given it stale (§4.2.4)
	noCache   bool          // each use needs a validation first (§5.2.2.4)
	spent     bool          // its lifetime has ended for good, whatever the clock says later

	etag         string
	lastModified time.Time // zero where there is none

	withheld http.Header // what only who fetched it may have; never stored (§5.2.2.4, §5.2.2.7)

	early   []string // links of a 103 that came before it (RFC 8297)
	groups  []string // sorted
	vary    []string // canonical names, sorted
	variant string   // the values of the vary fields in the request that fetched it
}

// age is the response's current age (RFC 9111 §4.2.3), never negative, and no
// more than fits its field (§1.2.2).
func (h *head) age(now time.Time) time.Duration {
	least := time.Duration(0)
	if h.spent {
		least = h.life
	}
	return min(max(least, now.Sub(h.born)), maxDelta)
}

// ttl is what is left of the freshness lifetime; negative once stale.
func (h *head) ttl(now time.Time) time.Duration { return h.life - h.age(now) }

func (h *head) fresh(now time.Time) bool { return !h.noCache && h.ttl(now) > 0 }

func (h *head) staleWhileRevalidate(now time.Time) bool { return h.swr > 0 && -h.ttl(now) < h.swr }

func (h *head) staleIfError(now time.Time) bool { return h.sie > 0 && -h.ttl(now) < h.sie }

// stale is h as if its lifetime ended now, unless it has ended already. It has
// grown older, so that the tiers and clients that are given it reckon as we do:
// with an earlier end of its lifetime alone they would hold it to be fresh. A
// clock that is set back does not make it fresh again.
func (h *head) stale(now time.Time) *head {
	c := *h
	c.spent = true
	if h.ttl(now) > 0 {
		c.born = now.Add(-h.life)
	}
	return &c
}

func (h *head) hasValidator() bool { return h.etag != "" || !h.lastModified.IsZero() }

// exchange is one upstream request and the response to it, with both times.
type exchange struct {
	policy   *Config
	origin   string // of the request, where groups belong to it alone; else empty
	request  http.Header
	response *http.Response
	status   int // that came; 206 where response is the whole that a part belongs to
	asked    time.Time
	answered time.Time
}

// newHead reads a response. why names the reason for which it may not be
// stored, and is empty if it may (RFC 9111 §3).
func newHead(x exchange) (h *head, why string) {
	header := x.response.Header.Clone()
	removeHopByHop(header)
	d := responseDirectives(header, x.policy.TargetedFields)
	h = &head{status: x.response.StatusCode, header: header, length: x.response.ContentLength}
	h.readDates(x)
	h.etag = validETag(header.Get("Etag"))
	if t, ok := parseDate(header.Get("Last-Modified"), h.date); ok {
		h.lastModified = t
	}
	h.readFreshness(d, x)
	groups, err := parseGroups(header, x.policy.MaxGroups, x.policy.MaxGroupBytes)
	h.groups = bothWays(x.origin, groups)
	vary, varyAll := parseVary(header.Values("Vary"))
	h.vary = slices.DeleteFunc(vary, func(name string) bool { return slices.Contains(x.policy.Keyed, name) })
	h.variant = variantOf(h.vary, x.request)
	if h.status == http.StatusNoContent {
		h.length = 0
	}
	h.setLengthField()
	h.withhold(d.withheld)
	if x.policy.Cookies == CookiesWithheld {
		h.withhold([]string{"Set-Cookie"})
	}
	switch why = whyNotStored(h, d, x); {
	case varyAll:
		return h, "vary"
	case err != nil && why == "":
		return h, "groups" // a purge could miss it
	}
	return h, why
}

// sized is h for content of a length that is known only now.
func (h *head) sized(length int64) *head {
	if h.length == length {
		return h
	}
	c := *h
	c.header = h.header.Clone()
	c.length = length
	c.setLengthField()
	return &c
}

// setLengthField makes Content-Length say what the content will be.
func (h *head) setLengthField() {
	if h.length < 0 || h.status == http.StatusNoContent {
		delete(h.header, "Content-Length")
		return
	}
	h.header["Content-Length"] = []string{strconv.FormatInt(h.length, 10)}
}
