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
	Purge func(world.Purge)               // forget what it names, before it returns
	All   func()                          // forget everything, before it returns: called at each feed's first event, but for one that is resumed, and when a feed begins anew
	Lost  func(cluster string, err error) // told once a loss, and of a feed that is not found

	Acks     map[string]Acknowledge // by cluster; a feed without one is not acknowledged
	AckEvery time.Duration          // how often a feed is acknowledged in which nothing happens

	// Taken, where not nil, is told after each event up to where a feed has been taken.
	Taken func(cluster, cursor string)
}

// tellAfter is how many attempts in a row must fail, of a feed that never
// spoke, until its tier is told: places start in no order, and find each other
// within seconds.
const tellAfter = 10

// Run follows every source until ctx ends. An event is announced, then purged,
// then taken: the tier demands its cursor before it forgets, and answers for
// the cursor only after. A feed's first event has everything forgotten: what was
// fetched while the feed was not yet there may have been purged unheard. It is
// not so with a feed that is resumed (see [State.Resume]): it tells what came
// meanwhile, or that it cannot (see [world.Event]).
func (s *State) Run(ctx context.Context, sources map[string]Source, h Hooks) error {
	var all sync.WaitGroup
	for cluster, source := range sources {
		all.Go(func() {
			f := follower{state: s, cluster: cluster, hooks: h}
			if send := h.Acks[cluster]; send != nil {
				f.acks = newAcker(send, h.AckEvery)
				all.Go(func() { f.acks.run(ctx) })
			}
			err := source(ctx, s.Cursor(cluster), f.take, f.lost)
			if ctx.Err() == nil {
				// It is over for good: the feed stays lost, and the tier asks upstream.
				h.Lost(cluster, err)
			}
		})
	}
	all.Wait()
	return nil
}

// follower is one feed on its way into a tier.
type follower struct {
	state   *State
	cluster string
	hooks   Hooks
	acks    *acker // nil: nobody is told
	spoke   bool   // since the last loss
	failed  int    // attempts in a row
}

func (f *follower) take(e world.Event) error {
	f.spoke, f.failed = true, 0
	c, err := world.ParseCursor(e.Cursor)
	if err != nil {
		return err
	}
	begun, history := f.state.begun(f.cluster)
	first := !begun
	// Whoever tells it: events of another history say nothing of what is stored.
	e.Reset = e.Reset || begun && e.Cursor != "" && c.History != history
	if err := f.state.Announce(f.cluster, e); err != nil {
		return err
	}
	switch {
	case first, e.Reset:
		f.hooks.All()
	case e.Kind == world.EventPurge:
		f.hooks.Purge(e.Purge())
	}
	now := f.hooks.Now()
	if err := f.state.Take(f.cluster, e, now); err != nil {
		return err
	}
	if f.acks != nil {
		f.acks.taken(e, now)
	}
	if f.hooks.Taken != nil {
		f.hooks.Taken(f.cluster, f.state.Cursor(f.cluster))
	}
	return nil
}

func (f *follower) lost(err error) {
	f.state.broke(f.cluster)
	f.failed++
	if f.spoke || f.failed == tellAfter {
		f.hooks.Lost(f.cluster, err)
	}
	f.spoke = false
}

// Demand writes this tier's demands onto a request for the next tier: the
// newer, a cluster, of its own and of what the request already carries. When
// those are of different histories, no cache's answer will do. What cannot be
// read in the request is left out.
func (s *State) Demand(h http.Header) {
	positions, _ := world.ParsePositions(h.Get(world.HeaderMinPosition))
	setOrDelete(h, world.HeaderMinPosition, world.FormatPositions(s.Merge(positions)))
	cursors := s.Cursors()
	asked, _ := world.ParseCursors(h.Get(world.HeaderMinCursor))
	for cluster, c := range asked {
		if mine, ok := cursors[cluster]; ok {
			c = mine.Later(c)
		}
		cursors[cluster] = c
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
