package front

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"

	"golang.org/x/net/http2"
)

// HTTP2 serves connections that speak HTTP/2 (RFC 9113): hits from its own
// loop, all else by a handler. It is safe for use by several goroutines.
type HTTP2 struct {
	cfg    Config
	limits Limits2
	log    *slog.Logger
	idName string // the field of request ids, in lower case
	secure []byte // Config.Secure as a field block

	mu       sync.Mutex
	conns    map[*conn2]struct{}
	stopping bool
}

// NewHTTP2 is a server for connections that somebody else accepts, so that
// cfg.Seats is not for it. Without cfg.Hits all requests are the handler's.
func NewHTTP2(cfg Config, limits Limits2, log *slog.Logger) *HTTP2 {
	cfg.Limits = cfg.Limits.withDefaults()
	h := &HTTP2{cfg: cfg, limits: limits.withDefaults(), log: log, idName: strings.ToLower(cfg.RequestID), conns: map[*conn2]struct{}{}}
	for _, f := range cfg.Secure {
		h.secure = appendLiteral(h.secure, strings.ToLower(f.Name), f.Value)
	}
	return h
}

// Attach makes s speak HTTP/2 by h, over TLS where ALPN chooses it, and in
// clear with prior knowledge where s.Protocols allows that. It must be called
// before s serves. s's Shutdown then lets the streams of h's connections finish.
// The timeouts are those of h's limits, not of s.
func (h *HTTP2) Attach(s *http.Server) {
	if s.TLSNextProto == nil {
		s.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	}
	s.TLSNextProto["h2"] = h.next
	s.TLSNextProto["unencrypted_http2"] = h.next
	s.RegisterOnShutdown(h.Shutdown)
}

// next is what net/http calls once a connection has chosen HTTP/2.
func (h *HTTP2) next(_ *http.Server, tc *tls.Conn, handler http.Handler) {
	ctx := context.Background()
	if b, ok := handler.(interface{ BaseContext() context.Context }); ok {
		ctx = b.BaseContext()
	}
	// net/http hands over a connection in clear inside of a tls.Conn.
	if clear, ok := tc.NetConn().(interface{ UnencryptedNetConn() net.Conn }); ok {
		h.ServeConn(ctx, clear.UnencryptedNetConn(), handler, []byte(http2.ClientPreface))
		return
	}
	h.ServeConn(ctx, tc, handler, nil)
}

// ServeConn serves one connection until it ends, and closes it. The client
// begins with the preface (RFC 9113 §3.4); already is what has been read of it,
// and of what follows it. A *tls.Conn must have shaken hands.
// Handlers of streams that were cut off may still run when it returns; their
// contexts, made of ctx, have ended.
func (h *HTTP2) ServeConn(ctx context.Context, conn net.Conn, handler http.Handler, already []byte) {
	c := newConn2(ctx, h, conn, handler)
	c.in.begin(already)
	h.mu.Lock()
	h.conns[c] = struct{}{}
	stopping := h.stopping
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.conns, c)
		h.mu.Unlock()
	}()
	if stopping {
		c.drain()
	}
	c.serve()
}

// Shutdown asks the client of every connection to open no more streams, and
// ends the connection when its last stream has ended. It does not wait.
func (h *HTTP2) Shutdown() {
	h.mu.Lock()
	h.stopping = true
	all := make([]*conn2, 0, len(h.conns))
	for c := range h.conns {
		all = append(all, c)
	}
	h.mu.Unlock()
	for _, c := range all {
		c.drain()
	}
}
