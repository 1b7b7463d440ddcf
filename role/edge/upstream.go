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

// upstream asks the nearest shield, and the next when it fails or is silent.
type upstream struct {
	now          func() time.Time
	rest         time.Duration
	hedge        time.Duration // how long a shield may be silent
	hedgePicture time.Duration // likewise, asked for a picture
	hops         []*hop
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
	u := &upstream{now: deps.Now, rest: cfg.Rest, hedge: cfg.HedgeAfter, hedgePicture: cfg.HedgeAfterPicture}
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
// request that may not be repeated is sent to one only.
func (u *upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	hops := u.order()
	if repeatable(r) {
		return u.race(r, hops)
	}
	h := hops[0]
	res, err := h.transport.RoundTrip(r)
	switch {
	case err == nil && !away(res.StatusCode):
		h.answered()
	case r.Context().Err() == nil: // else the asker has gone: the shield is not to blame
		h.failed(u.now(), u.rest)
	}
	if err != nil {
		return nil, httpserver.UpstreamError("edge.upstream", err)
	}
	return res, nil
}

// repeatable reports whether a request can be sent twice: it changes nothing,
// and there is no body that the first may have read.
func repeatable(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && (r.Body == nil || r.Body == http.NoBody)
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

// failed begins a rest. Those who asked together fail together: what fails
// while the rest lasts says nothing new.
func (h *hop) failed(now time.Time, rest time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Before(h.rested) {
		return
	}
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
