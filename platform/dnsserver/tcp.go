package dnsserver

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// connections are those that are open: so many, and so many from one address.
type connections struct {
	most, each int

	mu    sync.Mutex
	open  map[net.Conn]netip.Addr
	from  map[netip.Addr]int
	until time.Time // when all are to end; zero: not yet
}

// add counts a connection; false: there are too many.
func (c *connections) add(conn net.Conn, from netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open, c.from = map[net.Conn]netip.Addr{}, map[netip.Addr]int{}
	}
	if len(c.open) >= c.most || c.from[from] >= c.each {
		return false
	}
	c.open[conn] = from
	c.from[from]++
	return true
}

func (c *connections) remove(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	from := c.open[conn]
	delete(c.open, conn)
	if c.from[from]--; c.from[from] <= 0 {
		delete(c.from, from)
	}
}

// patience gives a connection time for the next query: idle, but a fifth of it
// where more than half of the places are taken (RFC 7766 §6.2.3), and what is left
// where all are to end.
func (c *connections) patience(conn net.Conn, idle time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.until.IsZero() {
		return conn.SetReadDeadline(c.until)
	}
	if 2*len(c.open) > c.most {
		idle /= 5
	}
	return conn.SetDeadline(time.Now().Add(idle))
}

// end has every connection end in a while: until then what comes is answered.
func (c *connections) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.until.IsZero() {
		return
	}
	c.until = time.Now().Add(grace)
	for conn := range c.open {
		_ = conn.SetReadDeadline(c.until) // it fails where it is closed already
	}
}

// breath is how long a listener that fails is left alone: the process may have as
// many files open as it may.
const breath = 10 * time.Millisecond

// serveTCP answers on a listener until it is closed, or its time is over.
func (s *Server) serveTCP(l net.Listener) error {
	var running sync.WaitGroup
	defer running.Wait()
	for failed := 0; ; {
		c, err := l.Accept()
		if err != nil {
			if failed++; failed <= mostFaults && !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded) {
				time.Sleep(breath)
				continue
			}
			s.open.end()
			return err
		}
		failed = 0
		from := fromTCP(c.RemoteAddr())
		if !s.open.add(c, from) {
			c.Close()
			continue
		}
		running.Go(func() {
			defer s.open.remove(c)
			defer c.Close()
			_ = s.converse(c, from) // who asks has gone, or was silent for too long
		})
	}
}

func fromTCP(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// converse answers one query after another, in their order.
func (s *Server) converse(c net.Conn, from netip.Addr) error {
	in := bufio.NewReaderSize(c, 1024)
	k := worker{s: s}
	message, out := make([]byte, 0, 512), make([]byte, 0, 1024)
	for {
		if err := s.open.patience(c, s.cfg.Idle); err != nil {
			return err
		}
		var length [2]byte
		if _, err := io.ReadFull(in, length[:]); err != nil {
			return err
		}
		n := int(binary.BigEndian.Uint16(length[:]))
		if cap(message) < n {
			message = make([]byte, n)
		}
		message = message[:n]
		if _, err := io.ReadFull(in, message); err != nil {
			return err
		}
		answer := k.answer(message, from, true, s.now(), out[:0])
		k.report()
		if answer == nil {
			return errNoQuery
		}
		out = answer
		framed := net.Buffers{binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer}
		if _, err := framed.WriteTo(c); err != nil {
			return err
		}
	}
}

// errNoQuery ends a connection on which something else is spoken.
var errNoQuery = errors.New("no query")
