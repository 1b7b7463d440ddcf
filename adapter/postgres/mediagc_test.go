package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

// deleteAsset deletes an asset, whose bytes are to go from a region.
func deleteAsset(t *testing.T, s *postgres.MediaStore, m world.Manifest, from string) {
	t.Helper()
	_, _, err := s.Change(t.Context(), m.App, m.MediaID, func(to *world.Manifest) (world.AssetChange, error) {
		to.DeletedAt, to.Name, to.Owner = noon, "", ""
		for i := range to.Versions {
			v := &to.Versions[i]
			v.Color, v.Thumbhash, v.Focal = "#ffffff", "", nil
		}
		removals := []world.Removal{{Region: from, State: world.RemovalPending, At: noon}}
		return world.AssetChange{Deletion: &world.Deletion{Receipt: "1" + m.MediaID[1:], App: m.App, MediaID: m.MediaID, By: "owner", At: noon, Removals: removals}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnOriginalIsFreeWhenNoAssetRefersToIt(t *testing.T) {
	us, eu, ap := mediaCluster(t, "us"), mediaCluster(t, "eu"), mediaCluster(t, "ap")
	s, far := mediaStore(t, us, eu, ap), mediaStore(t, eu)
	a := made(t, s, asset(1, 1, "a", noon))
	b := made(t, far, asset(2, 1, "a", noon))
	made(t, far, asset(2, 2, "b", noon))
	ask := func(want bool) {
		t.Helper()
		did := false
		free, err := s.Unreferenced(t.Context(), sha("a"), func(context.Context) error { did = true; return nil })
		if err != nil || free != want || did != want {
			t.Errorf("free %v, did %v, %v, want %v", free, did, err, want)
		}
		referenced, err := s.Referenced(t.Context(), []string{sha("a"), sha("b"), sha("never")})
		if err != nil || referenced[sha("a")] == want || !referenced[sha("b")] || referenced[sha("never")] {
			t.Errorf("referenced: %v, %v", referenced, err)
		}
	}
	ask(false)
	deleteAsset(t, s, a, "us")
	ask(false) // another region's asset has it
	deleteAsset(t, far, b, "us")
	ask(true)
	// One who does not know of every region cannot tell.
	did := false
	if free, err := mediaStore(t, us, eu).Unreferenced(t.Context(), sha("never"), func(context.Context) error { did = true; return nil }); free || did || !world.Is(err, world.CodeUnavailable) || !strings.Contains(err.Error(), "ap") {
		t.Errorf("without ap's catalog: %v, %v", free, err)
	}
	if got, err := mediaStore(t, us, eu).Referenced(t.Context(), []string{sha("a")}); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("without ap's catalog: %v, %v", got, err)
	}
	broken := world.E(world.CodeUnavailable, "test", "")
	if free, err := s.Unreferenced(t.Context(), sha("a"), func(context.Context) error { return broken }); free || !world.Is(err, world.CodeUnavailable) {
		t.Errorf("%v, %v", free, err)
	}
}

// While an original is being removed nobody makes an asset of it.
func TestAnAssetOfAnOriginalThatIsBeingRemovedWaits(t *testing.T) {
	c := mediaCluster(t, "us")
	s := mediaStore(t, c, mediaCluster(t, "eu"), mediaCluster(t, "ap"))
	// One who gives up a lock at once tells by that that there is one to wait for.
	hasty := mediaStore(t, pgtest.Cluster(t, c.Name, c.Region, c.Pool.Config().ConnString()+" lock_timeout=10ms"))
	const lockNotAvailable = "55P03" // PostgreSQL manual, appendix A
	_, err := s.Unreferenced(t.Context(), sha("a"), func(ctx context.Context) error {
		_, _, err := hasty.Create(ctx, asset(1, 1, "a", noon))
		if e := new(pgconn.PgError); !errors.As(err, &e) || e.Code != lockNotAvailable {
			t.Errorf("it did not wait: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := hasty.Create(t.Context(), asset(1, 1, "a", noon)); err != nil {
		t.Error(err)
	}
}

func TestWhatARemovalHasRemovedAddsUp(t *testing.T) {
	s := mediaStore(t, mediaCluster(t, "us"))
	a := made(t, s, asset(1, 1, "a", noon))
	deleteAsset(t, s, a, "us")
	for _, r := range []world.Removal{
		{Region: "us", State: world.RemovalPending, At: noon, Error: "away", Amount: world.Amount{Objects: 2, Bytes: 20}},
		{Region: "us", State: world.RemovalRemoved, At: noon.Add(time.Minute), Amount: world.Amount{Objects: 1, Bytes: 5}},
	} {
		if err := s.MarkRemoval(t.Context(), a.MediaID, r); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{a.MediaID, "1" + a.MediaID[1:]} {
		d, err := s.Deletion(t.Context(), "crumbs", id)
		want := world.Removal{Region: "us", State: world.RemovalRemoved, At: noon.Add(time.Minute), Amount: world.Amount{Objects: 3, Bytes: 25}}
		if err != nil || len(d.Removals) != 1 || d.Removals[0] != want || !d.Done() {
			t.Errorf("%+v, %v", d, err)
		}
	}
}

func TestTheLastDayOfVariants(t *testing.T) {
	s := mediaStore(t, mediaCluster(t, "us"))
	day := noon.Truncate(24 * time.Hour)
	for i, keys := range [][]string{{"a", "b", "a"}, {"b", "c"}, {"b"}} {
		if err := s.Asked(t.Context(), day.AddDate(0, 0, []int{0, 3, 1}[i]), keys); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.AskedSince(t.Context(), day.AddDate(0, 0, 1), []string{"a", "b", "c", "d"})
	if err != nil || len(got) != 2 || !got["b"] || !got["c"] {
		t.Errorf("%v, %v", got, err)
	}
	if err := s.ForgetAsked(t.Context(), day.AddDate(0, 0, 1)); err != nil {
		t.Fatal(err)
	}
	if got, err := s.AskedSince(t.Context(), day, []string{"a", "b", "c"}); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestHeldBytesCountAnOriginalOnce(t *testing.T) {
	s := mediaStore(t, mediaCluster(t, "us"))
	made(t, s, asset(1, 1, "a", noon))
	made(t, s, asset(1, 2, "a", noon))
	made(t, s, asset(1, 3, "b", noon))
	if got, err := s.HeldBytes(t.Context(), "us", "crumbs"); err != nil || got != (world.Amount{Objects: 2, Bytes: 2 << 33}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := s.HeldBytes(t.Context(), "eu", "crumbs"); err != nil || got != (world.Amount{}) {
		t.Errorf("not copied yet: %+v, %v", got, err)
	}
}

// A job that would fail each time is parked with its error, shown, and can be
// tried again; one that finds everybody busy comes again without being counted.
func TestPoisonIsParkedAndShown(t *testing.T) {
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	tried := make(chan postgres.PrepareJob, 100)
	fail := make(chan error, 100)
	start := func(replicate func(context.Context, postgres.ReplicateJob) error) (stop func()) {
		t.Helper()
		jobs, err := postgres.StartJobs(t.Context(), c.Pool, quickJobs(), slog.New(slog.DiscardHandler), postgres.JobWork{
			Prepare: func(_ context.Context, j postgres.PrepareJob) error {
				tried <- j
				return <-fail
			},
			Replicate: replicate,
		})
		if err != nil {
			t.Fatal(err)
		}
		return func() {
			t.Helper()
			if err := jobs.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		}
	}
	stop := start(nil)
	a := made(t, s, asset(1, 1, "a", noon))
	want := postgres.PrepareJob{App: "crumbs", MediaID: a.MediaID, Version: 1}
	fail <- world.E(world.CodeBusy, "test", "")
	fail <- world.E(world.CodeUnprocessed, "test", "It cannot be decoded.")
	for range 2 {
		if got := receive(t, tried); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	stop() // how the job ended is written down then
	page, missing, err := s.Jobs(t.Context(), "crumbs", world.JobFilter{State: world.JobFailed, MediaID: a.MediaID}, 10)
	if err != nil || missing != nil {
		t.Fatal(missing, err)
	}
	if len(page) != 1 || page[0].Kind != "prepare_version" || page[0].MediaID != a.MediaID || page[0].Region != "us" || page[0].Error == "" || page[0].Attempts != 1 {
		t.Fatalf("%+v", page)
	}
	counts, err := s.CountJobs(t.Context())
	if err != nil || len(counts) != 2 { // two replicate jobs wait, in one kind and state
		t.Errorf("%+v, %v", counts, err)
	}
	if others, _, err := s.Jobs(t.Context(), "crumbs", world.JobFilter{MediaID: asset(1, 2, "b", noon).MediaID}, 10); err != nil || len(others) != 0 {
		t.Errorf("of another asset: %+v, %v", others, err)
	}
	if err := s.RetryJob(t.Context(), "another", page[0].ID); !world.Is(err, world.CodeNotFound) {
		t.Errorf("another app's: %v", err)
	}
	if err := s.Prepare(t.Context(), "crumbs", a.MediaID, 1, false, "", time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := s.RetryJob(t.Context(), "crumbs", page[0].ID); !world.Is(err, world.CodeConflict) {
		t.Errorf("while the same work waits: %v", err)
	}
	if _, err := c.Pool.Exec(t.Context(), `delete from river_job where state = 'scheduled'`); err != nil {
		t.Fatal(err)
	}
	if err := s.RetryJob(t.Context(), "crumbs", page[0].ID); err != nil {
		t.Fatal(err)
	}
	defer start(func(context.Context, postgres.ReplicateJob) error { return nil })()
	fail <- nil
	receive(t, tried)
	if err := s.RetryJob(t.Context(), "crumbs", 1<<40); !world.Is(err, world.CodeNotFound) {
		t.Errorf("no such job: %v", err)
	}
}

// A crowd of one app's jobs does not keep another's waiting, whatever they are.
func TestAppsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel() // it waits, mostly
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	const quiet = "an--app-"
	crowd := func(n int, app string) {
		t.Helper()
		m := asset(1, n, fmt.Sprint(n), noon)
		m.App, m.Moderation.State, m.Versions[0].Moderation = app, world.ModerationPending, world.ModerationPending
		m.Visibility = m.ShownAs()
		m = made(t, s, m)
		deleteAsset(t, s, m, "us")
		if err := s.Prepare(t.Context(), app, m.MediaID, 1, true, "webp/320x0", 0); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 12 {
		crowd(n, "crumbs")
	}
	crowd(99, quiet)
	l := quickJobs()
	l.Apps, l.Workers = []string{"crumbs", quiet}, 1
	others, stop := make(chan string, 10), make(chan struct{})
	one := func(kind, app string) error {
		if app == quiet {
			others <- kind
			return nil
		}
		<-stop // the first of the crowd never ends
		return nil
	}
	working(t, c, l, postgres.JobWork{
		Replicate: func(_ context.Context, j postgres.ReplicateJob) error { return one("replicate", j.App) },
		Prepare:   func(_ context.Context, j postgres.PrepareJob) error { return one("prepare", j.App) },
		Judge:     func(_ context.Context, j postgres.JudgeJob) error { return one("judge", j.App) },
		Remove:    func(_ context.Context, j postgres.RemoveJob) error { return one("remove", j.App) },
	})
	defer close(stop)
	got := map[string]bool{}
	for len(got) < 4 {
		got[receive(t, others)] = true
	}
}

func TestAMezzanineIsTold(t *testing.T) {
	s := mediaStore(t, mediaCluster(t, "us"))
	a := made(t, s, asset(1, 1, "a", noon))
	want := world.Mezzanine{State: world.MezzanineMade, SHA256: sha("m")}
	if err := s.MarkMezzanine(t.Context(), a.MediaID, 1, want); err != nil {
		t.Fatal(err)
	}
	got, err := s.Manifest(t.Context(), "crumbs", a.MediaID)
	if err != nil || got.Versions[0].Mezzanine == nil || *got.Versions[0].Mezzanine != want {
		t.Errorf("%+v, %v", got.Versions[0].Mezzanine, err)
	}
}
