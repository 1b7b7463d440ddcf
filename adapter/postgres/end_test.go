package postgres_test

import (
	"syscall"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
)

// A standby whose process that replays does not run stands still, and is not at the
// end of its log.
func TestAStandbyThatStandsStillIsNotAtItsEnd(t *testing.T) {
	primary, standby := pgtest.Pair(t)
	a := pgtest.Cluster(t, "catalog-test", "test", primary)
	b := pgtest.Standby(t, "catalog-test", "test", standby)
	var replays, receives int
	if err := b.Pool.QueryRow(t.Context(), `select pid, (select pid from pg_stat_wal_receiver) from pg_stat_activity where backend_type = 'startup'`).Scan(&replays, &receives); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(replays, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	goOn := func() { syscall.Kill(replays, syscall.SIGCONT) }
	t.Cleanup(goOn)
	put(t, a.Pool, "received")
	exec(t, b.Pool, `alter system set primary_conninfo = 'host=/nowhere'`, `select pg_reload_conf()`)
	if err := syscall.Kill(receives, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	has(t, b.Pool, `select count(*)::text from pg_stat_wal_receiver`, "0")
	time.AfterFunc(time.Second, goOn) // later than it would be taken for still
	if _, _, _, err := (&postgres.Console{}).End(soon(t), standby); err != nil {
		t.Fatal(err)
	}
	if got := text(t, b.Pool, `select count(*)::text from outbox`); got != "1" {
		t.Errorf("its end is told, and %s rows are replayed of the one that it has received", got)
	}
}
