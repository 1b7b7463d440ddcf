package front

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
)

// HTTP1 is the front for HTTP/1.1. It reads each connection's requests itself,
// answers hits, and is the [net.Listener] of the standard server, which it gives
// a connection at the first request that is none. When the standard server has
// answered, and waits for the connection's next request, the front goes on.
//
// The standard server must tell it so: its ConnState hook has to call the State
// method of connections that have one. It sees the bytes of its own requests
// alone: what follows them the front reads, by its stricter rules. Only after an
// upgrade the connection stays with it.
type HTTP1 struct {
	cfg    Config
	log    *slog.Logger
	idName string // of the request id, in lower case
	secure []byte // Config.Secure as lines
	addr   net.Addr
	handed chan net.Conn // to the standard server
	done   chan struct{} // closed by Close

	ending atomic.Bool
	mu     sync.Mutex
	ln     net.Listener
	open   map[*conn1]struct{}
	empty  chan struct{} // closed when ending and nothing is open; nil before
	close  sync.Once
	err    error
}

// Listen1 is a front for the connections of ln, whose Accept it calls from now
// on. With ln nil there are only those of [HTTP1.ServeConn].
func Listen1(ln net.Listener, cfg Config, log *slog.Logger) *HTTP1 {
	cfg.Limits = cfg.Limits.withDefaults()
	h := &HTTP1{cfg: cfg, log: log, idName: strings.ToLower(cfg.RequestID), ln: ln, handed: make(chan net.Conn), done: make(chan struct{}), open: map[*conn1]struct{}{}}
	for _, f := range cfg.Secure {
		h.secure = append(append(append(append(h.secure, f.Name...), ": "...), f.Value...), "\r\n"...)
	}
	if ln != nil {
		h.addr = ln.Addr()
		go h.acceptAll(ln)
	}
	return h
}

func (h *HTTP1) acceptAll(ln net.Listener) {
	for {
		c, err := ln.Accept()
		switch {
		case err == nil:
			go h.serve(c, h.cfg.Seats)
		case h.ending.Load() || errors.Is(err, net.ErrClosed):
			h.Close()
			return
		default:
			h.fail(err)
			return
		}
	}
}

// ServeConn answers on a connection that is accepted already, and is HTTP/1.1
// by agreement. It returns when the connection has ended or the standard server
// has been given it. Its seat, if it has one, is the caller's.
func (h *HTTP1) ServeConn(c net.Conn) { h.serve(c, nil) }

func (h *HTTP1) serve(raw net.Conn, seats Seats) {
	c := newConn1(h, raw, seats)
	if seats != nil && !seats.Enter() || !h.enter(c) {
		c.end()
		return
	}
	if !c.handshake() || !c.loop() {
		c.end()
		return
	}
	select {
	case h.handed <- c.standard():
	case <-h.done:
		c.end()
	}
}

// Accept waits for a connection whose next request is the standard server's.
func (h *HTTP1) Accept() (net.Conn, error) {
	select {
	case c := <-h.handed:
		return c, nil
	case <-h.done:
		if h.err != nil {
			return nil, h.err
		}
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: h.addr, Err: net.ErrClosed}
	}
}

// Addr is the address of the listener below.
func (h *HTTP1) Addr() net.Addr { return h.addr }

// Close takes no more connections, and ends those that wait for a request. An
// answer that is being sent is sent to its end: see [HTTP1.Shutdown].
func (h *HTTP1) Close() error { h.fail(nil); return nil }

func (h *HTTP1) fail(err error) {
	h.close.Do(func() {
		h.err = err
		h.ending.Store(true)
		if h.ln != nil {
			h.ln.Close() // an error changes nothing: nobody is accepted any more
		}
		h.mu.Lock()
		h.empty = make(chan struct{})
		if len(h.open) == 0 {
			close(h.empty)
		}
		for c := range h.open {
			c.hurry()
		}
		h.mu.Unlock()
		close(h.done)
	})
}

// Shutdown closes the front and waits until every connection has ended. Those
// that have not when ctx ends are cut off, and its error is returned.
func (h *HTTP1) Shutdown(ctx context.Context) error {
	h.Close()
	select {
	case <-h.empty:
		return nil
	case <-ctx.Done():
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.open {
		c.Conn.Close()
	}
	return ctx.Err()
}

func (h *HTTP1) enter(c *conn1) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ending.Load() {
		return false
	}
	h.open[c] = struct{}{}
	return true
}

func (h *HTTP1) leave(c *conn1) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, in := h.open[c]; !in {
		return
	}
	delete(h.open, c)
	if h.empty != nil && len(h.open) == 0 {
		close(h.empty)
	}
}

// handshake makes the handshake of a TLS connection now, within the time for a
// request's head.
func (c *conn1) handshake() bool {
	if c.tls == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.front.cfg.Limits.ReadHead)
	defer cancel()
	return c.tls.HandshakeContext(ctx) == nil
}

// standard is c as the standard server should see it.
func (c *conn1) standard() net.Conn {
	if c.tls != nil {
		return &secured{c}
	}
	return c
}

// secured is a connection by TLS: by this method the standard server knows.
type secured struct{ *conn1 }

// ConnectionState is what the handshake agreed on.
func (s *secured) ConnectionState() tls.ConnectionState { return s.tls.ConnectionState() }

// State tells a connection what the standard server does with it.
func (c *conn1) State(s http.ConnState) {
	switch s {
	case http.StateIdle:
		c.between = true
	case http.StateHijacked:
		c.foreign = true
	}
}

// isTimeout reports whether a deadline ended an operation.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
