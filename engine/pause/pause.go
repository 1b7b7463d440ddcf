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

// Next is how long it is, at a time, until the clock comes to the next full interval.
// What comes again and again and waits so is due at the same moment as others of its
// interval, or of a part of it, whenever each began: one wake-up of an idle process
// does for all of them.
func Next(now time.Time, interval time.Duration) time.Duration {
	return interval - time.Duration(now.UnixNano())%interval
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
