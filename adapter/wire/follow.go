package wire

import (
	"context"
	"time"

	"meridian/engine/pause"
	"meridian/world"
)

// Source is a feed that can be followed from a cursor: a [FeedClient], or the
// database itself where it is at hand.
type Source interface {
	// Follow emits events until ctx ends or something fails, and says what.
	Follow(ctx context.Context, after string, emit func(world.Event) error) error
}

// Backoff is the wait between two attempts: First, then twice as long each
// time, never above Most. One event received starts it anew.
type Backoff struct{ First, Most time.Duration }

// DefaultBackoff finds a healed link within two seconds and asks a dead one
// no more than every two.
func DefaultBackoff() Backoff { return Backoff{First: 100 * time.Millisecond, Most: 2 * time.Second} }

func (b Backoff) after(failures int) time.Duration {
	d := b.First
	for range failures {
		if d *= 2; d >= b.Most {
			return b.Most
		}
	}
	return d
}

// Follow keeps following a source across lost connections, each time from the
// last cursor that was emitted, so that nothing is left out; an event may come
// twice. lost is told of each loss (and logs it or marks the feed as lost);
// the next event means that the feed is back. It returns ctx's error when ctx
// ends, or emit's own error.
func Follow(ctx context.Context, source Source, after string, b Backoff, emit func(world.Event) error, lost func(error)) error {
	cursor := after
	var emitErr error
	return b.keep(ctx, func(heard func()) (err error, final bool) {
		err = source.Follow(ctx, cursor, func(e world.Event) error {
			if emitErr = emit(e); emitErr != nil {
				return emitErr
			}
			heard()
			if e.Cursor != "" {
				cursor = e.Cursor
			}
			return nil
		})
		if emitErr != nil {
			return emitErr, true
		}
		return err, false
	}, lost)
}

// keep follows again and again until ctx ends, whose error it returns, or what it
// follows is over for good. follow says when it has heard something.
func (b Backoff) keep(ctx context.Context, follow func(heard func()) (err error, final bool), lost func(error)) error {
	failures := 0
	for {
		err, final := follow(func() { failures = 0 })
		switch {
		case final:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
		lost(err)
		if !pause.For(ctx, b.after(failures)) {
			return ctx.Err()
		}
		failures++
	}
}
