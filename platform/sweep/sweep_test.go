package sweep

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Batches follow one another until one is not full, then the loop waits. A
// failure is told once and tried the next time.
func TestBatchesThenRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		start := time.Now()
		left := []int{10, 10, 0, 9, -1, 10, 1}
		var asked []time.Duration
		l := Loop{Every: time.Hour, Batch: 10, What: "crumbs", Log: slog.New(slog.NewTextHandler(&log, nil)), Remove: func(_ context.Context, limit int) (int, error) {
			asked = append(asked, time.Since(start))
			n := left[0]
			left = left[1:]
			if n < 0 || limit != 10 {
				return 0, errors.New("the broom is broken")
			}
			return n, nil
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour+time.Minute)
		defer cancel()
		if err := l.Run(ctx); err != nil {
			t.Error(err)
		}
		if want := []time.Duration{0, 0, 0, time.Hour, 2 * time.Hour, 3 * time.Hour, 3 * time.Hour}; !slices.Equal(asked, want) {
			t.Errorf("asked at %v, want %v", asked, want)
		}
		if got := strings.Count(log.String(), "crumbs could not be removed"); got != 1 {
			t.Errorf("told %d times: %s", got, log.String())
		}
	})
}

// Who stops the role is not told that it broke.
func TestALoopThatIsStoppedIsNoFailure(t *testing.T) {
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	l := Loop{Every: time.Hour, Batch: 10, What: "crumbs", Log: slog.New(slog.NewTextHandler(&log, nil)), Remove: func(ctx context.Context, _ int) (int, error) {
		cancel()
		return 0, ctx.Err()
	}}
	if err := l.Run(ctx); err != nil || log.Len() > 0 {
		t.Errorf("%v, log %s", err, log.String())
	}
}
