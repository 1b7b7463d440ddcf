package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/adapter/postgres"
	"meridian/world"
)

// made creates an asset, after a change of it if there is one.
func made(t *testing.T, s *postgres.MediaStore, a world.Manifest, change ...func(*world.Manifest)) world.Manifest {
	t.Helper()
	for _, f := range change {
		f(&a)
	}
	a.Visibility = a.ShownAs()
	m, _, err := s.Create(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// pending is an asset that nobody has decided about: it lies where it came in.
func pending(m *world.Manifest) {
	m.Moderation = world.Moderation{State: world.ModerationPending, By: "hook", At: noon}
	m.Versions[0].Moderation = world.ModerationPending
	m.Replicas = m.Replicas[:1]
}

func change(t *testing.T, s *postgres.MediaStore, id string, apply func(*world.Manifest) world.AssetChange) world.Manifest {
	t.Helper()
	m, pos, err := s.Change(t.Context(), "crumbs", id, func(m *world.Manifest) (world.AssetChange, error) { return apply(m), nil })
	if err != nil || pos.Zero() {
		t.Fatalf("%v, %v", pos, err)
	}
	return m
}

// everywhere is where a public original of region us shall lie.
func everywhere(at time.Time) []world.Replica { return asset(1, 0, "", at).Replicas }

func newer(m *world.Manifest, original string) world.Version {
	v := m.CurrentVersion()
	v.Number, v.SHA256, v.From = m.Newest().Number+1, sha(original), v.Number
	v.Edit, v.Focal, v.CreatedAt = &world.Edit{Crop: &world.Crop{X: 1, Width: 2, Height: 3}, Rotate: 1}, nil, noon.Add(time.Hour)
	return v
}

func purgedGroups(t *testing.T, c *postgres.Cluster) (groups []string) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), c.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), "set local role none"); err != nil { // the media role may not read it
			return err
		}
		return tx.QueryRow(t.Context(), `select coalesce(array_agg(g order by seq), '{}') from outbox, unnest(groups) g`).Scan(&groups)
	})
	if err != nil {
		t.Fatal(err)
	}
	return groups
}

func TestAChangeIsWholeOrNothing(t *testing.T) {
	t.Parallel() // it waits, mostly
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	a := made(t, s, asset(1, 1, "a", noon))
	later := noon.Add(time.Hour)
	got := change(t, s, a.MediaID, func(m *world.Manifest) world.AssetChange {
		v := newer(m, "b")
		m.Versions, m.Current = append(m.Versions, v), v.Number
		return world.AssetChange{
			Purge:     []string{"g1", "g2"},
			Replicas:  everywhere(later),
			Decisions: map[int]world.Moderation{2: {State: world.ModerationApproved, By: "otto", At: later}},
		}
	})
	read, err := s.Manifest(t.Context(), "", a.MediaID)
	if err != nil || !reflect.DeepEqual(read, got) {
		t.Fatalf("read %+v, %v\ngot %+v", read, err, got)
	}
	v := got.CurrentVersion()
	if got.Current != 2 || v.SHA256 != sha("b") || v.From != 1 || v.Focal != nil || *v.Edit.Crop != (world.Crop{X: 1, Width: 2, Height: 3}) || v.Edit.Rotate != 1 {
		t.Errorf("%+v", v)
	}
	if want := []world.ReplicaState{"pending", "pending", "copied"}; len(got.Replicas) != 3 || got.Replicas[0].State != want[0] || got.Replicas[2].State != want[2] {
		t.Errorf("replicas of the new original: %+v", got.Replicas)
	}
	if g := purgedGroups(t, c); !slices.Equal(g, []string{"g1", "g2"}) {
		t.Errorf("purged %v", g)
	}
	if n := count(t, c.Pool, unfinishedJobs); n != 4 {
		t.Errorf("%d jobs, want 2 an original", n)
	}
	refused := errors.New("refused")
	for name, f := range map[string]func(*world.Manifest) (world.AssetChange, error){
		"refused": func(m *world.Manifest) (world.AssetChange, error) {
			m.Current = 1
			return world.AssetChange{Purge: []string{"g3"}}, refused
		},
		"no such version": func(m *world.Manifest) (world.AssetChange, error) {
			m.Current = 9
			return world.AssetChange{Purge: []string{"g3"}}, nil
		},
		"a replica that cannot be": func(m *world.Manifest) (world.AssetChange, error) {
			m.Versions = append(m.Versions, newer(m, "c"))
			return world.AssetChange{Purge: []string{"g3"}, Replicas: []world.Replica{{Region: "us", State: "lost", At: noon}}}, nil
		},
	} {
		if _, _, err := s.Change(t.Context(), "crumbs", a.MediaID, f); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if read, err := s.Manifest(t.Context(), "crumbs", a.MediaID); err != nil || !reflect.DeepEqual(read, got) || len(purgedGroups(t, c)) != 2 {
		t.Errorf("something was done: %+v, %v", read, err)
	}
}

func TestChangesOfAnAssetComeOneAfterTheOther(t *testing.T) {
	s := mediaStore(t, mediaCluster(t, "us"))
	a := made(t, s, asset(1, 1, "a", noon))
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			_, _, err := s.Change(t.Context(), "crumbs", a.MediaID, func(m *world.Manifest) (world.AssetChange, error) {
				v := newer(m, fmt.Sprint(n))
				m.Versions, m.Current = append(m.Versions, v), v.Number
				return world.AssetChange{Replicas: everywhere(noon), Purge: []string{"g"}}, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	m, err := s.Manifest(t.Context(), "crumbs", a.MediaID)
	if err != nil || len(m.Versions) != 9 || m.Current != 9 {
		t.Errorf("%d versions, current %d, %v", len(m.Versions), m.Current, err)
	}
}

func TestOnlyTheWriteRegionChangesAnAsset(t *testing.T) {
	t.Parallel() // it waits, mostly
	us, eu := mediaCluster(t, "us"), mediaCluster(t, "eu")
	theirs := made(t, mediaStore(t, eu), asset(2, 1, "a", noon))
	s := mediaStore(t, us, &postgres.Cluster{Name: eu.Name, Region: "eu", Pool: eu.Pool})
	for id, want := range map[string]world.Code{
		theirs.MediaID: world.CodeMisdirected, asset(3, 1, "a", noon).MediaID: world.CodeNotFound,
		asset(1, 9, "a", noon).MediaID: world.CodeNotFound, "no id": world.CodeNotFound,
	} {
		_, _, err := s.Change(t.Context(), "crumbs", id, func(*world.Manifest) (world.AssetChange, error) {
			t.Error("applied")
			return world.AssetChange{}, nil
		})
		if !world.Is(err, want) {
			t.Errorf("%s: %v, want %s", id, err, want)
		}
	}
	ours := made(t, s, asset(1, 1, "a", noon))
	if _, _, err := s.Change(t.Context(), "other", ours.MediaID, nil); !world.Is(err, world.CodeNotFound) {
		t.Errorf("another app's: %v", err)
	}
}

func TestWhatIsPendingStaysWhereItIsUntilItIsApproved(t *testing.T) {
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	asked := make(chan postgres.JudgeJob, 10)
	j, err := postgres.StartJobs(t.Context(), c.Pool, quickJobs(), slog.New(slog.DiscardHandler), postgres.JobWork{
		Judge: func(_ context.Context, j postgres.JudgeJob) error { asked <- j; return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Stop(context.Background())
	a := made(t, s, asset(1, 1, "a", noon), pending)
	if a.Visibility != world.Withheld || len(a.Replicas) != 1 || a.Moderation.By != "hook" {
		t.Errorf("%+v", a)
	}
	if j := receive(t, asked); j != (postgres.JudgeJob{App: "crumbs", MediaID: a.MediaID, Version: 1}) {
		t.Errorf("asked about %+v", j)
	}
	list := func(state world.ModerationState) int {
		page, _, err := s.List(t.Context(), "crumbs", world.AssetFilter{State: state}, 10)
		if err != nil {
			t.Error(err)
		}
		return len(page)
	}
	if list(world.ModerationPending) != 1 || list(world.ModerationApproved) != 0 || list("") != 1 {
		t.Error("it is not listed as pending")
	}
	d := world.Moderation{State: world.ModerationApproved, By: "otto", Reason: "a cake", At: noon.Add(time.Minute)}
	got := change(t, s, a.MediaID, func(m *world.Manifest) world.AssetChange {
		m.Moderation, m.Versions[0].Moderation = d, world.ModerationApproved
		return world.AssetChange{Decisions: map[int]world.Moderation{0: d}, Replicas: everywhere(noon)}
	})
	if got.Moderation != d || got.Visibility != world.Public || len(got.Replicas) != 3 || list(world.ModerationPending) != 0 {
		t.Errorf("approved: %+v", got)
	}
	if n := count(t, c.Pool, "select count(*) from river_job where kind = 'replicate_original'"); n != 2 {
		t.Errorf("%d copies under way, want 2", n)
	}
	if n := count(t, c.Pool, "select count(*) from moderation"); n != 2 {
		t.Errorf("%d decisions on record, want 2", n)
	}
}

func TestADeletionLeavesAReceiptAndATombstone(t *testing.T) {
	c := mediaCluster(t, "us")
	s := mediaStore(t, c)
	a := made(t, s, asset(1, 1, "a", noon))
	receipt := world.Deletion{Receipt: "1000000000000abc", App: "crumbs", MediaID: a.MediaID, By: "erika", At: noon.Add(time.Hour)}
	for _, r := range []string{"ap", "eu", "us"} {
		receipt.Removals = append(receipt.Removals, world.Removal{Region: r, State: world.RemovalPending, At: receipt.At})
	}
	if _, err := s.Deletion(t.Context(), "crumbs", a.MediaID); !world.Is(err, world.CodeNotFound) {
		t.Errorf("before: %v", err)
	}
	got := change(t, s, a.MediaID, func(m *world.Manifest) world.AssetChange {
		m.DeletedAt, m.Name, m.Owner = receipt.At, "", ""
		return world.AssetChange{Deletion: &receipt, Purge: []string{"g"}}
	})
	if v := got.Versions[0]; got.Visibility != world.Withheld || got.Name != "" || v.Thumbhash != "" || v.Color != "#ffffff" || v.Focal != nil {
		t.Errorf("the tombstone tells %+v", got)
	}
	if page, _, err := s.List(t.Context(), "crumbs", world.AssetFilter{}, 10); err != nil || len(page) != 0 {
		t.Errorf("listed: %d, %v", len(page), err)
	}
	if n := count(t, c.Pool, "select count(*) from river_job where kind = 'remove_asset' and finalized_at is null"); n != 3 {
		t.Errorf("%d removals under way, want one a region", n)
	}
	at := func(n int) time.Time { return noon.Add(time.Duration(n) * 24 * time.Hour) }
	for _, r := range []world.Removal{
		{Region: "eu", State: world.RemovalFailed, At: at(1), Error: "disk"},
		{Region: "us", State: world.RemovalRemoved, At: at(1)},
		{Region: "us", State: world.RemovalFailed, At: at(2), Error: "late"},
	} {
		if err := s.MarkRemoval(t.Context(), a.MediaID, r); err != nil {
			t.Error(err)
		}
	}
	receipt.Removals[1] = world.Removal{Region: "eu", State: world.RemovalFailed, At: at(1), Error: "disk"}
	receipt.Removals[2] = world.Removal{Region: "us", State: world.RemovalRemoved, At: at(1)}
	if d, err := s.Deletion(t.Context(), "crumbs", a.MediaID); err != nil || !reflect.DeepEqual(d, receipt) || d.Done() {
		t.Errorf("receipt %+v, %v\nwant    %+v", d, err, receipt)
	}
	if err := s.MarkRemoval(t.Context(), a.MediaID, world.Removal{Region: "mars", State: world.RemovalRemoved, At: noon}); !world.Is(err, world.CodeNotFound) {
		t.Errorf("no such removal: %v", err)
	}
}

// Whoever writes to these tables by hand can still show nothing that may not be
// shown, and no asset without the version that its alias names.
func TestTheDatabaseItselfKeepsVisibilityTrue(t *testing.T) {
	c := mediaCluster(t, "us")
	a := made(t, mediaStore(t, c), asset(1, 1, "a", noon))
	for _, q := range []string{
		"update asset set visibility = 'public'", "update asset set current_version = 2", "update asset set audience = 'private'",
		"update asset set zone = 'europe'", "update asset_version set focal_x = 0.5, focal_y = null", "update asset_version set mezzanine_state = 'made'",
		"delete from asset", "delete from moderation", "delete from removal", "update moderation set by = ''",
	} {
		if _, err := c.Pool.Exec(t.Context(), q); err == nil {
			t.Errorf("%s was done", q)
		}
	}
	for q, want := range map[string]string{
		"moderation = 'approved', deleted_at = null, audience = 'private', zone = 'us'": "private",
		"moderation = 'pending'": "withheld", "moderation = 'approved', deleted_at = now()": "withheld",
	} {
		var got string
		err := c.Pool.QueryRow(t.Context(), "update asset set "+q+" where media_id = $1 returning visibility", a.MediaID).Scan(&got)
		if err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", q, got, err, want)
		}
	}
}
