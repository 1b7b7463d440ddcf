package front

import (
	"io"
	"net/http"
	"os"
)

// body2 is content that has come and was not yet read. It never holds more
// than the stream's window lets through.
type body2 struct {
	b   []byte
	off int
}

func (b *body2) push(p []byte) {
	if b.off > 0 && b.off == len(b.b) {
		b.b, b.off = b.b[:0], 0
	} else if b.off > len(b.b)/2 {
		b.b = b.b[:copy(b.b, b.b[b.off:])]
		b.off = 0
	}
	b.b = append(b.b, p...)
}

func (b *body2) pop(p []byte) int {
	n := copy(p, b.b[b.off:])
	if b.off += n; b.off == len(b.b) && cap(b.b) > 64<<10 {
		b.b, b.off = nil, 0
	}
	return n
}

func (b *body2) len() int { return len(b.b) - b.off }

// drop forgets what is there and says how much that was.
func (b *body2) drop() int {
	n := b.len()
	b.b, b.off = nil, 0
	return n
}

// requestBody is a request's content as a handler reads it.
type requestBody struct {
	w        *response2
	closed   bool
	deadline bool // has passed
}

// Read reads content as it comes. The first read tells a client that waits for
// it to go on (RFC 9110 §10.1.1).
func (r *requestBody) Read(p []byte) (int, error) {
	r.w.goOn()
	s, c := r.w.s, r.w.c
	n, err := r.read(s, c, p)
	if n > 0 {
		c.send() // what the client may send more
	}
	return n, err
}

func (r *requestBody) read(s *stream2, c *conn2, p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case r.closed:
			return 0, http.ErrBodyReadAfterClose
		case r.deadline:
			return 0, os.ErrDeadlineExceeded
		case s.body.len() > 0:
			n := s.body.pop(p)
			c.repayStream(s, n)
			return n, nil
		case s.remoteEnd:
			r.w.takeTrailers()
			return 0, io.EOF
		case s.closed:
			return 0, io.ErrUnexpectedEOF
		case len(p) == 0:
			return 0, nil
		}
		s.wake.Wait()
	}
}

// Close gives up what has not been read.
func (r *requestBody) Close() error {
	c := r.w.c
	c.mu.Lock()
	r.closed = true
	c.repay(r.w.s.body.drop())
	r.w.s.wake.Broadcast()
	c.mu.Unlock()
	return nil
}
