package httpserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"meridian/test/certtest"
)

// serve3 runs an HTTP/3 port, and gives a way to make clients of it.
func serve3(t *testing.T, h http.HandlerFunc, l Limits, l3 Limits3) (*Server3, func() *http3.Transport) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Serve3(conn, &tls.Config{Certificates: []tls.Certificate{certtest.Make(t, time.Hour, "a.example")}}, h, quiet, l, l3, NewSeats(l.Connections, quiet))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop(context.Background()) })
	to := conn.LocalAddr().String()
	return s, func() *http3.Transport {
		c := &http3.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "a.example"},
			Dial: func(ctx context.Context, _ string, t *tls.Config, q *quic.Config) (*quic.Conn, error) {
				return quic.DialAddrEarly(ctx, to, t, q)
			},
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
}

func get3(t *testing.T, c *http3.Transport, header ...string) (int, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", "https://a.example/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := c.RoundTrip(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

func TestHTTP3AnswersAsTheOtherServerDoes(t *testing.T) {
	_, client := serve3(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			panic("elsewhere")
		}
		if _, err := netip.ParseAddrPort(r.RemoteAddr); err != nil || r.TLS == nil || RequestID(r.Context()) == "" {
			t.Errorf("address %q, TLS %v, id %q", r.RemoteAddr, r.TLS != nil, RequestID(r.Context()))
		}
		io.WriteString(w, r.Proto+" "+r.Host)
	}, Limits{}, Limits3{})
	c := client()
	if status, body, err := get3(t, c); err != nil || status != 200 || body != "HTTP/3.0 a.example" {
		t.Errorf("%d %q %v", status, body, err)
	}
	r, _ := http.NewRequestWithContext(t.Context(), "GET", "https://a.example/x", nil)
	res, err := c.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); res.StatusCode != 500 || !strings.Contains(string(b), res.Header.Get(HeaderRequestID)) {
		t.Errorf("a panic: %d %s", res.StatusCode, b)
	}
}

func TestHTTP3HeaderLimit(t *testing.T) {
	_, client := serve3(t, func(w http.ResponseWriter, r *http.Request) {}, Limits{Header: 4 << 10}, Limits3{})
	for size, ok := range map[int]bool{2 << 10: true, 5 << 10: false} {
		status, _, err := get3(t, client(), "X-Long", strings.Repeat("~", size))
		if (err == nil && status == 200) != ok {
			t.Errorf("%d bytes: %d %v", size, status, err)
		}
	}
}

func TestHTTP3SeatsAndRetry(t *testing.T) {
	// A token bucket of one: from the second connection on, an address is verified first.
	_, client := serve3(t, func(http.ResponseWriter, *http.Request) {}, Limits{Connections: 2}, Limits3{Unverified: 0.001})
	a, b := client(), client()
	for _, c := range []*http3.Transport{a, b} {
		if status, _, err := get3(t, c); err != nil || status != 200 {
			t.Fatalf("%d %v", status, err)
		}
	}
	var refused *quic.TransportError
	if _, _, err := get3(t, client()); !errors.As(err, &refused) || refused.ErrorCode != quic.ConnectionRefused {
		t.Errorf("a third connection: %v", err)
	}
	a.Close()
	for { // the server learns of it in its own time
		if _, _, err := get3(t, client()); err == nil {
			break
		}
	}
}

func TestHTTP3StopsAfterWhatRuns(t *testing.T) {
	began, goOn := make(chan struct{}), make(chan struct{})
	s, client := serve3(t, func(w http.ResponseWriter, r *http.Request) {
		close(began)
		<-goOn
		io.WriteString(w, "whole")
	}, Limits{Stop: time.Minute}, Limits3{})
	c := client()
	got := make(chan string)
	go func() {
		_, body, err := get3(t, c)
		if err != nil {
			body = err.Error()
		}
		got <- body
	}()
	<-began
	stopped := make(chan error)
	go func() { stopped <- s.Stop(context.Background()) }()
	close(goOn)
	if body := <-got; body != "whole" {
		t.Errorf("%q", body)
	}
	c.Close()
	if err := <-stopped; err != nil || s.Err() != nil {
		t.Errorf("%v %v", err, s.Err())
	}
}

// What HTTP/3 leaves open until the stream ends, a handler is told as by the
// other protocols.
func TestHTTP3ContentIsKnown(t *testing.T) {
	_, client := serve3(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %d %v %q %v", r.Method, r.ContentLength, r.Body == http.NoBody, b, err)
	}, Limits{}, Limits3{})
	c := client()
	for _, x := range []struct{ method, content, want string }{
		{"GET", "", `GET 0 true "" <nil>`},
		{"GET", "abc", `GET -1 false "abc" <nil>`},
		{"POST", "abc", `POST -1 false "abc" <nil>`},
	} {
		r, err := http.NewRequestWithContext(t.Context(), x.method, "https://a.example/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if x.content != "" {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(x.content)), -1
		}
		res, err := c.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if string(b) != x.want {
			t.Errorf("%s %q: %s, want %s", x.method, x.content, b, x.want)
		}
	}
}
