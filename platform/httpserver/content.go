package httpserver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"meridian/world"
)

type contentKey struct{}

// content is that of a request, watched: where it does not arrive whole, what
// comes of it is the asker's doing.
type content struct {
	io.ReadCloser
	broken atomic.Bool
}

// brokenOff is the error of a read of content that did not arrive whole.
type brokenOff struct{ error }

// Unwrap is what the connection said.
func (b brokenOff) Unwrap() error { return b.error }

func withContentWatched(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		c := &content{ReadCloser: r.Body}
		r = r.WithContext(context.WithValue(r.Context(), contentKey{}, c))
		r.Body = c
		next.ServeHTTP(w, r)
	})
}

// Read reads on. A read after the handler closed the content says nothing of the asker.
func (c *content) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if err != nil && err != io.EOF && !errors.Is(err, http.ErrBodyReadAfterClose) {
		c.broken.Store(true)
		err = brokenOff{err}
	}
	return n, err
}

// brokeOff reports whether a request failed because its own content broke off:
// by its error, or where somebody in between has told it in other words as the
// failure of who was to get the content.
func brokeOff(ctx context.Context, err error) bool {
	c, _ := ctx.Value(contentKey{}).(*content)
	if c == nil || !c.broken.Load() {
		return false
	}
	var own brokenOff
	return errors.As(err, &own) || world.CodeOf(err) != world.CodeInternal
}
