package front

import (
	"io"
	"sync"
	"syscall"
)

// smallInput is a buffer that most heads fit in.
const smallInput = 4 << 10

// input is a buffer with what a connection has sent, b[r:w] is unread, and all
// that an answer to it is made with. Who waits for its client holds none, so that
// a few, which are near the processor, do for thousands of connections.
type input struct {
	b    []byte
	r, w int
	head head1
	out  output
}

var inputs = sync.Pool{New: func() any { return &input{b: make([]byte, smallInput)} }}

func (in *input) unread() []byte { return in.b[in.r:in.w] }

func (in *input) free() []byte { return in.b[in.w:] }

// take gets a buffer if there is none.
func (c *conn1) take() {
	if c.in == nil {
		c.in = inputs.Get().(*input)
		c.in.r, c.in.w = 0, 0
		c.in.head.TLS, c.in.head.Remote = c.tls != nil, c.remote
	}
}

// drop marks n bytes as read. An empty buffer is given back: who is silent, or
// reads slowly, holds none.
func (c *conn1) drop(n int) {
	c.in.r += n
	if c.in.r < c.in.w {
		return
	}
	if len(c.in.b) == smallInput {
		inputs.Put(c.in)
	}
	c.in = nil
}

// room makes room behind what is unread, up to most bytes in all; false where
// that is what there is already.
func (in *input) room(most int) bool {
	if in.w < len(in.b) {
		return true
	}
	if in.r > 0 {
		in.w = copy(in.b, in.unread())
		in.r = 0
		return true
	}
	if len(in.b) >= most {
		return false
	}
	b := make([]byte, min(2*len(in.b), max(most, smallInput)))
	copy(b, in.b)
	in.b = b
	return true
}

// fill waits for bytes of a request. While there are none it holds no buffer.
func (c *conn1) fill() error {
	if c.raw == nil {
		return c.fillByByte()
	}
	if err := c.raw.Read(c.once); err != nil {
		return err
	}
	return c.rawErr
}

// onReadableOnce is what a socket is waited for with by fill.
func (c *conn1) onReadableOnce(fd uintptr) bool {
	read, _ := c.readSocket(fd)
	return read
}

// readSocket reads what the socket has, or why it has no more; false where it
// has nothing yet. drained says that it had no more than was read.
func (c *conn1) readSocket(fd uintptr) (read, drained bool) {
	c.take()
	free := c.in.free()
	n, err := syscall.Read(int(fd), free)
	for err == syscall.EINTR {
		n, err = syscall.Read(int(fd), free)
	}
	c.rawErr = nil
	switch {
	case err == syscall.EAGAIN:
	case err != nil:
		c.rawErr = err
	case n <= 0:
		c.rawErr = io.EOF
	default:
		c.in.w += n
	}
	if c.in.r == c.in.w {
		c.drop(0)
	}
	return err != syscall.EAGAIN, n < len(free)
}

// fillByByte waits for the first byte without a buffer, where the connection is
// no socket. What comes with it, as of a TLS record, is read without waiting.
func (c *conn1) fillByByte() error {
	if c.in == nil {
		n, err := io.ReadFull(c.Conn, c.first[:])
		if err != nil {
			return err
		}
		c.take()
		c.in.w = copy(c.in.b, c.first[:n])
		return nil
	}
	n, err := c.Conn.Read(c.in.free())
	c.in.w += n
	if n > 0 {
		return nil
	}
	return err
}
