package courier_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meridian/platform/courier"
	"meridian/world"
)

func settings() courier.Settings {
	return courier.Settings{Every: time.Minute, Lease: time.Hour, Batch: 3, Workers: 2, RetryFirst: time.Second, RetryMost: 10 * time.Second}
}

// Full batches follow one another; then it waits, until it is woken or its time
// has come. A failure to claim or to settle ends neither.
func TestBatchesWaitsAndFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, wake := time.Now(), make(chan struct{}, 1)
		claims := [][]int{{1, 2, 3}, {4}, nil, {5}, nil, nil, {6}, nil}
		var mu sync.Mutex
		var looks []time.Duration
		var done []int
		under, most := 0, 0
		l := courier.Loop[int]{Settings: settings(), What: "crumbs", Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Wake: wake,
			Claim: func(_ context.Context, limit int, lease time.Duration) ([]int, error) {
				if limit != 3 || lease != time.Hour {
					t.Errorf("claims %d for %v", limit, lease)
				}
				looks = append(looks, time.Since(start))
				if len(looks) > len(claims) {
					return nil, nil
				}
				if len(looks) == 6 {
					return nil, errors.New("away")
				}
				return claims[len(looks)-1], nil
			},
			Do: func(_ context.Context, one int) error {
				mu.Lock()
				under++
				most = max(most, under)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				defer mu.Unlock()
				under--
				done = append(done, one)
				if one == 6 {
					return errors.New("not settled")
				}
				return nil
			},
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			time.Sleep(10 * time.Second)
			wake <- struct{}{}
			time.Sleep(4 * time.Minute)
			cancel()
		}()
		if err := l.Run(ctx); err != nil {
			t.Fatal(err)
		}
		slices.Sort(done)
		if !slices.Equal(done, []int{1, 2, 3, 4, 5, 6}) || most != 2 {
			t.Errorf("done %v, at most %d at once", done, most)
		}
		want := []time.Duration{0, 2 * time.Second, 3 * time.Second, 10 * time.Second, 11 * time.Second, time.Minute, 2 * time.Minute, 3 * time.Minute}
		if !slices.Equal(looks[:8], want) {
			t.Errorf("looked at %v, want %v", looks, want)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	for n, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 5: 10 * time.Second, 5000: 10 * time.Second} {
		if got := settings().RetryAfter(n); got != want {
			t.Errorf("after %d: %v, want %v", n, got, want)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := courier.Default().Validate("mail"); err != nil {
		t.Error(err)
	}
	for _, change := range []func(*courier.Settings){
		func(s *courier.Settings) { s.Every = 0 }, func(s *courier.Settings) { s.Lease = 0 }, func(s *courier.Settings) { s.Batch = 0 },
		func(s *courier.Settings) { s.Workers = 0 }, func(s *courier.Settings) { s.RetryFirst = 0 }, func(s *courier.Settings) { s.RetryMost = s.RetryFirst - 1 },
	} {
		s := settings()
		change(&s)
		if err := s.Validate("mail"); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
