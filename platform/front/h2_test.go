package front

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// table is Hits by target.
type table map[string]Answer

func (t table) Hit(r *Request) (Answer, bool) {
	a, ok := t[string(r.Target)]
	return a, ok
}

func answerOf(body []byte) Answer {
	return Answer{Body: body, Head: NewHead(200, []HeadField{{"content-type", "image/webp"}, {"content-length", strconv.Itoa(len(body))}, {"etag", `"abc"`}})}
}

// tlsFor is a certificate for 127.0.0.1, and who trusts it.
func tlsFor(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}, DynamicRecordSizingDisabled: true}, &tls.Config{RootCAs: pool}
}

// serveTLS starts a server with our HTTP/2 (std: with net/http's), and gives its
// address and a client.
func serveTLS(t testing.TB, hits Hits, limits Limits2, h http.Handler, std bool) (string, *http.Client, *http.Server) {
	t.Helper()
	server, client := tlsFor(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, TLSConfig: server, ErrorLog: slog.NewLogLogger(quiet.Handler(), slog.LevelError)}
	if !std {
		NewHTTP2(Config{Hits: hits}, limits, quiet).Attach(s)
		ln = gatherListener{ln}
	}
	go s.ServeTLS(ln, "", "")
	t.Cleanup(func() { s.Close() })
	tr := &http.Transport{TLSClientConfig: client, ForceAttemptHTTP2: true, DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return "https://" + ln.Addr().String(), &http.Client{Transport: tr}, s
}

func fetch(t testing.TB, c *http.Client, method, url string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, b
}

func TestHitsAndHandlersOverTLS(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 300<<10/16)
	file := filepath.Join(t.TempDir(), "segment")
	if err := os.WriteFile(file, append([]byte("before"), big...), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	onDisk := answerOf(big)
	onDisk.Body, onDisk.File, onDisk.Offset, onDisk.Length = nil, f, 6, int64(len(big))
	hits := table{"/small": answerOf([]byte("hello")), "/big": answerOf(big), "/file": onDisk, "/none": answerOf(nil)}
	base, client, _ := serveTLS(t, hits, Limits2{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "handler %s %v", r.URL, r.TLS != nil)
	}), false)
	for target, want := range map[string]string{"/small": "hello", "/big": string(big), "/file": string(big), "/none": "", "/x?y=1": "handler /x?y=1 true"} {
		resp, b := fetch(t, client, "GET", base+target)
		if resp.ProtoMajor != 2 || resp.StatusCode != 200 || string(b) != want {
			t.Errorf("%s: HTTP/%d, %d, %d bytes", target, resp.ProtoMajor, resp.StatusCode, len(b))
		}
		if resp.ContentLength != int64(len(want)) {
			t.Errorf("%s: length %d, want %d", target, resp.ContentLength, len(want))
		}
		if resp, b := fetch(t, client, "HEAD", base+target); len(b) != 0 || resp.ContentLength != int64(len(want)) {
			t.Errorf("HEAD %s: %d bytes, length %d", target, len(b), resp.ContentLength)
		}
	}
}

func TestShutdownEndsIdleConnectionsAndLetsStreamsFinish(t *testing.T) {
	begun, goOn := make(chan bool), make(chan bool)
	base, client, s := serveTLS(t, nil, Limits2{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun <- true
		<-goOn
		io.WriteString(w, "whole")
	}), false)
	got := make(chan string)
	go func() {
		resp, err := client.Get(base + "/")
		if err != nil {
			got <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		got <- string(b)
	}()
	<-begun
	stopped := make(chan error)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	close(goOn)
	if b := <-got; b != "whole" {
		t.Errorf("a stream that was under way: %q", b)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// gatherListener puts a Gathering below TLS.
type gatherListener struct{ net.Listener }

func (l gatherListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return Gather(c), nil
}
