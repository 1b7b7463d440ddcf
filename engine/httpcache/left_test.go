package httpcache

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
)

// A client that has closed its side of the connection still reads: an answer
// that is given up must not look like one that has ended.
func TestAnAnswerIsBrokenOffWhenItsClientHasLeft(t *testing.T) {
	t.Run("before it began", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, nil)
			gate := make(chan struct{})
			g.origin.set(func(*http.Request) (*http.Response, error) {
				<-gate
				return answer(200, "cake", "Cache-Control: max-age=300"), nil
			})
			ctx, leave := context.WithCancel(t.Context())
			var got result
			go func() { got = g.do(ctx, "GET", "/a") }()
			synctest.Wait()
			leave()
			synctest.Wait()
			if !got.aborted {
				t.Errorf("it was answered with %d %q", got.Code, got.Body)
			}
			close(gate)
		})
	})
	t.Run("in mid-content", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, nil)
			body, feed := io.Pipe()
			g.origin.set(func(*http.Request) (*http.Response, error) {
				return streamed(body, -1, "Cache-Control: max-age=300"), nil
			})
			ctx, leave := context.WithCancel(t.Context())
			var got result
			go func() { got = g.do(ctx, "GET", "/a") }()
			synctest.Wait()
			feed.Write([]byte("half"))
			synctest.Wait()
			leave()
			synctest.Wait()
			if !got.aborted || got.Body.String() != "half" {
				t.Errorf("aborted: %v, with %q", got.aborted, got.Body)
			}
			feed.Close()
		})
	})
}
