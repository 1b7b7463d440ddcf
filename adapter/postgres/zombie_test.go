package postgres_test

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/adapter/postgres"
	"meridian/engine/failover"
	"meridian/test/pgtest"
	"meridian/world"
)

// zombie is a pair whose first node was taken over from and has come back
// unfenced, as a primary that waits for the other: what no keeper would start.
func zombie(t *testing.T) *pgtest.Kept {
	t.Helper()
	k := pgtest.Keep(t, postgres.Resident, nil)
	k.LeaveSynced()
	c := k.Open(0)
	if _, err := c.Pool.Exec(t.Context(), `create table kept (key text primary key)`); err != nil {
		t.Fatal(err)
	}
	a, b := k.Nodes[0].Name, k.Nodes[1].Name
	for _, step := range []func() error{
		func() error { return k.Pair.Kill(t.Context(), a) },
		func() error { return k.Pair.Promote(t.Context(), b) },
		func() error { return k.Pair.StartPrimary(t.Context(), a, b) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// The traps of a zombie, one by one. Its own superuser can see through all of
// them; a role's connections must not.
func TestAZombieIsNotBelieved(t *testing.T) {
	k := zombie(t)
	raw := func(extra string) *pgx.Conn {
		t.Helper()
		conn, err := pgx.Connect(t.Context(), k.ConnOf(0)+extra)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close(context.Background()) })
		return conn
	}
	// The traps are there: a write that was given up can be seen (i), and who says
	// so waits for nobody (iii).
	asking, cancel := context.WithCancel(t.Context())
	defer cancel()
	gaveUp, waiter := make(chan error, 1), raw("")
	go func() {
		_, err := waiter.Exec(asking, `insert into kept values ('given up')`)
		gaveUp <- err
	}()
	look := raw("")
	eventually(t, "the commit waits at the zombie", func() bool {
		var n int
		return look.QueryRow(t.Context(), `select count(*) from pg_stat_activity where wait_event = 'SyncRep'`).Scan(&n) == nil && n > 0
	})
	cancel()
	if err := <-gaveUp; err == nil {
		t.Fatal("the zombie waits for nobody: this test shows nothing")
	}
	if _, err := raw(" synchronous_commit=off").Exec(t.Context(), `insert into kept values ('off')`); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both are seen at the zombie", func() bool {
		var n int
		return look.QueryRow(t.Context(), `select count(*) from kept`).Scan(&n) == nil && n == 2
	})

	t.Run("iv: the zombie is first in the list", func(t *testing.T) {
		c := k.Open(0)
		for range 10 { // more than one connection
			if err := c.Insert(t.Context(), `insert into kept values (gen_random_uuid()::text)`); err != nil {
				t.Fatal(err)
			}
		}
		var port int
		if err := c.Pool.QueryRow(t.Context(), `select setting::int from pg_settings where name = 'port'`).Scan(&port); err != nil || port != k.Nodes[1].Port {
			t.Errorf("it is connected to %d, %v", port, err)
		}
		var n int
		if err := c.Pool.QueryRow(t.Context(), `select count(*) from kept where key in ('given up', 'off')`).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d rows of the zombie's, %v", n, err)
		}
	})
	t.Run("the newest primary is away and only the zombie answers", func(t *testing.T) {
		c := k.Open(0)
		if err := c.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := k.Sup.StopOne(t.Context(), k.Nodes[1].Name); err != nil {
			t.Fatal(err)
		}
		err := c.Insert(t.Context(), `insert into kept values ('to the zombie')`) // tried again until its patience is over
		if err == nil || !strings.Contains(err.Error(), "taken over") {
			t.Errorf("it was given to the zombie: %v", err)
		}
		if err := k.Pair.StartPrimary(t.Context(), k.Nodes[1].Name, ""); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("ii: an operator ends the wait", func(t *testing.T) {
		// Where only the zombie is named, nothing tells that it is one: its commits
		// wait, and one whose wait is ended is no acknowledgement.
		c := pgtest.Cluster(t, "resident-test", "test", k.ConnOf(0))
		done := make(chan error, 1)
		go func() { done <- c.Insert(t.Context(), `insert into kept values ('cancelled')`) }()
		super := raw("")
		eventually(t, "a commit waits", func() bool {
			var n int
			return super.QueryRow(t.Context(), `select count(pg_cancel_backend(pid)) from pg_stat_activity where wait_event = 'SyncRep'`).Scan(&n) == nil && n > 0
		})
		if err := <-done; !world.Is(err, world.CodeUnavailable) {
			t.Errorf("a wait that was ended is told as %v", err)
		}
	})
	t.Run("its rows are gone once it is rewound", func(t *testing.T) {
		if err := k.Pair.Kill(t.Context(), k.Nodes[0].Name); err != nil {
			t.Fatal(err)
		}
		if err := k.Sup.StopOne(t.Context(), k.Nodes[1].Name); err != nil {
			t.Fatal(err)
		}
		lease, err := k.Store.Read(t.Context(), "resident-test")
		if err != nil {
			t.Fatal(err)
		}
		next := lease
		next.Epoch, next.Primary, next.Standby = lease.Epoch+1, k.Nodes[1].Name, ""
		if _, err := k.Store.Swap(t.Context(), lease, next); err != nil {
			t.Fatal(err)
		}
		k.Begin(nil)
		k.Await(failover.Synced)
		c := k.Open(0)
		var n int
		if err := c.Pool.QueryRow(t.Context(), `select count(*) from kept where key in ('given up', 'off', 'cancelled')`).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d rows of the zombie's, %v", n, err)
		}
	})
}

// A session that would not wait for the standby is refused, however it came by that.
func TestASessionThatWaitsForNobodyIsRefused(t *testing.T) {
	conn := pgtest.Catalog(t)
	c := pgtest.Cluster(t, world.CatalogCluster("us"), "us", conn+" options='-c synchronous_commit=local'")
	var level string
	if err := c.Pool.QueryRow(t.Context(), `show synchronous_commit`).Scan(&level); err == nil && level != "on" {
		t.Errorf("it is taken with %s", level)
	}
}

// Before its first checkpoint a promoted server's control file names the timeline
// before: a position must not.
func TestAPositionNamesTheTimelineFromThePromotionOn(t *testing.T) {
	k := pgtest.Keep(t, postgres.Resident, nil)
	k.LeaveSynced()
	c := k.Open(0)
	before, err := c.Position(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Pair.Kill(t.Context(), k.Nodes[0].Name); err != nil {
		t.Fatal(err)
	}
	if err := k.Pair.Promote(t.Context(), k.Nodes[1].Name); err != nil {
		t.Fatal(err)
	}
	var after world.Position
	eventually(t, "the other answers", func() bool {
		after, err = c.Position(t.Context())
		return err == nil
	})
	if after.Epoch != before.Epoch+1 || !after.Covers(before) || before.Covers(after) {
		t.Errorf("before %v, after %v", before, after)
	}
}

// Its process is stopped, not dead: it is noticed, killed and taken over from.
func TestAHungPrimaryIsTakenOverFrom(t *testing.T) {
	k := pgtest.Keep(t, postgres.Resident, nil)
	c := k.Open(0)
	w := write(t, c)
	w.more(t, 50)
	before, began := k.Await(failover.Synced), time.Now()
	for _, pid := range k.Processes(k.Primary()) {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil && err != syscall.ESRCH { // one may have ended since it was listed
			t.Fatal(err)
		}
	}
	s := k.Until("the other is primary", func(s failover.Status) bool { return s.Epoch > before.Epoch && s.Takeover != nil })
	t.Logf("noticed and taken over %.1f s after it stopped; the promotion took %.0f ms", time.Since(began).Seconds(), s.Takeover.Seconds*1000)
	w.more(t, 50)
	k.Await(failover.Synced)
	w.endWhole(t)
}

// The standby is killed and kept down: commits wait, and not for ever; it is told;
// and when the standby is back they wait for it again.
func TestCommitsDoNotWaitForEverForALostStandby(t *testing.T) {
	k := pgtest.Keep(t, postgres.Resident, nil)
	c := k.Open(0)
	w := write(t, c)
	w.more(t, 50)
	k.Await(failover.Synced)
	primary := k.Primary()
	standby := k.Nodes[1-primary].Name
	if err := k.Sup.Kill(t.Context(), standby); err != nil {
		t.Fatal(err)
	}
	s := k.Await(failover.Degraded)
	if lease, err := k.Store.Read(t.Context(), s.Cluster); err != nil || lease.Standby != "" {
		t.Errorf("the lost standby is marked still: %+v, %v", lease, err)
	}
	w.more(t, 50)
	t.Logf("the longest that a writer waited was %.1f s", float64(w.gap.Load())/1e9)
	// Now the primary dies too: the standby lacks what was acknowledged, so it waits.
	epoch, killed := k.Keeper.Status().Epoch, sigkill(t, k, primary)
	k.Until("the same primary is back", func(s failover.Status) bool {
		pid := k.Pair.PID(k.Nodes[primary].Name)
		return pid != 0 && pid != killed && s.Epoch == epoch && s.State == failover.Degraded
	})
	w.more(t, 50)
	if err := k.Sup.Revive(t.Context(), standby); err != nil {
		t.Fatal(err)
	}
	k.Await(failover.Synced)
	w.more(t, 50)
	w.endWhole(t)
}

// Keeper and servers die together, in the middle of a promotion among other
// moments; the next keeper carries on, and each epoch has a timeline of its own.
func TestAKeeperThatDiesInMidPromotionIsCarriedOn(t *testing.T) {
	k := pgtest.Keep(t, postgres.Resident, nil)
	c := k.Open(0)
	w := write(t, c)
	var timeline uint32
	for round := range rounds(t, 2) {
		w.more(t, 50)
		before := k.Await(failover.Synced)
		sigkill(t, k, k.Primary())
		k.Until("a takeover has begun", func(s failover.Status) bool { return s.State != failover.Synced })
		time.Sleep(time.Duration(round*23%80) * time.Millisecond) // another moment each time, not an interval that is relied on
		k.Crash()
		k.Begin(nil)
		after := k.Until("both are in step, and the primary has told its timeline", func(s failover.Status) bool {
			return s.State == failover.Synced && s.Timeline != 0
		})
		if after.Epoch > before.Epoch && after.Timeline <= timeline {
			t.Errorf("round %d: epoch %d writes on timeline %d, and one before it on %d", round, after.Epoch, after.Timeline, timeline)
		}
		timeline = max(timeline, after.Timeline)
		t.Logf("round %d: epoch %d became %d, %s is primary on timeline %d", round, before.Epoch, after.Epoch, after.Primary, after.Timeline)
	}
	before := k.Await(failover.Synced)
	for node := range k.Nodes {
		sigkill(t, k, node)
	}
	k.Until("both were killed, and are back", func(s failover.Status) bool {
		return s.State == failover.Synced && s.Since.After(before.Since)
	})
	w.more(t, 50)
	w.endWhole(t)
}

// Without pg_rewind, or where it fails, the old primary is copied anew from the
// running one.
func TestAStandbyIsCopiedAnewFromARunningPrimary(t *testing.T) {
	k := pgtest.Keep(t, postgres.Resident, nil)
	k.LeaveSynced()
	c := k.Open(0)
	w := write(t, c)
	w.more(t, 50)
	node, of := k.Nodes[1].Name, k.Nodes[0].Name
	if err := k.Pair.Kill(t.Context(), k.Nodes[1].Name); err != nil {
		t.Fatal(err)
	}
	if err := k.Pair.Confirm(t.Context(), of, ""); err != nil {
		t.Fatal(err)
	}
	if err := k.Pair.Rejoin(t.Context(), node, of, true); err != nil {
		t.Fatal(err)
	}
	w.more(t, 20)
	if err := k.Pair.StartStandby(t.Context(), node, of); err != nil {
		t.Fatal(err)
	}
	if err := k.Pair.Confirm(t.Context(), of, node); err != nil {
		t.Fatal(err)
	}
	w.more(t, 20)
	w.endWhole(t)
}
