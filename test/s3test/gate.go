package s3test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// gate stands before the server and lets a test have a say.
type gate struct {
	url   string
	front *httptest.Server

	mu    sync.Mutex
	fault func(http.ResponseWriter, *http.Request) bool
}

func newGate(dial func(context.Context) (net.Conn, error)) (*gate, error) {
	to, err := url.Parse("http://s3")
	if err != nil {
		return nil, err
	}
	g := &gate{}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(p *httputil.ProxyRequest) { p.SetURL(to); p.Out.Host = p.In.Host }, // the host is signed
		FlushInterval: -1,
		Transport: &http.Transport{
			DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
			DisableCompression: true,
		},
	}
	g.front = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		fault := g.fault
		g.mu.Unlock()
		if fault != nil && fault(w, r) {
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	g.url = g.front.URL
	return g, nil
}

// Fault is asked for each request until the test ends: true, and it has answered
// in the server's place. A handler that does not come back hangs its visitor
// until the visitor goes.
func (g *gate) Fault(t testing.TB, fault func(http.ResponseWriter, *http.Request) bool) {
	set := func(f func(http.ResponseWriter, *http.Request) bool) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.fault = f
	}
	set(fault)
	t.Cleanup(func() { set(nil) })
}

func (g *gate) close() error {
	g.front.CloseClientConnections()
	g.front.Close()
	return nil
}
