package upstream

import (
	"io"
	"net/http"
	"sync"
	"time"

	"meridian/world"
)

// Bound is an [http.RoundTripper] that lets so many requests be under way at once,
// each until its answer's content is closed; a change of protocol is no longer one.
// Those beyond wait in order, for a time. It is safe for concurrent use.
type Bound struct {
	next  http.RoundTripper
	slots chan struct{}
	wait  time.Duration
}

// NewBound bounds next to most requests at once, at least 1. One beyond that waits
// for wait, then its error has code unavailable.
func NewBound(next http.RoundTripper, most int, wait time.Duration) *Bound {
	return &Bound{next: next, slots: make(chan struct{}, max(1, most)), wait: wait}
}

// RoundTrip sends a request once there is room for it.
func (b *Bound) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := b.enter(r); err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	leave := sync.OnceFunc(func() { <-b.slots })
	res, err := b.next.RoundTrip(r)
	if err != nil || res.StatusCode == http.StatusSwitchingProtocols {
		leave()
		return res, err
	}
	res.Body = &bounded{res.Body, leave}
	return res, nil
}

func (b *Bound) enter(r *http.Request) error {
	select {
	case b.slots <- struct{}{}:
		return nil
	default:
	}
	t := time.NewTimer(b.wait)
	defer t.Stop()
	select {
	case b.slots <- struct{}{}:
		return nil
	case <-r.Context().Done():
		return r.Context().Err()
	case <-t.C:
		return world.E(world.CodeUnavailable, "upstream.bound", "Too much is being fetched just now. Ask again in a moment.")
	}
}

type bounded struct {
	io.ReadCloser
	leave func()
}

// Close closes the content, then gives up what was held for it.
func (b *bounded) Close() error {
	defer b.leave()
	return b.ReadCloser.Close()
}
