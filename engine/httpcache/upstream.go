package httpcache

import (
	"context"
	"errors"
	"net/http"
	"time"

	"meridian/world"
)

var (
	errFillTimeout = errors.New("httpcache: the upstream did not finish in time")
	errUnasked304  = errors.New("httpcache: the upstream answered 304 to an unconditional request")
)

// begin starts the fill's goroutine. It goes on when the client leaves, until
// FillTimeout: what it fetches may be of use to the next.
func (c *Cache) begin(f *fill, r *http.Request) error {
	if !c.track() {
		err := world.E(world.CodeUnavailable, "httpcache.fill", "This cache is shutting down. Try again in a moment.")
		f.fail(err, 0)
		c.end(f)
		return err
	}
	if c.failedLately(f) {
		c.running.Done()
		return nil
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
	ctx = f.overhear(ctx)
	f.cancel = cancel
	f.timeout = time.AfterFunc(c.cfg.FillTimeout, func() { cancel(errFillTimeout) })
	out := c.upstreamRequest(ctx, r, f)
	go func() {
		defer c.running.Done()
		defer c.end(f)
		c.fill(ctx, f, out)
	}()
	return nil
}

// end takes the fill out of its shard.
func (c *Cache) end(f *fill) {
	f.shard.mu.Lock()
	f.shard.ended(f)
	f.shard.mu.Unlock()
}

// fill asks upstream and sees the answer through.
func (c *Cache) fill(ctx context.Context, f *fill, out *http.Request) {
	src := c.newSource(ctx, f, out)
	out = src.ask
	x, err := c.ask(f, out)
	if err == nil && x.response.StatusCode == http.StatusNotModified {
		if f.stale != nil && stillValid(f.stale.head, x.response.Header, x.answered) {
			x.response.Body.Close()
			c.validated(f, x)
			f.stop()
			return
		}
		x, err = c.askAgain(f, x, out)
	}
	if err == nil && f.plan.field != "" {
		x, err = c.combine(f, x, out)
	}
	switch {
	case err != nil:
		err = upstreamError(ctx, err)
		c.failed(f, err, 0)
		f.fail(err, 0)
		f.stop()
	case f.piece != span{}:
		c.fetchedPart(ctx, f, x)
	default:
		c.fetched(ctx, f, x, src)
	}
}

// stop ends the upstream read and its time limit.
func (f *fill) stop() {
	f.timeout.Stop()
	f.cancel(nil)
}

func (c *Cache) ask(f *fill, out *http.Request) (exchange, error) {
	x := exchange{policy: &c.cfg, origin: f.origin, request: f.request, asked: c.cfg.Now()}
	var err error
	x.response, err = c.cfg.Upstream.RoundTrip(out)
	x.answered = c.cfg.Now()
	if err == nil {
		x.status = x.response.StatusCode
	}
	return x, err
}

// askAgain asks for the whole after a 304 that cannot be used (RFC 9111 §4.3.4).
func (c *Cache) askAgain(f *fill, x exchange, out *http.Request) (exchange, error) {
	x.response.Body.Close()
	x, err := c.ask(f, unconditional(out))
	if err == nil && x.response.StatusCode == http.StatusNotModified {
		x.response.Body.Close()
		err = errUnasked304
	}
	return x, err
}

// stillValid reports whether a 304 speaks of the stored response: it names the
// same entity-tag, compared strongly if it is a strong one; or has none, and the
// same Last-Modified or none (RFC 9111 §4.3.4).
func stillValid(h *head, from http.Header, now time.Time) bool {
	if tag := from.Get("Etag"); tag != "" {
		return tag == h.etag || !isStrong(tag) && weakMatch(validETag(tag), h.etag)
	}
	field := from.Get("Last-Modified")
	if field == "" {
		return true
	}
	changed, ok := parseDate(field, now)
	return ok && changed.Equal(h.lastModified)
}

// validated freshens the stored response with a 304 (RFC 9111 §4.3.4).
func (c *Cache) validated(f *fill, x exchange) {
	stale := f.stale
	merged := updated(stale.header, x.response.Header)
	x.response = &http.Response{StatusCode: stale.status, Header: merged, ContentLength: stale.length}
	h, why := newHead(x)
	h.early = stale.early
	if why != "" {
		c.forget(f, stale)
		f.settle(func() {
			f.outcome, f.head, f.why, f.fwdStatus, f.exclusive = shared, h, why, http.StatusNotModified, true
			f.buf, f.at, f.ended = stale.body.bytes, stale.at, true
		})
		return
	}
	spoiled, kept := c.store(f, h, stale.body.again())
	f.settle(func() {
		f.outcome, f.head, f.fwdStatus, f.exclusive = shared, h, http.StatusNotModified, h.noCache
		f.spoiled, f.storing = spoiled, kept
		f.buf, f.at, f.ended = stale.body.bytes, stale.at, true
	})
}

// fetched deals with a full response to src's request.
func (c *Cache) fetched(ctx context.Context, f *fill, x exchange, src *source) {
	status := x.status
	c.refused(f, status)
	if upstreamFailed(status) && f.stale != nil && (f.spare || f.stale.staleIfError(x.answered)) {
		x.response.Body.Close()
		f.fail(world.E(world.CodeBadUpstream, "httpcache.fill", ""), status)
		f.stop()
		return
	}
	h, why := newHead(x)
	h.early = f.earlyLinks()
	if why == "" && h.length > c.cfg.MaxObjectBytes {
		if !c.reserve(h.length) {
			why = "too-large"
		} else {
			defer c.large.Add(-h.length)
		}
	}
	if why != "" && f.stale != nil && !upstreamFailed(status) {
		c.forget(f, f.stale) // the full response stands in its place (RFC 9111 §4.3.3)
	}
	if why != "" && !sharedError(status, why) {
		c.handOver(f, x, h, why)
		return
	}
	defer f.stop()
	src.begin(x.response.Body, h, why == "")
	defer src.Close()
	f.shard.mu.Lock()
	if why != "" {
		f.shard.close(f) // a failure is for those who wait, not for who comes now
	}
	purged := f.shard.purges.hit(f.start, f.key, h.groups)
	f.settle(func() {
		f.outcome, f.head, f.why, f.fwdStatus, f.exclusive = shared, h, why, status, h.noCache
		f.spoiled, f.storing = purged != untouched, why == "" && purged != removed
	})
	f.shard.mu.Unlock()
	err := c.receive(ctx, f, src, why == "")
	if err != nil && why == "" {
		c.keepIncomplete(f, err)
		f.shard.mu.Lock()
		f.shard.close(f) // who comes once it is known to be broken begins anew
		f.shard.mu.Unlock()
	}
	f.finish(err)
}

// handOver gives a response that may not be shared to the leader, releases the
// others, and remembers that the key is like that.
func (c *Cache) handOver(f *fill, x exchange, h *head, why string) {
	response := x.response
	f.timeout.Stop() // the rest is the leader's, at its own pace
	f.shard.mu.Lock()
	f.shard.close(f)
	if !upstreamFailed(h.status) && !f.plan.asksPart() && why != "authorization" { // none of these says anything of the next response
		f.shard.remember(f.key, f.hash, c.cfg.Now().Add(c.cfg.HitForMiss), why == "too-large")
	}
	f.shard.mu.Unlock()
	taken := false
	f.settle(func() {
		f.outcome, f.head, f.why, f.fwdStatus = released, h, why, x.status
		if !f.leaderless {
			f.own, taken = response, true
		}
	})
	if !taken {
		response.Body.Close()
		f.cancel(nil)
	}
}

// store keeps a response, unless a purge has named it since the fill began; as
// stale if that was a soft one. spoiled says that either was. The caller holds
// the content no more.
func (c *Cache) store(f *fill, h *head, body kept) (spoiled, kept bool) {
	s := f.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	h = h.shareable()
	purged := s.purges.hit(f.start, f.key, h.groups)
	switch purged {
	case removed:
		body.release()
		s.close(f)
		return true, false
	case softened:
		h = h.stale(c.cfg.Now())
	}
	if f.stale != nil && body.bytes == nil && f.stale.inFile() {
		kept = s.freshen(f.stale, h)
	} else {
		kept = s.put(f.key, f.hash, h, body)
	}
	s.close(f) // who comes now finds it stored
	return purged == softened, kept
}

// forget removes a stored response that upstream has taken back. Nobody joins the
// fill any more: what it brings instead is not for who comes now.
func (c *Cache) forget(f *fill, e *entry) {
	s := f.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.place.queue != nil {
		s.remove(e)
	}
	s.close(f)
}

// upstreamError is the error that a failed upstream request is told as.
func upstreamError(ctx context.Context, err error) error {
	var slow interface{ Timeout() bool }
	var own *world.Error
	switch {
	case errors.As(err, &own):
		return world.Wrap("httpcache.fill", err)
	case context.Cause(ctx) == errFillTimeout || (errors.As(err, &slow) && slow.Timeout()):
		return world.Because(world.CodeTimeout, "httpcache.fill", "The server behind this cache took too long. Try again.", err)
	}
	return world.Because(world.CodeBadUpstream, "httpcache.fill", "The server behind this cache could not be reached. Try again.", err)
}
