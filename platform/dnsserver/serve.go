package dnsserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"time"

	"meridian/world"
)

// Sockets are what a server listens on: for each address one or more sockets for
// UDP, between which the system shares out who asks, and one listener for TCP.
type Sockets struct {
	udp []Datagrams
	tcp []*net.TCPListener
}

// Listen opens addresses, host:port each; port 0 is any that is free for both. An
// answer must come from the address that was asked, so the host is one address of
// this machine. open opens as many sockets for UDP as there are cores; where it is
// nil there is one that reads and sends one message a call. Errors:
// [world.CodeInvalid] for an address that is none, [world.CodeUnavailable] for one
// that is taken.
func Listen(ctx context.Context, addresses []string, open Open) (*Sockets, error) {
	s := &Sockets{}
	each := runtime.GOMAXPROCS(0)
	if open == nil {
		open, each = openSingle, 1
	}
	for _, at := range addresses {
		if err := CheckAddress(at); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		if err := s.listenBoth(ctx, at, each, open); err != nil {
			s.Close()
			return nil, world.Because(world.CodeUnavailable, "dns.listen", fmt.Sprintf("Cannot listen on %s by UDP and TCP: free it, or choose another.", at), err)
		}
	}
	return s, nil
}

// portTries is how many ports are tried where any will do: what is free for TCP may
// be taken for UDP.
const portTries = 50

// listenBoth opens an address for UDP and TCP.
func (s *Sockets) listenBoth(ctx context.Context, at string, each int, open Open) error {
	tries := 1
	if netip.MustParseAddrPort(at).Port() == 0 {
		tries = portTries
	}
	var err error
	for range tries {
		var one Sockets
		if err = one.listen(ctx, at, each, open); err == nil {
			s.tcp, s.udp = append(s.tcp, one.tcp...), append(s.udp, one.udp...)
			return nil
		}
		err = errors.Join(err, one.Close())
	}
	return err
}

func (s *Sockets) listen(ctx context.Context, at string, each int, open Open) error {
	var plain net.ListenConfig
	tcp, err := plain.Listen(ctx, "tcp", at)
	if err != nil {
		return err
	}
	s.tcp = append(s.tcp, tcp.(*net.TCPListener))
	for range each {
		udp, err := open(ctx, tcp.Addr().String())
		if err != nil {
			return err
		}
		s.udp = append(s.udp, udp)
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

// Close gives back what nobody serves.
func (s *Sockets) Close() error {
	var err error
	for _, l := range s.tcp {
		err = errors.Join(err, l.Close())
	}
	for _, d := range s.udp {
		err = errors.Join(err, d.Close())
	}
	return err
}

// stop has all serving end once what has come is answered.
func (s *Sockets) stop() {
	for _, l := range s.tcp {
		_ = l.SetDeadline(time.Now().Add(grace)) // who waits to be accepted is still
	}
	for _, d := range s.udp {
		d.Stop()
	}
}

// Serve answers until ctx ends, then what has come until then, and closes the
// sockets. It returns the first fault that ends one of them.
func (s *Server) Serve(ctx context.Context, on *Sockets) error {
	ended := make(chan error, len(on.udp)+len(on.tcp))
	for _, d := range on.udp {
		go func() { ended <- s.serveUDP(d) }()
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
	on.stop()
	s.open.end()
	for range running {
		<-ended
	}
	closing := on.Close()
	if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
		return closing
	}
	return errors.Join(err, closing)
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
