package edge

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"meridian/platform/httpserver"
	"meridian/world"
)

// upstream asks the nearest shield, and the next when it fails.
type upstream struct {
	now  func() time.Time
	rest time.Duration
	hops []*hop
}

type hop struct {
	region    string
	transport http.RoundTripper

	mu       sync.Mutex
	failures int       // in a row
	rested   time.Time // when it may be asked first again
}

// maxRests is how often a rest doubles for a shield that goes on failing: a
// visitor's request is what finds out that it is back, so it is tried seldom.
const maxRests = 4

func newUpstream(cfg Config, deps Deps) (*upstream, error) {
	u := &upstream{now: deps.Now, rest: cfg.Rest}
	for _, s := range cfg.Shields {
		t := deps.Shields[s.Region]
		if t == nil {
			return nil, world.E(world.CodeInvalid, "edge.new", "edge: no way to the shield of "+s.Region)
		}
		u.hops = append(u.hops, &hop{region: s.Region, transport: t})
	}
	return u, nil
}

// RoundTrip asks the shields in order, those that failed lately last. A
// request whose body may have been read is sent to one only.
func (u *upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	once := r.Body != nil && r.Body != http.NoBody
	var last error
	var lastRes *http.Response
	for _, h := range u.order() {
		res, err := h.transport.RoundTrip(r)
		if err == nil && !away(res.StatusCode) {
			h.answered()
			if lastRes != nil {
				lastRes.Body.Close()
			}
			return res, nil
		}
		if err != nil && r.Context().Err() != nil {
			return nil, err // the asker has gone: the shield is not to blame
		}
		h.failed(u.now(), u.rest)
		if err != nil {
			last = err
		} else {
			if lastRes != nil {
				lastRes.Body.Close()
			}
			lastRes = res
		}
		if once {
			break
		}
	}
	if lastRes != nil {
		return lastRes, nil // a shield's own words on why it cannot
	}
	return nil, httpserver.UpstreamError("edge.upstream", last)
}

func (u *upstream) order() []*hop {
	now := u.now()
	first, later := make([]*hop, 0, len(u.hops)), []*hop(nil)
	for _, h := range u.hops {
		if h.resting(now) {
			later = append(later, h)
		} else {
			first = append(first, h)
		}
	}
	return append(first, later...)
}

func (h *hop) resting(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return now.Before(h.rested)
}

func (h *hop) failed(now time.Time, rest time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rested = now.Add(rest << min(h.failures, maxRests))
	h.failures++
}

func (h *hop) answered() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures = 0
}

// away are the statuses by which a gateway says that it cannot answer, not
// that the answer is no.
func away(status int) bool { return status == 502 || status == 503 || status == 504 }

// truncate keeps of a visitor's address what tells the network, not the
// person: the first 24 bits of IPv4, 48 of IPv6.
func truncate(remote string) string {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return ""
	}
	bits := 24
	if a := ap.Addr().Unmap(); a.Is6() {
		bits = 48
	}
	p, err := ap.Addr().Unmap().Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// varying adds a field to the Vary of a successful response.
type varying struct {
	http.ResponseWriter
	field string
}

// WriteHeader adds the field to Vary, once.
func (v *varying) WriteHeader(status int) {
	h := v.Header()
	if !strings.Contains(strings.ToLower(h.Get("Vary")), strings.ToLower(v.field)) {
		h.Add("Vary", v.field)
	}
	v.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (v *varying) Unwrap() http.ResponseWriter { return v.ResponseWriter }
