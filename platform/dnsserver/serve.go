package dnsserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"

	"meridian/world"
)

// Sockets are what a server listens on: for each address as many sockets for UDP
// as cores, between which the system shares out who asks, and one listener for TCP.
type Sockets struct {
	udp []*net.UDPConn
	tcp []net.Listener
}

// Listen opens addresses, host:port each; port 0 is any that is free for both. An
// answer must come from the address that was asked, so the host is one address of
// this machine. Errors: [world.CodeInvalid] for an address that is none,
// [world.CodeUnavailable] for one that is taken.
func Listen(ctx context.Context, addresses []string) (*Sockets, error) {
	s := &Sockets{}
	for _, at := range addresses {
		if err := CheckAddress(at); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		if err := s.listen(ctx, at); err != nil {
			s.Close()
			return nil, world.Because(world.CodeUnavailable, "dns.listen", fmt.Sprintf("Cannot listen on %s by UDP and TCP: free it, or choose another.", at), err)
		}
	}
	return s, nil
}

func (s *Sockets) listen(ctx context.Context, at string) error {
	var plain net.ListenConfig
	tcp, err := plain.Listen(ctx, "tcp", at)
	if err != nil {
		return err
	}
	s.tcp = append(s.tcp, tcp)
	shared := net.ListenConfig{Control: sharePort}
	for range udpSockets(runtime.GOMAXPROCS(0)) {
		udp, err := shared.ListenPacket(ctx, "udp", tcp.Addr().String())
		if err != nil {
			return err
		}
		s.udp = append(s.udp, udp.(*net.UDPConn))
	}
	return nil
}

// Addresses are where it listens, by UDP and TCP alike.
func (s *Sockets) Addresses() []string {
	var out []string
	for _, l := range s.tcp {
		out = append(out, l.Addr().String())
	}
	return out
}

// Close ends all listening.
func (s *Sockets) Close() error {
	var err error
	for _, c := range s.udp {
		err = errors.Join(err, c.Close())
	}
	for _, l := range s.tcp {
		err = errors.Join(err, l.Close())
	}
	return err
}

// Serve answers until ctx ends, and closes the sockets. It returns the first fault
// that ends one of them.
func (s *Server) Serve(ctx context.Context, on *Sockets) error {
	ended := make(chan error, len(on.udp)+len(on.tcp))
	for _, c := range on.udp {
		go func() { ended <- s.serveUDP(c) }()
	}
	for _, l := range on.tcp {
		go func() { ended <- s.serveTCP(l) }()
	}
	var err error
	running := cap(ended)
	select {
	case <-ctx.Done():
	case err = <-ended:
		running--
	}
	on.Close() // what it says of sockets that are closed already is of no use
	for range running {
		<-ended
	}
	if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// CheckAddress refuses what is not one address and a port: who asks a machine of
// several addresses by one of them must be answered from it. Errors are
// [world.CodeInvalid].
func CheckAddress(at string) error {
	a, err := netip.ParseAddrPort(at)
	if err != nil || a.Addr().IsUnspecified() {
		return world.E(world.CodeInvalid, "dns.listen", fmt.Sprintf("%.80q is not one address of this machine with a port, as 192.0.2.1:53 or [2001:db8::1]:53.", at))
	}
	return nil
}
