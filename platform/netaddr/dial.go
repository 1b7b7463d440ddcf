package netaddr

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"meridian/world"
)

// Dial connects to an address. Errors: invalid for a bad address, timeout when
// ctx ran out, unavailable for the rest; the cause stays reachable by errors.Is.
func Dial(ctx context.Context, addr string) (net.Conn, error) {
	a, err := Parse(addr)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, a.Network, a.Address)
	if err != nil {
		return nil, dialError(a, err)
	}
	return c, nil
}

func dialError(a Addr, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return world.Because(world.CodeTimeout, "netaddr.dial", fmt.Sprintf("%s did not take a connection in time.", a), err)
	}
	return world.Because(world.CodeUnavailable, "netaddr.dial", fmt.Sprintf("Nobody takes connections on %s: see that it is started.", a), err)
}

// TransportOptions are the limits of a [Transport]. Each zero value takes the
// one of [DefaultTransportOptions].
type TransportOptions struct {
	Connect   time.Duration // longest wait for a connection
	Header    time.Duration // longest wait for an answer's header; less than 0: for ever
	Idle      time.Duration // how long a connection is kept unused
	IdleConns int           // most unused connections kept; less than 0: none
	KeepAlive time.Duration // between probes of a silent TCP connection; less than 0: none
	Conns     int           // most connections at once; 0: no limit
	Open      *atomic.Int64 // counts the connections that are open; nil: nothing does

	// Protocol is what is spoken; empty: [HTTP1].
	Protocol Protocol
	// Roots are whom certificates of https URLs are verified by; nil: the system's.
	Roots *x509.CertPool
	// ServerName is asked for (SNI) and verified in place of the URL's host.
	ServerName string
}

// Protocol is the version of HTTP that a [Transport] speaks.
type Protocol string

// The protocols. HTTP/2 carries many requests at once on one connection.
const (
	HTTP1 Protocol = "http/1.1"
	HTTP2 Protocol = "h2"  // where the far side takes it by ALPN, else HTTP/1.1; https only, http is HTTP/1.1
	H2C   Protocol = "h2c" // HTTP/2 without TLS, which the far side must be known to speak (RFC 9113 §3.3)
)

// Validate says whether it is one of them, or empty.
func (p Protocol) Validate() error {
	switch p {
	case "", HTTP1, HTTP2, H2C:
		return nil
	}
	return world.E(world.CodeInvalid, "netaddr.protocol", fmt.Sprintf("The protocol %.40q is unknown: write http/1.1, h2 or h2c.", string(p)))
}

// offered is what a transport may speak.
func (p Protocol) offered() *http.Protocols {
	o := new(http.Protocols)
	o.SetHTTP1(p != H2C)
	o.SetHTTP2(p == HTTP2)
	o.SetUnencryptedHTTP2(p == H2C)
	return o
}

// DefaultTransportOptions are fit for one role that calls another across a
// wide-area link.
func DefaultTransportOptions() TransportOptions {
	return TransportOptions{
		Connect:   5 * time.Second,
		Header:    30 * time.Second,
		Idle:      90 * time.Second,
		IdleConns: 64,
		KeepAlive: 30 * time.Second,
	}
}

func (o TransportOptions) withDefaults() TransportOptions {
	d := DefaultTransportOptions()
	if o.Connect == 0 {
		o.Connect = d.Connect
	}
	if o.Header == 0 {
		o.Header = d.Header
	}
	if o.Idle == 0 {
		o.Idle = d.Idle
	}
	if o.IdleConns == 0 {
		o.IdleConns = d.IdleConns
	}
	if o.KeepAlive == 0 {
		o.KeepAlive = d.KeepAlive
	}
	return o
}

// Transport is an HTTP transport that dials one address whatever the URL's
// host says: the host is only the name that the far side is asked for, and with
// https the one that its certificate must have. It
// never goes through a proxy and leaves bodies as they come (no transparent
// gzip), so that a cache sees the bytes that were sent. A bad address is
// reported by every request, as by [Dial].
//
// net/http pools connections by the URL's host; use one host a transport
// where connections are to be shared.
func Transport(addr string, o TransportOptions) *http.Transport {
	o = o.withDefaults()
	t := &http.Transport{
		DialContext:           Counted(dialer(addr, o), o.Open),
		TLSHandshakeTimeout:   o.Connect,
		ResponseHeaderTimeout: max(o.Header, 0),
		IdleConnTimeout:       o.Idle,
		MaxIdleConns:          max(o.IdleConns, 0),
		MaxIdleConnsPerHost:   o.IdleConns,
		MaxConnsPerHost:       o.Conns,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true,
		Protocols:             o.Protocol.offered(),
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots, ServerName: o.ServerName},
	}
	if o.Protocol == HTTP2 || o.Protocol == H2C {
		// A connection that a cut link has swallowed carries every request there is.
		t.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: o.Connect}
	}
	return t
}

// pingAfter is the silence after which an HTTP/2 connection is asked whether it lives.
const pingAfter = 15 * time.Second

// Dialer is how a transport comes by a connection.
type Dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// Counted is dial with its open connections counted in open; nil: dial itself.
func Counted(dial Dialer, open *atomic.Int64) Dialer {
	if open == nil {
		return dial
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		open.Add(1)
		return &countedConn{Conn: c, closed: sync.OnceFunc(func() { open.Add(-1) })}, nil
	}
}

type countedConn struct {
	net.Conn
	closed func()
}

// Close counts once, however often it is called.
func (c *countedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}

func dialer(addr string, o TransportOptions) Dialer {
	d := net.Dialer{Timeout: o.Connect, KeepAlive: o.KeepAlive}
	a, bad := Parse(addr)
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		if bad != nil {
			return nil, bad
		}
		c, err := d.DialContext(ctx, a.Network, a.Address)
		if err != nil {
			return nil, dialError(a, err)
		}
		return c, nil
	}
}
