// Package leasetest asks every store of leases the same questions: what a keeper
// of a database cluster relies on, whatever keeps its lease.
package leasetest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"meridian/engine/failover"
	"meridian/world"
)

// Store asks a store that holds nothing yet. again opens the same store as another
// process would; it may return the same.
func Store(t *testing.T, s failover.Store, again func() failover.Store) {
	t.Helper()
	ctx := t.Context()
	none, err := s.Read(ctx, "c")
	if err != nil || none.Epoch != 0 {
		t.Fatalf("before there is a lease: %+v, %v", none, err)
	}
	until := time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.UTC)
	first := failover.Lease{Cluster: "c", Epoch: 1, Primary: "a", Holder: "one", Until: until}
	held, err := s.Swap(ctx, none, first)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again().Read(ctx, "c"); err != nil || !same(got, held) || got.Epoch != 1 || got.Primary != "a" || got.Holder != "one" || !got.Until.Equal(until) {
		t.Errorf("read back: %+v, %v; was %+v", got, err, held)
	}
	if _, err := s.Swap(ctx, none, first); !world.Is(err, world.CodeConflict) {
		t.Errorf("a second first lease: %v", err)
	}
	marked := held
	marked.Standby = "b"
	newer, err := again().Swap(ctx, held, marked)
	if err != nil || newer.Revision == held.Revision {
		t.Fatalf("%+v, %v", newer, err)
	}
	if _, err := s.Swap(ctx, held, held); !world.Is(err, world.CodeConflict) {
		t.Errorf("a change of what has changed: %v", err)
	}
	two := newer
	two.Primary, two.Standby = "b", ""
	if _, err := s.Swap(ctx, newer, two); !world.Is(err, world.CodeInvalid) {
		t.Errorf("another primary in the same epoch: %v", err)
	}
	if got, err := s.Read(ctx, "c"); err != nil || !same(got, newer) || got.Standby != "b" {
		t.Errorf("after refusals: %+v, %v", got, err)
	}
	if got, err := s.Read(ctx, "other"); err != nil || got.Epoch != 0 {
		t.Errorf("another cluster's: %+v, %v", got, err)
	}
	if got := race(t, newer, again); got != 1 {
		t.Errorf("%d of many made the same change", got)
	}
	if got, err := s.Read(ctx, "c"); err != nil || got.Epoch != 2 || got.Standby != "" {
		t.Errorf("at last: %+v, %v", got, err)
	}
}

func same(a, b failover.Lease) bool { return a.Cluster == b.Cluster && a.Revision == b.Revision }

// race has many take the next epoch at once, and counts who got it.
func race(t *testing.T, was failover.Lease, again func() failover.Store) int64 {
	var got atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		s := again()
		all.Go(func() {
			next := was
			next.Epoch, next.Primary, next.Standby = 2, "b", ""
			_, err := s.Swap(context.Background(), was, next)
			if err == nil {
				got.Add(1)
			} else if !world.Is(err, world.CodeConflict) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	return got.Load()
}
