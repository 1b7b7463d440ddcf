package dnsserver

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"
)

// Datagrams is a socket for UDP. One goroutine receives, replies and flushes; Stop
// may be called by any.
type Datagrams interface {
	// Receive waits until something has come, and says how many messages it has
	// read. After Stop it still reads what is there, and then gives [net.ErrClosed].
	// After any other error it may be called again.
	Receive() (int, error)
	// Message is one of those that were received, and who sent it. It is good until
	// the next ones are.
	Message(i int) ([]byte, netip.Addr)
	// Room is where the next reply may be written, behind its length.
	Room() []byte
	// Reply has bytes sent to who sent a message, one reply at most. They are not
	// copied, and not changed until they are sent.
	Reply(i int, with []byte)
	// Flush sends the replies; one that cannot be sent is lost, and asked for again.
	Flush()
	Stop()
	// Close gives the socket back; nobody receives any more.
	Close() error
}

// Open opens a socket at host:port. It can be opened several times: the system
// shares out between them who asks.
type Open func(ctx context.Context, at string) (Datagrams, error)

// mostQuery is how long a query over UDP may be: what is above is cut, and then
// refused as ill-formed.
const mostQuery = ourUDP

// mostFaults is how often in a row a socket may fail to be read.
const mostFaults = 100

// serveUDP answers on a socket until it is stopped.
func (s *Server) serveUDP(d Datagrams) error {
	k := worker{s: s}
	for failed := 0; ; {
		n, err := d.Receive()
		if err != nil {
			if failed++; failed > mostFaults || errors.Is(err, net.ErrClosed) {
				return err
			}
			continue // the system may tell of an answer that did not arrive
		}
		failed = 0
		if s.cfg.Deaf != nil && s.cfg.Deaf() {
			continue
		}
		now := s.now()
		for i := range n {
			m, from := d.Message(i)
			if a := k.answer(m, from, false, now, d.Room()); a != nil {
				d.Reply(i, a)
			}
		}
		d.Flush()
		k.report()
	}
}

// grace is how long a server that ends still takes what is on its way to it.
const grace = 100 * time.Millisecond

const (
	// lastLook is how long a socket is read, for what is there after the grace.
	lastLook = time.Millisecond
	// mostLast is how many datagrams are read so, however fast more come.
	mostLast = 1 << 12
)

// receiveBuffer is how much may wait in a socket, in bytes, while this process is
// not on a core.
const receiveBuffer = 4 << 20

// single is a socket that reads and sends one datagram a call, as every system can.
type single struct {
	conn    *net.UDPConn
	stopped atomic.Bool
	came    [mostQuery]byte
	room    []byte
	n       int
	from    netip.AddrPort
	reply   []byte
	left    int // datagrams that are still read once the grace is over
}

// openSingle is an [Open] for a port that is not shared.
func openSingle(ctx context.Context, at string) (Datagrams, error) {
	var plain net.ListenConfig
	p, err := plain.ListenPacket(ctx, "udp", at)
	if err != nil {
		return nil, err
	}
	c := p.(*net.UDPConn)
	_ = c.SetReadBuffer(receiveBuffer) // the system may give less
	return &single{conn: c, room: make([]byte, 0, mostQuery), left: mostLast}, nil
}

func (d *single) Receive() (int, error) {
	err := d.read()
	switch {
	case err == nil:
		return 1, nil
	case !d.stopped.Load() || !errors.Is(err, os.ErrDeadlineExceeded):
		return 0, err
	}
	// The grace is over. A read after a deadline does not look at the socket, and
	// this process may not have been on a core: what is there is read now.
	if d.left--; d.left < 0 || d.conn.SetReadDeadline(time.Now().Add(lastLook)) != nil || d.read() != nil {
		return 0, net.ErrClosed
	}
	return 1, nil
}

func (d *single) read() (err error) {
	d.n, d.from, err = d.conn.ReadFromUDPAddrPort(d.came[:])
	return err
}

func (d *single) Message(int) ([]byte, netip.Addr) { return d.came[:d.n], d.from.Addr() }

func (d *single) Room() []byte { return d.room }

func (d *single) Reply(_ int, with []byte) { d.reply = with }

func (d *single) Flush() {
	if d.reply != nil {
		_, _ = d.conn.WriteToUDPAddrPort(d.reply, d.from) // one that cannot be sent is lost
		d.reply = nil
	}
}

func (d *single) Stop() {
	d.stopped.Store(true)
	_ = d.conn.SetReadDeadline(time.Now().Add(grace)) // it fails where it is closed already
}

func (d *single) Close() error { return d.conn.Close() }
