package app

import (
	"context"
	"net/http"
	"time"

	"meridian/engine/pause"
	"meridian/world"
)

// troubleLook is how often what hangs looks whether it still has to.
const troubleLook = 100 * time.Millisecond

// hangs waits while a trouble lasts; ctx's error when that ends first.
func (t *trouble) hangs(ctx context.Context, lasts func(Trouble) bool) error {
	for lasts(t.is()) {
		if !pause.For(ctx, troubleLook) {
			return ctx.Err()
		}
	}
	return nil
}

// cutOff has requests hang while the monitor of the place is isolated.
func (t *trouble) cutOff(way http.RoundTripper) http.RoundTripper {
	if t == nil {
		return way
	}
	return cutOff{t, way}
}

type cutOff struct {
	trouble *trouble
	way     http.RoundTripper
}

// RoundTrip asks once the monitor is not isolated.
func (c cutOff) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := c.trouble.hangs(r.Context(), func(is Trouble) bool { return is.Isolated }); err != nil {
		return nil, err
	}
	return c.way.RoundTrip(r)
}

// hanging has what a monitor says to others hang, in its middle too, while it is
// isolated, and its feed while that is frozen. An operator on the spot is answered.
func (t *trouble) hanging(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lasts := func(is Trouble) bool {
			return is.Isolated && !world.IsHealthPath(r.URL.Path) || is.Frozen && r.URL.Path == world.HealthPath
		}
		next.ServeHTTP(&hangingWriter{ResponseWriter: w, wait: func() error { return t.hangs(r.Context(), lasts) }}, r)
	})
}

type hangingWriter struct {
	http.ResponseWriter
	wait func() error
}

// Write writes once nothing hangs.
func (h *hangingWriter) Write(b []byte) (int, error) {
	if err := h.wait(); err != nil {
		return 0, err
	}
	return h.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach flushing and deadlines.
func (h *hangingWriter) Unwrap() http.ResponseWriter { return h.ResponseWriter }
