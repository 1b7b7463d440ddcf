package shop

import (
	"encoding/json"
	"net/http"
	"time"

	"meridian/platform/httpserver"
	"meridian/world"
)

// feed streams the catalog cluster's outbox to a cache tier: a line of JSON an
// event. Heartbeats come from the source, which alone knows that nothing is
// missing. It ends when the follower goes, when it does not take an event in
// time, or when the shop stops.
func (s *Shop) feed(w http.ResponseWriter, r *http.Request) {
	if err := httpserver.CheckBearer(r, s.cfg.WireKey); err != nil {
		s.fail(w, r, nil, err)
		return
	}
	r, done := httpserver.Endless(r)
	defer done()
	st := &stream{w: w, control: http.NewResponseController(w), now: s.deps.Now, patience: s.cfg.FeedWrite}
	err := s.deps.Feed.Follow(r.Context(), r.URL.Query().Get("after"), st.send)
	if err == nil || r.Context().Err() != nil {
		return
	}
	if !st.begun {
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
	begun    bool // whether an event has been sent
}

func (st *stream) send(e world.Event) error {
	if !st.begun {
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
	st.begun = true
	return nil
}
