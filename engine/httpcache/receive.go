package httpcache

import (
	"context"
	"errors"
	"io"
)

// minBuffer is the first buffer for a content of unknown length, and the piece
// in which one that is not kept is passed on.
const minBuffer = 32 << 10

var (
	errNoReaders = errors.New("httpcache: nobody wants the rest")
	errTooShort  = errors.New("httpcache: the content is shorter than declared")
	errTooLong   = errors.New("httpcache: the content is longer than declared")
)

// receive reads the content into the fill's buffer, publishes it as it arrives
// and stores the whole.
func (c *Cache) receive(ctx context.Context, f *fill, body io.Reader, keep bool) error {
	want, limit := f.head.length, c.cfg.MaxObjectBytes
	into := kept{}
	switch { // one more byte tells the end, or that there is too much
	case want < 0:
		into.bytes = make([]byte, min(minBuffer, limit)+1)
	case keep:
		into = c.space.make(want + 1)
	default:
		into.bytes = make([]byte, want+1)
	}
	f.hold(into)
	buf := into.bytes[:0]
	for {
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, min(2*int64(cap(buf)), limit+1)), buf...)
		}
		n, err := body.Read(buf[len(buf):cap(buf)])
		if err == errBegunAnew {
			buf = buf[:0]
			continue
		}
		buf = buf[:len(buf)+n]
		got := int64(len(buf))
		switch {
		case want >= 0 && got > want:
			return errTooLong
		case want < 0 && got > limit:
			f.publish(buf)
			if err == nil {
				err = c.outgrown(ctx, f, body)
			}
			return endOf(err)
		case err == io.EOF && want >= 0 && got < want:
			return errTooShort
		case err != nil && err != io.EOF:
			return err
		}
		if err == io.EOF {
			if keep {
				c.store(f, f.head.sized(got), c.received(into, buf))
			}
			f.publish(buf)
			return nil
		}
		// The last bytes wait for the end, so that who has the whole finds it stored.
		if n > 0 && got != want {
			f.publish(buf)
		}
	}
}

// received is what has come, as it is stored: where it was put already, or in a
// room now that its length is known.
func (c *Cache) received(into kept, buf []byte) kept {
	if into.room != nil {
		return into.again().first(int64(len(buf)))
	}
	return c.space.keep(trimmed(buf))
}

func endOf(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// trimmed is buf without a spare capacity worth the copy.
func trimmed(buf []byte) []byte {
	if cap(buf)-len(buf) > len(buf)/8+64 {
		return append(make([]byte, 0, len(buf)), buf...)
	}
	return buf[:len(buf):len(buf)]
}

func (f *fill) publish(buf []byte) {
	f.settle(func() { f.buf = buf })
}

// outgrown passes on a content of unknown length that has become too large to
// store: as fast as its slowest reader takes it, with a window of
// MaxObjectBytes. Nobody joins any more, and no time limit applies.
func (c *Cache) outgrown(ctx context.Context, f *fill, body io.Reader) error {
	f.timeout.Stop()
	f.shard.mu.Lock()
	f.shard.close(f)
	f.shard.remember(f.key, f.hash, c.cfg.Now().Add(c.cfg.HitForMiss), true)
	f.shard.mu.Unlock()
	f.settle(func() { f.boundless = true })
	piece := make([]byte, minBuffer)
	for {
		if err := f.awaitRoom(ctx, c.cfg.MaxObjectBytes); err != nil {
			return err
		}
		n, err := body.Read(piece)
		f.settle(func() { f.buf = append(f.buf, piece[:n]...) })
		if err != nil {
			return err
		}
	}
}

// awaitRoom drops what all readers have had, and waits while the slowest is a
// whole window behind.
func (f *fill) awaitRoom(ctx context.Context, window int64) error {
	for {
		f.mu.Lock()
		off, any := f.slowest()
		if done := off - f.base; any && done > 0 {
			done = min(done, int64(len(f.buf)))
			f.buf, f.base = f.buf[done:], f.base+done
		}
		room := int64(len(f.buf)) <= window
		f.mu.Unlock()
		switch {
		case !any:
			return errNoReaders
		case room:
			return nil
		}
		select {
		case <-f.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
