package shop

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"meridian/platform/httpserver"
	"meridian/world"
)

// feed streams the catalog cluster's outbox to a cache tier: a line of JSON an
// event, and heartbeats between. It ends when the follower goes, when
// it does not take an event in time, or when the shop stops.
func (s *Shop) feed(w http.ResponseWriter, r *http.Request) {
	if err := httpserver.CheckBearer(r, s.cfg.WireKey); err != nil {
		s.fail(w, r, nil, err)
		return
	}
	st := &stream{w: w, control: http.NewResponseController(w), now: s.deps.Now, patience: s.cfg.FeedWrite}
	stop := st.beat(s.cfg.Heartbeat)
	err := s.deps.Feed.Follow(r.Context(), r.URL.Query().Get("after"), st.send)
	stop()
	if err == nil || r.Context().Err() != nil {
		return
	}
	if !st.begun() {
		s.fail(w, r, nil, world.Wrap("shop.feed", err))
		return
	}
	httpserver.LogError(r.Context(), s.deps.Log, r, world.Wrap("shop.feed", err))
	panic(http.ErrAbortHandler) // a follower must not take a broken stream for an ended one
}

// stream writes events, one at a time.
type stream struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	now      func() time.Time
	patience time.Duration

	mu   sync.Mutex
	last world.Event // the newest sent; its kind is "" before the first
}

func (st *stream) begun() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.last.Kind != ""
}

func (st *stream) send(e world.Event) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.write(e)
}

func (st *stream) write(e world.Event) error {
	if st.last.Kind == "" {
		h := st.w.Header()
		h.Set("Content-Type", "application/x-ndjson")
		h.Set("Cache-Control", "no-store")
		_ = st.control.SetReadDeadline(time.Time{}) // without a deadline of the server there is none to lift
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	// The server's own limit on a whole answer gives way to one on each event.
	_ = st.control.SetWriteDeadline(st.now().Add(st.patience))
	if _, err := st.w.Write(append(line, '\n')); err != nil {
		return err
	}
	if err := st.control.Flush(); err != nil {
		return err
	}
	st.last = e
	return nil
}

// beat sends a heartbeat at every interval; stop ends it and waits until it has.
func (st *stream) beat(every time.Duration) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				st.pulse()
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// pulse sends a heartbeat with the newest cursor and position. It says nothing
// new, so a failure is left to the next event or to the request's end.
func (st *stream) pulse() {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.last.Kind == "" {
		return // there is no cursor yet to hand on
	}
	_ = st.write(world.Event{Kind: world.EventHeartbeat, Cursor: st.last.Cursor, Position: st.last.Position, At: st.now().UTC()})
}
