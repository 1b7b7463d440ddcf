package netaddr

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
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

// Transport is an HTTP/1.1 transport that dials one address whatever the URL's
// host says: the host is only the name that the far side is asked for. It
// never goes through a proxy and leaves bodies as they come (no transparent
// gzip), so that a cache sees the bytes that were sent. A bad address is
// reported by every request, as by [Dial].
//
// net/http pools connections by the URL's host; use one host a transport
// where connections are to be shared.
func Transport(addr string, o TransportOptions) *http.Transport {
	o = o.withDefaults()
	t := &http.Transport{
		DialContext:           dialer(addr, o),
		TLSHandshakeTimeout:   o.Connect,
		ResponseHeaderTimeout: max(o.Header, 0),
		IdleConnTimeout:       o.Idle,
		MaxIdleConns:          max(o.IdleConns, 0),
		MaxIdleConnsPerHost:   o.IdleConns,
		MaxConnsPerHost:       o.Conns,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true,
		Protocols:             new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	return t
}

func dialer(addr string, o TransportOptions) func(context.Context, string, string) (net.Conn, error) {
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
