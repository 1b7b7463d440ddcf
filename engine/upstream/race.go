package upstream

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// maxInFlight is how many hops are asked at once for one request: a request
// that all are slow to answer must not load every one.
const maxInFlight = 2

// race is one request on its way to several hops: to the next as soon as one
// fails, and beside one that is silent. A cut link drops what is sent without a
// word; waiting for the time limit would be the visitor's wait.
type race struct {
	pool    *Pool
	request *http.Request
	left    []*hop         // not asked yet, the best first
	running []*attempt     // the oldest first
	done    chan *attempt  // unbuffered: what is not taken is closed by who made it
	over    chan struct{}  // closed when nobody waits for done any more
	refusal *http.Response // a hop's own words on why it cannot
}

// attempt is one hop asked.
type attempt struct {
	hop    *hop
	probe  bool
	asked  time.Time
	cancel context.CancelFunc
	res    *http.Response
	err    error
}

// race returns the first good answer. The other request is cancelled; its hop
// has failed if it was asked before and was silent for too long.
func (p *Pool) race(r *http.Request) (*http.Response, error) {
	x := &race{pool: p, request: r, left: p.inOrder(r), done: make(chan *attempt), over: make(chan struct{})}
	defer x.end()
	if !bodyless(r) {
		defer r.Body.Close() // each try has a copy
	}
	patience := p.cfg.Patience(r)
	last := x.ask(first)
	hedge := time.NewTimer(x.wait(patience))
	defer hedge.Stop()
	for len(x.running) > 0 {
		select {
		case <-hedge.C:
			if patience.Most > 0 && hedgeable(r) {
				_ = x.ask(hedged) // there may be none to ask: then the silent one is waited for
			}
			hedge.Reset(x.wait(patience))
		case a := <-x.done:
			if a.err != nil && r.Context().Err() != nil {
				a.hop.release(a.probe)
				return nil, a.err // the asker has gone: the hop is not to blame
			}
			older := x.leave(a)
			if a.good() {
				x.won(a, older, patience)
				return a.res, nil
			}
			a.hop.failed(a.err != nil)
			a.hop.release(a.probe)
			x.refuse(a.res)
			if a.err != nil {
				last = a.err
			}
			if err := x.ask(retry); err != nil && last == nil && x.refusal == nil {
				last = err
			}
			hedge.Reset(x.wait(patience))
		case <-r.Context().Done():
			return nil, context.Cause(r.Context())
		}
	}
	if res := x.refusal; res != nil {
		x.refusal = nil // its body is the caller's now
		return res, nil
	}
	return nil, last
}

// forever is the patience of who has no limit.
const forever = 24 * time.Hour

// wait is how long the hop asked last may be silent.
func (x *race) wait(p Patience) time.Duration {
	switch {
	case p.Most <= 0:
		return forever
	case p.Floor <= 0 || len(x.running) == 0:
		return p.Most
	}
	return x.running[len(x.running)-1].hop.usual(p)
}

// ask sends the request to the next hop, if there is one and room for it. The
// error says why there is none.
func (x *race) ask(kind kind) error {
	if len(x.left) == 0 || len(x.running) == maxInFlight {
		return nil
	}
	now := x.pool.cfg.Now()
	i, probe := next(x.left, now, kind != hedged)
	if i < 0 {
		return errAllRest()
	}
	h := x.left[i]
	if kind != first && !x.pool.budget.spend() {
		h.release(probe)
		return nil
	}
	x.left = slices.Delete(x.left, i, i+1)
	ctx, cancel := context.WithCancel(x.request.Context())
	a := &attempt{hop: h, probe: probe, asked: now, cancel: cancel}
	x.running = append(x.running, a)
	h.count(kind)
	go a.send(ctx, x.request, x.done, x.over)
	return nil
}

// next claims the first healthy hop, or in need the first that may still be
// asked; -1 if there is none.
func next(hops []*hop, now time.Time, need bool) (i int, probe bool) {
	for i, h := range hops {
		if ok, probe := h.claim(now, false); ok {
			return i, probe
		}
	}
	for i, h := range hops {
		if ok, probe := h.claim(now, need); ok {
			return i, probe
		}
	}
	return -1, false
}

// send asks the hop; an answer that nobody waits for is closed.
func (a *attempt) send(ctx context.Context, r *http.Request, done chan<- *attempt, over <-chan struct{}) {
	out, err := again(ctx, r)
	if err == nil {
		a.res, err = a.hop.transport.RoundTrip(out)
	}
	if a.err = err; err != nil {
		a.cancel()
	} else {
		a.res.Body = &body{ReadCloser: a.res.Body, hop: a.hop, ctx: ctx, cancel: a.cancel}
	}
	select {
	case done <- a:
	case <-over:
		if a.err == nil {
			a.res.Body.Close()
		}
	}
}

func (a *attempt) good() bool { return a.err == nil && !Away(a.res.StatusCode) }

// won ends the race for a good answer. A hop that was silent beyond the patience
// has failed; one that was slower than its habit has not, unless it goes on so.
func (x *race) won(a *attempt, older []*attempt, p Patience) {
	now := x.pool.cfg.Now()
	a.hop.answered()
	a.hop.release(a.probe)
	a.hop.took(p.Class, now.Sub(a.asked))
	for _, o := range older {
		if p.Most > 0 && now.Sub(o.asked) >= p.Most || p.Floor > 0 && o.hop.lost() {
			o.hop.failed(true)
		}
	}
}

// leave takes an attempt that has ended out, and returns those asked before it.
func (x *race) leave(a *attempt) (older []*attempt) {
	i := slices.Index(x.running, a)
	older = slices.Clone(x.running[:i])
	x.running = slices.Delete(x.running, i, i+1)
	return older
}

// refuse keeps the last refusal, to be passed on if no hop can answer.
func (x *race) refuse(res *http.Response) {
	if res == nil {
		return
	}
	if x.refusal != nil {
		x.refusal.Body.Close()
	}
	x.refusal = res
}

// end cancels what still runs and closes what is not passed on.
func (x *race) end() {
	close(x.over)
	for _, a := range x.running {
		a.cancel()
		a.hop.release(a.probe)
	}
	if x.refusal != nil {
		x.refusal.Body.Close()
	}
}
