package purge

import (
	"context"
	"net/http"
	"sync"
	"time"

	"meridian/world"
)

// Source keeps following one cluster's feed from a cursor, across lost
// connections, until ctx ends. lost is told of each loss.
type Source func(ctx context.Context, after string, emit func(world.Event) error, lost func(error)) error

// Hooks is what following needs from its tier.
type Hooks struct {
	Now   func() time.Time
	Purge func(groups []string)           // forget what carries any of them, before it returns
	Lost  func(cluster string, err error) // told once a loss
}

// Run follows every source until ctx ends. An event is announced, then purged,
// then taken: the tier demands its cursor before it forgets, and answers for
// the cursor only after.
func (s *State) Run(ctx context.Context, sources map[string]Source, h Hooks) error {
	var all sync.WaitGroup
	for cluster, source := range sources {
		all.Go(func() {
			err := source(ctx, s.Cursor(cluster), func(e world.Event) error {
				if err := s.Announce(cluster, e); err != nil {
					return err
				}
				if e.Kind == world.EventPurge {
					h.Purge(e.Groups)
				}
				return s.Take(cluster, e, h.Now())
			}, func(err error) { h.Lost(cluster, err) })
			if ctx.Err() == nil {
				// It is over for good: the feed stays lost, and the tier asks upstream.
				h.Lost(cluster, err)
			}
		})
	}
	all.Wait()
	return nil
}

// Demand writes this tier's demands onto a request for the next tier: the
// newer, a cluster, of its own and of what the request already carries. What
// cannot be read in the request is left out.
func (s *State) Demand(h http.Header) {
	positions, _ := world.ParsePositions(h.Get(world.HeaderMinPosition))
	setOrDelete(h, world.HeaderMinPosition, world.FormatPositions(s.Merge(positions)))
	cursors := s.Cursors()
	asked, _ := world.ParseCursors(h.Get(world.HeaderMinCursor))
	for cluster, c := range asked {
		if mine, ok := cursors[cluster]; !ok || mine.Less(c) {
			cursors[cluster] = c
		}
	}
	setOrDelete(h, world.HeaderMinCursor, world.FormatCursors(cursors))
}

// Behind reports whether a request demands more than this tier has taken.
func (s *State) Behind(h http.Header) bool {
	want, err := world.ParseCursors(h.Get(world.HeaderMinCursor))
	return err != nil || !s.Reached(want)
}

func setOrDelete(h http.Header, name, value string) {
	if value == "" {
		h.Del(name)
		return
	}
	h.Set(name, value)
}
