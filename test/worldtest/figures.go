package worldtest

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// Figures are what all processes of the world tell of themselves, as Prometheus
// reads it. The connections do not stay.
func (w *World) Figures(t testing.TB) string {
	t.Helper()
	admin := w.Admin(t)
	defer admin.Close()
	all := strings.Builder{}
	all.Write(admin.Get(t, "/metrics").Body)
	if w.Options().Split {
		sockets, _ := filepath.Glob(filepath.Join(w.socketDir(), "a-*.sock"))
		for _, socket := range sockets {
			c := overSocket(socket, "http://role")
			if a, err := c.Do(http.MethodGet, "/metrics", nil); err == nil { // the socket of one that was killed stays
				all.Write(a.Body)
			}
			c.Close()
		}
	}
	return all.String()
}

// overSocket is who comes in by a socket.
func overSocket(socket, base string) *Client {
	return &Client{base: base, http: &http.Client{Timeout: requestWithin, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}}
}
