// Package pause waits for a time that a context may cut short, and counts the
// failures of what is tried again after each wait.
package pause

import (
	"context"
	"time"
)

// For waits for d and returns true; false when ctx has ended, or ends before. A d
// of nothing or less waits for nothing.
func For(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Every does something each time that an interval has passed, in the caller's
// goroutine, until ctx ends. What takes longer than the interval is not caught up
// with.
func Every(ctx context.Context, interval time.Duration, do func(context.Context)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			do(ctx)
		case <-ctx.Done():
			return
		}
	}
}
