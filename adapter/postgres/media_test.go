package postgres_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

var mediaWorld = &world.World{Regions: []world.Region{{ID: "us", Number: 1}, {ID: "eu", Number: 2}, {ID: "ap", Number: 3}}}

// asMedia makes a connection string use the rights that the media role has.
func asMedia(conn string) string { return conn + " role=meridian_media" }

func mediaStore(t *testing.T, clusters ...*postgres.Cluster) *postgres.MediaStore {
	t.Helper()
	s, err := postgres.NewMediaStore(mediaWorld, clusters[0].Region, clusters)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mediaCluster(t *testing.T, region string) *postgres.Cluster {
	return pgtest.Cluster(t, world.CatalogCluster(region), region, asMedia(pgtest.Catalog(t)))
}

// asset is the n-th asset of a region; the same original makes the same SHA-256.
func asset(region, n int, original string, at time.Time) world.Manifest {
	var random [15]byte
	copy(random[:], fmt.Sprintf("%015d", n))
	r := mediaWorld.Regions[region-1].ID
	m := world.Manifest{
		App: "crumbs", MediaID: world.NewMediaID(region, random), Name: "Käse'kuchen.jpg", Owner: "Erika's",
		Visibility: world.Public, Audience: world.Public, WriteRegion: r, Current: 1, CreatedAt: at,
		Versions: []world.Version{{
			Number: 1, SHA256: sha(original), MediaType: "image/jpeg", Bytes: 1 << 33, Width: 4000, Height: 3000, Frames: 1,
			Color: "#aabbcc", Thumbhash: "1QcSHQRnh493V4dIh4eXh1h4kJUI", Focal: &world.Point{X: 0.1, Y: 1},
			Moderation: world.ModerationApproved, CreatedAt: at,
		}},
		Moderation: world.Moderation{State: world.ModerationApproved, By: "automatic", At: at},
	}
	for _, other := range mediaWorld.Regions {
		state := world.ReplicaPending
		if other.ID == r {
			state = world.ReplicaCopied
		}
		m.Replicas = append(m.Replicas, world.Replica{Region: other.ID, State: state, At: at})
	}
	return m
}

func sha(original string) string { return fmt.Sprintf("%064x", original)[:64] }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

func count(t *testing.T, pool *pgxpool.Pool, query string) (n int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

const unfinishedJobs = "select count(*) from river_job where finalized_at is null and kind <> 'prepare_version'"

func TestAnAssetIsReadAsItWasCreated(t *testing.T) {
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	want := asset(1, 1, "a", noon)
	stored, pos, err := s.Create(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Manifest(t.Context(), "crumbs", want.MediaID)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, stored) {
		t.Errorf("read    %+v\ncreated %+v", got, stored)
	}
	want.Replicas = got.Replicas // the store orders them by region
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v\nwant %+v", got, want)
	}
	if here, err := c.Position(t.Context()); err != nil || !here.Covers(pos) || pos.Zero() {
		t.Errorf("position %v is not of this cluster, now at %v, %v", pos, here, err)
	}
	if n := count(t, c.Pool, unfinishedJobs); n != 2 {
		t.Errorf("%d jobs, want one a region that lacks the original", n)
	}
}

func TestCreateIsAllOrNothing(t *testing.T) {
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	first := asset(1, 1, "a", noon)
	if _, _, err := s.Create(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	again, badColor, badReplica := asset(1, 1, "b", noon), asset(1, 2, "b", noon), asset(1, 3, "b", noon)
	badColor.Versions[0].Color = "red"
	badReplica.Replicas[2].State = "lost"
	for name, bad := range map[string]struct {
		asset world.Manifest
		code  world.Code
	}{"id taken": {again, world.CodeConflict}, "color": {badColor, world.CodeUnprocessed}, "replica": {badReplica, world.CodeUnprocessed}} {
		if _, _, err := s.Create(t.Context(), bad.asset); world.CodeOf(err) != bad.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	for table, want := range map[string]int{"asset": 1, "asset_version": 1, "replica": 3} {
		if n := count(t, c.Pool, "select count(*) from "+table); n != want {
			t.Errorf("%s: %d rows, want %d", table, n, want)
		}
	}
	if n := count(t, c.Pool, unfinishedJobs); n != 2 {
		t.Errorf("%d jobs, want those of the first asset", n)
	}
}

func TestTheSameOriginalAgainKeepsItsCopiesAndTakesUpItsFailures(t *testing.T) {
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	if _, _, err := s.Create(t.Context(), asset(1, 1, "a", noon)); err != nil {
		t.Fatal(err)
	}
	mark(t, s, sha("a"), world.Replica{Region: "eu", State: world.ReplicaCopied, At: noon.Add(time.Second)})
	mark(t, s, sha("a"), world.Replica{Region: "ap", State: world.ReplicaFailed, At: noon.Add(2 * time.Second), Error: "link cut"})
	later := noon.Add(time.Hour)
	got, _, err := s.Create(t.Context(), asset(1, 2, "a", later))
	if err != nil {
		t.Fatal(err)
	}
	want := []world.Replica{
		{Region: "ap", State: world.ReplicaPending, At: later},
		{Region: "eu", State: world.ReplicaCopied, At: noon.Add(time.Second)},
		{Region: "us", State: world.ReplicaCopied, At: noon},
	}
	if !reflect.DeepEqual(got.Replicas, want) {
		t.Errorf("replicas %+v\nwant     %+v", got.Replicas, want)
	}
	if n := count(t, c.Pool, unfinishedJobs); n != 2 {
		t.Errorf("%d jobs for one original and two targets", n)
	}
}

func mark(t *testing.T, s *postgres.MediaStore, sha256 string, r world.Replica) {
	t.Helper()
	if err := s.MarkReplica(t.Context(), sha256, r); err != nil {
		t.Fatal(err)
	}
}

func TestMarkReplica(t *testing.T) {
	s := mediaStore(t, mediaCluster(t, "us"))
	a := asset(1, 1, "a", noon)
	if _, _, err := s.Create(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	at := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	for _, step := range []struct{ mark, want world.Replica }{
		{ // a failed attempt says why, and does not make the wait look shorter
			world.Replica{Region: "eu", State: world.ReplicaPending, At: at(1), Error: "link cut"},
			world.Replica{Region: "eu", State: world.ReplicaPending, At: noon, Error: "link cut"},
		},
		{
			world.Replica{Region: "eu", State: world.ReplicaFailed, At: at(2), Error: "given up"},
			world.Replica{Region: "eu", State: world.ReplicaFailed, At: at(2), Error: "given up"},
		},
		{
			world.Replica{Region: "eu", State: world.ReplicaCopied, At: at(3)},
			world.Replica{Region: "eu", State: world.ReplicaCopied, At: at(3)},
		},
		{ // a late failure of a second attempt
			world.Replica{Region: "eu", State: world.ReplicaFailed, At: at(4), Error: "late"},
			world.Replica{Region: "eu", State: world.ReplicaCopied, At: at(3)},
		},
	} {
		mark(t, s, sha("a"), step.mark)
		m, err := s.Manifest(t.Context(), "crumbs", a.MediaID)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Replicas[1]; got != step.want {
			t.Errorf("after %+v:\n got %+v\nwant %+v", step.mark, got, step.want)
		}
	}
	for _, r := range []struct{ sha256, region string }{{sha("b"), "eu"}, {sha("a"), "mars"}} {
		err := s.MarkReplica(t.Context(), r.sha256, world.Replica{Region: r.region, State: world.ReplicaCopied, At: noon})
		if !world.Is(err, world.CodeNotFound) {
			t.Errorf("%v: %v", r, err)
		}
	}
}

func TestUncopiedCountsByTargetAndState(t *testing.T) {
	s := mediaStore(t, mediaCluster(t, "us"))
	for n, name := range []string{"a", "b", "c"} {
		if _, _, err := s.Create(t.Context(), asset(1, n, name, noon.Add(time.Duration(n)*time.Second))); err != nil {
			t.Fatal(err)
		}
	}
	mark(t, s, sha("a"), world.Replica{Region: "eu", State: world.ReplicaCopied, At: noon})
	mark(t, s, sha("c"), world.Replica{Region: "eu", State: world.ReplicaFailed, At: noon.Add(time.Hour)})
	got := map[string]string{}
	err := s.Uncopied(t.Context(), func(region string, state world.ReplicaState, n int, oldest time.Time) {
		got[region+" "+string(state)] = fmt.Sprint(n, oldest.Sub(noon))
	})
	want := map[string]string{"ap pending": "3 0s", "eu pending": "1 1s", "eu failed": "1 1h0m0s"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func TestAssetsAreReadFromTheCatalogOfTheirWriteRegion(t *testing.T) {
	us, eu := mediaCluster(t, "us"), mediaCluster(t, "eu")
	theirs := asset(2, 1, "a", noon)
	if _, _, err := mediaStore(t, eu).Create(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	s := mediaStore(t, us, &postgres.Cluster{Name: eu.Name, Region: "eu", Pool: eu.Pool})
	if m, err := s.Manifest(t.Context(), "crumbs", theirs.MediaID); err != nil || m.WriteRegion != "eu" {
		t.Errorf("theirs: %+v, %v", m, err)
	}
	for name, c := range map[string]struct{ app, id string }{
		"unknown":                    {"crumbs", asset(2, 9, "a", noon).MediaID},
		"another app's":              {"other", theirs.MediaID},
		"region without a cluster":   {"crumbs", asset(3, 1, "a", noon).MediaID},
		"region that does not exist": {"crumbs", world.NewMediaID(30, [15]byte{})},
		"no id":                      {"crumbs", "'; drop table asset"},
	} {
		if _, err := s.Manifest(t.Context(), c.app, c.id); !world.Is(err, world.CodeNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestListGoesThroughEveryAssetOnce(t *testing.T) {
	us, eu := mediaCluster(t, "us"), mediaCluster(t, "eu")
	s := mediaStore(t, us, eu)
	want := map[string]bool{}
	for n := range 7 {
		at := noon.Add(time.Duration(n/3) * time.Second) // several at the same moment
		for region, store := range []*postgres.MediaStore{s, mediaStore(t, eu)} {
			a := asset(region+1, n, "a", at)
			if _, _, err := store.Create(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			want[a.MediaID] = true
		}
	}
	for _, limit := range []int{1, 3, 14, 50} {
		got := map[string]bool{}
		before, id := time.Time{}, ""
		last := noon.Add(time.Hour)
		for {
			page, missing, err := s.List(t.Context(), "crumbs", world.AssetFilter{Before: before, BeforeID: id}, limit)
			if err != nil || len(missing) > 0 || len(page) > limit {
				t.Fatalf("limit %d: %d assets, missing %v, %v", limit, len(page), missing, err)
			}
			for _, m := range page {
				if got[m.MediaID] || m.CreatedAt.After(last) || len(m.Versions) != 1 || len(m.Replicas) != 3 {
					t.Fatalf("limit %d: %s twice, out of order or not whole", limit, m.MediaID)
				}
				got[m.MediaID], last = true, m.CreatedAt
			}
			if len(page) < limit {
				break
			}
			before, id = page[len(page)-1].CreatedAt, page[len(page)-1].MediaID
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("limit %d: %d of %d assets", limit, len(got), len(want))
		}
	}
	if page, _, err := s.List(t.Context(), "other", world.AssetFilter{}, 10); err != nil || len(page) != 0 {
		t.Errorf("another app sees %d, %v", len(page), err)
	}
}

func TestListFindsByName(t *testing.T) {
	s := mediaStore(t, mediaCluster(t, "us"))
	for i, name := range []string{"Wedding CAKE.jpg", "100% rye_bread.png", "Käsekuchen.jpg"} {
		a := asset(1, i+1, strings.Repeat(string(rune('a'+i)), 1), noon.Add(time.Duration(i)*time.Second))
		a.Name = name
		if _, _, err := s.Create(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]int{"": 3, "cake": 1, "KUCHEN": 1, "käse": 1, "%": 1, "_": 1, "jpg": 2, "none": 0, "'": 0} {
		page, _, err := s.List(t.Context(), "crumbs", world.AssetFilter{Name: text}, 10)
		if err != nil || len(page) != want {
			t.Errorf("%q finds %d, %v; want %d", text, len(page), err, want)
		}
	}
}

func TestListNamesTheRegionsItCouldNotRead(t *testing.T) {
	us := mediaCluster(t, "us")
	away := pgtest.Standby(t, "catalog-eu", "eu", "host=/nonexistent user=x dbname=x")
	s := mediaStore(t, us, away)
	if _, _, err := s.Create(t.Context(), asset(1, 1, "a", noon)); err != nil {
		t.Fatal(err)
	}
	page, missing, err := s.List(t.Context(), "crumbs", world.AssetFilter{}, 10)
	if err != nil || len(page) != 1 || len(missing) != 1 || missing[0] != "eu" {
		t.Errorf("%d assets, missing %v, %v", len(page), missing, err)
	}
	us.Pool.Close()
	if _, _, err := s.List(t.Context(), "crumbs", world.AssetFilter{}, 10); err == nil {
		t.Error("no cluster answers and there is no error")
	}
	if _, err := s.Manifest(t.Context(), "crumbs", asset(2, 1, "a", noon).MediaID); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("a cluster that is away: %v", err)
	}
}

func TestNewMediaStoreNeedsItsPrimary(t *testing.T) {
	for name, c := range map[string]*postgres.Cluster{
		"standby":        {Name: "catalog-us", Region: "us"},
		"another's":      {Name: "catalog-eu", Region: "eu", Primary: true},
		"unknown region": {Name: "catalog-mars", Region: "mars", Primary: true},
	} {
		_, err := postgres.NewMediaStore(mediaWorld, "us", []*postgres.Cluster{c})
		if !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), "region") && !strings.Contains(err.Error(), "Region") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCreateThatIsGivenUpStoresNothing(t *testing.T) {
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Create(ctx, asset(1, 1, "a", noon)); err == nil {
		t.Error("created without a context")
	}
	if n := count(t, c.Pool, "select count(*) from asset"); n != 0 {
		t.Errorf("%d assets", n)
	}
}
