package postgres_test

import (
	"slices"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/world"
)

func TestHeldOriginalsOfAllCatalogsInOrder(t *testing.T) {
	us, eu := mediaCluster(t, "us"), mediaCluster(t, "eu")
	s, far := mediaStore(t, us, eu), mediaStore(t, eu)
	var want []string
	for i, o := range []string{"e", "b", "d"} {
		made(t, s, asset(1, i+1, o, noon))
		want = append(want, sha(o))
	}
	made(t, s, asset(1, 9, "b", noon)) // the same original again
	c := made(t, far, asset(2, 1, "c", noon))
	made(t, far, asset(2, 2, "d", noon)) // known in both
	made(t, far, asset(2, 3, "a", noon)) // not copied to us
	for _, o := range []string{"c", "d"} {
		if err := far.MarkReplica(t.Context(), sha(o), world.Replica{Region: "us", State: world.ReplicaCopied, At: noon, VerifiedAt: noon}); err != nil {
			t.Fatal(err)
		}
	}
	want = append(want, sha("c"))
	slices.Sort(want)
	var got, twice []string
	after := ""
	for {
		page, err := s.Held(t.Context(), "us", after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page {
			if o.SHA256 == after {
				twice = append(twice, o.MediaID)
				continue
			}
			got = append(got, o.SHA256)
			if o.SHA256 == sha("c") && o != (world.Original{SHA256: sha("c"), App: "crumbs", MediaID: c.MediaID, Version: 1}) {
				t.Errorf("%+v", o)
			}
			after = o.SHA256
		}
		if len(page) < 2 {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if len(twice) != 1 {
		t.Errorf("%v come twice, want the one that both regions have assets of", twice)
	}
	found, err := s.Manifest(t.Context(), "crumbs", c.MediaID)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range found.Replicas {
		if (r.Region == "us") != r.VerifiedAt.Equal(noon) {
			t.Errorf("%+v", r)
		}
	}
}

func TestAScrubsPlaceIsKept(t *testing.T) {
	s := mediaStore(t, mediaCluster(t, "us"))
	if at, err := s.Scrub(t.Context()); err != nil || at != (world.Scrub{}) {
		t.Errorf("before the first: %+v, %v", at, err)
	}
	for _, want := range []world.Scrub{{Pass: 1, Phase: "originals", After: "b", Began: noon}, {Pass: 2, Phase: "objects variants/", Began: noon.Add(time.Hour)}} {
		if err := s.SaveScrub(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if at, err := s.Scrub(t.Context()); err != nil || at != want {
			t.Errorf("%+v, %v, want %+v", at, err, want)
		}
	}
}

func TestOriginalsAreGivenPlacesWithTheirJobsOnce(t *testing.T) {
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	a := asset(1, 1, "a", noon)
	a.Replicas = a.Replicas[:1]
	a = made(t, s, a)
	b := made(t, s, asset(1, 2, "b", noon))
	before := count(t, c.Pool, unfinishedJobs)
	page, err := s.Assets(t.Context(), "", 1)
	if err != nil || len(page) != 1 {
		t.Fatalf("%v, %v", page, err)
	}
	rest, err := s.Assets(t.Context(), page[0].MediaID, 5)
	if err != nil || len(rest) != 1 || rest[0].MediaID == page[0].MediaID {
		t.Fatalf("%v, %v", rest, err)
	}
	var wanted []world.Placing
	for _, m := range []world.Manifest{a, b} {
		for _, region := range []string{"eu", "ap"} {
			o := world.Original{SHA256: m.Newest().SHA256, App: m.App, MediaID: m.MediaID, Version: 1}
			wanted = append(wanted, world.Placing{Original: o, Region: region})
		}
	}
	for _, want := range []int{2, 0} {
		if n, err := s.Place(t.Context(), wanted); err != nil || n != want {
			t.Errorf("placed %d, %v, want %d", n, err, want)
		}
		if n := count(t, c.Pool, unfinishedJobs) - before; n != 2 {
			t.Errorf("%d jobs more, want 2", n)
		}
	}
	if n := count(t, c.Pool, `select count(*) from replica where state = 'pending'`); n != 4 {
		t.Errorf("%d pending replicas, want 4", n)
	}
}

func TestWhatCheckingACopyFoundIsRecorded(t *testing.T) {
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	a, b := made(t, s, asset(1, 1, "a", noon)), made(t, s, asset(1, 2, "b", noon))
	for _, m := range []world.Manifest{a, b} {
		if err := s.MarkReplica(t.Context(), m.Newest().SHA256, world.Replica{Region: "eu", State: world.ReplicaCopied, At: noon, VerifiedAt: noon}); err != nil {
			t.Fatal(err)
		}
	}
	replica := func(id, region string) world.Replica {
		m, err := s.Manifest(t.Context(), "crumbs", id)
		if err != nil {
			t.Fatal(err)
		}
		return m.Replicas[slices.IndexFunc(m.Replicas, func(r world.Replica) bool { return r.Region == region })]
	}
	finish(t, c, sha("a"), "eu") // the job that copied it
	later := noon.Add(time.Hour)
	check := func(region string, checks ...world.CopyCheck) {
		t.Helper()
		if err := s.Checked(t.Context(), region, checks); err != nil {
			t.Fatal(err)
		}
	}
	check("eu", world.CopyCheck{SHA256: sha("unknown"), At: later}, world.CopyCheck{SHA256: sha("b"), Good: true, At: later}, world.CopyCheck{SHA256: sha("a"), Good: true, At: noon.Add(-time.Hour)})
	if r := replica(b.MediaID, "eu"); !r.VerifiedAt.Equal(later) || r.State != world.ReplicaCopied {
		t.Errorf("good: %+v", r)
	}
	if r := replica(a.MediaID, "eu"); !r.VerifiedAt.Equal(noon) {
		t.Errorf("an older check took back a newer one: %+v", r)
	}
	check("eu", world.CopyCheck{SHA256: sha("b"), Good: true, At: time.Now().AddDate(1, 0, 0)})
	if r := replica(b.MediaID, "eu"); r.VerifiedAt.After(time.Now().Add(time.Minute)) {
		t.Errorf("verified in the future: %+v", r)
	}
	check("eu", world.CopyCheck{SHA256: sha("a"), At: noon.Add(-time.Hour)})
	if r := replica(a.MediaID, "eu"); r.State != world.ReplicaCopied {
		t.Errorf("it was good after it had been found damaged: %+v", r)
	}
	before := count(t, c.Pool, unfinishedJobs)
	for range 2 { // told again: nothing more
		check("eu", world.CopyCheck{SHA256: sha("a"), At: later})
		if r := replica(a.MediaID, "eu"); r.State != world.ReplicaPending || !r.VerifiedAt.IsZero() || r.Error == "" {
			t.Errorf("damaged: %+v", r)
		}
		if n := count(t, c.Pool, unfinishedJobs) - before; n != 1 {
			t.Errorf("%d jobs more, want the one that sends it anew", n)
		}
	}
	// The write region's own is copied still: nobody can send it there by a job.
	check("us", world.CopyCheck{SHA256: sha("a"), At: later})
	if r := replica(a.MediaID, "us"); r.State != world.ReplicaCopied || !r.VerifiedAt.IsZero() || r.Error == "" {
		t.Errorf("damaged at home: %+v", r)
	}
	check("us", world.CopyCheck{SHA256: sha("a"), Good: true, At: later})
	if r := replica(a.MediaID, "us"); !r.VerifiedAt.Equal(later) || r.Error != "" {
		t.Errorf("healed at home: %+v", r)
	}
}

// finish ends the job that copies an original.
func finish(t *testing.T, c *postgres.Cluster, sha, target string) {
	t.Helper()
	const q = `update river_job set state = 'completed', finalized_at = now() where args->>'sha256' = $1 and args->>'target' = $2`
	if tag, err := c.Pool.Exec(t.Context(), q, sha, target); err != nil || tag.RowsAffected() != 1 {
		t.Fatalf("%v, %v", tag, err)
	}
}
