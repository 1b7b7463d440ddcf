package edge

import (
	"context"
	"io"
	"net/http"
	"slices"
	"time"

	"meridian/platform/httpserver"
	"meridian/world"
)

// maxInFlight is how many shields are asked at once for one request: a request
// that all are slow to answer must not load every region.
const maxInFlight = 2

// race is one request on its way to several shields: to the next as soon as one
// fails, and beside one that is silent. A cut link drops what is sent without a
// word; waiting for the time limit would be the visitor's wait.
type race struct {
	request *http.Request
	left    []*hop         // not asked yet, the best first
	running []*attempt     // the oldest first
	done    chan *attempt  // unbuffered: what is not taken is closed by who made it
	over    chan struct{}  // closed when nobody waits for done any more
	refusal *http.Response // a shield's own words on why it cannot
}

// attempt is one shield asked.
type attempt struct {
	hop    *hop
	cancel context.CancelFunc
	silent bool // for longer than it may be
	res    *http.Response
	err    error
}

// race returns the first good answer. The other request is cancelled; its shield
// has failed if it was asked before and was silent for too long.
func (u *upstream) race(r *http.Request, hops []*hop) (*http.Response, error) {
	x := &race{request: r, left: hops, done: make(chan *attempt), over: make(chan struct{})}
	defer x.end()
	x.ask()
	patience := time.NewTimer(u.patience(r))
	defer patience.Stop()
	var last error
	for len(x.running) > 0 {
		select {
		case <-patience.C:
			for _, a := range x.running {
				a.silent = true
			}
			x.ask()
			patience.Reset(u.patience(r))
		case a := <-x.done:
			if a.err != nil && r.Context().Err() != nil {
				return nil, a.err // the asker has gone: the shield is not to blame
			}
			older := x.leave(a)
			if a.good() {
				a.hop.answered()
				u.blameSilent(older)
				return a.res, nil
			}
			a.hop.failed(u.now(), u.rest)
			x.refuse(a.res)
			if a.err != nil {
				last = a.err
			}
			x.ask()
			patience.Reset(u.patience(r))
		case <-r.Context().Done():
			return nil, context.Cause(r.Context())
		}
	}
	if res := x.refusal; res != nil {
		x.refusal = nil // its body is the caller's now
		return res, nil
	}
	return nil, httpserver.UpstreamError("edge.upstream", last)
}

// patience is how long a shield may be silent. A picture that no cache has is
// made first: a second region asked at once would make it too, for nothing.
func (u *upstream) patience(r *http.Request) time.Duration {
	if world.RouteOf(r.Method, r.URL.Path) == world.RouteImage {
		return u.hedgePicture
	}
	return u.hedge
}

func (u *upstream) blameSilent(attempts []*attempt) {
	for _, a := range attempts {
		if a.silent {
			a.hop.failed(u.now(), u.rest)
		}
	}
}

// ask sends the request to the next shield, if there is one and room for it.
func (x *race) ask() {
	if len(x.left) == 0 || len(x.running) == maxInFlight {
		return
	}
	ctx, cancel := context.WithCancel(x.request.Context())
	a := &attempt{hop: x.left[0], cancel: cancel}
	x.left = x.left[1:]
	x.running = append(x.running, a)
	go a.send(x.request.Clone(ctx), x.done, x.over)
}

// send asks the shield; an answer that nobody waits for is closed.
func (a *attempt) send(r *http.Request, done chan<- *attempt, over <-chan struct{}) {
	a.res, a.err = a.hop.transport.RoundTrip(r)
	if a.err != nil {
		a.cancel()
	} else {
		a.res.Body = &cancelled{a.res.Body, a.cancel}
	}
	select {
	case done <- a:
	case <-over:
		if a.err == nil {
			a.res.Body.Close()
		}
	}
}

func (a *attempt) good() bool { return a.err == nil && !away(a.res.StatusCode) }

// leave takes an attempt that has ended out, and returns those asked before it.
func (x *race) leave(a *attempt) (older []*attempt) {
	i := slices.Index(x.running, a)
	older = slices.Clone(x.running[:i])
	x.running = slices.Delete(x.running, i, i+1)
	return older
}

// refuse keeps the last refusal, to be passed on if no shield can answer.
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
	}
	if x.refusal != nil {
		x.refusal.Body.Close()
	}
}

// cancelled is a body that ends its request when it is closed.
type cancelled struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close closes the body, then releases the request's context.
func (c *cancelled) Close() error {
	defer c.cancel()
	return c.ReadCloser.Close()
}
