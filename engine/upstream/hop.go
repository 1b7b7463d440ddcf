package upstream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// State is a hop's circuit breaker.
type State string

// A hop is asked in its turn while closed. Once it fails it is open and comes
// last for the time of its rest; then it is half-open: one request at a time tries
// it, and closes it or opens it for twice as long. One that is silent for as long as
// a rest is joined by another: it may wait for something that no other needs.
const (
	Closed   State = "closed"
	Open     State = "open"
	HalfOpen State = "half-open"
)

// maxRests is how often a rest doubles for a hop that goes on failing: a
// visitor's request is what finds out that it is back, so it is tried seldom.
const maxRests = 4

type hop struct {
	name      string
	transport http.RoundTripper
	rest      time.Duration
	firm      bool // silent, it is not asked in need either
	now       func() time.Time

	mu        sync.Mutex
	failures  int       // rests in a row
	rested    time.Time // end of its rest
	unreached bool      // it failed by not answering at all
	losses    int       // races that it lost since its last answer
	probing   time.Time // until when a request that tries it keeps others off
	counts    Counts
	paces     map[string]*pace
}

func (h *hop) state(now time.Time) State {
	switch {
	case now.Before(h.rested):
		return Open
	case h.failures > 0:
		return HalfOpen
	}
	return Closed
}

// claim asks to be one of those who ask this hop. In need it is given while the
// hop rests too. A hop that answered nothing is tried by one request at a time
// even then: all others would wait in vain with it.
func (h *hop) claim(now time.Time, need bool) (ok, probe bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	state, tried := h.state(now), now.Before(h.probing)
	need = need && !(h.firm && h.unreached)
	switch {
	case state == Closed:
		return true, false
	case state == Open && !need, tried && (h.unreached || !need):
		return false, false
	case tried:
		return true, false
	}
	h.probing = now.Add(h.rest)
	return true, true
}

// release ends a claim.
func (h *hop) release(probe bool) {
	if !probe {
		return
	}
	h.mu.Lock()
	h.probing = time.Time{}
	h.mu.Unlock()
}

// failed begins a rest. Those who asked together fail together: what fails
// while the rest lasts says nothing new.
func (h *hop) failed(unreached bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts.Failed++
	now := h.now()
	if now.Before(h.rested) {
		return
	}
	h.rested = now.Add(h.rest << min(h.failures, maxRests))
	h.unreached = unreached
	h.failures++
}

// answered closes the breaker.
func (h *hop) answered() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures, h.rested, h.unreached, h.losses = 0, time.Time{}, false, 0
}

// maxLosses is how many races a hop may lose to the next one, without an answer
// between them, before it counts as silent: one in twenty answers is slower than
// its habit, three in a row are not chance.
const maxLosses = 3

// lost notes that another answered first; true if it is once too often.
func (h *hop) lost() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.losses++
	return h.losses >= maxLosses
}

// body is a response's content. A hop that breaks it off has failed.
type body struct {
	io.ReadCloser
	hop    *hop
	ctx    context.Context
	cancel func()
	blamed bool
}

// Read reads on.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF && !b.blamed && blames(b.ctx) {
		b.blamed = true
		b.hop.failed(true)
	}
	return n, err
}

// blames reports whether a read that broke off under ctx is the hop's fault: it
// was not cancelled, or was cancelled because it had stalled.
func blames(ctx context.Context) bool {
	var stalled interface{ Stalled() bool }
	return ctx.Err() == nil || errors.As(context.Cause(ctx), &stalled) && stalled.Stalled()
}

// Close closes the content, then releases the request's context.
func (b *body) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
