package datagram

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func listen(t *testing.T, at string) *Socket {
	t.Helper()
	s, err := Listen(t.Context(), at)
	switch {
	case err != nil && strings.HasPrefix(at, "["):
		t.Skipf("no IPv6 here: %v", err)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// where is the address that a socket has.
func (s *Socket) where(t *testing.T) string {
	t.Helper()
	at, err := unix.Getsockname(s.fd)
	if err != nil {
		t.Fatal(err)
	}
	switch at := at.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(at.Addr), uint16(at.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(at.Addr), uint16(at.Port)).String()
	}
	t.Fatalf("%T", at)
	return ""
}

func dial(t *testing.T, at string) *net.UDPConn {
	t.Helper()
	c, err := net.Dial("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(30 * time.Second))
	return c.(*net.UDPConn)
}

// echo replies to all that comes, but "silence", until the socket is stopped.
func echo(s *Socket) (ended chan error, answered *int) {
	ended, answered = make(chan error, 1), new(int)
	go func() {
		for {
			n, err := s.Receive()
			if errors.Is(err, net.ErrClosed) {
				ended <- nil
				return
			}
			for i := range n {
				m, from := s.Message(i)
				if string(m) != "silence" {
					s.Reply(i, fmt.Appendf(s.Room(), "%v %s", from, m))
					*answered++
				}
			}
			s.Flush()
		}
	}()
	return ended, answered
}

// Each of many who send at once gets what is his, and only that.
func TestManyAtOnce(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		s := listen(t, net.JoinHostPort(host, "0"))
		at := s.where(t)
		ended, _ := echo(s)
		const each = 3*batch + 1
		conns := []*net.UDPConn{dial(t, at), dial(t, at), dial(t, at)}
		for i := range each {
			for c, conn := range conns {
				fmt.Fprintf(conn, "%d of %d", i, c)
				if i%5 == 0 {
					fmt.Fprint(conn, "silence")
				}
			}
		}
		buf := make([]byte, 1500)
		for c, conn := range conns {
			for i := range each {
				n, err := conn.Read(buf)
				if want := fmt.Sprintf("%s %d of %d", host, i, c); err != nil || string(buf[:n]) != want {
					t.Fatalf("%q, %v, want %q", buf[:n], err, want)
				}
			}
		}
		s.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// What is longer than a datagram may be is cut there; an empty one is no end.
func TestLengths(t *testing.T) {
	s := listen(t, "127.0.0.1:0")
	c := dial(t, s.where(t))
	for _, n := range []int{0, 1, MostBytes - 1, MostBytes, MostBytes + 1, 9000} {
		if _, err := c.Write(bytes.Repeat([]byte{'x'}, n)); err != nil {
			t.Fatal(err)
		}
		got, err := s.Receive()
		if err != nil || got != 1 {
			t.Fatalf("%d datagrams, %v", got, err)
		}
		m, from := s.Message(0)
		if len(m) != min(n, MostBytes) || from != netip.MustParseAddr("127.0.0.1") {
			t.Errorf("of %d bytes %d came, from %v", n, len(m), from)
		}
	}
}

// A reply that has no room beside the others goes out all the same, and so do the
// others where one leads nowhere.
func TestReplies(t *testing.T) {
	s := listen(t, "127.0.0.1:0")
	c := dial(t, s.where(t))
	for range 3 {
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	for got := 0; got < 3; {
		n, err := s.Receive()
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			length := []int{70_000, 2000, 50}[got] // no datagram is as long as the first
			s.Reply(i, append(s.Room(), bytes.Repeat([]byte{'y'}, length)...))
			got++
		}
		s.Flush()
	}
	buf := make([]byte, 3000)
	for _, want := range []int{2000, 50} {
		if n, err := c.Read(buf); err != nil || n != want {
			t.Errorf("%d bytes, %v, want %d", n, err, want)
		}
	}
}

// A socket that is stopped gives what came before, then ends; one that waits wakes.
func TestStop(t *testing.T) {
	s := listen(t, "127.0.0.1:0")
	c := dial(t, s.where(t))
	const sent = 2*batch + 7
	for i := range sent {
		fmt.Fprint(c, i)
	}
	s.Stop()
	ended, answered := echo(s)
	<-ended
	if *answered != sent {
		t.Errorf("%d of %d were answered after the end", *answered, sent)
	}
	waiting := listen(t, "127.0.0.1:0")
	ended, _ = echo(waiting)
	waiting.Stop()
	<-ended
	if err := waiting.Close(); err != nil {
		t.Error(err)
	}
	if err := waiting.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

// Sockets share a port, and none is had by a stranger's kind.
func TestShare(t *testing.T) {
	s := listen(t, "127.0.0.1:0")
	at := s.where(t)
	other := listen(t, at)
	if other.where(t) != at {
		t.Errorf("%s, not %s", other.where(t), at)
	}
	if p, err := net.ListenPacket("udp", at); err == nil {
		p.Close()
		t.Error("a socket that does not share has the port too")
	}
	if _, err := Listen(t.Context(), "192.0.2.1:53"); err == nil {
		t.Error("listens at another machine's address")
	}
}

// A batch costs no memory.
func TestNoAllocations(t *testing.T) {
	s := listen(t, "127.0.0.1:0")
	c := dial(t, s.where(t))
	query := []byte("query")
	if n := testing.AllocsPerRun(100, func() {
		if _, err := c.Write(query); err != nil {
			t.Fatal(err)
		}
		got, err := s.Receive()
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			m, _ := s.Message(i)
			s.Reply(i, append(s.Room(), m...))
		}
		s.Flush()
		if _, err := c.Read(query); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%g allocations", n)
	}
}
