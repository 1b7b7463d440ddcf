package front

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// segment is a file of random bytes.
func segment(t testing.TB, size int) (*os.File, []byte) {
	t.Helper()
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	name := filepath.Join(t.TempDir(), "segment")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, b
}

func headOf(length int64) *Head {
	return NewHead(200, []HeadField{{"Content-Length", strconv.FormatInt(length, 10)}, {"X-From", "hit"}})
}

// secure is a pair of settings for TLS.
func secure(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	client = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.ServerName = "example.com"
	return &tls.Config{Certificates: s.TLS.Certificates, DynamicRecordSizingDisabled: true}, client
}

// gatheringListener puts a Gathering below each connection's TLS.
type gatheringListener struct {
	net.Listener
	config *tls.Config
}

func (l gatheringListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tls.Server(Gather(c), l.config), nil
}

func startTLS(t testing.TB, cfg Config, h http.Handler) (dial func() net.Conn) {
	t.Helper()
	server, client := secure(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := Listen1(gatheringListener{ln, server}, cfg, slog.New(slog.DiscardHandler))
	t.Cleanup(standardBehind(f, h))
	return func() net.Conn {
		c, err := tls.Dial("tcp", ln.Addr().String(), client)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
}

// Parts of one file go to many connections at once, each from its own offset, by
// the kernel or through TLS, and each is released once.
func TestPartsOfAFile(t *testing.T) {
	file, all := segment(t, 1<<20)
	var released atomic.Int32
	hits := shelf{}
	for _, part := range [][2]int64{{0, 1}, {7, 20_000}, {100_000, 900_000}, {1<<20 - 1, 1}, {5, 0}, {3, joinBytes}} {
		hits[fmt.Sprintf("/%d-%d", part[0], part[1])] = Answer{Head: headOf(part[1]), File: file, Offset: part[0], Length: part[1], Release: func() { released.Add(1) }}
	}
	_, addr := start(t, Config{Hits: hits}, echo)
	overTLS := startTLS(t, Config{Hits: hits}, echo)
	var asked atomic.Int32
	for name, connect := range map[string]func() net.Conn{"socket": func() net.Conn { return dial(t, addr) }, "TLS": overTLS} {
		var visitors sync.WaitGroup
		for range 4 {
			c := connect()
			visitors.Go(func() {
				r := bufio.NewReader(c)
				for target, a := range hits {
					for _, method := range []string{"GET", "HEAD"} {
						fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: a\r\n\r\n", method, target)
						asked.Add(1)
						res, err := http.ReadResponse(r, &http.Request{Method: method})
						if err != nil {
							t.Errorf("%s: %s %s: %v", name, method, target, err)
							return
						}
						want := all[a.Offset : a.Offset+a.Length]
						if method == "HEAD" {
							want = nil
						}
						if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, want) || res.ContentLength != a.Length {
							t.Errorf("%s: %s %s: %d bytes, %v", name, method, target, len(got), err)
						}
					}
				}
			})
		}
		visitors.Wait()
		if released.Load() > asked.Load() || released.Load() < asked.Load()-8 { // the last of each may be under way
			t.Errorf("%s: %d answers, %d released", name, asked.Load(), released.Load())
		}
	}
}

// A file that is shorter than it was said to be must not pass for the whole.
func TestAFileThatEndsEarlyCutsTheAnswer(t *testing.T) {
	file, _ := segment(t, 1000)
	hits := shelf{"/hit": {Head: headOf(2000), File: file, Length: 2000}}
	_, addr := start(t, Config{Hits: hits}, echo)
	for name, c := range map[string]net.Conn{"socket": dial(t, addr), "TLS": startTLS(t, Config{Hits: hits}, echo)()} {
		io.WriteString(c, "GET /hit HTTP/1.1\r\nHost: a\r\n\r\nGET /hit HTTP/1.1\r\nHost: a\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			continue // not even the head: no harm
		}
		if b, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("%s: %d bytes pass for the whole", name, len(b))
		}
	}
}

func TestOverTLSTheHandlerKnowsOfIt(t *testing.T) {
	hits := shelf{}
	hits.add("/hit", string(bytes.Repeat([]byte("h"), 300_000)))
	c := startTLS(t, Config{Hits: hits}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.TLS != nil && r.TLS.HandshakeComplete && r.TLS.ServerName == "example.com")
	}))()
	r := bufio.NewReader(c)
	for range 2 {
		io.WriteString(c, "GET /hit HTTP/1.1\r\nHost: a\r\n\r\nGET /miss HTTP/1.1\r\nHost: a\r\n\r\n")
		if _, body := answer1(t, r, "GET"); len(body) != 300_000 {
			t.Errorf("%d bytes", len(body))
		}
		if _, body := answer1(t, r, "GET"); body != "true" {
			t.Errorf("TLS: %s", body)
		}
	}
}
