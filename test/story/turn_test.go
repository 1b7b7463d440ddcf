package story

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"meridian/test/worldtest"
)

// turnLimit is the promise: a request that begins a second after a change was
// acknowledged shows it, at every PoP, at the real round trips.
//
// It is the request's beginning that counts. How long an answer takes on a
// machine that also runs the tests says nothing about the promise; what it
// carries does. The slowest of the six needs about half a second, so the limit
// leaves as much again for a busy machine, and more where that is seen to be late.
const turnLimit = time.Second

// lateness is how late this process comes to what it has set itself for, at worst
// since it was begun.
type lateness struct{ worst atomic.Int64 }

// News of a change waits for its turn in so many processes on its way.
const latenessWeight = 8

// measureLateness goes on until the test ends.
func measureLateness(t *testing.T) *lateness {
	const every = 20 * time.Millisecond
	var l lateness
	go func() {
		for t.Context().Err() == nil {
			began := time.Now()
			time.Sleep(every)
			l.worst.Store(max(l.worst.Load(), int64(time.Since(began)-every)))
		}
	}()
	return &l
}

func (l *lateness) limit() time.Duration {
	return turnLimit + latenessWeight*time.Duration(l.worst.Load())
}

// cachedWithin is how long a PoP may take to have a page that is asked for
// again and again; a PoP that has just started first waits for its feeds.
const cachedWithin = 20 * time.Second

// watchFor is how long each page is looked at again after it showed what is new:
// it must never go back.
const watchFor = 500 * time.Millisecond

// look is a page at a PoP, and what is looked at on it.
type look struct {
	pop, path string
	client    *worldtest.Client
	see       func(worldtest.Answer) (string, error)
}

// looksAt are the pages at every PoP, by path, each kept there: what is not in
// a cache could not be old.
func looksAt(t *testing.T, w *worldtest.World, market string, pages map[string]func(worldtest.Answer) (string, error)) (looks []look) {
	t.Helper()
	for _, pop := range pops(w) {
		for path, see := range pages {
			looks = append(looks, look{pop, path, w.AtPoP(t, market, pop), see})
		}
	}
	keepAll(t, looks)
	return looks
}

func keepAll(t *testing.T, looks []look) {
	t.Helper()
	together(t, looks, func(l look) error {
		return soon(cachedWithin, l.pop+" keeps "+l.path, func() (bool, error) {
			a, err := l.client.Do(http.MethodGet, l.path, nil, "Accept", "text/html")
			return strings.Contains(edgeStatus(a), "hit"), err
		})
	})
}

// turn has every page show what is new in time, and never again what was before.
func turn(t *testing.T, looks []look, before, after string, saved time.Time) {
	t.Helper()
	took := make([]time.Duration, len(looks))
	late := measureLateness(t)
	var wg sync.WaitGroup
	for i, l := range looks {
		wg.Go(func() {
			var err error
			if took[i], err = l.turns(before, after, saved, late); err != nil {
				t.Errorf("%s %s: %v", l.pop, l.path, err)
			}
		})
	}
	wg.Wait()
	last := slices.Index(took, slices.Max(took))
	t.Logf("the last to turn from %q to %q was %s, %d ms after it was acknowledged; the limit was %d ms", before, after, looks[last].pop, took[last].Milliseconds(), late.limit().Milliseconds())
}

// turns asks for a page until it shows what is new, and a while longer. It tells
// how long after the acknowledgement that was.
func (l look) turns(before, after string, saved time.Time, late *lateness) (took time.Duration, err error) {
	var since time.Time
	for {
		a, err := l.client.Do(http.MethodGet, l.path, nil, "Accept", "text/html")
		if err != nil {
			return took, err
		}
		if a.Status != http.StatusOK {
			return took, fmt.Errorf("%d: %s", a.Status, a.Body)
		}
		got, err := l.see(a)
		if err != nil {
			return took, err
		}
		switch {
		case got == after && since.IsZero():
			since, took = a.Came, a.Came.Sub(saved)
		case got == after:
			if a.Came.Sub(since) > watchFor {
				return took, nil
			}
		case got != before:
			return took, fmt.Errorf("shows %q, neither %q as before nor %q, which is new", got, before, after)
		case !since.IsZero():
			return took, fmt.Errorf("went back to %q: %s", before, a.Header.Values("Cache-Status"))
		case a.Asked.Sub(saved) > late.limit():
			return took, fmt.Errorf("shows %q to a request made %d ms after the change was acknowledged: %s", before, a.Asked.Sub(saved).Milliseconds(), a.Header.Values("Cache-Status"))
		}
		time.Sleep(10 * time.Millisecond)
	}
}
