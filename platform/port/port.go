// Package port lets one TCP port speak HTTP in clear and over TLS: it looks at a
// connection's first byte, makes the TLS handshake, and sorts connections by the
// protocol that was agreed on.
package port

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

// Defaults of [Config].
const (
	DefaultHandshake = 10 * time.Second
	DefaultPending   = 1024
)

// Config is what a port is made of. TLS is required.
type Config struct {
	TLS   *tls.Config
	Clear bool // HTTP in clear is served too; without it such a connection gets a TLS alert or a 400

	Handshake time.Duration // longest time from a connection's opening to the end of its handshake
	Pending   int           // most connections before the end of their handshake; those beyond are closed

	// Below, where not nil, puts something between a socket and TLS.
	Below func(net.Conn) net.Conn
}

// Port sorts the connections of a listener.
type Port struct {
	cfg  Config
	ln   net.Listener
	seat chan struct{}
	one  *queue
	two  *queue

	mu     sync.Mutex
	young  map[net.Conn]struct{} // before the end of their handshake
	closed bool
}

// Open accepts connections of ln until that fails, or one of the two listeners
// is closed.
func Open(ln net.Listener, cfg Config) *Port {
	if cfg.Handshake <= 0 {
		cfg.Handshake = DefaultHandshake
	}
	if cfg.Pending <= 0 {
		cfg.Pending = DefaultPending
	}
	p := &Port{cfg: cfg, ln: ln, seat: make(chan struct{}, cfg.Pending), young: map[net.Conn]struct{}{}}
	p.one, p.two = newQueue(p), newQueue(p)
	go p.accept()
	return p
}

// HTTP1 has the connections that speak HTTP/1.1: sockets in clear, and
// [tls.Conn] whose handshake is made.
func (p *Port) HTTP1() net.Listener { return p.one }

// HTTP2 has the connections that agreed on HTTP/2, as [tls.Conn] whose handshake
// is made.
func (p *Port) HTTP2() net.Listener { return p.two }

func (p *Port) accept() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			p.end(err)
			return
		}
		p.admit(c)
	}
}

// admit sorts a connection beside the others, if there is room.
func (p *Port) admit(c net.Conn) {
	select {
	case p.seat <- struct{}{}:
	default:
		c.Close()
		return
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		c.Close()
		<-p.seat
		return
	}
	p.young[c] = struct{}{}
	p.mu.Unlock()
	go func() {
		to, ready := p.sort(c)
		p.mu.Lock()
		delete(p.young, c)
		p.mu.Unlock()
		<-p.seat
		if ready == nil || !to.put(ready) {
			c.Close()
		}
	}()
}

// sort finds out what a connection speaks; nil where that came to nothing.
func (p *Port) sort(c net.Conn) (*queue, net.Conn) {
	if c.SetDeadline(time.Now().Add(p.cfg.Handshake)) != nil {
		return nil, nil
	}
	if p.cfg.Clear {
		secure, err := beginsTLS(c)
		if err != nil {
			return nil, nil
		}
		if !secure {
			return p.one, forever(c, c)
		}
	}
	below := c
	if p.cfg.Below != nil {
		below = p.cfg.Below(c)
	}
	t := tls.Server(below, p.cfg.TLS)
	if err := t.HandshakeContext(context.Background()); err != nil { // its deadline is the connection's
		tellPlain(c, err)
		return nil, nil
	}
	if t.ConnectionState().NegotiatedProtocol == "h2" {
		return p.two, forever(c, t)
	}
	return p.one, forever(c, t)
}

// forever takes the deadline off a connection that is given on.
func forever(c, on net.Conn) net.Conn {
	if c.SetDeadline(time.Time{}) != nil {
		return nil
	}
	return on
}

// plainAnswer is for who speaks HTTP in clear where only TLS is spoken.
const plainAnswer = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 46\r\n\r\nThis port speaks HTTPS only: ask by https://.\n"

func tellPlain(c net.Conn, err error) {
	var record tls.RecordHeaderError
	if errors.As(err, &record) && record.Conn != nil && looksHTTP(record.RecordHeader) {
		_, _ = c.Write([]byte(plainAnswer)) // who cannot be told is not told
	}
}

// looksHTTP reports whether the first five bytes could begin a request.
func looksHTTP(b [5]byte) bool {
	switch string(b[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "PATCH", "DELET":
		return true
	}
	return false
}

// end closes everything that waits. It is called more than once.
func (p *Port) end(err error) {
	p.mu.Lock()
	p.closed = true
	for c := range p.young {
		c.Close()
	}
	p.mu.Unlock()
	p.ln.Close() // an error changes nothing: nobody is accepted any more
	p.one.end(err)
	p.two.end(err)
}
