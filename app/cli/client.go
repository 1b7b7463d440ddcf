package cli

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// newClient asks an edge; limit bounds a whole exchange.
func newClient(limit time.Duration) *http.Client {
	return &http.Client{Timeout: limit, Transport: &http.Transport{DialContext: dial, Proxy: proxyFor, DisableCompression: true}}
}

// isLocal reports whether a host is a name of this machine (RFC 6761 §6.3).
func isLocal(host string) bool { return host == "localhost" || strings.HasSuffix(host, ".localhost") }

// dial reaches names under localhost at this machine: browsers do by
// themselves, most resolvers do not.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if host, port, err := net.SplitHostPort(addr); err == nil && isLocal(host) {
		addr = net.JoinHostPort("127.0.0.1", port)
	}
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// proxyFor is the proxy that the environment names, which cannot reach this machine.
func proxyFor(r *http.Request) (*url.URL, error) {
	if isLocal(r.URL.Hostname()) {
		return nil, nil
	}
	return http.ProxyFromEnvironment(r)
}
