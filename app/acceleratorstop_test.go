package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A purge that is taken while the accelerator ends is on its disk when it has
// been answered: what it named is not found by the next process.
func TestAPurgeDuringTheEndHolds(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Header().Set("Surrogate-Key", "g")
		io.WriteString(w, "old")
	}))
	defer origin.Close()
	dir, err := os.MkdirTemp("/tmp", "ma-") // sockets need short paths
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	f := NewAcceleratorFile()
	f.Listen, f.Admin = "unix:"+dir+"/v", "unix:"+dir+"/a"
	f.Origins, f.PurgeToken, f.Log.Level = []string{origin.URL}, testToken, "error"
	f.DiskDir, f.DiskBytes = filepath.Join(dir, "disk"), 16<<20
	f.HTTP.Stop = time.Minute // however slow the machine is, the purge is not cut
	stop := startHere(t, f)
	askHere(t, dir+"/v", "/x")
	askHere(t, dir+"/v", "/x")     // what is asked for again is worth the disk
	if err := stop(); err != nil { // what it holds is on the disk then
		t.Fatal(err)
	}
	stop = startHere(t, f)
	if got := askHere(t, dir+"/v", "/x", "Cache-Control", "only-if-cached"); got != "old" {
		t.Fatalf("the disk has %q", got)
	}
	conn, err := net.Dial("unix", dir+"/a")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const body = `{"groups":["g"]}`
	fmt.Fprintf(conn, "POST /-/purges HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", testToken, len(body))
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, " 100 ") {
		t.Fatalf("%q, %v", line, err)
	}
	admin, visitors := closing(t, dir+"/a", "/metrics"), closing(t, dir+"/v", "/x")
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	<-admin
	select { // time enough for a cache that does not wait to be gone
	case <-visitors:
	case <-time.After(50 * time.Millisecond):
	}
	io.WriteString(conn, body)
	_, _ = in.ReadString('\n')
	if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, " 200 ") {
		t.Errorf("%q, %v", line, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	stop = startHere(t, f)
	if got := askHere(t, dir+"/v", "/x", "Cache-Control", "only-if-cached"); got == "old" {
		t.Error("what was purged is back")
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// startHere runs an accelerator until stop is called.
func startHere(t *testing.T, f *AcceleratorFile) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	up, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		ended <- Accelerate(ctx, f, make(chan os.Signal), io.Discard, func(string) { up <- struct{}{} })
	}()
	select {
	case <-up:
	case err := <-ended:
		cancel()
		t.Fatal(err)
	}
	return func() error { cancel(); return <-ended }
}

// closing asks once and keeps the connection. The channel is closed when the
// server ends what is silent: from then on it takes nobody else.
func closing(t *testing.T, socket, path string) <-chan struct{} {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a.test\r\n\r\n", path)
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err == nil {
		_, err = io.Copy(io.Discard, res.Body)
	}
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = in.ReadByte()
	}()
	return ended
}

// askHere asks over a unix socket and gives the content.
func askHere(t *testing.T, socket, path string, header ...string) string {
	t.Helper()
	way := &http.Transport{DisableKeepAlives: true, DisableCompression: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://a.test"+path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := way.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
