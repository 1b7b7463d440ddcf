package httpcache

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

var (
	errStalled   error = stalled{}
	errBegunAnew       = errors.New("httpcache: the content begins anew") // what was received so far is void
	errDiffers         = errors.New("httpcache: the upstream has other content now")
)

// stalled is why an upstream read is ended that has sent nothing for StallTimeout.
type stalled struct{}

// Error says what happened.
func (stalled) Error() string { return "httpcache: the upstream fell silent in mid-body" }

// Stalled tells an upstream with several ways that the one it chose is to blame,
// although it was from here that the read was cancelled.
func (stalled) Stalled() bool { return true }

// source is the content of a fill as it comes from upstream. Where one read dies
// or stalls, another goes on from the same byte. One goroutine reads it.
type source struct {
	c      *Cache
	f      *fill
	ctx    context.Context // of the fill
	ask    *http.Request   // the first request
	head   *head           // what readers were promised
	body   io.ReadCloser   // of the read that runs
	cancel context.CancelCauseFunc

	off  int64 // bytes handed on
	want int64 // length of the whole; -1 while it is not known
	skip int64 // bytes that come again and are compared, not handed on
	left int   // take-overs that are still allowed
}

// newSource makes a source whose first read is by ask, still to be sent.
func (c *Cache) newSource(ctx context.Context, f *fill, ask *http.Request) *source {
	read, cancel := context.WithCancelCause(ctx)
	return &source{c: c, f: f, ctx: ctx, ask: ask.WithContext(read), cancel: cancel}
}

// begin takes the first read's response. Only what is to be kept is carried on
// by others.
func (s *source) begin(body io.ReadCloser, h *head, keep bool) {
	s.body, s.head, s.want = body, h, h.length
	if keep {
		s.left = s.c.cfg.MaxTakeOvers
	}
}

// Close ends the read that runs.
func (s *source) Close() error {
	defer s.cancel(nil)
	return s.body.Close()
}

// unconditional is a copy of a request that asks for the whole.
func unconditional(r *http.Request) *http.Request {
	whole := r.Clone(r.Context())
	for _, name := range conditions {
		delete(whole.Header, name)
	}
	return whole
}

// Read hands on what comes. Its errors are final, but for errBegunAnew.
func (s *source) Read(p []byte) (int, error) {
	for {
		n, err := s.readOn(p)
		if err == nil {
			return n, nil
		}
		if s.complete(err) {
			return n, io.EOF
		}
		if n > 0 {
			return n, nil // what is wrong shows again with the next read
		}
		if err = s.takeOver(err); err != nil {
			return 0, err
		}
	}
}

// complete reports whether the read that ended with err has brought the whole.
func (s *source) complete(err error) bool {
	if s.want >= 0 {
		return s.off >= s.want && s.skip == 0 // however the connection ended
	}
	return err == io.EOF && s.skip == 0
}

// readOn reads from the read that runs, past what is here already.
func (s *source) readOn(p []byte) (int, error) {
	for s.skip > 0 {
		n, err := s.watched(p[:min(int64(len(p)), s.skip)])
		if !s.f.has(s.off-s.skip, p[:n]) {
			s.left = 0
			return 0, errDiffers
		}
		s.skip -= int64(n)
		if err != nil {
			return 0, err
		}
	}
	n, err := s.watched(p)
	s.off += int64(n)
	return n, err
}

// watched reads once. A read that is silent for too long is ended, if another
// could stand in for it; else it may still bring the rest, within FillTimeout.
func (s *source) watched(p []byte) (int, error) {
	body, cancel, ended := s.body, s.cancel, make(chan bool, 1)
	patience, boundless := s.c.cfg.StallTimeout, s.f.isBoundless()
	if boundless && !s.replaceable() {
		patience = s.c.cfg.FillTimeout // no other limit holds any more
	}
	watch := time.AfterFunc(patience, func() {
		stuck := boundless || s.replaceable()
		if stuck {
			cancel(errStalled)
			body.Close()
		}
		ended <- stuck
	})
	n, err := body.Read(p)
	if !watch.Stop() && <-ended && err != nil {
		err = errStalled
	}
	return n, err
}

// replaceable reports whether another read could go on in place of this one.
func (s *source) replaceable() bool {
	return s.left > 0 && (s.validator() != "" || !s.f.isGiven())
}

// takeOver has another upstream read go on. nil: it does. Else errBegunAnew, or
// why there will be no more.
func (s *source) takeOver(why error) error {
	if why == io.EOF {
		why = errTooShort
	}
	for s.ctx.Err() == nil && s.replaceable() {
		s.Close()
		s.left--
		err, final := s.another()
		if err == nil || err == errBegunAnew {
			s.f.countTakeOver()
			return err
		}
		if final {
			return err
		}
		why = err
	}
	return why
}

// another asks upstream for the rest. final says that asking again is no use.
func (s *source) another() (err error, final bool) {
	ctx, cancel := context.WithCancelCause(s.ctx)
	out := unconditional(s.ask).WithContext(ctx)
	if s.off > 0 && s.validator() != "" {
		out.Header["Range"] = []string{"bytes=" + strconv.FormatInt(s.off, 10) + "-"}
		out.Header["If-Range"] = []string{s.validator()}
	}
	x, err := s.c.ask(s.f, out)
	if err != nil {
		cancel(nil)
		return err, false
	}
	err = s.adopt(x)
	if err != nil && err != errBegunAnew {
		x.response.Body.Close()
		cancel(nil)
		return err, !upstreamFailed(x.response.StatusCode)
	}
	s.body, s.cancel = x.response.Body, cancel
	return err, false
}

// adopt takes a response as the continuation of the first, if it is one
// (RFC 9110 §15.3.7.3): its validator is the same strong one.
func (s *source) adopt(x exchange) error {
	same := s.validator() != "" && s.sameValidator(x.response.Header)
	switch x.response.StatusCode {
	case http.StatusPartialContent:
		piece, total, ok := parseContentRange(x.response.Header["Content-Range"])
		if !same || !ok || piece.from != s.off || s.want >= 0 && total != s.want && total >= 0 || s.want < 0 && total < 0 {
			return errDiffers
		}
		s.want, s.skip = max(s.want, total), 0
		return nil
	case s.head.status:
		h, why := newHead(x)
		if same && h.length == s.head.length {
			s.skip = s.off
			return nil
		}
		if s.validator() == "" && why == "" && sameDescription(h, s.head) && s.f.beginAnew() {
			s.off, s.skip = 0, 0
			return errBegunAnew
		}
	}
	return errDiffers
}

// validator is the strong validator by which the rest can be asked for; empty
// if there is none (RFC 9110 §13.1.5).
func (s *source) validator() string {
	h := s.head
	switch {
	case h.status != http.StatusOK:
		return ""
	case isStrong(h.etag):
		return h.etag
	case h.etag == "" && h.changedLongBefore():
		return h.header.Get("Last-Modified")
	}
	return ""
}

// sameValidator reports whether a response has the first one's strong validator.
func (s *source) sameValidator(from http.Header) bool {
	h := s.head
	if h.etag != "" {
		return validETag(from.Get("Etag")) == h.etag
	}
	return len(from["Etag"]) == 0 && from.Get("Last-Modified") == h.header.Get("Last-Modified")
}

// ofTheMoment are fields that two answers with the same content may differ in.
var ofTheMoment = map[string]bool{
	"Date": true, "Expires": true, "Via": true, "Cache-Status": true, "X-Request-Id": true, "Server-Timing": true,
}

// sameDescription reports whether two responses say the same of their content
// and of its use, so that who was told the one may be given the other.
func sameDescription(a, b *head) bool {
	return a.length == b.length && describes(a.header, b.header) && describes(b.header, a.header)
}

func describes(a, b http.Header) bool {
	for name, values := range a {
		if ofTheMoment[name] {
			continue
		}
		other := b[name]
		if len(other) != len(values) {
			return false
		}
		for i := range values {
			if values[i] != other[i] {
				return false
			}
		}
	}
	return true
}

// isGiven reports whether a reader has been handed any byte.
func (f *fill) isGiven() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.given
}

func (f *fill) isBoundless() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.boundless
}

// beginAnew forgets what was received, unless a reader has had any of it.
func (f *fill) beginAnew() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.given || f.boundless {
		return false
	}
	f.buf = nil
	return true
}

// has reports whether what is still here of the content from off on is the same.
func (f *fill) has(off int64, b []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if gone := f.base - off; gone > 0 {
		if gone >= int64(len(b)) {
			return true
		}
		off, b = f.base, b[gone:]
	}
	at := off - f.base
	return at+int64(len(b)) <= int64(len(f.buf)) && bytes.Equal(f.buf[at:at+int64(len(b))], b)
}

func (f *fill) countTakeOver() {
	f.shard.mu.Lock()
	f.shard.stats.TakeOvers++
	f.shard.mu.Unlock()
}
