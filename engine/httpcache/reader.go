package httpcache

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// content is where the bytes of a response come from.
type content interface {
	// copyTo writes the piece of the content to w. The error is [errWrite] or the
	// context's when who asked is gone, and any other when the source broke.
	copyTo(ctx context.Context, w http.ResponseWriter, piece span) error
}

// stored is content in RAM.
type stored []byte

func (b stored) copyTo(_ context.Context, w http.ResponseWriter, piece span) error {
	if _, err := w.Write(b[piece.from:piece.to]); err != nil {
		return errWrite
	}
	return nil
}

// reader is one request's place in a fill.
type reader struct {
	f      *fill
	leader bool   // it began the fill: a response that cannot be shared is its own
	joined uint64 // purge generation at which it joined
	off    int64  // next byte it wants; guarded by f.mu
}

// copyTo writes the bytes as they arrive. Nothing waits for this reader: it has
// its own offset into the bytes that all share.
func (r *reader) copyTo(ctx context.Context, w http.ResponseWriter, piece span) error {
	r.seek(piece.from)
	for {
		b, last, err := r.next(ctx, piece.to)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return errWrite
		}
		if last { // caught up with the fill: what there is should not wait for more
			_ = http.NewResponseController(w).Flush()
		}
		r.seek(r.off + int64(len(b)))
	}
}

func (r *reader) seek(off int64) {
	r.f.mu.Lock()
	r.off = off
	r.f.mu.Unlock()
	r.f.signalRoom()
}

// next waits for bytes beyond the reader's offset, up to end where that is known
// (not negative). last says that no more have arrived yet.
func (r *reader) next(ctx context.Context, end int64) (b []byte, last bool, err error) {
	f := r.f
	for {
		f.mu.Lock()
		have := f.base + int64(len(f.buf))
		upTo := have
		if end >= 0 {
			upTo = min(have, end)
		}
		switch {
		case r.off < upTo:
			b, last = f.buf[r.off-f.base:upTo-f.base], upTo == have && !f.ended
			f.given = true
			f.mu.Unlock()
			return b, last, nil
		case end >= 0 && r.off >= end:
			f.mu.Unlock()
			return nil, false, io.EOF
		case f.ended:
			err = f.err
			f.mu.Unlock()
			if err == nil {
				err = io.EOF
			}
			return nil, false, err
		}
		changed := f.watch()
		f.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}

// errLate says that a response did not come in time.
var errLate = errors.New("httpcache: the response is late")

// await waits until the fill's response is known, or ctx ends, or patience does
// (errLate) where there is a limit to it. It tells of informational responses.
func (r *reader) await(ctx context.Context, patience time.Duration, tell func(interim)) error {
	f, told := r.f, 0
	var late <-chan time.Time
	if patience > 0 {
		t := time.NewTimer(patience)
		defer t.Stop()
		late = t.C
	}
	for {
		f.mu.Lock()
		news, settled := f.interim[told:], f.outcome != pending
		changed := f.watch()
		f.mu.Unlock()
		for _, i := range news {
			tell(i)
		}
		if told += len(news); settled {
			return nil
		}
		select {
		case <-changed:
		case <-late:
			return errLate
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// leave takes the reader out of its fill. A response that was kept for it and
// that it did not take is closed.
func (r *reader) leave() {
	f := r.f
	f.mu.Lock()
	delete(f.readers, r)
	unwanted := f.boundless && len(f.readers) == 0
	holds := f.unheld()
	var own *http.Response
	if r.leader {
		f.leaderless = true
		own, f.own = f.own, nil
	}
	f.mu.Unlock()
	releaseAll(holds)
	f.signalRoom()
	if own != nil {
		own.Body.Close()
	}
	if own != nil || unwanted {
		f.cancel(errNoReaders)
	}
}

// takeOwn is the response that only the leader may have; nil for every other.
func (r *reader) takeOwn() *http.Response {
	if !r.leader {
		return nil
	}
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	own := r.f.own
	r.f.own = nil
	return own
}
