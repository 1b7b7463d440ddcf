package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"meridian/platform/httpserver"
	"meridian/platform/telemetry"
	"meridian/test/porttest"
	"meridian/world"
)

func trust(t *testing.T, conf TLS) *tls.Config {
	t.Helper()
	b, err := os.ReadFile(conf.Trust())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(b)
	return &tls.Config{RootCAs: pool}
}

// clients are ways to an address by each protocol.
func clients(t *testing.T, conf *tls.Config) map[string]http.RoundTripper {
	t.Helper()
	only := func(f func(*http.Protocols)) *http.Transport {
		tr := &http.Transport{TLSClientConfig: conf.Clone(), Protocols: new(http.Protocols), DisableCompression: true}
		f(tr.Protocols)
		t.Cleanup(tr.CloseIdleConnections)
		return tr
	}
	h3 := &http3.Transport{TLSClientConfig: conf.Clone(), QUICConfig: &quic.Config{}}
	t.Cleanup(func() { h3.Close() })
	return map[string]http.RoundTripper{
		"HTTP/1.1": only(func(p *http.Protocols) { p.SetHTTP1(true) }),
		"HTTP/2.0": only(func(p *http.Protocols) { p.SetHTTP2(true) }),
		"HTTP/3.0": h3,
	}
}

func TestVisitorsComeInEveryWay(t *testing.T) {
	const hsts = "Strict-Transport-Security"
	conf := DefaultTLS()
	conf.Self.Hosts, conf.Self.Dir = []string{"localhost", "127.0.0.1"}, t.TempDir()
	conf.HSTS = time.Hour
	p, plain := porttest.Free(t), porttest.Free(t)
	listen := fmt.Sprintf("tcp:127.0.0.1:%d", p)
	conf.Redirect = fmt.Sprintf("tcp:127.0.0.1:%d", plain)
	m := &machine{tel: telemetry.NewRoot(io.Discard, "text", slog.LevelError).Instance("test", "here")}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Alt-Svc", "another machine's")
		fmt.Fprintf(w, "%s %s %v", r.Proto, r.Host, r.TLS != nil)
	})
	v, err := m.open(t.Context(), listen, httpserver.DefaultLimits(), newMachine().seats(httpserver.DefaultLimits()), conf, noHits{}, h)
	if err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("https://127.0.0.1:%d/x?y", p)
	for proto, c := range clients(t, trust(t, conf)) {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", url, nil)
		res, err := c.RoundTrip(r)
		if err != nil {
			t.Errorf("%s: %v", proto, err)
			continue
		}
		b, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if want := fmt.Sprintf("%s 127.0.0.1:%d true", proto, p); string(b) != want {
			t.Errorf("%s: %q, want %q", proto, b, want)
		}
		if got := res.Header.Values("Alt-Svc"); len(got) != 1 || got[0] != fmt.Sprintf(`h3=":%d"; ma=86400`, p) || res.Header.Get(hsts) != "max-age=3600" {
			t.Errorf("%s: %v", proto, res.Header)
		}
	}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(&http.Request{Method: "POST", URL: mustURL(t, fmt.Sprintf("http://127.0.0.1:%d/x?y", plain)), Header: http.Header{}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 308 || res.Header.Get("Location") != url || res.Header.Get(hsts) != "" {
		t.Errorf("by http: %d %v", res.StatusCode, res.Header)
	}
	if err := v.Stop(context.Background()); err != nil || v.Err() != nil {
		t.Errorf("stop: %v %v", err, v.Err())
	}
	if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p)); err == nil {
		c.Close()
		t.Error("somebody still listens")
	}
}

func TestOnePortForHTTPAndHTTPS(t *testing.T) {
	conf := DefaultTLS()
	conf.Self.Hosts, conf.Self.Dir = []string{"127.0.0.1"}, t.TempDir()
	conf.Clear, conf.HTTP3 = true, false
	p := porttest.Free(t)
	m := &machine{tel: telemetry.NewRoot(io.Discard, "text", slog.LevelError).Instance("test", "here")}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.TLS != nil) })
	v, err := m.open(t.Context(), fmt.Sprintf("tcp:127.0.0.1:%d", p), httpserver.DefaultLimits(), newMachine().seats(httpserver.DefaultLimits()), conf, noHits{}, h)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Stop(context.Background())
	c := clients(t, trust(t, conf))["HTTP/1.1"]
	for scheme, want := range map[string]string{"http": "false", "https": "true"} {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", fmt.Sprintf("%s://127.0.0.1:%d/", scheme, p), nil)
		res, err := c.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if string(b) != want || res.Header.Get("Alt-Svc") != "" {
			t.Errorf("%s: %q %v", scheme, b, res.Header)
		}
	}
}

func TestTLSSettingsAtTheirEdges(t *testing.T) {
	for what, set := range map[string]func(*TLS){
		"hsts must not":                func(c *TLS) { c.HSTS = -1 },
		"http3_port":                   func(c *TLS) { c.AltPort = 65536 },
		"need certificates":            func(c *TLS) { c.HSTS = 1 },
		"redirect_http must be":        func(c *TLS) { c.Self.Hosts, c.Self.Dir, c.Redirect = []string{"a"}, "/d", "tcp:127.0.0.1:1" },
		"set clear to false":           func(c *TLS) { c.Self.Hosts, c.Self.Dir, c.HSTS, c.Clear = []string{"a"}, "/d", 1, true },
		"redirect_http and hsts need ": func(c *TLS) { c.Redirect = "tcp:127.0.0.1:2" },
		"self.dir":                     func(c *TLS) { c.Self.Hosts = []string{"a"} },
	} {
		c := DefaultTLS()
		set(&c)
		if err := c.Validate("tcp:127.0.0.1:1"); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := DefaultTLS().Validate("tcp:127.0.0.1:1"); err != nil {
		t.Error(err)
	}
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
