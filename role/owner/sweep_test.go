package owner

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Batches follow one another until one is not full, then the role waits. A
// session goes once it has ended, not before.
func TestEndedSessionsAreRemovedInBatches(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.SweepBatch, c.SweepEvery = 2, time.Hour })
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		for i := range 6 { // five have ended at the start, one ends with the next look
			until := start
			if i == 5 {
				until = start.Add(time.Hour)
			}
			d.sessions[[32]byte{byte(i)}] = session{"de", email, until}
		}
		o := *d.owner
		o.deps.Now = time.Now
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error)
		go func() { ran <- o.Run(ctx) }()
		for _, c := range []struct {
			after          time.Duration
			looks, remains int
		}{{0, 3, 1}, {time.Hour - 1, 3, 1}, {1, 4, 0}} {
			time.Sleep(c.after)
			synctest.Wait()
			if len(d.sweeps) != c.looks || len(d.sessions) != c.remains {
				t.Errorf("after %v: looked %d times, %d sessions, want %d and %d", time.Since(start), len(d.sweeps), len(d.sessions), c.looks, c.remains)
			}
		}
		d.err = errors.New("the primary has gone")
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := strings.Count(d.log.String(), "the primary has gone"); got != 1 || len(d.sweeps) != 5 {
			t.Errorf("looked %d times, the failure is %d times in the log", len(d.sweeps), got)
		}
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
}
