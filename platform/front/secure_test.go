package front

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"meridian/test/certtest"
)

// Over TLS, and there alone, a hit has the fields of TLS (RFC 6797 §7.2).
func TestHitsOverTLSHaveItsFields(t *testing.T) {
	hits := shelf{}
	hits.add("/hit", "h")
	cfg := Config{Hits: hits, RequestID: "X-Request-Id", Secure: []HeadField{{"Strict-Transport-Security", "max-age=9"}, {"Alt-Svc", `h3=":1"`}}}
	check := func(name string, h http.Header, want string) {
		t.Helper()
		if h.Get("X-From") != "hit" || h.Get("Strict-Transport-Security") != want || len(h.Get("X-Request-Id")) != idLength {
			t.Errorf("%s: %v", name, h)
		}
	}
	f, addr := start(t, cfg, echo)
	c := dial(t, addr)
	io.WriteString(c, "GET /hit HTTP/1.1\r\nHost: a\r\n\r\n")
	res, _ := answer1(t, bufio.NewReader(c), "GET")
	check("in clear", res.Header, "")

	secure := func(proto string) (server, client *tls.Conn) {
		a, b := net.Pipe()
		t.Cleanup(func() { a.Close(); b.Close() })
		server = tls.Server(b, &tls.Config{Certificates: []tls.Certificate{certtest.Make(t, time.Hour, "a")}, NextProtos: []string{proto}})
		return server, tls.Client(a, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{proto}})
	}
	server, client := secure("http/1.1")
	go f.ServeConn(server)
	io.WriteString(client, "GET /hit HTTP/1.1\r\nHost: a\r\n\r\n")
	res, _ = answer1(t, bufio.NewReader(client), "GET")
	check("HTTP/1.1", res.Header, "max-age=9")

	server, client = secure("h2")
	two := NewHTTP2(cfg, Limits2{}, nil)
	go func() {
		if server.Handshake() == nil {
			two.ServeConn(t.Context(), server, echo, nil)
		}
	}()
	cc := &http.Transport{ForceAttemptHTTP2: true, DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
		return client, client.Handshake()
	}}
	defer cc.CloseIdleConnections()
	for range 2 { // a stream that is used again
		r, _ := http.NewRequest("GET", "https://a/hit", nil)
		res, err := cc.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		check("HTTP/2", res.Header, "max-age=9")
	}
}
