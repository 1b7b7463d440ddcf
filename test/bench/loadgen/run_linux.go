package loadgen

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// conn is one connection with one request under way at a time.
type conn struct {
	fd     int
	object int
	sent   time.Time
	head   []byte // what has come of a head
	rest   int    // bytes of content that are still to come; -1 while the head is
}

type generator struct {
	o        Options
	requests [][]byte
	epoll    int
	conns    []*conn // by file descriptor
	latency  Histogram
	counting bool
	res      Result
}

// Run asks until the time is over or ctx ends. begin is called when counting
// starts and end when it stops, in between nothing but requests is done. It
// needs as many file descriptors as there are connections.
func Run(ctx context.Context, o Options, begin, end func()) (Result, error) {
	if err := o.validate(); err != nil {
		return Result{}, err
	}
	g := &generator{o: o, requests: requests(o)}
	var err error
	if g.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return Result{}, err
	}
	defer g.close()
	if err := g.connect(); err != nil {
		return Result{}, err
	}
	if err := g.until(ctx, time.Now().Add(o.Warm)); err != nil {
		return Result{}, err
	}
	g.counting, g.res, g.latency = true, Result{}, Histogram{}
	own := ownCPU()
	begin()
	from := time.Now()
	err = g.until(ctx, from.Add(o.Measure))
	g.res.Elapsed = time.Since(from)
	end()
	g.res.Own = ownCPU() - own
	g.res.Requests = g.latency.Count()
	g.res.P50, g.res.P99, g.res.Max = g.latency.Quantile(.5), g.latency.Quantile(.99), g.latency.Quantile(1)
	return g.res, err
}

func ownCPU() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (g *generator) connect() error {
	for i := range g.o.Conns {
		if err := g.open(i * g.o.Objects / g.o.Conns); err != nil {
			return fmt.Errorf("loadgen: connection %d of %d: %w", i+1, g.o.Conns, err)
		}
	}
	return nil
}

// open makes a connection and sends its first request.
func (g *generator) open(object int) error {
	ap, err := netip.ParseAddrPort(g.o.Addr)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}); err != nil {
		unix.Close(fd)
		return err
	}
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return err
	}
	for len(g.conns) <= fd {
		g.conns = append(g.conns, nil)
	}
	c := &conn{fd: fd, object: object, head: make([]byte, 0, maxHead)}
	g.conns[fd] = c
	if err := unix.EpollCtl(g.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
		return err
	}
	return g.send(c)
}

func (g *generator) close() {
	for _, c := range g.conns {
		if c != nil {
			unix.Close(c.fd)
		}
	}
	unix.Close(g.epoll)
}

// send asks for the connection's next object. A request is far smaller than the
// room of an idle socket, so it goes in one write.
func (g *generator) send(c *conn) error {
	c.head, c.rest = c.head[:0], -1
	request := g.requests[c.object]
	c.object = (c.object + 1) % len(g.requests)
	c.sent = time.Now()
	if n, err := unix.Write(c.fd, request); err != nil || n != len(request) {
		return fmt.Errorf("a request could not be sent: %d bytes, %w", n, err)
	}
	return nil
}

// pause bounds how long nothing may come before the time and ctx are looked at.
const pause = 100 // ms

func (g *generator) until(ctx context.Context, end time.Time) error {
	events := make([]unix.EpollEvent, 256)
	for time.Now().Before(end) {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := unix.EpollWait(g.epoll, events, pause)
		if err != nil && err != unix.EINTR {
			return err
		}
		for _, e := range events[:max(n, 0)] {
			if err := g.ready(g.conns[e.Fd]); err != nil {
				return err
			}
		}
	}
	return nil
}

// ready takes what has come. An error of a connection is counted, and another
// opened in its place.
func (g *generator) ready(c *conn) error {
	err := g.take(c)
	if err == nil {
		return nil
	}
	g.res.Errors++
	if g.res.First == "" {
		g.res.First = err.Error()
	}
	g.conns[c.fd] = nil
	unix.Close(c.fd)
	if !g.counting { // a server that cannot answer at all is told at once
		return err
	}
	return g.open(c.object)
}

func (g *generator) take(c *conn) error {
	if c.rest < 0 {
		n, err := unix.Read(c.fd, c.head[len(c.head):maxHead])
		switch {
		case err == unix.EAGAIN:
			return nil
		case err != nil:
			return err
		case n == 0:
			return errClosed
		}
		c.head = c.head[:len(c.head)+n]
		end, length, err := parseHead(c.head)
		if err != nil || end == 0 {
			return err
		}
		if length != g.o.Length {
			return fmt.Errorf("an object has %d bytes, not %d", length, g.o.Length)
		}
		if c.rest = length - (len(c.head) - end); c.rest < 0 {
			return errHead
		}
	}
	if c.rest > 0 {
		n, err := discard(c.fd, c.rest)
		switch {
		case err == unix.EAGAIN:
			return nil
		case err != nil:
			return err
		case n == 0:
			return errClosed
		}
		if c.rest -= n; c.rest > 0 {
			return nil
		}
	}
	g.latency.Add(time.Since(c.sent))
	return g.send(c)
}

// discard has the kernel throw content away without copying it: MSG_TRUNC on a
// TCP socket (tcp(7)).
func discard(fd, n int) (int, error) {
	got, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), 0, uintptr(n), unix.MSG_TRUNC|unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(got), nil
}
