package netaddr

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"meridian/world"
)

func serve(t *testing.T, h http.HandlerFunc) (addr string) {
	t.Helper()
	_, addr = socket(t)
	ln := mustListen(t, addr)
	s := &http.Server{Handler: h}
	go s.Serve(ln)
	t.Cleanup(func() { s.Close() })
	return addr
}

func TestTransportDialsItsAddressWhateverTheHost(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Host+" "+r.Proto+" "+r.Header.Get("Accept-Encoding"))
	})
	tr := Transport(addr, TransportOptions{})
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr}).Get("http://de.localhost:1/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "de.localhost:1 HTTP/1.1 " {
		t.Errorf("the far side saw %q", b)
	}
}

func TestTransportReportsWhoIsMissing(t *testing.T) {
	path, addr := socket(t)
	leaveStale(t, path)
	for in, code := range map[string]world.Code{addr: world.CodeUnavailable, "rubbish": world.CodeInvalid} {
		_, err := (&http.Client{Transport: Transport(in, TransportOptions{})}).Get("http://x/")
		if world.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", in, err, code)
		}
	}
}

func TestTransportGivesUpOnASilentServer(t *testing.T) {
	release := make(chan struct{})
	addr := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	tr := Transport(addr, TransportOptions{Header: time.Millisecond})
	defer tr.CloseIdleConnections()
	_, err := (&http.Client{Transport: tr}).Get("http://x/")
	var timeout interface{ Timeout() bool }
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("got %v", err)
	}
}

func TestTransportOptions(t *testing.T) {
	d := DefaultTransportOptions()
	tr := Transport("tcp:h:1", TransportOptions{})
	if tr.ResponseHeaderTimeout != d.Header || tr.IdleConnTimeout != d.Idle || tr.MaxIdleConnsPerHost != d.IdleConns || tr.MaxConnsPerHost != 0 {
		t.Errorf("defaults were not taken: %+v", tr)
	}
	tr = Transport("tcp:h:1", TransportOptions{Header: -1, IdleConns: -1, Idle: time.Second, Conns: 3})
	if tr.ResponseHeaderTimeout != 0 || tr.MaxIdleConnsPerHost != -1 || tr.IdleConnTimeout != time.Second || tr.MaxConnsPerHost != 3 {
		t.Errorf("options were not taken: %+v", tr)
	}
	if !tr.DisableCompression || tr.Proxy != nil || tr.Protocols.HTTP2() || !tr.Protocols.HTTP1() {
		t.Errorf("bodies or routes may be changed on the way: %+v", tr)
	}
}

func TestTransportsConnectTimeout(t *testing.T) {
	// A limit of a nanosecond has passed before any dial begins.
	tr := Transport("tcp:192.0.2.1:9", TransportOptions{Connect: 1})
	if _, err := tr.DialContext(t.Context(), "tcp", "ignored:80"); !world.Is(err, world.CodeTimeout) {
		t.Errorf("got %v", err)
	}
}

func TestConnectionsAreCounted(t *testing.T) {
	addr := serve(t, func(http.ResponseWriter, *http.Request) {})
	var open atomic.Int64
	way := Transport(addr, TransportOptions{Open: &open})
	expect := func(when string, want int64) {
		t.Helper()
		if got := open.Load(); got != want {
			t.Errorf("%s: %d open, want %d", when, got, want)
		}
	}
	one, err := way.DialContext(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	two, err := way.DialContext(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	expect("two", 2)
	one.Close()
	one.Close() // twice is once
	expect("one closed", 1)
	two.Close()
	expect("both closed", 0)
	if _, err := Transport("unix:/nowhere/at/all", TransportOptions{Open: &open}).DialContext(t.Context(), "", ""); err == nil {
		t.Error("it is there")
	}
	expect("one that failed", 0)
}
