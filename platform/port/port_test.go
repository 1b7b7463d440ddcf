package port

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"meridian/test/certtest"
)

func open(t *testing.T, network string, cfg Config) (*Port, func() net.Conn) {
	t.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = t.TempDir() + "/s"
	}
	ln, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	cfg.TLS = &tls.Config{Certificates: []tls.Certificate{certtest.Make(t, time.Hour, "a.example")}, NextProtos: []string{"h2", "http/1.1"}}
	p := Open(ln, cfg)
	t.Cleanup(func() { p.HTTP1().Close() })
	return p, func() net.Conn {
		t.Helper()
		c, err := net.Dial(network, ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
}

// serve says on each connection which listener it came from.
func serve(t *testing.T, p *Port) {
	t.Helper()
	for name, ln := range map[string]net.Listener{"one": p.HTTP1(), "two": p.HTTP2()} {
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					line, err := bufio.NewReader(c).ReadString('\n')
					if err == nil {
						fmt.Fprintf(c, "%s %T %s", name, c, line)
					}
				}()
			}
		}()
	}
}

func ask(t *testing.T, c net.Conn) string {
	t.Helper()
	if _, err := io.WriteString(c, "hello\n"); err != nil {
		return err.Error()
	}
	b, err := io.ReadAll(c)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func TestOnePortSpeaksAll(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		p, dial := open(t, network, Config{Clear: true})
		serve(t, p)
		socket := map[string]string{"tcp": "*net.TCPConn", "unix": "*net.UnixConn"}[network]
		for _, c := range []struct {
			protos []string
			clear  bool
			want   string
		}{
			{clear: true, want: "one " + socket + " hello\n"},
			{want: "one *tls.Conn hello\n"},
			{protos: []string{"http/1.1"}, want: "one *tls.Conn hello\n"},
			{protos: []string{"http/1.1", "h2"}, want: "two *tls.Conn hello\n"},
		} {
			conn := dial()
			if !c.clear {
				conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, ServerName: "a.example", NextProtos: c.protos})
			}
			if got := ask(t, conn); got != c.want {
				t.Errorf("%s %v: %q, want %q", network, c.protos, got, c.want)
			}
		}
	}
}

func TestWhoSpeaksInClearWhereTLSIsSpokenIsTold(t *testing.T) {
	p, dial := open(t, "tcp", Config{})
	serve(t, p)
	c := dial()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 400 || !strings.Contains(string(b), "https") {
		t.Errorf("%d %s %v", res.StatusCode, b, err)
	}
	c = dial()
	io.WriteString(c, "\x00\x01rubbish")
	if b, _ := io.ReadAll(c); strings.Contains(string(b), "HTTP") {
		t.Errorf("rubbish is answered with %q", b)
	}
}

// Who opens connections and says nothing takes room until the handshake's time
// is over, and no more room than there is.
func TestSilentConnectionsAreBounded(t *testing.T) {
	const most = 3
	p, dial := open(t, "tcp", Config{Clear: true, Pending: most, Handshake: time.Hour})
	serve(t, p)
	silent := make([]net.Conn, most)
	for i := range silent {
		silent[i] = dial()
	}
	for len(p.seat) < most { // until all are accepted
		runtime.Gosched()
	}
	if _, err := dial().Read(make([]byte, 1)); err == nil {
		t.Error("one more was served")
	}
	silent[0].Close()
	for len(p.seat) == most {
		runtime.Gosched()
	}
	if got := ask(t, dial()); !strings.HasPrefix(got, "one") {
		t.Errorf("after one has left: %q", got)
	}
}

func TestASilentConnectionIsClosedInTime(t *testing.T) {
	p, dial := open(t, "tcp", Config{Clear: true, Handshake: time.Millisecond})
	serve(t, p)
	if _, err := dial().Read(make([]byte, 1)); err == nil {
		t.Error("it was served")
	}
}

func TestCloseEndsEverything(t *testing.T) {
	p, dial := open(t, "tcp", Config{Clear: true})
	c := dial() // says nothing
	for len(p.seat) == 0 {
		runtime.Gosched()
	}
	j := Join(p.HTTP1(), p.HTTP2())
	accepted := make(chan error)
	go func() { _, err := j.Accept(); accepted <- err }()
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a connection without a handshake outlives the port")
	}
}
