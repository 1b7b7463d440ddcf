// Package purge keeps a cache tier's side of the purge feeds: how far each
// cluster's feed has been taken, what a re-fill must demand, and whether the
// tier may still answer from its cache. It does no I/O; the tier feeds it.
package purge

import (
	"sort"
	"sync"
	"time"

	"meridian/world"
)

// State is what a tier knows of its feeds. It is safe for concurrent use.
type State struct {
	limit time.Duration

	mu     sync.Mutex
	feeds  map[string]*feed // by cluster
	silent int              // feeds whose first event is not taken yet
	ready  chan struct{}    // closed when there are none
}

type feed struct {
	begun    bool         // its first event has come, in this run or in the one that is resumed
	taken    bool         // and what it demands is done
	resumed  bool         // it goes on where an earlier run has left it
	demand   world.Cursor // announced: what an answer to us must have taken
	cursor   world.Cursor // taken: what we answer for
	position world.Position
	heard    time.Time
	broken   bool // its stream has ended, and no heartbeat has come since
}

// New follows the given clusters' feeds. A feed that has been silent for
// longer than limit is lost, and so is each until its first event: see
// [State.Lost].
func New(limit time.Duration, clusters ...string) *State {
	s := &State{limit: limit, feeds: map[string]*feed{}, ready: make(chan struct{})}
	for _, c := range clusters {
		s.feeds[c] = &feed{}
	}
	s.silent = len(s.feeds)
	if s.silent == 0 {
		close(s.ready)
	}
	return s
}

// Resume takes feeds up where an earlier run of the tier left them, with what it
// stored: cursors by cluster. Such a feed counts as lost until its first
// heartbeat: only then all that was missed is here. It is called before
// [State.Run]; a cursor that cannot be read counts as none.
func (s *State) Resume(cursors map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for cluster, text := range cursors {
		c, err := world.ParseCursor(text)
		if f := s.feeds[cluster]; f != nil && err == nil {
			f.begun, f.resumed, f.cursor, f.demand = true, true, c, c
		}
	}
}

// Ready is closed once the first event of every feed has been taken. Until
// then a tier may be told to forget everything at any moment.
func (s *State) Ready() <-chan struct{} { return s.ready }

// Cursor is where to resume a cluster's feed: [world.CursorNow] for one that
// has not begun. What a cache took in before that feed's first event, it forgets
// then (see [State.Run]), so nothing older than it needs to be told.
func (s *State) Cursor(cluster string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.feeds[cluster]; f != nil && f.begun {
		return f.cursor.String()
	}
	return world.CursorNow
}

// begun reports whether a cluster's feed has had its first event, and in which
// of the cluster's histories.
func (s *State) begun(cluster string) (begun bool, history uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.feeds[cluster]; f != nil {
		return f.begun, f.demand.History
	}
	return false, 0
}

// note has do write down an event of a cluster's feed, if it is followed. An
// event whose cursor cannot be read is refused.
func (s *State) note(cluster string, e world.Event, do func(*feed, world.Cursor)) error {
	c, err := world.ParseCursor(e.Cursor)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.feeds[cluster]; f != nil {
		do(f, c)
	}
	return nil
}

// Announce raises what this tier demands of the next to an event's cursor and
// position, before the event's purge is done. A fill that begins while the
// purge is under way then cannot bring back what the next tier has not purged
// yet. A heartbeat demands nothing: it purges nothing, and the next tier's
// comes at another moment. An event whose cursor cannot be read is refused.
func (s *State) Announce(cluster string, e world.Event) error {
	return s.note(cluster, e, func(f *feed, c world.Cursor) {
		f.begun = true
		if e.Reset { // it begins anew: no cursor of ours says anything
			f.demand, f.cursor, f.position = c, world.Cursor{}, e.Position
		}
		if e.Kind != world.EventHeartbeat && f.demand.Less(c) {
			f.demand = c
		}
		if e.Position.Cluster == cluster && !f.position.Covers(e.Position) {
			f.position = e.Position
		}
	})
}

// Take records that an event's purge is done: from here on the tier answers
// for its cursor. The event must have been announced.
func (s *State) Take(cluster string, e world.Event, now time.Time) error {
	return s.note(cluster, e, func(f *feed, c world.Cursor) {
		// Behind a loss come the purges that were missed; only a heartbeat says that
		// they are all here. Who follows from now has missed none.
		fromNow := !f.taken && !f.resumed
		if e.Kind == world.EventHeartbeat || fromNow || !f.lost(s.limit, now) {
			f.heard, f.broken = now, false
		}
		if f.cursor.Less(c) {
			f.cursor = c
		}
		if !f.taken {
			f.taken = true
			if s.silent--; s.silent == 0 {
				close(s.ready)
			}
		}
	})
}

// Positions is what an answer to this tier must not be older than, in the
// order of the clusters' names.
func (s *State) Positions() []world.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []world.Position
	for _, f := range s.feeds {
		if !f.position.Zero() {
			out = append(out, f.position)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Cluster < out[j].Cluster })
	return out
}

// Cursors is what this tier demands of the next, for each feed that has begun.
func (s *State) Cursors() map[string]world.Cursor {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]world.Cursor{}
	for cluster, f := range s.feeds {
		if f.begun {
			out[cluster] = f.demand
		}
	}
	return out
}

// Reached reports whether this tier has taken its feeds at least as far as
// each demanded cursor. Clusters that it does not follow do not count.
func (s *State) Reached(want map[string]world.Cursor) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for cluster, c := range want {
		if f := s.feeds[cluster]; f != nil && !f.cursor.Reached(c) {
			return false
		}
	}
	return true
}

// Lost reports whether a cluster's feed has broken off, or been silent for too
// long, so that a purge may have been missed. A lost feed is back with its first
// heartbeat. One that has never been heard is lost too: nothing tells yet how new an
// answer must be.
func (s *State) Lost(cluster string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.feeds[cluster]
	return f != nil && f.lost(s.limit, now)
}

// AnyLost reports whether any feed is lost.
func (s *State) AnyLost(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.feeds {
		if f.lost(s.limit, now) {
			return true
		}
	}
	return false
}

func (f *feed) lost(limit time.Duration, now time.Time) bool {
	return f.broken || now.Sub(f.heard) > limit
}

// broke records that a cluster's stream has ended: what is committed from then
// on is missed, however short the time.
func (s *State) broke(cluster string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.feeds[cluster]; f != nil {
		f.broken = true
	}
}

// Merge raises each demanded position to at least what this tier has taken:
// what a tier passes on is the newer of its own and its client's demand.
func (s *State) Merge(want []world.Position) []world.Position {
	out := s.Positions()
	for _, w := range want {
		found := false
		for i := range out {
			if out[i].Cluster == w.Cluster {
				found = true
				if !out[i].Covers(w) {
					out[i] = w
				}
			}
		}
		if !found {
			out = append(out, w)
		}
	}
	return out
}
