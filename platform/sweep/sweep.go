// Package sweep removes what nobody needs any more, again and again in the
// background: the loop that every role with rows of limited age has in common.
package sweep

import (
	"context"
	"log/slog"
	"time"
)

// Loop is what is removed, and when.
type Loop struct {
	Every time.Duration // between two looks
	Batch int           // most that are removed at once: nobody waits for all the others
	What  string        // for the log: "old carts"
	Log   *slog.Logger
	// Remove removes at most limit and returns how many: fewer when there are no more.
	Remove func(ctx context.Context, limit int) (int, error)
}

// Run looks at once and then every so often, until ctx ends; it returns nil.
// What fails is logged and tried the next time.
func (l Loop) Run(ctx context.Context) error {
	tick := time.NewTicker(l.Every)
	defer tick.Stop()
	for {
		if err := l.once(ctx); err != nil && ctx.Err() == nil {
			l.Log.Warn(l.What+" could not be removed, trying again", "in", l.Every, "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (l Loop) once(ctx context.Context) error {
	for {
		n, err := l.Remove(ctx, l.Batch)
		if err != nil || n < l.Batch {
			return err
		}
	}
}
