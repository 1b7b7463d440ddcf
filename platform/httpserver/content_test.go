package httpserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"meridian/world"
)

// Who leaves in the middle of what he sends has failed, nobody of ours: whatever
// it was told as on its way.
func TestContentThatBreaksOffIsNoErrorInTheLog(t *testing.T) {
	for name, c := range map[string]struct {
		tell   func(error) error
		whole  bool
		logged bool
	}{
		"as it is":                     {func(err error) error { return err }, false, false},
		"as an upstream's":             {func(err error) error { return UpstreamError("op", err) }, false, false},
		"in other words":               {func(error) error { return world.E(world.CodeTimeout, "op", "") }, false, false},
		"wrapped":                      {func(err error) error { return world.Wrap("op", fmt.Errorf("reading: %w", err)) }, false, false},
		"something else of ours":       {func(error) error { return errors.New("broken code") }, false, true},
		"an upstream, and all is here": {func(error) error { return world.E(world.CodeBadUpstream, "op", "") }, true, true},
	} {
		var lines bytes.Buffer
		log := slog.New(slog.NewTextHandler(&lines, nil))
		done := make(chan struct{})
		_, url := start(t, func(w http.ResponseWriter, r *http.Request) {
			defer close(done)
			_, err := io.ReadAll(r.Body)
			if (err == nil) != c.whole {
				t.Errorf("%s: read with %v", name, err)
			}
			WriteError(w, r, log, c.tell(err))
		})
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
		if c.whole {
			io.WriteString(conn, "+other")
		}
		conn.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(conn)
		conn.Close()
		<-done
		if logged := lines.Len() > 0; logged != c.logged || !logged && !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
			t.Errorf("%s: logged %v: %s\n%.60s", name, logged, &lines, answer)
		}
	}
}

// A read after the content was closed, as by a transport that has given up, is
// not the asker's doing.
func TestAReadAfterTheEndBlamesNobody(t *testing.T) {
	_, url := start(t, func(w http.ResponseWriter, r *http.Request) {
		r.Body.Close()
		_, err := r.Body.Read(make([]byte, 1))
		if err == nil || brokeOff(r.Context(), UpstreamError("op", err)) {
			t.Errorf("%v", err)
		}
	})
	res, err := http.Post(url, "text/plain", strings.NewReader("all of it"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if brokeOff(context.Background(), errors.New("x")) {
		t.Error("without a request")
	}
}
