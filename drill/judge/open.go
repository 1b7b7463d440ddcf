package judge

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Open begins requests at a rate, at moments drawn from random (a Poisson
// process), whether or not earlier ones have been answered, until ctx ends; then
// it waits for those that are under way. do is told when its request was due: what
// it is late for counts as waiting. When most are under way at once, do is told so
// by over: the request is to be counted as failed and not sent.
func Open(ctx context.Context, rate float64, most int, random *rand.Rand, do func(due time.Time, over bool)) {
	var under sync.WaitGroup
	defer under.Wait()
	seats := make(chan struct{}, most)
	due := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		due = due.Add(time.Duration(random.ExpFloat64() / rate * float64(time.Second)))
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		at := due
		select {
		case seats <- struct{}{}:
			under.Go(func() {
				defer func() { <-seats }()
				do(at, false)
			})
		default:
			do(at, true)
		}
	}
}
