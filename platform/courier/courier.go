// Package courier carries out what is due, again and again in the background:
// it claims some of it, does it side by side, and waits for more. (Package sweep
// removes what nobody needs any more.)
package courier

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"meridian/world"
)

// Settings are how often, how many and how patiently.
type Settings struct {
	Every      time.Duration `yaml:"every" doc:"time between two looks for what is due, where nobody calls before"`
	Lease      time.Duration `yaml:"lease" doc:"after this what somebody has taken and not settled is given to another; above the longest attempt"`
	Batch      int           `yaml:"batch" doc:"most that are taken at once"`
	Workers    int           `yaml:"workers" doc:"most that are under way at once"`
	RetryFirst time.Duration `yaml:"retry_first" doc:"wait after the first failure; twice as long after each"`
	RetryMost  time.Duration `yaml:"retry_most" doc:"longest wait after a failure"`
}

// Default costs next to nothing while nothing is due.
func Default() Settings {
	return Settings{Every: 10 * time.Second, Lease: 2 * time.Minute, Batch: 20, Workers: 4, RetryFirst: 10 * time.Second, RetryMost: time.Hour}
}

// Validate fails with invalid for a setting that cannot be; name is the section's.
func (s Settings) Validate(name string) error {
	if s.Every <= 0 || s.Lease <= 0 || s.Batch < 1 || s.Workers < 1 || s.RetryFirst <= 0 || s.RetryMost < s.RetryFirst {
		return world.E(world.CodeInvalid, "courier.settings", name+": write times above zero, retry_most not below retry_first, and at least 1 for batch and workers")
	}
	return nil
}

// RetryAfter is the wait after the n-th failure in a row, counted from 1.
func (s Settings) RetryAfter(failures int) time.Duration {
	d := s.RetryFirst
	for range failures - 1 {
		if d *= 2; d >= s.RetryMost {
			return s.RetryMost
		}
	}
	return min(d, s.RetryMost)
}

// Loop is what is carried out.
type Loop[T any] struct {
	Settings
	What string // for the log: "letters"
	Log  *slog.Logger
	// Claim takes at most limit of what is due, for the time of the lease.
	Claim func(ctx context.Context, limit int, lease time.Duration) ([]T, error)
	// Do carries one out and settles what became of it: done, due again, given
	// up. An error says that this could not be settled; the lease will end.
	Do func(ctx context.Context, one T) error
	// Wake has a look taken at once.
	Wake <-chan struct{}
}

// Run looks at once, then whenever it is woken and every so often, until ctx
// ends; it returns nil. What fails is logged and tried the next time.
func (l Loop[T]) Run(ctx context.Context) error {
	tick := time.NewTicker(l.Every)
	defer tick.Stop()
	for {
		n, err := l.once(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			l.Log.Warn(l.What+" could not be carried out, trying again", "in", l.Every, "err", err)
		case n > 0:
			continue
		}
		select {
		case <-l.Wake:
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// once carries out what is due, as far as one batch goes.
func (l Loop[T]) once(ctx context.Context) (int, error) {
	due, err := l.Claim(ctx, l.Batch, l.Lease)
	if err != nil {
		return 0, err
	}
	var all errgroup.Group
	all.SetLimit(l.Workers)
	for _, one := range due {
		all.Go(func() error { return l.Do(ctx, one) })
	}
	return len(due), all.Wait()
}
