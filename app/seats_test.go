package app

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"meridian/platform/httpserver"
	"meridian/platform/telemetry"
	"meridian/test/porttest"
)

// Whoever has a connection takes a seat, by whichever protocol: those that come
// by another find none left.
func TestAllProtocolsShareTheSeats(t *testing.T) {
	for _, first := range []string{"HTTP/1.1", "HTTP/2.0", "HTTP/3.0"} {
		conf := DefaultTLS()
		conf.Self.Hosts, conf.Self.Dir = []string{"127.0.0.1"}, t.TempDir()
		p := porttest.Free(t)
		limits := httpserver.DefaultLimits()
		limits.Connections = 1
		m := &machine{tel: telemetry.NewRoot(io.Discard, "text", slog.LevelError).Instance("test", "here")}
		v, err := m.open(t.Context(), fmt.Sprintf("tcp:127.0.0.1:%d", p), limits, newMachine().seats(limits), conf, noHits{}, http.NotFoundHandler())
		if err != nil {
			t.Fatal(err)
		}
		ways := clients(t, trust(t, conf))
		ask := func(proto string) error {
			r, _ := http.NewRequestWithContext(t.Context(), "GET", fmt.Sprintf("https://127.0.0.1:%d/", p), nil)
			res, err := ways[proto].RoundTrip(r)
			if err == nil {
				io.Copy(io.Discard, res.Body) // so that the connection is kept
				res.Body.Close()
			}
			return err
		}
		if err := ask(first); err != nil {
			t.Errorf("%s: %v", first, err)
		}
		for proto := range ways {
			if proto != first && ask(proto) == nil {
				t.Errorf("%s was served beside %s", proto, first)
			}
		}
		if err := ask(first); err != nil {
			t.Errorf("%s suffered: %v", first, err)
		}
		if err := v.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
