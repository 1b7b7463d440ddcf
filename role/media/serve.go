package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"meridian/world"
)

// serve answers with a whole body under a strong entity tag of its bytes:
// HEAD, conditions and ranges are net/http's to handle.
func serve(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header().Set("ETag", entityTag(body))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// entityTag is a strong one, by which the bytes can be verified.
func entityTag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}

// writeJSON answers with a document that no cache may keep.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return world.Wrap("media.json", err)
	}
	body = append(body, '\n')
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone is nobody's error
	return nil
}

// once does a piece of work for all who ask for the same meanwhile. The work
// outlives the one who came first, within the transform limit; each who waits
// may stop waiting.
func (m *Media) once(ctx context.Context, key string, work func(context.Context) (any, error)) (any, error) {
	done := m.flights.DoChan(key, func() (v any, err error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.cfg.Limits.Transform)
		defer cancel()
		defer func() { // off the request's own goroutine nobody else would catch it
			if p := recover(); p != nil {
				err = world.Because(world.CodeInternal, "media.once", "", fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			}
		}()
		return work(ctx)
	})
	select {
	case res := <-done:
		return res.Val, res.Err
	case <-ctx.Done():
		code := world.CodeUnavailable
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			code = world.CodeTimeout
		}
		return nil, world.Because(code, "media.once", "", ctx.Err())
	}
}
