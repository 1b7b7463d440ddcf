package postgres_test

import (
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

// A standby that takes over may lack the last commits, and gives their numbers
// to others: cursors of the primary before it say nothing there.
func TestAStandbyThatTookOverBeginsAnew(t *testing.T) {
	primary, standby := pgtest.Pair(t)
	before := pgtest.Cluster(t, "catalog-test", "test", primary)
	after := pgtest.Standby(t, "catalog-test", "test", standby)
	put(t, before.Pool, "kept")
	hello, _ := begins(t, postgres.NewFeed(before), world.CursorNow)
	end, err := before.Position(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := after.WaitFor(t.Context(), end, 20*time.Second); err != nil || !ok {
		t.Fatalf("the standby has not caught up: %v", err)
	}
	after.Primary = true
	if _, err := after.Pool.Exec(t.Context(), "select pg_promote()"); err != nil {
		t.Fatal(err)
	}
	put(t, after.Pool, "another")
	took, groups := begins(t, postgres.NewFeed(after), hello.Cursor)
	if !took.Reset || len(groups) != 0 {
		t.Errorf("behind the takeover: %+v, then %v", took, groups)
	}
	if again, _ := begins(t, postgres.NewFeed(after), took.Cursor); again.Reset {
		t.Error("its own cursor is not known")
	}
	if same, _ := begins(t, postgres.NewFeed(before), hello.Cursor); same.Reset {
		t.Error("the one before does not know its own")
	}
}
