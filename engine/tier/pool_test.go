package tier

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"meridian/world"
)

// A visitor chooses the Host of a picture's request; were connections kept by
// it, each new one would cost a connection and keep it.
func TestManyHostsShareAConnection(t *testing.T) {
	hosts := make(chan string, 1)
	next := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts <- r.Host
		io.WriteString(w, "answer")
	}))
	defer next.Close()
	var dials atomic.Int32
	way := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		dials.Add(1)
		var d net.Dialer
		return d.DialContext(ctx, network, next.Listener.Addr().String())
	}}
	defer way.CloseIdleConnections()
	tier := New(Config{
		Name: "edge-test", World: &world.World{}, Limits: DefaultLimits(),
		Upstream: way, Next: "shield", Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	defer tier.Close()
	away := func(_ http.ResponseWriter, _ *http.Request, err error) { t.Error(err) }
	ways := map[string]http.Handler{"cache": tier, "past it": tier.Pass("shield", way, away)}
	for name, h := range ways {
		for i := range 4 {
			host := fmt.Sprintf("host%d.example", i)
			// A request in absolute form has its Host in the URL too (RFC 9112 §3.2.2).
			r := httptest.NewRequest("GET", fmt.Sprintf("http://%s/img/app/1000000000000000/v%d/webp/640x0", host, i+1), nil)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Body.String() != "answer" {
				t.Fatalf("%s: %d %s", name, w.Code, w.Body)
			}
			if got := <-hosts; got != host {
				t.Errorf("%s: the next was asked as %q, not %q", name, got, host)
			}
		}
	}
	if n := dials.Load(); n != 1 {
		t.Errorf("%d connections for one request at a time", n)
	}
}
