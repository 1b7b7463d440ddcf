package datagram

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Socket is one of those that share a port. One goroutine receives and replies;
// Stop may be called by any.
type Socket struct {
	fd      int
	m       *memory
	stopped atomic.Bool
	last    int // datagrams read since it was stopped
	closing sync.Once
}

// receiveBuffer is how much may wait in a socket, in bytes, while this process is
// not on a core; the system may give less.
const receiveBuffer = 4 << 20

// sendPatience is how long a reply waits for room: then it is dropped.
const sendPatience = time.Second

// mostLast is how many datagrams are still read of a socket that was stopped: what
// was there before, however fast more comes.
const mostLast = 1 << 14

// Listen opens a socket at an address of this machine, host:port. Sockets of the
// same user share a port: the system shares out between them who sends. Errors are
// the system's.
func Listen(ctx context.Context, at string) (*Socket, error) {
	c := net.ListenConfig{Control: prepare}
	p, err := c.ListenPacket(ctx, "udp", at)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	raw, err := p.(*net.UDPConn).SyscallConn()
	if err != nil {
		return nil, err
	}
	// Waiting is the system's here, not the poller's of Go: a socket that the poller
	// knows costs it something with every datagram.
	var fd int
	var failed error
	if err := raw.Control(func(of uintptr) {
		if fd, failed = unix.FcntlInt(of, unix.F_DUPFD_CLOEXEC, 0); failed == nil {
			failed = unix.SetNonblock(fd, false)
		}
	}); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	return &Socket{fd: fd, m: newMemory()}, nil
}

// prepare sets up a socket before it has its address. Nothing that it sends is
// ever cut to pieces, by whomever: who forges a piece, or a router's word that
// pieces must be smaller, gains nothing (RFC 9715 §3.1).
func prepare(network, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(of uintptr) {
		fd := int(of)
		patience := unix.NsecToTimeval(int64(sendPatience))
		failed = errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1),
			unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &patience),
		)
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
		if network == "udp6" {
			_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE)
		} else {
			_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE)
		}
	})
	return errors.Join(err, failed)
}

// Receive waits until something has come, and reads as much as is there, at most
// [batch] datagrams. Replies to the last ones are to have been sent. After Stop it
// reads what is still there, and then gives [net.ErrClosed]. Other errors are the
// system's, such as of an answer that did not arrive: it can be tried again.
func (s *Socket) Receive() (int, error) {
	stopped := s.stopped.Load()
	if stopped && s.last >= mostLast {
		return 0, net.ErrClosed
	}
	n, errno := s.m.receive(s.fd)
	if errno != 0 {
		return 0, os.NewSyscallError("recvmmsg", errno)
	}
	if stopped {
		s.last += n
	}
	if s.m.nobody() && s.stopped.Load() {
		if n--; n == 0 {
			return 0, net.ErrClosed
		}
	}
	return n, nil
}

// Message is one of those that were received, and who sent it. It is good until
// the next ones are.
func (s *Socket) Message(i int) ([]byte, netip.Addr) {
	at := i * MostBytes
	return s.m.came[at : at+min(int(s.m.in[i].size), MostBytes)], s.m.from[i].ip()
}

// Room is where the next reply may be written: it has no length yet.
func (s *Socket) Room() []byte { return s.m.answers[s.m.used:s.m.used] }

// Reply has a datagram sent to who sent the message, one at most. It is not copied,
// and not empty.
func (s *Socket) Reply(i int, with []byte) { s.m.reply(i, with) }

// Flush sends the replies. One that cannot be sent is lost.
func (s *Socket) Flush() { s.m.flush(s.fd) }

// Stop has Receive end when it has given all that is there.
func (s *Socket) Stop() {
	s.stopped.Store(true)
	_ = unix.Shutdown(s.fd, unix.SHUT_RD) // it says that there is no connection, and wakes who waits
}

// Close gives the socket back. Nobody receives any more.
func (s *Socket) Close() (err error) {
	s.closing.Do(func() { err = unix.Close(s.fd) })
	return err
}
