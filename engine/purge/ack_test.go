package purge

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

func event(kind, cursor string) world.Event { return world.Event{Kind: kind, Cursor: cursor} }

// heard is who is told how far a feed was taken; each word takes a while.
type heard struct {
	mu    sync.Mutex
	takes time.Duration
	fails int
	words []string
	most  int // at once
	now   int
}

func (h *heard) send(_ context.Context, cursor string, anew bool) error {
	if anew {
		cursor = "anew " + cursor
	}
	h.mu.Lock()
	h.words = append(h.words, cursor)
	h.now++
	h.most = max(h.most, h.now)
	fail := h.fails > 0
	h.fails--
	h.mu.Unlock()
	time.Sleep(h.takes)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now--
	if fail {
		return errors.New("cut")
	}
	return nil
}

func (h *heard) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.words
	h.words = nil
	return out
}

func TestAPurgeIsAcknowledgedAtOnceAndQuietSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &heard{}
		s := New(time.Minute, "a")
		ctx, cancel := context.WithCancel(t.Context())
		events := make(chan world.Event)
		source := func(ctx context.Context, _ string, emit func(world.Event) error, _ func(error)) error {
			for {
				select {
				case e := <-events:
					if err := emit(e); err != nil {
						t.Error(err)
					}
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		purged := 0
		ran := make(chan struct{})
		go func() {
			defer close(ran)
			s.Run(ctx, map[string]Source{"a": source}, Hooks{
				Now: time.Now, All: func() {}, Lost: func(string, error) {}, AckEvery: 30 * time.Second, Acks: map[string]Acknowledge{"a": h.send},
				Purge: func(world.Purge) {
					purged++
					if got := h.take(); got != nil {
						t.Errorf("acknowledged %v before the purge was done", got)
					}
				},
			})
		}()
		for i, c := range []struct {
			e    world.Event
			want []string
		}{
			{event(world.EventHello, "1.0"), []string{"1.0"}},
			{event(world.EventPurge, "2.1"), []string{"2.1"}},
			{event(world.EventPurge, "2.2"), []string{"2.2"}},
			{event(world.EventHeartbeat, "3.0"), nil},
			{world.Event{Kind: world.EventHello, Cursor: "1.5", Reset: true}, []string{"anew 1.5"}}, // the cluster was set up anew
			{event(world.EventPurge, "2.7"), []string{"2.7"}},
		} {
			events <- c.e
			synctest.Wait()
			if got := h.take(); !slices.Equal(got, c.want) {
				t.Errorf("event %d: acknowledged %v, want %v", i, got, c.want)
			}
		}
		for range 6 {
			time.Sleep(5 * time.Second)
			events <- event(world.EventHeartbeat, "4.0")
		}
		synctest.Wait()
		if got := h.take(); !slices.Equal(got, []string{"4.0"}) || purged != 3 {
			t.Errorf("in half a minute of quiet: %v", got)
		}
		cancel()
		<-ran
	})
}

// While words cross the world, the next do not wait for them; what cannot be
// sent at once is left out for the newest.
func TestABurstIsAcknowledgedByItsNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &heard{takes: time.Second}
		a := newAcker(h.send, time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan struct{})
		go func() { defer close(ran); a.run(ctx) }()
		cursors := []string{"1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"}
		for _, c := range cursors {
			a.taken(event(world.EventPurge, c), time.Now())
			synctest.Wait()
		}
		time.Sleep(3 * time.Second)
		if got := h.take(); !slices.Equal(got, []string{"1.1", "1.2", "1.3", "1.4", "1.7"}) || h.most != acksAtOnce {
			t.Errorf("%v, %d at once", got, h.most)
		}
		cancel()
		<-ran
	})
}

func TestAFailedAckIsRepeatedUntilItArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &heard{fails: 9}
		a := newAcker(h.send, time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan struct{})
		go func() { defer close(ran); a.run(ctx) }()
		a.taken(event(world.EventPurge, "1.1"), time.Now())
		time.Sleep(10 * time.Second)
		synctest.Wait()
		early := len(h.take())
		if early < 5 || early > 8 { // 0, 0.1, 0.3, 0.7, 1.5, 3.1, 6.3, 12.7 s …
			t.Errorf("%d attempts in 10 s", early)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if total := early + len(h.take()); total != 10 {
			t.Errorf("%d attempts, want 10: the tenth arrives", total)
		}
		cancel()
		<-ran
	})
}
