package netaddr

import (
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"meridian/world"
)

// counted counts the connections that a server takes.
type counted struct {
	net.Listener
	n atomic.Int32
}

func (l *counted) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.n.Add(1)
	}
	return c, err
}

// serveWith starts a server that holds requests for /held until many are there at once.
func serveWith(t *testing.T, many int, secure bool) (*httptest.Server, *counted) {
	t.Helper()
	var here sync.WaitGroup
	here.Add(many)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/held" {
			here.Done()
			here.Wait()
		}
		io.WriteString(w, r.Proto)
	}))
	l := &counted{Listener: s.Listener}
	s.Listener = l
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetHTTP2(secure)
	s.Config.Protocols.SetUnencryptedHTTP2(!secure)
	if secure {
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s, l
}

func TestManyRequestsShareAnHTTP2Connection(t *testing.T) {
	const many = 50
	for name, c := range map[string]struct {
		protocol Protocol
		secure   bool
		speaks   string
		conns    int32
	}{
		"h2 by ALPN":      {HTTP2, true, "HTTP/2.0", 1},
		"h2c as known":    {H2C, false, "HTTP/2.0", 1},
		"HTTP/1.1":        {HTTP1, false, "HTTP/1.1", many},
		"the default":     {"", true, "HTTP/1.1", many},
		"h2 but for http": {HTTP2, false, "HTTP/1.1", many},
	} {
		t.Run(name, func(t *testing.T) {
			s, l := serveWith(t, many, c.secure)
			roots, scheme := x509.NewCertPool(), "http"
			if c.secure {
				roots.AddCert(s.Certificate())
				scheme = "https"
			}
			tr := Transport(Of(s.Listener.Addr()).String(), TransportOptions{Protocol: c.protocol, Roots: roots})
			defer tr.CloseIdleConnections()
			if got := get(t, tr, scheme+"://example.com/"); got != c.speaks { // the first makes a connection
				t.Fatalf("%s", got)
			}
			var wg sync.WaitGroup
			for range many {
				wg.Go(func() {
					if got := get(t, tr, scheme+"://example.com/held"); got != c.speaks {
						t.Errorf("%s", got)
					}
				})
			}
			wg.Wait()
			if n := l.n.Load(); n != c.conns {
				t.Errorf("%d connections for %d requests at once, want %d", n, many, c.conns)
			}
		})
	}
}

func get(t *testing.T, tr *http.Transport, url string) string {
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := tr.RoundTrip(r)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return string(b)
}

// A certificate is verified, by the URL's host or the name that is set.
func TestCertificatesAreVerified(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.TLS.ServerName) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are refused
	s.StartTLS()
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate()) // for example.com
	for name, c := range map[string]struct {
		o    TransportOptions
		url  string
		sni  string
		good bool
	}{
		"the URL's host":       {TransportOptions{Roots: roots}, "https://example.com/", "example.com", true},
		"another host":         {TransportOptions{Roots: roots}, "https://elsewhere.test/", "", false},
		"a name that is set":   {TransportOptions{Roots: roots, ServerName: "example.com"}, "https://elsewhere.test/", "example.com", true},
		"roots of the system":  {TransportOptions{}, "https://example.com/", "", false},
		"a wrong name is set":  {TransportOptions{Roots: roots, ServerName: "elsewhere.test"}, "https://example.com/", "", false},
		"HTTP/2 verifies, too": {TransportOptions{Roots: roots, Protocol: HTTP2}, "https://elsewhere.test/", "", false},
	} {
		tr := Transport(Of(s.Listener.Addr()).String(), c.o)
		r, err := http.NewRequestWithContext(t.Context(), "GET", c.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := tr.RoundTrip(r)
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			if b, _ := io.ReadAll(res.Body); string(b) != c.sni {
				t.Errorf("%s: asked for %q", name, b)
			}
			res.Body.Close()
		}
		tr.CloseIdleConnections()
	}
}

func TestProtocolIsOneOfThree(t *testing.T) {
	for _, p := range []Protocol{"", HTTP1, HTTP2, H2C} {
		if err := p.Validate(); err != nil {
			t.Errorf("%q: %v", p, err)
		}
	}
	var e *world.Error
	if err := Protocol("h3").Validate(); !world.Is(err, world.CodeInvalid) || !errors.As(err, &e) {
		t.Errorf("%v", err)
	}
}
