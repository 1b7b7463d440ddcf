package shield

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"meridian/platform/httpserver"
	"meridian/test/tiertest"
	"meridian/world"
)

// pipeListener hands out in-memory connections, so that time in a synctest
// bubble is the time of their deadlines.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.done); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (l *pipeListener) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	l.conns <- far
	return near, nil
}

// A feed is streamed line by line, and outlives the listener's limit on a
// whole request: an edge must not lose a feed because nothing is wrong.
func TestFeedIsStreamedForAsLongAsItLasts(t *testing.T) {
	for path, role := range map[string]func(*fixture) *tiertest.Upstream{
		world.FeedPath + "?after=now": func(f *fixture) *tiertest.Upstream { return f.shop },
		world.HealthPath:              func(f *fixture) *tiertest.Upstream { return f.monitor },
	} {
		t.Run(path, func(t *testing.T) { isStreamed(t, path, role) })
	}
}

func isStreamed(t *testing.T, path string, role func(*fixture) *tiertest.Upstream) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		body, feed := io.Pipe()
		role(f).Will(func(r *http.Request) (*http.Response, error) {
			context.AfterFunc(r.Context(), func() { feed.CloseWithError(r.Context().Err()) })
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/x-ndjson"}}, Body: body, ContentLength: -1, Request: r, ProtoMajor: 1, ProtoMinor: 1}, nil
		})
		ln := &pipeListener{make(chan net.Conn), make(chan struct{})}
		limits := httpserver.DefaultLimits()
		server := httpserver.Serve(ln, f, slog.New(slog.DiscardHandler), limits)
		way := &http.Transport{DialContext: ln.dial}
		defer way.CloseIdleConnections()

		go io.WriteString(feed, "hello\n")
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://de.localhost"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := way.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(res.Body)
		if line, err := lines.ReadString('\n'); line != "hello\n" {
			t.Fatalf("%q, %v: the first line waits for the next", line, err)
		}
		time.Sleep(2 * limits.Body)
		go io.WriteString(feed, "purge\n")
		if line, err := lines.ReadString('\n'); line != "purge\n" {
			t.Errorf("%q, %v after %v", line, err, 2*limits.Body)
		}
		res.Body.Close()
		if err := server.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		<-server.Done()
	})
}
