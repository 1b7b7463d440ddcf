package monitor

import (
	"context"
	"sync/atomic"
	"time"

	"meridian/engine/pause"
)

// How the own lateness is measured, and what it is worth.
const (
	lagEvery  = 250 * time.Millisecond
	lagKept   = 20              // measurements, 5 s, of which the worst counts
	lagWeight = 8               // an answer waits for its turn in several places
	mostSlack = 4 * time.Second // past it nobody would be found down any more
)

// lag is how late this process comes to what it has set itself for. A monitor
// whose machine has too much to do must not take its own lateness for others'.
type lag struct{ worst atomic.Int64 }

// slack is how much longer an answer may take for that.
func (l *lag) slack() time.Duration {
	return min(time.Duration(l.worst.Load())*lagWeight, mostSlack)
}

// measure goes on until ctx ends.
func (l *lag) measure(ctx context.Context, now func() time.Time) error {
	t := time.NewTimer(pause.Next(now(), lagEvery))
	defer t.Stop()
	var late [lagKept]time.Duration
	last := now()
	for i := 0; ; i = (i + 1) % lagKept {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
		is := now()
		t.Reset(pause.Next(is, lagEvery))
		late[i], last = max(is.Sub(last)-lagEvery, 0), is
		worst := time.Duration(0)
		for _, d := range late {
			worst = max(worst, d)
		}
		l.worst.Store(int64(worst))
	}
}
