package postgres_test

import (
	"slices"
	"testing"
	"time"

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
	var got []string
	after := ""
	for {
		page, err := s.Held(t.Context(), "us", after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page {
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

func TestCopiesFoundGoodAreMarked(t *testing.T) {
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	made(t, s, asset(1, 1, "a", noon))
	made(t, s, asset(1, 2, "b", noon))
	if err := s.Verified(t.Context(), "us", []string{sha("a"), sha("unknown")}, noon); err != nil {
		t.Fatal(err)
	}
	if n := count(t, c.Pool, `select count(*) from replica where verified_at is not null`); n != 1 {
		t.Errorf("%d marked, want 1", n)
	}
}
