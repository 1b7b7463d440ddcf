package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"meridian/adapter/certificates"
	"meridian/test/porttest"
	"meridian/world"
)

// alone is a stand-alone accelerator before an origin, as a test sees it.
type alone struct {
	t       *testing.T
	origin  *httptest.Server
	reads   atomic.Int64
	broken  atomic.Bool
	site    string // "https://127.0.0.1:port"
	admin   string
	reload  chan os.Signal
	large   string // too large for RAM, and for the disk not
	clients map[string]http.RoundTripper
	logs    *watched
	stop    func()
}

const testToken = "a-token-of-many-characters"

// startAlone runs the whole of `meridian edge` on loopback.
func startAlone(t *testing.T) *alone {
	t.Helper()
	return startBefore(t, func(a *alone) http.Handler { return http.HandlerFunc(a.serve) })
}

// startBefore runs it before another origin.
func startBefore(t *testing.T, origin func(*alone) http.Handler) *alone {
	t.Helper()
	a := &alone{t: t, reload: make(chan os.Signal), large: strings.Repeat("0123456789", 20_000), logs: newWatched(1)}
	a.origin = httptest.NewServer(origin(a))
	t.Cleanup(a.origin.Close)
	f := NewAcceleratorFile()
	port, admin := porttest.Free(t), porttest.Free(t)
	f.Listen, f.Admin = fmt.Sprintf("tcp:127.0.0.1:%d", port), fmt.Sprintf("tcp:127.0.0.1:%d", admin)
	f.Origins, f.PurgeToken, f.Log.Level = []string{a.origin.URL}, testToken, "error"
	f.DiskDir, f.DiskBytes, f.ObjectBytes = filepath.Join(t.TempDir(), "disk"), 16<<20, 64<<10
	f.TLS.Self.Hosts, f.TLS.Self.Dir = []string{"127.0.0.1", "localhost"}, filepath.Join(t.TempDir(), "ca")
	a.site, a.admin = fmt.Sprintf("https://127.0.0.1:%d", port), fmt.Sprintf("http://127.0.0.1:%d", admin)
	up, ended := make(chan string, 1), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { ended <- Accelerate(ctx, f, a.reload, a.logs, func(s string) { up <- s }) }()
	a.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
	t.Cleanup(a.stop)
	select {
	case <-up:
	case err := <-ended:
		ended <- err
		t.Fatal(err)
	}
	a.clients = clients(t, trust(t, f.TLS))
	return a
}

// serve is the origin. Each read has a number.
func (a *alone) serve(w http.ResponseWriter, r *http.Request) {
	n := a.reads.Add(1)
	h := w.Header()
	h.Set("Content-Type", "text/plain")
	switch {
	case a.broken.Load():
		http.Error(w, "sick", http.StatusServiceUnavailable)
		return
	case strings.HasPrefix(r.URL.Path, "/large"):
		h.Set("Content-Type", "image/webp")
		h.Set("Cache-Control", "max-age=3600")
		h.Set("Content-Length", strconv.Itoa(len(a.large)))
		io.WriteString(w, a.large)
		return
	case strings.HasPrefix(r.URL.Path, "/stale"):
		h.Set("Cache-Control", "max-age=0, stale-if-error=3600")
		h.Set("Last-Modified", "Sun, 22 Nov 2026 02:00:00 GMT")
		fmt.Fprintf(w, "read %d", n)
		return
	}
	h.Set("Cache-Control", "max-age=3600")
	h.Set("ETag", `"e"`)
	h.Set("Surrogate-Key", "all-of-it")
	fmt.Fprintf(w, "%s read %d %s", r.Method, n, strings.Repeat("0123456789", 400)) // worth a coding
}

// get asks by a protocol; fields are "Name: value".
func (a *alone) get(proto, path string, fields ...string) (*http.Response, string) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), "GET", a.site+path, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "identity") // a client's own default would be another key
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Set(name, value)
	}
	res, err := a.clients[proto].RoundTrip(r)
	if err != nil {
		a.t.Fatalf("%s: %v", proto, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatalf("%s: %v", proto, err)
	}
	return res, string(b)
}

func (a *alone) purge(body string) string {
	a.t.Helper()
	r, _ := http.NewRequestWithContext(a.t.Context(), "POST", a.admin+"/-/purges", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+testToken)
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return string(b)
}

func TestTheAcceleratorStandsAlone(t *testing.T) {
	a := startAlone(t)
	var first string
	for i, proto := range []string{"HTTP/1.1", "HTTP/2.0", "HTTP/3.0", "HTTP/1.1"} {
		res, body := a.get(proto, "/page?q")
		status := res.Header.Get("Cache-Status")
		if i == 0 {
			first = body
			if !strings.Contains(status, "meridian; fwd=uri-miss") || !strings.Contains(status, "stored") {
				t.Errorf("a miss: %s", status)
			}
		} else if !strings.HasPrefix(status, "meridian; hit") || res.Header.Get("Age") == "" {
			t.Errorf("%s: %s", proto, status)
		}
		if res.StatusCode != 200 || res.Proto != proto || body != first || !strings.HasPrefix(res.Header.Get("Alt-Svc"), "h3=") || res.Header.Get("Surrogate-Key") != "" {
			t.Errorf("%s: %d %s %v %.40q", proto, res.StatusCode, res.Proto, res.Header, body)
		}
	}
	for proto := range a.clients {
		if res, body := a.get(proto, "/page?q", "Range: bytes=0-3"); res.StatusCode != 206 || body != "GET " {
			t.Errorf("%s: a range: %d %.40q", proto, res.StatusCode, body)
		}
		if res, _ := a.get(proto, "/page?q", `If-None-Match: "e"`); res.StatusCode != 304 {
			t.Errorf("%s: a condition: %d", proto, res.StatusCode)
		}
	}
	for _, coding := range []string{"br", "identity", "br"} {
		want := strings.TrimPrefix(coding, "identity")
		if res, _ := a.get("HTTP/2.0", "/coded", "Accept-Encoding: "+coding); res.Header.Get("Content-Encoding") != want {
			t.Errorf("%s: %v", coding, res.Header)
		}
	}
	if n := a.reads.Load(); n != 3 { // /page, and /coded once a coding
		t.Errorf("%d origin reads", n)
	}
}

// What is too large for RAM is fetched once, and comes from the disk.
func TestTheAcceleratorKeepsOnDiskWhatRAMDoesNotTake(t *testing.T) {
	a := startAlone(t)
	for range 2 {
		for proto := range a.clients {
			if res, body := a.get(proto, "/large"); res.StatusCode != 200 || body != a.large {
				t.Errorf("%s: %d, %d bytes, %s", proto, res.StatusCode, len(body), res.Header.Get("Cache-Status"))
			}
		}
	}
	if n := a.reads.Load(); n != 1 {
		t.Errorf("%d origin reads", n)
	}
}

func TestTheAcceleratorPurges(t *testing.T) {
	a := startAlone(t)
	a.get("HTTP/1.1", "/page")
	for i, order := range []string{`{"groups": ["all-of-it"]}`, `{"urls": ["` + a.site + `/page"]}`, `{"all": true}`} {
		if got := a.purge(order); got != "{\"removed\":1}\n" {
			t.Errorf("%s: %s", order, got)
		}
		if _, body := a.get("HTTP/1.1", "/page"); !strings.HasPrefix(body, fmt.Sprintf("GET read %d ", i+2)) {
			t.Errorf("after %s: %.20q", order, body)
		}
	}
	res, err := http.Post(a.admin+"/-/purges", "application/json", strings.NewReader(`{"all": true}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 401 || res.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("without a token: %d %v", res.StatusCode, res.Header)
	}
	for path, want := range map[string]string{"/healthz": "ok\n", "/metrics": "meridian_upstream_connections{"} {
		res, err := http.Get(a.admin + path)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if !strings.Contains(string(b), want) {
			t.Errorf("%s: %.200s", path, b)
		}
	}
}

func TestTheAcceleratorOutlivesItsOrigin(t *testing.T) {
	a := startAlone(t)
	_, first := a.get("HTTP/1.1", "/stale")
	a.broken.Store(true)
	if res, body := a.get("HTTP/1.1", "/stale"); body != first || !strings.Contains(res.Header.Get("Cache-Status"), "stale-if-error") {
		t.Errorf("%v %q", res.Header, body)
	}
	a.origin.Close()
	if res, body := a.get("HTTP/2.0", "/stale"); body != first {
		t.Errorf("%v %q", res.Header, body)
	}
	if res, body := a.get("HTTP/3.0", "/other"); res.StatusCode != 502 && res.StatusCode != 503 || !strings.Contains(body, "detail") {
		t.Errorf("%d %q", res.StatusCode, body)
	}
}

func TestTheAcceleratorTakesACertificateAnew(t *testing.T) {
	dir := t.TempDir()
	pair := func(authority string) certificates.Pair { // a leaf that another authority made
		conf := DefaultTLS()
		conf.Self.Hosts, conf.Self.Dir = []string{"127.0.0.1"}, filepath.Join(dir, authority)
		if _, err := certificates.Open(conf.Config, certificates.Ports{}, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		p := filepath.Join(conf.Self.Dir, "ca.pem")
		return certificates.Pair{Cert: p, Key: p}
	}
	one, two := pair("one"), pair("two")
	used := filepath.Join(dir, "used.pem")
	use := func(p certificates.Pair) []byte {
		b, err := os.ReadFile(p.Cert)
		if err == nil {
			err = os.WriteFile(used, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	use(one)
	f := NewAcceleratorFile()
	port := porttest.Free(t)
	f.Listen, f.Origins, f.Log.Level = fmt.Sprintf("tcp:127.0.0.1:%d", port), []string{"http://127.0.0.1:1"}, "error"
	f.TLS.Files = []certificates.Pair{{Cert: used, Key: used}}
	up, ended, reload := make(chan string, 1), make(chan error, 1), make(chan os.Signal)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { ended <- Accelerate(ctx, f, reload, io.Discard, func(s string) { up <- s }) }()
	select {
	case <-up:
	case err := <-ended:
		t.Fatal(err)
	}
	shown := func() []byte {
		c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Raw
	}
	before := shown()
	use(two)
	reload <- os.Interrupt
	for bytes.Equal(shown(), before) { // it is taken in the server's own time
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAcceleratorFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "edge.yaml")
	text := "listen: tcp:127.0.0.1:1\norigins: [http://o.example]\nlifetimes: {200: 10m}\npurge_token: " + testToken + "\ntls: {clear: true}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f := NewAcceleratorFile()
	if err := ReadAcceleratorFile(path, f); err != nil || f.Validate() != nil {
		t.Fatal(err, f.Validate())
	}
	shown, err := f.Text()
	if err != nil || strings.Contains(shown, testToken) || !strings.Contains(shown, "200: 10m0s") || !strings.Contains(shown, "clear: true") {
		t.Errorf("%v\n%s", err, shown)
	}
	again := filepath.Join(t.TempDir(), "again.yaml")
	if err := os.WriteFile(again, []byte(shown), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ReadAcceleratorFile(again, NewAcceleratorFile()); err != nil {
		t.Errorf("what is printed cannot be read: %v", err)
	}
	if err := os.WriteFile(path, []byte("listen: tcp:127.0.0.1:1\norigin: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ReadAcceleratorFile(path, NewAcceleratorFile()); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), "origin") {
		t.Errorf("an unknown field: %v", err)
	}
	f.Admin = f.Listen
	if err := f.Validate(); !world.Is(err, world.CodeInvalid) {
		t.Error(err)
	}
	if err := Accelerate(t.Context(), f, nil, io.Discard, nil); !world.Is(err, world.CodeInvalid) || errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
