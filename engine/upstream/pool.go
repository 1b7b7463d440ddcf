// Package upstream asks the first healthy of several ways to the same content:
// it retries and hedges what may be repeated, rests what fails, and keeps both
// from making an outage worse.
package upstream

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"meridian/world"
)

// Defaults of [Config].
const (
	DefaultRest         = 2 * time.Second
	DefaultRetryPercent = 20
	DefaultRetryBurst   = 20
)

// Hop is one way upstream.
type Hop struct {
	Name      string // for [Stats]
	Transport http.RoundTripper
}

// Patience is how long a hop may be silent before the next is asked beside it.
type Patience struct {
	Class string        // what is asked: each has its own habit of speed
	Most  time.Duration // 0 or less: for ever
	// Floor above 0 lets the hop be silent for no longer than 95 of its last 100
	// answers of the class took, at least Floor, at most Most.
	Floor time.Duration
}

// Config is what a pool is made of. Hops and Now are required.
type Config struct {
	Hops []Hop // in the order in which they are asked
	Now  func() time.Time

	// Order is the order for one request, by name, where it is not always that of
	// Hops: those that it does not name come behind, in theirs. It may change from
	// request to request. A hop that failed lately comes last all the same. nil:
	// that of Hops.
	Order func(*http.Request) []string

	// Firm leaves a hop that did not answer at all alone while it rests, even when
	// no other is left: for who has another way than this pool's, and would only
	// wait here. One that refuses is there, and costs no wait.
	Firm bool
	// Rest is how long a hop that failed is not asked first. It doubles up to
	// sixteen-fold while the hop goes on failing.
	Rest time.Duration
	// Patience is a request's; nil: nothing is hedged.
	Patience func(*http.Request) Patience
	// RetryPercent is how many second tries, of either kind, there may be for a
	// hundred requests; RetryBurst how many at once after a quiet time.
	RetryPercent, RetryBurst int
}

// Pool is an [http.RoundTripper] over several hops, safe for concurrent use.
type Pool struct {
	cfg    Config
	hops   []*hop
	budget *budget
}

// New makes a pool. Without hops or a clock the error has code invalid.
func New(cfg Config) (*Pool, error) {
	if len(cfg.Hops) == 0 || cfg.Now == nil {
		return nil, world.E(world.CodeInvalid, "upstream.new", "A pool needs at least one hop and a clock.")
	}
	cfg.Rest = orDefault(cfg.Rest, DefaultRest)
	cfg.RetryPercent = orDefault(cfg.RetryPercent, DefaultRetryPercent)
	cfg.RetryBurst = orDefault(cfg.RetryBurst, DefaultRetryBurst)
	if cfg.Patience == nil {
		cfg.Patience = func(*http.Request) Patience { return Patience{} }
	}
	p := &Pool{cfg: cfg, budget: newBudget(cfg.RetryPercent, cfg.RetryBurst)}
	for _, h := range cfg.Hops {
		if h.Transport == nil {
			return nil, world.E(world.CodeInvalid, "upstream.new", "There is no way to the hop "+h.Name+".")
		}
		p.hops = append(p.hops, &hop{name: h.Name, transport: h.Transport, rest: cfg.Rest, firm: cfg.Firm, now: cfg.Now})
	}
	return p, nil
}

func orDefault[N int | time.Duration](n, standard N) N {
	if n <= 0 {
		return standard
	}
	return n
}

// RoundTrip asks the hops in order, those that failed lately last. What may not
// be repeated is sent to one only; what changes nothing may be sent to two at
// once. A failure is the last hop's own error, or its refusal (502, 503 or 504)
// as a response; code unavailable if every hop is waiting for a sign of life.
func (p *Pool) RoundTrip(r *http.Request) (*http.Response, error) {
	p.budget.earn()
	if repeatable(r) {
		return p.race(r)
	}
	hops := p.inOrder(r)
	i, probe := next(hops, p.cfg.Now(), true)
	if i < 0 {
		return nil, errAllRest()
	}
	return p.once(hops[i], probe, r)
}

// inOrder is a slice of its own, of every hop once.
func (p *Pool) inOrder(r *http.Request) []*hop {
	if p.cfg.Order == nil || len(p.hops) == 1 {
		return slices.Clone(p.hops)
	}
	order := p.cfg.Order(r)
	place := func(h *hop) int {
		if i := slices.Index(order, h.name); i >= 0 {
			return i
		}
		return len(order)
	}
	hops := slices.Clone(p.hops)
	slices.SortStableFunc(hops, func(a, b *hop) int { return place(a) - place(b) })
	return hops
}

// once sends a request to one hop.
func (p *Pool) once(h *hop, probe bool, r *http.Request) (*http.Response, error) {
	defer h.release(probe)
	h.count(first)
	r, content := watched(r)
	res, err := h.transport.RoundTrip(r)
	switch {
	case err == nil && !Away(res.StatusCode):
		h.answered()
	case r.Context().Err() == nil && !content.broken.Load(): // else it is the asker's doing, or he has gone
		h.failed(err != nil)
	}
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		res.Body = &body{ReadCloser: res.Body, hop: h, ctx: r.Context(), cancel: func() {}}
	}
	return res, nil
}

// content is that of a request. Where it breaks off, or is larger than may be
// passed on, no hop is to blame for what comes of it.
type content struct {
	io.ReadCloser
	broken atomic.Bool
}

// watched is the request with its content watched.
func watched(r *http.Request) (*http.Request, *content) {
	c := &content{ReadCloser: r.Body}
	if bodyless(r) {
		return r, c
	}
	r = r.WithContext(r.Context())
	r.Body = c
	return r, c
}

// Read reads on.
func (c *content) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		c.broken.Store(true)
	}
	return n, err
}

func errAllRest() error {
	return world.E(world.CodeUnavailable, "upstream", "No server behind this one answers. It is being tried; ask again in a moment.")
}

// repeatable reports whether a request may be sent again: its method is
// idempotent (RFC 9110 §9.2.2), it asks for no other protocol, and what content it
// has can be had again.
func repeatable(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return len(r.Header["Upgrade"]) == 0 && (bodyless(r) || r.GetBody != nil)
	}
	return false
}

// hedgeable reports whether a repeatable request may run twice at once: it is
// safe (RFC 9110 §9.2.1), so that the two cannot meet.
func hedgeable(r *http.Request) bool {
	return r.Method != http.MethodPut && r.Method != http.MethodDelete && bodyless(r)
}

func bodyless(r *http.Request) bool { return r.Body == nil || r.Body == http.NoBody }

// again is a copy of a repeatable request with content of its own.
func again(ctx context.Context, r *http.Request) (*http.Request, error) {
	c := r.Clone(ctx)
	if bodyless(r) || r.GetBody == nil {
		return c, nil
	}
	content, err := r.GetBody()
	c.Body = content
	return c, err
}

// Away reports the statuses by which a gateway says that it cannot answer, not
// that the answer is no.
func Away(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}
