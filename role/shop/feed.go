package shop

import (
	"encoding/json"
	"net/http"

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
	lines := httpserver.NewLines(w, s.deps.Now, s.cfg.FeedWrite)
	err := s.deps.Feed.Follow(r.Context(), r.URL.Query().Get("after"), func(e world.Event) error {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		return lines.Send(line)
	})
	if err == nil || r.Context().Err() != nil {
		return
	}
	if !lines.Begun() {
		s.fail(w, r, nil, world.Wrap("shop.feed", err))
		return
	}
	httpserver.LogError(r.Context(), s.deps.Log, r, world.Wrap("shop.feed", err))
	panic(http.ErrAbortHandler) // a follower must not take a broken stream for an ended one
}
