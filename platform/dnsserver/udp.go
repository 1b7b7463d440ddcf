package dnsserver

import (
	"errors"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
)

// batch is how many queries are read, and answers sent, by one call of the system
// at most.
const batch = 32

// mostQuery is how long a query over UDP may be: anything above is cut by the
// system, and then refused as ill-formed.
const mostQuery = 4096

// mostFaults is how often in a row a socket may fail to be read.
const mostFaults = 100

// serveUDP answers on a socket until it is closed.
func (s *Server) serveUDP(c *net.UDPConn) error {
	p := ipv4.NewPacketConn(c) // reads and writes sockets of IPv6 as well
	var in, out [batch]ipv4.Message
	answers := make([][]byte, batch)
	for i := range in {
		in[i].Buffers = [][]byte{make([]byte, mostQuery)}
		out[i].Buffers = make([][]byte, 1)
		answers[i] = make([]byte, 0, s.cfg.UDPBytes)
	}
	k := worker{s: s}
	for failed := 0; ; {
		n, err := p.ReadBatch(in[:], 0)
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
		ready, now := 0, s.now()
		for i := range in[:n] {
			a := k.answer(in[i].Buffers[0][:in[i].N], addressOf(in[i].Addr), false, now, answers[ready])
			if a == nil {
				continue
			}
			out[ready].Buffers[0], out[ready].Addr = a, in[i].Addr
			ready++
		}
		for sent := 0; sent < ready; {
			n, err := p.WriteBatch(out[sent:ready], 0)
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			sent += max(1, n) // one that cannot be sent is lost, and asked again
		}
	}
}

func addressOf(a net.Addr) netip.Addr {
	if u, ok := a.(*net.UDPAddr); ok {
		return u.AddrPort().Addr()
	}
	return netip.Addr{}
}
