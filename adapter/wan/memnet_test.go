package wan

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// memNet is a network of streams in memory, so that the tests that reckon with
// time run on the clock of a synctest bubble.
type memNet struct {
	mu        sync.Mutex
	listeners map[string]*memListener
}

type memListener struct {
	net   *memNet
	addr  string
	conns chan *memConn
	done  chan struct{}
	once  sync.Once
}

func (m *memNet) listen(addr string) *memListener {
	l := &memListener{net: m, addr: addr, conns: make(chan *memConn, 1024), done: make(chan struct{})}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.listeners[addr] = l
	return l
}

func (m *memNet) dial(_ context.Context, addr string) (net.Conn, error) {
	m.mu.Lock()
	l := m.listeners[addr]
	m.mu.Unlock()
	if l == nil {
		return nil, syscall.ECONNREFUSED
	}
	ab, ba := newHalf(), newHalf()
	l.conns <- &memConn{in: ab, out: ba}
	return &memConn{in: ba, out: ab}, nil
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Addr() net.Addr { return &net.UnixAddr{Net: "unix", Name: "/" + l.addr} }

func (l *memListener) Close() error {
	l.once.Do(func() {
		l.net.mu.Lock()
		defer l.net.mu.Unlock()
		delete(l.net.listeners, l.addr)
		close(l.done)
	})
	return nil
}

// half is one direction of a memConn.
type half struct {
	mu             sync.Mutex
	cond           *sync.Cond
	buf            []byte
	eof, rst, deaf bool // closed by the writer; reset; closed by the reader
	expired        bool
}

func newHalf() *half {
	h := &half{}
	h.cond = sync.NewCond(&h.mu)
	return h
}

func (h *half) set(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	h.cond.Broadcast()
}

type memConn struct {
	net.Conn // for the methods that no test calls
	in, out  *half
	linger0  bool
}

// memBuffer is the room of a half: like a kernel's socket, it pushes back.
const memBuffer = 256 << 10

func (c *memConn) Read(b []byte) (int, error) {
	h := c.in
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.rst:
			return 0, syscall.ECONNRESET
		case h.deaf:
			return 0, net.ErrClosed
		case h.expired:
			return 0, os.ErrDeadlineExceeded
		case len(h.buf) > 0:
			n := copy(b, h.buf)
			h.buf = h.buf[n:]
			h.cond.Broadcast()
			return n, nil
		case h.eof:
			return 0, io.EOF
		}
		h.cond.Wait()
	}
}

func (c *memConn) Write(b []byte) (n int, err error) {
	h := c.out
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		if h.rst || h.deaf || h.eof {
			return n, syscall.EPIPE
		}
		k := min(len(b)-n, memBuffer-len(h.buf))
		h.buf = append(h.buf, b[n:n+k]...)
		h.cond.Broadcast()
		if n += k; n == len(b) {
			return n, nil
		}
		h.cond.Wait()
	}
}

func (c *memConn) CloseWrite() error {
	c.out.set(func() { c.out.eof = true })
	return nil
}

func (c *memConn) SetLinger(s int) error {
	c.linger0 = s == 0
	return nil
}

func (c *memConn) Close() error {
	c.out.set(func() { c.out.eof, c.out.rst = true, c.out.rst || c.linger0 })
	c.in.set(func() { c.in.deaf = true })
	return nil
}

// reset closes as a process does that was killed with unread bytes.
func (c *memConn) reset() {
	c.SetLinger(0)
	c.Close()
}

func (c *memConn) SetReadDeadline(t time.Time) error {
	c.in.set(func() { c.in.expired = !t.IsZero() && !t.After(time.Now()) })
	return nil
}

// rig is a network with one service "s" from place a to place b.
type rig struct {
	*Network
	mem    *memNet
	target *memListener
}

func newRig(t *testing.T, p Params, change ...func(*Service)) *rig {
	t.Helper()
	mem := &memNet{listeners: map[string]*memListener{}}
	n := New(1, slog.New(slog.DiscardHandler))
	n.dial = mem.dial
	n.listen = func(_ context.Context, s Service) (net.Listener, error) { return mem.listen(s.Listen), nil }
	s := Service{Name: "s", From: "a", To: "b", Listen: "unix:/near", Target: "unix:/far"}
	for _, f := range change {
		f(&s)
	}
	if err := n.Connect(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	r := &rig{Network: n, mem: mem, target: mem.listen(s.Target)}
	r.setBoth(t, p)
	t.Cleanup(func() {
		n.Close()
		r.target.Close()
	})
	return r
}

func (r *rig) setBoth(t *testing.T, p Params) {
	t.Helper()
	for _, s := range r.List() {
		if err := r.SetLink(s.From, s.To, p); err != nil {
			t.Fatal(err)
		}
	}
}

func (r *rig) dialNear(t *testing.T) *memConn {
	t.Helper()
	c, err := r.mem.dial(t.Context(), "unix:/near")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*memConn)
}

func (r *rig) acceptFar(t *testing.T) *memConn {
	t.Helper()
	c, err := r.target.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*memConn)
}

// echo answers every byte of every connection until its end.
func (r *rig) echo() {
	go func() {
		for {
			c, err := r.target.Accept()
			if err != nil {
				return
			}
			go func() {
				buf := make([]byte, 1000)
				for {
					n, err := c.Read(buf)
					c.Write(buf[:n])
					if err != nil {
						c.(*memConn).CloseWrite()
						c.Close()
						return
					}
				}
			}()
		}
	}()
}

func readN(t *testing.T, c net.Conn, n int) string {
	t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func isReset(err error) bool { return errors.Is(err, syscall.ECONNRESET) }
