package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
)

// A visitor that leaves in the middle of what it sends is nobody's error: the
// log at level error stays empty, and the origin goes on being asked.
func TestAVisitorThatLeavesWhileItSends(t *testing.T) {
	const visits = 6
	begun, ended := make(chan struct{}, 2*visits), make(chan error, 2*visits) // room for more than there should be
	a := startBefore(t, func(*alone) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				io.WriteString(w, "here")
				return
			}
			io.ReadFull(r.Body, make([]byte, 4<<10))
			begun <- struct{}{}
			_, err := io.ReadAll(r.Body)
			ended <- err
		})
	})
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0", "HTTP/3.0"} {
		for how, leave := range map[string]func(cancel func(), body *io.PipeWriter){
			"breaks off": func(_ func(), body *io.PipeWriter) { body.CloseWithError(errors.New("no more")) },
			"cancels":    func(cancel func(), _ *io.PipeWriter) { cancel() },
		} {
			ctx, cancel := context.WithCancel(t.Context())
			content, visitor := io.Pipe()
			r, _ := http.NewRequestWithContext(ctx, http.MethodPost, a.site+"/upload", content)
			r.ContentLength = 1 << 20
			left := make(chan struct{})
			go func() {
				defer close(left)
				if res, err := a.clients[proto].RoundTrip(r); err == nil {
					res.Body.Close()
				}
			}()
			visitor.Write(make([]byte, 64<<10)) // more than anybody on the way keeps back
			<-begun
			leave(cancel, visitor)
			visitor.Close() // the client does not leave while it waits for content
			<-left
			if err := <-ended; err == nil {
				t.Errorf("%s, %s: the origin took it for whole", proto, how)
			}
			cancel()
			visitor.Close()
			if res, body := a.get(proto, "/"); body != "here" {
				t.Errorf("%s, %s: then %d %s", proto, how, res.StatusCode, body)
			}
		}
	}
	a.stop()
	if len(begun)+len(ended) > 0 {
		t.Errorf("the origin was asked %d times more than there were visits", len(begun)+len(ended))
	}
	if said := a.logs.text.String(); said != "" {
		t.Errorf("logged as an error:\n%s", said)
	}
}
