package media

import (
	"context"
	"strings"
	"sync"
	"time"

	"meridian/world"
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

// collected is what a page of the collection has found, or removed.
type collected struct {
	Region string       `json:"region"`
	Seen   int64        `json:"seen"`
	Cold   world.Amount `json:"cold"`
	Next   string       `json:"next,omitempty"` // give it as after= to go on
}

// collectPage is how many variants are looked at at once.
const collectPage = 500

// collect removes, from a page of an app's stored variants, those that nobody has
// asked for in a while: they are made again when somebody does. Who asks for
// private ones is not recorded; those go by when they were stored. dry only
// counts. after is the place in the stores: a key, of the resident store behind
// a "~".
func (m *Media) collect(ctx context.Context, app, after string, dry bool) (collected, error) {
	out := collected{Region: m.region.ID}
	key, resident := strings.CutPrefix(after, "~")
	store := m.objects
	if resident {
		store = m.resident
	}
	page, next, err := store.List(ctx, variants+app+"/", key, collectPage)
	if err != nil {
		return out, err
	}
	before := m.now().Add(-m.cfg.Care.ColdAfter)
	cold := map[string]Object{}
	var keys []string
	for _, o := range page {
		if out.Seen++; o.Modified.Before(before) {
			cold[o.Key], keys = o, append(keys, o.Key)
		}
	}
	warm := map[string]bool{}
	if !resident && len(keys) > 0 {
		if warm, err = m.upkeep.AskedSince(ctx, dayOf(before), keys); err != nil {
			return out, err
		}
	}
	for _, key := range keys {
		if warm[key] {
			continue
		}
		if !dry {
			if err := store.Delete(ctx, key); err != nil {
				return out, err
			}
		}
		out.Cold.Objects, out.Cold.Bytes = out.Cold.Objects+1, out.Cold.Bytes+cold[key].Size
	}
	switch {
	case next == "" && !resident:
		out.Next = "~"
	case next != "" && resident:
		out.Next = "~" + next
	default:
		out.Next = next
	}
	return out, nil
}

// collectAll removes the cold variants of every app.
func (m *Media) collectAll(ctx context.Context) {
	for _, app := range m.cfg.Apps {
		after := ""
		var gone world.Amount
		for {
			page, err := m.collect(ctx, app, after, false)
			gone.Objects, gone.Bytes = gone.Objects+page.Cold.Objects, gone.Bytes+page.Cold.Bytes
			if err != nil && ctx.Err() == nil {
				m.log.WarnContext(ctx, "cold variants cannot be removed", "app", app, "err", err)
			}
			if after = page.Next; err != nil || after == "" {
				break
			}
		}
		m.metrics.collected.Add(float64(gone.Objects))
	}
	if err := m.upkeep.ForgetAsked(ctx, dayOf(m.now().Add(-m.cfg.Care.ColdAfter))); err != nil && ctx.Err() == nil {
		m.log.WarnContext(ctx, "old days of variants cannot be forgotten", "err", err)
	}
}
