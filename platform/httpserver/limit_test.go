package httpserver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// The last connection that there is room for is served, silent ones beside it;
// the next is closed without an answer, until one has left.
func TestConnectionsBeyondTheLimitAreClosed(t *testing.T) {
	const most = 3
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	limits := DefaultLimits()
	limits.Connections = most
	s := Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "served") }), quiet, limits)
	t.Cleanup(func() { s.Stop(context.Background()) })

	var open []net.Conn
	for i := range most {
		c := connect(t, ln)
		if !served(c) {
			t.Fatalf("connection %d of %d was not served", i+1, most)
		}
		open = append(open, c)
	}
	if served(connect(t, ln)) {
		t.Errorf("connection %d of %d was served", most+1, most)
	}
	if !served(open[0]) {
		t.Error("an older connection suffered")
	}
	open[0].Close()
	// The server learns of it in its own time: who comes meanwhile is closed.
	for !served(connect(t, ln)) {
	}
	if served(connect(t, ln)) {
		t.Error("a connection that left gave back more than one place")
	}
}

func connect(t *testing.T, ln net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// served asks on a connection and reports whether there was an answer.
func served(c net.Conn) bool {
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") // an error shows in the answer
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return err == nil && string(b) == "served"
}

func TestZeroLimitsTakeTheDefaults(t *testing.T) {
	if got := (Limits{}).WithDefaults(); got != DefaultLimits() {
		t.Errorf("got %+v", got)
	}
	if got := (Limits{Connections: 7}).WithDefaults().Connections; got != 7 {
		t.Errorf("got %d connections", got)
	}
}
