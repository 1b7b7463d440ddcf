package contentcoding

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"
)

// pieceBytes is how much is read of the source at a time. Two pieces and what
// the encoder holds are a body's memory.
const pieceBytes = 16 << 10

var errClosed = errors.New("contentcoding: the content was closed while it was read")

// body codes what it reads, as it is asked for it.
type body struct {
	source io.ReadCloser
	flush  time.Duration

	pieces chan piece    // what came from the source
	free   chan []byte   // to be filled again
	gone   chan struct{} // closed by Close

	mu      sync.Mutex // over what follows: Close may come beside Read
	encoder Encoder    // nil once released
	coded   bytes.Buffer
	held    bool // the encoder may hold something back
	err     error
	closed  bool
}

type piece struct {
	text []byte
	err  error
}

func newBody(source io.ReadCloser, c Class, open Open, flush time.Duration) (*body, bool) {
	b := &body{source: source, flush: flush, pieces: make(chan piece), free: make(chan []byte, 2), gone: make(chan struct{})}
	e, ok := open(c, &b.coded)
	if !ok {
		return nil, false
	}
	b.encoder = e
	b.free <- make([]byte, pieceBytes)
	b.free <- make([]byte, pieceBytes)
	go b.pump()
	return b, true
}

// pump reads the source beside the encoder: that it is silent can then be seen.
func (b *body) pump() {
	for {
		var buf []byte
		select {
		case buf = <-b.free:
		case <-b.gone:
			return
		}
		n, err := b.source.Read(buf)
		select {
		case b.pieces <- piece{buf[:n], err}:
		case <-b.gone:
			return
		}
		if err != nil {
			return
		}
	}
}

// Read gives coded content, and the source's error once all before it is read.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.coded.Len() == 0 {
		if b.err != nil {
			return 0, b.err
		}
		if err := b.more(); err != nil {
			b.fail(err)
		}
	}
	return b.coded.Read(p)
}

// more codes the next piece, or flushes where there is none for a while. It
// waits without the lock, so that Close can come in between.
func (b *body) more() error {
	var silent <-chan time.Time
	if b.held {
		t := time.NewTimer(b.flush)
		defer t.Stop()
		silent = t.C
	}
	b.mu.Unlock()
	var next piece
	flush := false
	select {
	case next = <-b.pieces:
	case <-silent:
		flush = true
	case <-b.gone:
	}
	b.mu.Lock()
	switch {
	case b.closed:
		return errClosed
	case flush:
		b.held = false
		return b.encoder.Flush()
	}
	return b.take(next)
}

func (b *body) take(next piece) error {
	if len(next.text) > 0 {
		b.held = true
		if _, err := b.encoder.Write(next.text); err != nil {
			return err
		}
	}
	switch next.err {
	case nil:
		b.free <- next.text[:cap(next.text)]
		return nil
	case io.EOF:
		if err := b.encoder.Close(); err != nil {
			return err
		}
	}
	return next.err
}

// fail ends the coding. What was coded before an error is still read; the end
// that a decoder looks for is missing then.
func (b *body) fail(err error) {
	b.err = err
	b.release()
}

func (b *body) release() {
	if b.encoder != nil {
		b.encoder.Release()
		b.encoder = nil
	}
}

// Close ends the reading of the source.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	if b.err == nil {
		b.err = errClosed
	}
	close(b.gone)
	b.coded.Reset()
	b.release()
	return b.source.Close()
}
