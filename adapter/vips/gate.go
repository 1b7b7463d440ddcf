package vips

import (
	"context"
	"sync"
)

// gate lets work that nobody waits for begin only while no other work waits for a
// worker, and bounds how much of it there is at once.
type gate struct {
	mu      sync.Mutex
	asking  int           // others that have come and have not ended
	running int           // of the background
	most    int           // of both, for one of the background to begin
	changed chan struct{} // closed and replaced when any of these goes down
}

func newGate(workers int) *gate {
	return &gate{most: max(1, workers-1), changed: make(chan struct{})}
}

// enter waits for the gate: not at all for work that somebody waits for. leave
// tells that the work has ended.
func (g *gate) enter(ctx context.Context, background bool) (leave func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !background {
		g.asking++
		return func() { g.end(&g.asking) }, nil
	}
	// A worker is left idle for whoever comes, where there are several.
	for g.asking+g.running >= g.most {
		changed := g.changed
		g.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		g.mu.Lock()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	g.running++
	return func() { g.end(&g.running) }, nil
}

func (g *gate) end(count *int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	*count--
	close(g.changed)
	g.changed = make(chan struct{})
}
