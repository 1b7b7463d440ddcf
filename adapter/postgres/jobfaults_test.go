package postgres_test

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/world"
)

// working works a cluster's queues until the test's end.
func working(t *testing.T, c *postgres.Cluster, l postgres.JobLimits, work postgres.JobWork) {
	t.Helper()
	j, err := postgres.StartJobs(t.Context(), c.Pool, l, slog.New(slog.DiscardHandler), work)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
}

// parked waits for a job that nobody tries any more.
func parked(t *testing.T, s *postgres.MediaStore) world.Job {
	t.Helper()
	return jobIn(t, s, world.JobFailed)
}

func jobIn(t *testing.T, s *postgres.MediaStore, state string) world.Job {
	t.Helper()
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(5 * time.Millisecond) {
		page, missing, err := s.Jobs(t.Context(), "crumbs", world.JobFilter{State: state}, 10)
		if err != nil || missing != nil {
			t.Fatal(missing, err)
		}
		if len(page) > 0 {
			return page[0]
		}
	}
	t.Fatalf("no job is %s", state)
	panic("unreachable")
}

// What is wrong with a picture is not tried for ever, in whatever way it fails.
func TestPoisonOfEveryKindIsParked(t *testing.T) {
	t.Parallel() // it waits, mostly
	for name, c := range map[string]struct {
		work  func() error
		tries int
		told  string
	}{
		"a panic":  {func() error { panic("the decoder is gone") }, 3, "the decoder is gone"},
		"too slow": {func() error { return world.E(world.CodeTimeout, "test", "The picture took too long.") }, 5, "took too long"},
		"damaged":  {func() error { return world.E(world.CodeUnprocessed, "test", "It cannot be decoded.") }, 1, "cannot be decoded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := mediaCluster(t, "us")
			s := mediaStore(t, cluster)
			var tried atomic.Int32
			working(t, cluster, quickJobs(), postgres.JobWork{Prepare: func(context.Context, postgres.PrepareJob) error {
				tried.Add(1)
				return c.work()
			}})
			if err := s.Prepare(t.Context(), "crumbs", asset(1, 1, "a", noon).MediaID, 1, false, "", 0); err != nil {
				t.Fatal(err)
			}
			j := parked(t, s)
			if j.Attempts != c.tries || int(tried.Load()) != c.tries || !strings.Contains(j.Error, c.told) {
				t.Errorf("tried %d times: %+v", tried.Load(), j)
			}
		})
	}
}

// A job whose worker died is tried again by another; one that kills its worker
// again and again is not.
func TestAJobWhoseWorkerDied(t *testing.T) {
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	for i := range 2 {
		if err := s.Prepare(t.Context(), "crumbs", asset(1, i, "a", noon).MediaID, i+1, false, "", 0); err != nil {
			t.Fatal(err)
		}
	}
	// Both were begun, by a process that is gone; the second has gone so before.
	const died = `update river_job set state = 'running', attempt = 1, attempted_at = now() - interval '1 hour', attempted_by = '{gone}'`
	const often = `update river_job set attempt = 5, errors = array(select jsonb_build_object('at', now(), 'attempt', n, 'error', 'Stuck job rescued by JobRescuer', 'trace', '') from generate_series(1, 4) n)
	               where args ->> 'version' = '2'`
	for _, q := range []string{died, often} {
		if _, err := c.Pool.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	got := make(chan int, 10)
	working(t, c, quickJobs(), postgres.JobWork{Prepare: func(_ context.Context, j postgres.PrepareJob) error {
		got <- j.Version
		return nil
	}})
	if v := receive(t, got); v != 1 {
		t.Errorf("version %d was worked on", v)
	}
	if j := parked(t, s); j.Version != 2 || !strings.Contains(j.Error, "died 5 times") {
		t.Errorf("%+v", j)
	}
	if len(got) != 0 {
		t.Error("it was worked on once more")
	}
}

// A region that is away, for however long, is waited for: its jobs neither give
// up nor grow.
func TestARegionThatIsAwayIsWaitedFor(t *testing.T) {
	t.Parallel() // it waits, mostly
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	var back atomic.Bool
	var tried atomic.Int32
	done := make(chan string, 10)
	work := func(target string) error {
		if target != "eu" {
			return nil
		}
		if !back.Load() {
			tried.Add(1)
			return world.E(world.CodeUnavailable, "test", "The link is cut.")
		}
		done <- target
		return nil
	}
	a := made(t, s, asset(1, 1, "a", noon))
	b := made(t, s, asset(1, 2, "b", noon))
	deleteAsset(t, s, b, "eu")
	if _, err := c.Pool.Exec(t.Context(), `delete from river_job where kind = 'replicate_original' and args ->> 'media_id' <> $1`, a.MediaID); err != nil {
		t.Fatal(err)
	}
	mark(t, s, sha("b"), world.Replica{Region: "eu", State: world.ReplicaCopied, At: noon})
	mark(t, s, sha("b"), world.Replica{Region: "ap", State: world.ReplicaCopied, At: noon})
	working(t, c, quickJobs(), postgres.JobWork{
		Replicate: func(_ context.Context, j postgres.ReplicateJob) error { return work(j.Target) },
		Remove:    func(_ context.Context, j postgres.RemoveJob) error { return work(j.Target) },
	})
	for began := time.Now(); tried.Load() < 60 && time.Since(began) < 30*time.Second; time.Sleep(5 * time.Millisecond) {
	}
	if n := count(t, c.Pool, `select count(*) from river_job where cardinality(errors) > 20 or attempt > 21 or state in ('discarded', 'cancelled')`); n != 0 {
		t.Errorf("%d jobs have given up, or grow with each try", n)
	}
	if j := jobIn(t, s, world.JobRetrying); j.Error == "" || j.Target != "eu" {
		t.Errorf("it is shown as %+v", j)
	}
	back.Store(true)
	for range 2 {
		receive(t, done)
	}
}

// Removals that are not done have a job after each start, too.
func TestAStartTakesUpRemovals(t *testing.T) {
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	a := made(t, s, asset(1, 1, "a", noon))
	deleteAsset(t, s, a, "us")
	if err := s.MarkRemoval(t.Context(), a.MediaID, world.Removal{Region: "us", State: world.RemovalFailed, At: noon, Error: "away"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Pool.Exec(t.Context(), `update river_job set state = 'discarded', finalized_at = now() where kind = 'remove_asset'`); err != nil {
		t.Fatal(err)
	}
	got := make(chan postgres.RemoveJob, 10)
	work := postgres.JobWork{Remove: func(_ context.Context, j postgres.RemoveJob) error {
		got <- j
		return s.MarkRemoval(context.Background(), j.MediaID, world.Removal{Region: j.Target, State: world.RemovalRemoved, At: noon})
	}}
	working(t, c, quickJobs(), work)
	if j := receive(t, got); j.MediaID != a.MediaID || j.Target != "us" || j.App != "crumbs" {
		t.Errorf("%+v", j)
	}
	for began := time.Now(); count(t, c.Pool, `select count(*) from removal where state <> 'removed'`) != 0 && time.Since(began) < 30*time.Second; time.Sleep(5 * time.Millisecond) {
	}
	working(t, c, quickJobs(), work)
	if n := count(t, c.Pool, `select count(*) from river_job where kind = 'remove_asset'`); n != 2 {
		t.Errorf("%d jobs for one removal that failed once", n)
	}
}

// No more of a queue's jobs are under way at once than there are workers.
func TestAQueueHasItsWorkersAndNoMore(t *testing.T) {
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	for i := range 20 {
		if err := s.Prepare(t.Context(), "crumbs", asset(1, i, "a", noon).MediaID, 1, false, "", 0); err != nil {
			t.Fatal(err)
		}
	}
	l := quickJobs()
	l.Workers = 2
	var now, most atomic.Int32
	done, goOn := make(chan bool, 20), make(chan struct{})
	working(t, c, l, postgres.JobWork{Prepare: func(ctx context.Context, _ postgres.PrepareJob) error {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		select {
		case <-goOn:
		case <-ctx.Done():
		}
		now.Add(-1)
		done <- true
		return nil
	}})
	eventually(t, "each worker has a job", func() bool { return now.Load() == 2 })
	close(goOn)
	for range 20 {
		receive(t, done)
	}
	if most.Load() != 2 {
		t.Errorf("%d were under way at once, want 2", most.Load())
	}
}
