package ops

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"meridian/platform/httpserver"
	"meridian/world"
)

// acks are how far each tier of the world, and each provider, has taken this
// region's feed.
type acks struct {
	mu      sync.Mutex
	tiers   map[string]heard // those of the world, from the start
	changed chan struct{}    // closed when one of them has moved, then replaced
}

type heard struct {
	cursor world.Cursor
	at     time.Time // zero: never
}

func newAcks(tiers []string) *acks {
	a := &acks{tiers: map[string]heard{}, changed: make(chan struct{})}
	for _, t := range tiers {
		a.tiers[t] = heard{}
	}
	return a
}

// take notes a tier's word. Words may overtake one another: the newest holds,
// unless the feed has begun anew.
func (a *acks) take(tier string, c world.Cursor, anew bool, now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	h, ok := a.tiers[tier]
	if !ok {
		return world.E(world.CodeInvalid, "ops.ack", fmt.Sprintf("The world has no tier %q.", cut(tier)))
	}
	h.at = now
	moved := anew || h.cursor.Less(c)
	if moved {
		h.cursor = c
	}
	a.tiers[tier] = h
	if moved {
		close(a.changed)
		a.changed = make(chan struct{})
	}
	return nil
}

// moves is closed when somebody has moved.
func (a *acks) moves() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.changed
}

// reached reports whether all of some tiers have reached a cursor.
func (a *acks) reached(c world.Cursor, tiers []string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range tiers {
		if h := a.tiers[t]; h.at.IsZero() || h.cursor.Less(c) {
			return false
		}
	}
	return true
}

// follow calls each with every tier that has reached a cursor, once, as they do.
// It returns when all have, or ctx has ended, or each fails.
func (a *acks) follow(ctx context.Context, c world.Cursor, each func(tier string) error) error {
	told := map[string]bool{}
	for {
		a.mu.Lock()
		changed := a.changed
		var reached []string
		for tier, h := range a.tiers {
			if !told[tier] && !h.at.IsZero() && !h.cursor.Less(c) {
				reached = append(reached, tier)
				told[tier] = true
			}
		}
		left := len(a.tiers) - len(told)
		a.mu.Unlock()
		for _, tier := range reached {
			if err := each(tier); err != nil {
				return err
			}
		}
		if left == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// takeAck answers POST /-/feed/acks.
func (o *Ops) takeAck(w http.ResponseWriter, r *http.Request) error {
	if err := httpserver.CheckBearer(r, o.cfg.WireKey); err != nil {
		return err
	}
	var in world.Ack
	if err := o.readJSON(w, r, &in); err != nil {
		return err
	}
	c, err := world.ParseCursor(in.Cursor)
	if err != nil {
		return err
	}
	if err := o.acks.take(in.Tier, c, in.Anew, o.deps.Now()); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
