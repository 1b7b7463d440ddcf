// Package varnishtest runs a real Varnish with our VCL for tests, as an outside CDN
// before a backend.
package varnishtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"meridian/platform/childproc"
)

// The keys that the VCL is given.
const (
	ProviderKey = "a-provider-key-of-tests-0123"
	PurgeKey    = "a-purge-key-of-tests-012345"
)

// Limits of a server's life: a VCL is compiled by the system's compiler.
const (
	readyWithin = time.Minute
	stopWithin  = 20 * time.Second
)

// Server is a Varnish that can be started and stopped. Its cache is empty after
// each start.
type Server struct {
	Address string // unix:/path

	dir, bin, forgets string

	cmd    *exec.Cmd
	done   chan struct{}
	out    buffer
	client *http.Client
}

// New is a server with a file of adapter/varnish ("meridian-ban.vcl") that says how
// it forgets. It is not started. The test is skipped where Varnish, or the module
// that the file asks for, is not installed.
func New(t testing.TB, forgets string) *Server {
	t.Helper()
	bin, err := exec.LookPath("varnishd")
	if err != nil {
		if bin, err = exec.LookPath("/usr/sbin/varnishd"); err != nil {
			t.Skip("varnishd is not installed: scripts/install-deps test brings it")
		}
	}
	if strings.Contains(forgets, "xkey") && !hasXkey() {
		t.Skip("Varnish's module xkey is not installed: it is in the package varnish-modules")
	}
	dir, err := os.MkdirTemp("", "varnish") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Address: "unix:" + filepath.Join(dir, "http"), dir: dir, bin: bin, forgets: forgets}
	t.Cleanup(func() { s.Stop(t); os.RemoveAll(dir) })
	s.client = &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "http"))
		}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s
}

func hasXkey() bool {
	found, _ := filepath.Glob("/usr/lib/*/varnish/vmods/libvmod_xkey.so") // the pattern is good
	return len(found) > 0
}

// Start starts the server before a port of this machine, and waits until it answers.
func (s *Server) Start(t testing.TB, port int) {
	t.Helper()
	s.write(t, port)
	args := []string{"-F", "-n", filepath.Join(s.dir, "n"), "-a", filepath.Join(s.dir, "http"), "-f", filepath.Join(s.dir, "default.vcl"), "-s", "malloc,32m", "-j", "none",
		"-p", "thread_pools=1", "-p", "thread_pool_min=10", "-p", "thread_pool_max=50", "-p", "thread_pool_reserve=5"}
	s.cmd, s.done = exec.Command(s.bin, args...), make(chan struct{})
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.WaitDelay = &s.out, &s.out, time.Second
	if err := childproc.Start(s.cmd, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	cmd, done := s.cmd, s.done
	go func() { cmd.Wait(); close(done) }()
	limit := time.After(readyWithin)
	for {
		if res, err := s.do("PURGE", "varnish", "/"); err == nil && res.Status == http.StatusForbidden {
			return
		}
		select {
		case <-done:
			t.Fatalf("Varnish ended while it started: %v\n%s", cmd.ProcessState, s.out.String())
		case <-limit:
			t.Fatalf("Varnish was not ready within %s\n%s", readyWithin, s.out.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// write writes the server's VCL.
func (s *Server) write(t testing.TB, port int) {
	t.Helper()
	files, err := filepath.Abs("../../adapter/varnish")
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`vcl 4.1;
import std;
backend default { .host = "127.0.0.1"; .port = "%d"; }
sub meridian_keys {
	set req.http.Meridian-Provider-Key = %q;
	set req.http.Meridian-Purge-Want = %q;
}
include %q;
include %q;
`, port, ProviderKey, PurgeKey, filepath.Join(files, s.forgets), filepath.Join(files, "meridian.vcl"))
	if err := os.WriteFile(filepath.Join(s.dir, "default.vcl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Stop ends the server, if it runs, and waits until it is gone.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-s.done:
	case <-time.After(stopWithin):
		_ = s.cmd.Process.Kill()
		<-s.done
		t.Errorf("Varnish did not stop within %s", stopWithin)
	}
	s.cmd = nil
}

// Answer is an answer with its content.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Hit reports whether Varnish had it.
func (a Answer) Hit() bool { return strings.HasSuffix(a.Header.Get("Cache-Status"), "varnish; hit") }

// Get asks for a path of a host.
func (s *Server) Get(t testing.TB, host, path string, fields ...string) Answer {
	t.Helper()
	a, err := s.do(http.MethodGet, host, path, fields...)
	if err != nil {
		t.Fatalf("%s%s: %v", host, path, err)
	}
	return a
}

// Do makes a request of any method.
func (s *Server) Do(t testing.TB, method, host, path string, fields ...string) Answer {
	t.Helper()
	a, err := s.do(method, host, path, fields...)
	if err != nil {
		t.Fatalf("%s %s%s: %v", method, host, path, err)
	}
	return a
}

func (s *Server) do(method, host, path string, fields ...string) (Answer, error) {
	r, err := http.NewRequest(method, "http://varnish"+path, nil)
	if err != nil {
		return Answer{}, err
	}
	r.Host = host
	for i := 0; i+1 < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	res, err := s.client.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return Answer{res.StatusCode, res.Header, string(body)}, err
}

// buffer is a child's output.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String is what was written so far.
func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
