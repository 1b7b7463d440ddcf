package front

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// What a connection is at. Only the front's own loop is at waiting or answering.
const (
	served    int32 = iota // with the standard server
	waiting                // for a request, or the rest of its head
	answering              // sending a hit
	closing                // likewise, and to be closed then
	closed
)

// conn1 is a visitor's connection. To the standard server it is a [net.Conn]
// that has nothing but the standard server's own requests on it. The fields
// above at are the reader's: either the front's loop or the standard server.
type conn1 struct {
	net.Conn // the socket, or TLS over it
	front    *HTTP1
	seats    Seats
	tls      *tls.Conn
	gather   *Gathering            // below tls; nil where there is none
	raw      syscall.RawConn       // of a socket; nil where there is none
	socket   syscall.RawConn       // likewise, or of the one below TLS: to be waited for
	turn     func(fd uintptr) bool // onReadable
	once     func(fd uintptr) bool // onReadableOnce
	rawErr   error                 // of the last read from raw

	in      *input  // nil while nothing is unread
	first   [1]byte // see fillByByte
	skipped bool    // an empty line before the request
	looked  int     // how much of what is unread holds no whole head
	come    outcome // of turn
	refused *refusal
	remote  netip.AddrPort

	now        time.Time // not long ago, in the loop
	headBy     time.Time // when the head that is being read must be whole; zero between requests
	readUntil  time.Time // the deadlines as they are set
	writeUntil time.Time
	unyielded  int64 // bytes sent since others had their turn

	pending int64   // bytes of the standard server's request that it has not read
	chunks  chunks1 // where its content ends, if nothing else says so
	between bool    // the standard server waits for the next request
	foreign bool    // the connection is the standard server's for good

	at   atomic.Int32
	move sync.Mutex // held to leave waiting for served, and to hurry who waits
	shut sync.Once
}

func newConn1(h *HTTP1, raw net.Conn, seats Seats) *conn1 {
	c := &conn1{Conn: raw, front: h, seats: seats}
	c.at.Store(waiting)
	if t, ok := raw.(*tls.Conn); ok {
		c.tls = t
		c.gather, _ = t.NetConn().(*Gathering)
		below := t.NetConn()
		if c.gather != nil {
			below = c.gather.Conn
		}
		if s, ok := below.(syscall.Conn); ok {
			c.socket, _ = s.SyscallConn() // without it: see listen
		}
	}
	switch s := raw.(type) {
	case *net.TCPConn, *net.UnixConn:
		c.raw, _ = s.(syscall.Conn).SyscallConn() // without it: the common way
		c.turn, c.once, c.socket = c.onReadable, c.onReadableOnce, c.raw
	}
	if a, ok := raw.RemoteAddr().(*net.TCPAddr); ok {
		at := a.AddrPort()
		c.remote = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	}
	return c
}

// Read gives the standard server the bytes of its requests. Between requests it
// is the front's loop that runs here, and returns with the next one that is no hit.
func (c *conn1) Read(p []byte) (int, error) {
	if c.between && !c.foreign {
		c.between = false
		c.readUntil, c.writeUntil = time.Time{}, time.Time{}
		if c.pending > 0 || c.chunks.open() || !c.at.CompareAndSwap(served, waiting) || !c.loop() {
			return 0, io.EOF
		}
	}
	switch {
	case len(p) == 0:
		return 0, nil
	case c.foreign:
		return c.readOn(p)
	case c.pending == 0 && c.chunks.open():
		if err := c.nextChunks(); err != nil {
			return 0, err
		}
	}
	if c.pending > 0 {
		n, err := c.readOn(p[:min(int64(len(p)), c.pending)])
		c.pending -= int64(n)
		return n, err
	}
	return c.listen()
}

// readOn reads what is here, then the connection.
func (c *conn1) readOn(p []byte) (int, error) {
	if c.in == nil {
		return c.Conn.Read(p)
	}
	n := copy(p, c.in.unread())
	c.drop(n)
	return n, nil
}

// nextChunks finds out how much of what is here, or comes next, is the request's.
func (c *conn1) nextChunks() error {
	if c.in == nil {
		c.take()
		n, err := c.Conn.Read(c.in.free())
		if c.in.w += n; n == 0 {
			c.drop(0)
			return err
		}
	}
	n, err := c.chunks.scan(c.in.unread())
	c.pending = int64(n)
	return err
}

// listen is a read while the standard server's request runs, by which it learns
// that the visitor has gone, or until the standard server ends it. What comes is
// the next request's, and kept. Without room for more it only waits; where it
// cannot wait without reading, the connection ends.
func (c *conn1) listen() (int, error) {
	for {
		if c.in != nil && !c.in.room(0) {
			if c.socket != nil {
				return 0, c.socket.Read(never)
			}
			return 0, io.ErrShortBuffer
		}
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
}

// never is a read that takes nothing.
func never(uintptr) bool { return false }

// ReadFrom lets the standard server send files by the kernel.
func (c *conn1) ReadFrom(r io.Reader) (int64, error) {
	if to, ok := c.Conn.(io.ReaderFrom); ok {
		return to.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{c.Conn}, r)
}

// CloseWrite says that nothing more will be sent.
func (c *conn1) CloseWrite() error { return closeWrite(c.Conn) }

// Close ends the connection; while a hit is being sent, after it.
func (c *conn1) Close() error {
	if c.at.CompareAndSwap(answering, closing) {
		return nil
	}
	c.end()
	return nil
}

// end closes the connection for good.
func (c *conn1) end() {
	c.shut.Do(func() {
		c.at.Store(closed)
		c.Conn.Close() // an error tells nothing that anybody could act on
		c.front.leave(c)
		if c.seats != nil {
			c.seats.Leave()
		}
	})
}

// hurry ends the wait of a connection that has no request.
func (c *conn1) hurry() {
	c.move.Lock()
	defer c.move.Unlock()
	if c.at.Load() == waiting {
		c.Conn.SetReadDeadline(longAgo)
	}
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// handOver makes the request at the start of the buffer the standard server's.
func (c *conn1) handOver() bool {
	c.move.Lock()
	defer c.move.Unlock()
	if c.front.ending.Load() || !c.at.CompareAndSwap(waiting, served) {
		return false
	}
	c.Conn.SetDeadline(time.Time{}) // it sets its own
	c.headBy, c.skipped, c.looked = time.Time{}, false, 0
	c.pending = int64(c.in.head.size) + c.in.head.length
	if c.in.head.chunked {
		c.chunks.begin(c.front.cfg.Limits.Head)
	}
	return true
}
