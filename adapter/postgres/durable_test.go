package postgres_test

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

// eventually waits for what another process does.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for began := time.Now(); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("%s: not within half a minute", what)
		}
	}
}

// An asset is acknowledged only when the write region's standby has it too,
// whatever becomes of the wait for that.
func TestAnAssetIsAcknowledgedOnlyOnceTheStandbyHasIt(t *testing.T) {
	one, two := pgtest.Pair(t)
	primary, err := pgxpool.New(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	defer primary.Close()
	standby, err := pgxpool.New(t.Context(), two)
	if err != nil {
		t.Fatal(err)
	}
	defer standby.Close()
	if err := postgres.MigrateJobs(t.Context(), primary); err != nil {
		t.Fatal(err)
	}
	// What a role is set to does not lower what a commit waits for.
	if _, err := primary.Exec(t.Context(), `alter role postgres set synchronous_commit = off`); err != nil {
		t.Fatal(err)
	}
	s := mediaStore(t, pgtest.Cluster(t, world.CatalogCluster("us"), "us", asMedia(one)))
	held := func(id string) (n int) {
		t.Helper()
		if err := standby.QueryRow(t.Context(), `select count(*) from asset where media_id = $1`, id).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	first := asset(1, 1, "a", noon)
	if _, _, err := s.Create(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the standby shows what it has confirmed", func() bool { return held(first.MediaID) == 1 })

	goOn := hold(t, standby)
	second := asset(1, 2, "b", noon)
	done := make(chan error, 1)
	go func() {
		_, _, err := s.Create(t.Context(), second)
		done <- err
	}()
	// An operator ends the wait: the server calls that a success.
	eventually(t, "the commit waits for the standby", func() bool {
		var n int
		err := primary.QueryRow(t.Context(), `select count(pg_cancel_backend(pid)) from pg_stat_activity where wait_event = 'SyncRep'`).Scan(&n)
		return err == nil && n > 0
	})
	if err := <-done; !world.Is(err, world.CodeUnavailable) || !strings.Contains(err.Error(), "standby") {
		t.Errorf("an asset that the standby lacks was acknowledged: %v", err)
	}
	// It can be seen, and the same upload again finds it: that is no acknowledgement.
	if _, err := s.Manifest(t.Context(), "crumbs", second.MediaID); err != nil {
		t.Error(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := s.Confirm(soon, second.MediaID); err == nil {
		t.Error("it was confirmed without the standby")
	}
	goOn()
	if err := s.Confirm(t.Context(), second.MediaID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the standby has what was confirmed", func() bool { return held(second.MediaID) == 1 })
	if err := s.Confirm(t.Context(), asset(2, 1, "a", noon).MediaID); err != nil {
		t.Errorf("another region's: %v", err)
	}
}

// hold stops a standby from taking anything more, until goOn.
func hold(t *testing.T, standby *pgxpool.Pool) (goOn func()) {
	t.Helper()
	var pid int
	eventually(t, "the standby follows", func() bool {
		return standby.QueryRow(t.Context(), `select pid from pg_stat_wal_receiver`).Scan(&pid) == nil
	})
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	held := true
	goOn = func() {
		if held {
			held = false
			syscall.Kill(pid, syscall.SIGCONT) // it may have been ended for its silence meanwhile
		}
	}
	t.Cleanup(goOn)
	return goOn
}

func TestAConnectionStringMayNotLowerWhatIsWaitedFor(t *testing.T) {
	conn := pgtest.Catalog(t)
	for level, ok := range map[string]bool{"on": true, "remote_apply": true, "off": false, "local": false, "remote_write": false, "maybe": false} {
		c, err := postgres.Open(t.Context(), "catalog-us", "us", true, conn+" synchronous_commit="+level, "test")
		if ok != (err == nil) || !ok && !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", level, err)
		}
		if err != nil {
			continue
		}
		var shown string
		if err := c.Pool.QueryRow(t.Context(), `show synchronous_commit`).Scan(&shown); err != nil || shown != level {
			t.Errorf("%s is %s, %v", level, shown, err)
		}
		c.Close()
	}
}
