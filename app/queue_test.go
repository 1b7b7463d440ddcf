package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/adapter/postgres"
	"meridian/platform/telemetry"
	"meridian/test/pgtest"
	"meridian/world"
)

// said takes log lines; who reads from it waits for the first.
type said chan struct{}

func (s said) Write(p []byte) (int, error) {
	select {
	case s <- struct{}{}:
	default:
	}
	return len(p), nil
}

// The queue's database may come up after the role: the queue waits for it, and
// what no waiting helps against is told at once.
func TestTheQueueWaitsForItsDatabase(t *testing.T) {
	real, err := pgxpool.ParseConfig(pgtest.Catalog(t))
	if err != nil {
		t.Fatal(err)
	}
	there, err := pgxpool.NewWithConfig(t.Context(), real)
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	if err := postgres.MigrateJobs(t.Context(), there); err != nil {
		t.Fatal(err)
	}
	late := real.Copy()
	late.ConnConfig.Host, late.ConnConfig.Fallbacks = shortDir(t), nil
	pool, err := pgxpool.NewWithConfig(t.Context(), late)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	home := &postgres.Cluster{Pool: pool}
	limits := postgres.DefaultJobLimits()
	work := postgres.JobWork{Remove: func(context.Context, postgres.RemoveJob) error { return nil }}

	ended, end := context.WithCancel(t.Context())
	end()
	if jobs, err := newMachine().startQueue(ended, home, limits, work); jobs != nil || err != nil {
		t.Errorf("stopped before its database came: %v, %v", jobs, err)
	}
	socket := ".s.PGSQL." + strconv.Itoa(int(real.ConnConfig.Port))
	appear := func() error {
		return os.Symlink(filepath.Join(real.ConnConfig.Host, socket), filepath.Join(late.ConnConfig.Host, socket))
	}
	began, waits := make(chan error, 1), make(said, 1)
	go func() {
		m := &machine{Process: &Process{}, tel: telemetry.NewRoot(waits, "text", slog.LevelWarn).Instance("media", "here")}
		jobs, err := m.startQueue(t.Context(), home, limits, work)
		if err == nil {
			err = jobs.Stop(context.Background())
		}
		began <- err
	}()
	select {
	case err := <-began:
		t.Fatalf("without its database: %v", err)
	case <-waits:
	}
	if err := appear(); err != nil {
		t.Fatal(err)
	}
	if err := <-began; err != nil {
		t.Error(err)
	}
	limits.Rescue = limits.Run / 2
	if _, err := newMachine().startQueue(t.Context(), home, limits, work); !world.Is(err, world.CodeInvalid) {
		t.Errorf("limits that do not fit: %v", err)
	}
}
