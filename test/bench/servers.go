package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"meridian/platform/childproc"
	"meridian/test/porttest"
)

// place says where a server keeps what it caches.
type place string

const (
	inRAM  place = "RAM"
	onDisk place = "SSD"
)

// setup is what a server is started with.
type setup struct {
	origin string // host:port
	dir    string // its own, for configuration and state
	cache  string // its own, on the medium that is measured
	place  place
	core   int
	cert   string // files of a certificate and its key
	key    string
}

// contender is a server that can be measured.
type contender struct {
	name string
	// needs names the program that has to be installed, and the package it is in.
	needs, pkg string
	http2      bool
	ramOnly    bool // it is not measured from the disk
	start      func(context.Context, setup) (*server, error)
}

// server is one that runs.
type server struct {
	name    string
	plain   string // host:port of HTTP/1.1
	secure  string // host:port of HTTP/2 over TLS; empty: it has none
	http2   bool   // it is measured by that
	metrics string // URL of its figures; empty: it has none
	window  int    // queries that it is asked at once, of a name server

	pid  int
	cmd  *exec.Cmd
	said lockedBuffer
	done chan struct{}
	err  error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// spawn starts a program on a core and waits until it listens.
func (s *server) spawn(ctx context.Context, core int, program string, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	s.cmd = exec.Command(self, append([]string{"pin", strconv.Itoa(core), program}, args...)...)
	s.cmd.Stdout, s.cmd.Stderr = &s.said, &s.said
	if err := childproc.Start(s.cmd, syscall.SIGTERM); err != nil {
		return err
	}
	s.pid, s.done = s.cmd.Process.Pid, make(chan struct{})
	go func() { s.err = s.cmd.Wait(); close(s.done) }()
	if err := s.listens(ctx); err != nil {
		s.stop()
		return err
	}
	return nil
}

// listenWithin is how long a server may take to start; Varnish compiles first.
const listenWithin = 30 * time.Second

func (s *server) listens(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, listenWithin)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := net.DialTimeout("tcp", s.plain, time.Second)
		if err == nil {
			c.Close()
			return nil
		}
		select {
		case <-tick.C:
		case <-s.done:
			return fmt.Errorf("%s did not start: %v\n%s", s.name, s.err, s.said.String())
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen: %w\n%s", s.name, ctx.Err(), s.said.String())
		}
	}
}

// stop ends the server, by force if it takes too long.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(10*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer kill.Stop()
	<-s.done
}

// freePorts are ports that nobody listens on.
func freePorts(n int) ([]int, error) {
	first, err := porttest.Row(n)
	ports := make([]int, n)
	for i := range ports {
		ports[i] = first + i
	}
	return ports, err
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// hostAsked is the Host of all requests.
const hostAsked = "bench"

// warmRounds bounds how often everything is asked before it counts as cached: a
// disk tier may take what it has seen twice.
const warmRounds = 6

// warm asks for every object, twice in a row and by each way in, until the origin
// is asked no more: a disk takes what was asked for twice, and some caches keep
// http and https apart.
func (s *server) warm(ctx context.Context, o *origin, objects ...object) error {
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DisableCompression:  true,                                                      // asked as it will be measured: caches tell codings apart
		MaxIdleConnsPerHost: 4, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // its certificate was made a moment ago
	}}
	ways := []string{"http://" + s.plain}
	if s.secure != "" {
		ways = append(ways, "https://"+s.secure)
	}
	defer client.CloseIdleConnections()
	for range warmRounds {
		before := o.asked.Load()
		for _, kind := range objects {
			for i := range kind.count {
				for _, way := range append(ways, ways...) {
					if err := fetch(ctx, client, way+kind.path+strconv.Itoa(i), kind.bytes); err != nil {
						return fmt.Errorf("%s: %w\n%s", s.name, err, s.said.String())
					}
				}
			}
		}
		if o.asked.Load() == before {
			return nil
		}
	}
	return fmt.Errorf("%s still asks the origin after everything was asked %d times", s.name, warmRounds)
}

func fetch(ctx context.Context, client *http.Client, url string, length int) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	r.Host = hostAsked // caches keep it in their keys
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var n bytes.Buffer
	if _, err := n.ReadFrom(res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK || n.Len() != length {
		return fmt.Errorf("%s answered %s with %d bytes", url, res.Status, n.Len())
	}
	return nil
}

// present reports whether a contender can be measured here; why tells how to
// get it where it cannot.
func (c contender) present() (why string, ok bool) {
	if c.needs == "" {
		return "", true
	}
	if _, err := exec.LookPath(c.needs); err == nil {
		return "", true
	}
	if _, err := os.Stat(filepath.Join("/usr/sbin", c.needs)); err == nil {
		return "", true
	}
	return "not installed: apt install " + c.pkg + " (or scripts/install-deps bench)", false
}

// program is a contender's program where it is not on a user's PATH.
func program(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return filepath.Join("/usr/sbin", name)
}

// version is what a program says of itself, its first line.
func version(name string, arg string) string {
	out, err := exec.Command(program(name), arg).CombinedOutput()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}
