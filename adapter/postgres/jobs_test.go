package postgres_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

// logBuffer is a log that a test reads while others still write.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func quickJobs() postgres.JobLimits {
	l := postgres.DefaultJobLimits()
	l.Apps = []string{"crumbs"}
	l.RetryFirst, l.RetryMost, l.Poll = time.Millisecond, time.Millisecond, 20*time.Millisecond
	return l
}

func startJobs(t *testing.T, c *postgres.Cluster, log *slog.Logger, work func(context.Context, postgres.ReplicateJob) error) *postgres.Jobs {
	t.Helper()
	j, err := postgres.StartJobs(t.Context(), c.Pool, quickJobs(), log, postgres.JobWork{Replicate: work})
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			stopped = true
			if err := j.Stop(context.Background()); err != nil {
				t.Errorf("stop: %v", err)
			}
		}
	})
	return j
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func TestJobsAreWorkedFromTheTransactionThatMadeThem(t *testing.T) {
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	got := make(chan postgres.ReplicateJob, 10)
	startJobs(t, c, slog.New(slog.DiscardHandler), func(_ context.Context, j postgres.ReplicateJob) error {
		got <- j
		return nil
	})
	a := asset(1, 1, "a", noon)
	if _, _, err := s.Create(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	targets := map[string]bool{}
	for range 2 {
		j := receive(t, got)
		targets[j.Target] = true
		want := postgres.ReplicateJob{SHA256: sha("a"), App: "crumbs", MediaID: a.MediaID, Version: 1, Target: j.Target, Attempt: 1}
		if j != want {
			t.Errorf("got %+v, want %+v", j, want)
		}
	}
	if !targets["eu"] || !targets["ap"] {
		t.Errorf("targets %v", targets)
	}
}

func TestAFailedJobIsTriedAgainAndToldOnce(t *testing.T) {
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	attempts := make(chan int, 20)
	log := &logBuffer{}
	startJobs(t, c, slog.New(slog.NewTextHandler(log, nil)), func(_ context.Context, j postgres.ReplicateJob) error {
		if j.Target != "eu" {
			return nil
		}
		attempts <- j.Attempt
		if j.Attempt < 3 {
			return world.E(world.CodeUnavailable, "test", "link cut")
		}
		return nil
	})
	if _, _, err := s.Create(t.Context(), asset(1, 1, "a", noon)); err != nil {
		t.Fatal(err)
	}
	for want := 1; want <= 3; want++ {
		if got := receive(t, attempts); got != want {
			t.Errorf("attempt %d, want %d", got, want)
		}
	}
	if n := strings.Count(log.String(), "link cut"); n != 1 {
		t.Errorf("told %d times:\n%s", n, log)
	}
}

func TestAStartTakesUpWhatNobodyTriesAnyMore(t *testing.T) {
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	for n, name := range []string{"a", "b"} {
		if _, _, err := s.Create(t.Context(), asset(1, n, name, noon)); err != nil {
			t.Fatal(err)
		}
	}
	mark(t, s, sha("a"), world.Replica{Region: "eu", State: world.ReplicaFailed, At: noon})
	mark(t, s, sha("a"), world.Replica{Region: "ap", State: world.ReplicaCopied, At: noon})
	if _, err := c.Pool.Exec(t.Context(), "delete from river_job where args->>'sha256' = $1", sha("a")); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 10)
	startJobs(t, c, slog.New(slog.DiscardHandler), func(_ context.Context, j postgres.ReplicateJob) error {
		got <- j.SHA256[60:] + j.Target
		return nil
	})
	seen := map[string]int{}
	for range 3 {
		seen[receive(t, got)]++
	}
	if len(seen) != 3 || seen[sha("a")[60:]+"eu"] != 1 {
		t.Errorf("worked %v; want a in eu, and b in eu and ap once each", seen)
	}
	if n := count(t, c.Pool, "select count(*) from river_job where kind = 'replicate_original'"); n != 3 {
		t.Errorf("%d jobs were made for 3 replicas", n)
	}
}

func TestStopTellsARunningJobToEnd(t *testing.T) {
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	l := quickJobs()
	l.Stop = 10 * time.Millisecond
	started, ended := make(chan bool, 10), make(chan bool, 10)
	j, err := postgres.StartJobs(t.Context(), c.Pool, l, slog.New(slog.DiscardHandler), postgres.JobWork{Replicate: func(ctx context.Context, _ postgres.ReplicateJob) error {
		started <- true
		<-ctx.Done()
		ended <- true
		return ctx.Err()
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Create(t.Context(), asset(1, 1, "a", noon)); err != nil {
		t.Fatal(err)
	}
	receive(t, started)
	if err := j.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	receive(t, ended)
	if n := count(t, c.Pool, unfinishedJobs); n != 2 {
		t.Errorf("%d jobs wait for the next start, want 2", n)
	}
}

func TestTheQueueOutlivesTheContextOfItsStart(t *testing.T) {
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan string, 10)
	j, err := postgres.StartJobs(ctx, c.Pool, quickJobs(), slog.New(slog.DiscardHandler), postgres.JobWork{Replicate: func(_ context.Context, j postgres.ReplicateJob) error {
		got <- j.Target
		return nil
	}})
	cancel()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Create(t.Context(), asset(1, 1, "a", noon)); err != nil {
		t.Fatal(err)
	}
	receive(t, got)
	if err := j.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestRetriesWaitLongerEachTime(t *testing.T) {
	l := postgres.DefaultJobLimits()
	for failures, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 6: 30 * time.Second, 999: 30 * time.Second} {
		if got := l.RetryAfter(failures); got != want {
			t.Errorf("after %d failures: %v, want %v", failures, got, want)
		}
	}
}

func TestLimitsThatDoNotFitAreRefused(t *testing.T) {
	c := pgtest.Cluster(t, "catalog-us", "us", pgtest.Catalog(t))
	l := postgres.DefaultJobLimits()
	l.Rescue = l.Run / 2
	_, err := postgres.StartJobs(t.Context(), c.Pool, l, slog.New(slog.DiscardHandler), postgres.JobWork{Replicate: func(context.Context, postgres.ReplicateJob) error { return nil }})
	if !world.Is(err, world.CodeInvalid) {
		t.Errorf("a rescue before a job's end: %v", err)
	}
}

func TestEveryTableOfTheQueueCarriesItsClass(t *testing.T) {
	c := pgtest.Cluster(t, "catalog-us", "us", pgtest.Catalog(t))
	for range 2 { // again changes nothing
		if err := postgres.MigrateJobs(t.Context(), c.Pool); err != nil {
			t.Fatal(err)
		}
	}
	const tables = `select count(*) from pg_class where relkind = 'r' and relname like 'river\_%'`
	if n := count(t, c.Pool, tables); n < 3 {
		t.Fatalf("%d tables", n)
	}
	if n := count(t, c.Pool, tables+` and coalesce(obj_description(oid), '') not like 'class: public;%'`); n != 0 {
		t.Errorf("%d tables have no class", n)
	}
}
