package media

import (
	"context"
	"sync"
	"time"
)

// maxAsked is the most variants whose last day is remembered between two notes;
// beyond, the same may be noted again.
const maxAsked = 100_000

// asked remembers which stored variants were asked for today, so that each costs
// one write a day at most.
type asked struct {
	mu    sync.Mutex
	day   time.Time
	noted map[string]bool
	fresh []string
}

func dayOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// note remembers that a variant was asked for.
func (a *asked) note(key string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if day := dayOf(now); !day.Equal(a.day) || len(a.noted) >= maxAsked {
		a.day, a.noted = day, map[string]bool{}
	}
	if !a.noted[key] && len(a.fresh) < maxAsked {
		a.noted[key], a.fresh = true, append(a.fresh, key)
	}
}

// take is what was asked for since the last time.
func (a *asked) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	fresh := a.fresh
	a.fresh = nil
	return fresh
}

// noteAsked keeps which variants were asked for. What cannot be kept is lost: a
// variant that goes for that is made again.
func (m *Media) noteAsked(ctx context.Context) {
	keys := m.asked.take()
	if len(keys) == 0 {
		return
	}
	if err := m.upkeep.Asked(ctx, dayOf(m.now()), keys); err != nil && ctx.Err() == nil {
		m.log.WarnContext(ctx, "it cannot be noted which variants are asked for", "err", err)
	}
}
