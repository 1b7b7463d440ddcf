package wan

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"meridian/platform/netaddr"
	"meridian/world"
)

// DefaultConnectTimeout is how long a connect may hang: as long as Linux
// repeats a SYN at its default of six retries (tcp(7), tcp_syn_retries).
const DefaultConnectTimeout = 127 * time.Second

// acceptPause is the wait after an accept that failed, for want of file
// descriptors most likely.
const acceptPause = 100 * time.Millisecond

// Service is a listener at one place that leads to a target at another.
type Service struct {
	Name           string        // unique in its network
	From, To       string        // places; the same for two machines at one site
	Listen         string        // address to listen on at From, as netaddr reads it
	Target         string        // address to dial at To
	OwnerUID       int           // owner of a Unix socket; with OwnerGID both 0: this process's
	OwnerGID       int           //
	Window         int           // bytes under way per connection and direction; 0 takes DefaultWindow
	ConnectTimeout time.Duration // longest a connect may hang; 0 takes DefaultConnectTimeout
}

func (s Service) check() (Service, error) {
	if s.Name == "" || s.From == "" || s.To == "" {
		return s, invalid(fmt.Sprintf("The service %q from %q to %q needs a name and both its places.", s.Name, s.From, s.To))
	}
	if s.Window < 0 || s.ConnectTimeout < 0 || s.OwnerUID < 0 || s.OwnerGID < 0 {
		return s, invalid(fmt.Sprintf("The service %q has a limit or an owner less than 0.", s.Name))
	}
	for _, addr := range []string{s.Listen, s.Target} {
		if _, err := netaddr.Parse(addr); err != nil {
			return s, world.Wrap("wan.service "+s.Name, err)
		}
	}
	if s.Window == 0 {
		s.Window = DefaultWindow
	}
	if s.ConnectTimeout == 0 {
		s.ConnectTimeout = DefaultConnectTimeout
	}
	return s, nil
}

func listen(ctx context.Context, s Service) (net.Listener, error) {
	var opts []netaddr.Option
	if s.OwnerUID != 0 || s.OwnerGID != 0 {
		opts = append(opts, netaddr.WithOwner(s.OwnerUID, s.OwnerGID))
	}
	return netaddr.Listen(ctx, s.Listen, opts...)
}

// service is a Service at work.
type service struct {
	Service
	network     *Network
	ln          net.Listener
	there, back *link
	stopping    chan struct{}
	goroutines  sync.WaitGroup

	mu    sync.Mutex // guards Service.Target too
	conns map[*conn]struct{}
}

func (s *service) target() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Target
}

// Connect opens a service. Links of its places that were not added are made,
// without delay. ctx bounds the making of the listener, not its life. Errors:
// those of netaddr.Listen; invalid for a Service that is not whole; conflict
// for a name that is taken; unavailable after Close.
func (n *Network) Connect(ctx context.Context, given Service) error {
	spec, err := given.check()
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return world.E(world.CodeUnavailable, "wan.connect", "The network is closed.")
	}
	if _, taken := n.services[spec.Name]; taken {
		return world.E(world.CodeConflict, "wan.connect", fmt.Sprintf("There is a service %q already: choose another name.", spec.Name))
	}
	ln, err := n.listen(ctx, spec)
	if err != nil {
		return world.Wrap("wan.connect "+spec.Name, err)
	}
	s := &service{
		Service: spec, network: n, ln: ln,
		there: n.ensure(spec.From, spec.To), back: n.ensure(spec.To, spec.From),
		stopping: make(chan struct{}), conns: map[*conn]struct{}{},
	}
	n.services[spec.Name] = s
	s.goroutines.Go(s.accept)
	return nil
}

func (n *Network) ensure(from, to string) *link {
	key := pair{from, to}
	l, ok := n.links[key]
	if !ok {
		l = newLink(from, to, Params{State: Up}, n.seed)
		n.links[key] = l
	}
	return l
}

// Retarget leads a service to another target from now on. Connections that are
// there to the one before are reset: what they led to is no longer meant. The same
// target again changes nothing. Errors: invalid for what is no address, not_found
// for a name that no service has.
func (n *Network) Retarget(name, target string) error {
	if _, err := netaddr.Parse(target); err != nil {
		return world.Wrap("wan.retarget "+name, err)
	}
	s, err := n.service(name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Target == target {
		return nil
	}
	s.Target = target
	for c := range s.conns {
		c.abort()
	}
	return nil
}

// service finds one; not_found with the names of those that there are.
func (n *Network) service(name string) (*service, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s, ok := n.services[name]; ok {
		return s, nil
	}
	var known []string
	for name := range n.services {
		known = append(known, name)
	}
	return nil, notFound(fmt.Sprintf("There is no service %q.", name), known)
}

// Addr is the address that a service listens on: what a `tcp:…:0` has become.
func (n *Network) Addr(name string) (string, error) {
	s, err := n.service(name)
	if err != nil {
		return "", err
	}
	return netaddr.Of(s.ln.Addr()).String(), nil
}

func (s *service) accept() {
	for {
		near, err := s.ln.Accept()
		switch {
		case err == nil:
			s.begin(near)
			continue
		case errors.Is(err, net.ErrClosed):
			return
		}
		s.network.log.Warn("a link's service cannot accept", "service", s.Name, "err", err)
		select {
		case <-time.After(acceptPause):
		case <-s.stopping:
			return
		}
	}
}

// begin takes a connection in, or resets it when a link refuses.
func (s *service) begin(near net.Conn) {
	c := &conn{service: s, near: near, established: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.done = c.ctx.Done()
	c.there, c.back = newPipe(c, s.there, s.Window), newPipe(c, s.back, s.Window)
	if !s.add(c) {
		c.abort()
		return
	}
	s.goroutines.Go(func() {
		defer s.remove(c)
		c.run()
	})
}

// add registers c wherever something may have to abort it.
func (s *service) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.stopping:
		return false
	default:
	}
	if !s.there.admit(c) {
		return false
	}
	if s.back != s.there && !s.back.admit(c) {
		s.there.withdraw(c)
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *service) remove(c *conn) {
	s.there.release(c)
	s.back.release(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

func (s *service) close() {
	s.mu.Lock()
	select {
	case <-s.stopping:
	default:
		close(s.stopping)
		s.ln.Close()
	}
	for c := range s.conns {
		c.abort()
	}
	s.mu.Unlock()
	s.goroutines.Wait()
}
