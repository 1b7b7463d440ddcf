package postgres_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

// follow runs a feed and hands each event to the returned channel.
func follow(t *testing.T, f *postgres.Feed, after string) <-chan world.Event {
	t.Helper()
	events := make(chan world.Event, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- f.Follow(ctx, after, func(e world.Event) error { events <- e; return nil })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("follow: %v", err)
		}
	})
	return events
}

func next(t *testing.T, events <-chan world.Event, kind string) world.Event {
	t.Helper()
	for {
		select {
		case e := <-events:
			if e.Kind == kind {
				return e
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("no %s came", kind)
		}
	}
}

func put(t *testing.T, pool *pgxpool.Pool, group string) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), "insert into outbox (kind, groups) values ('purge', array[$1])", group); err != nil {
		t.Fatal(err)
	}
}

func newFeed(t *testing.T) (*postgres.Feed, *postgres.Cluster) {
	t.Helper()
	c := pgtest.Cluster(t, "catalog-test", "test", pgtest.Catalog(t))
	f := postgres.NewFeed(c)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return f, c
}

func TestFeedGivesWhatComesAndResumes(t *testing.T) {
	f, c := newFeed(t)
	put(t, c.Pool, "before")
	live := follow(t, f, world.CursorNow)
	next(t, live, world.EventHello)
	put(t, c.Pool, "one")
	put(t, c.Pool, "two")
	one, two := next(t, live, world.EventPurge), next(t, live, world.EventPurge)
	if one.Groups[0] != "one" || two.Groups[0] != "two" {
		t.Fatalf("got %v, %v", one.Groups, two.Groups)
	}
	pos, err := c.Position(t.Context())
	if err != nil || !pos.Covers(one.Position) || one.Position.Zero() {
		t.Errorf("position %v of an event against %v, %v", one.Position, pos, err)
	}
	resumed := follow(t, f, one.Cursor)
	if e := next(t, resumed, world.EventPurge); e.Groups[0] != "two" {
		t.Errorf("after %s came %v", one.Cursor, e.Groups)
	}
	whole := follow(t, f, "")
	if e := next(t, whole, world.EventPurge); e.Groups[0] != "before" {
		t.Errorf("from the start came %v", e.Groups)
	}
}

// A transaction that began first and commits last must not appear behind a
// cursor that a follower already has.
func TestFeedHoldsBackUntilOlderTransactionsEnd(t *testing.T) {
	f, c := newFeed(t)
	ctx := t.Context()
	events := follow(t, f, world.CursorNow)
	next(t, events, world.EventHello)
	slow, err := c.Pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Rollback(ctx)
	if _, err := slow.Exec(ctx, "insert into outbox (kind, groups) values ('purge', '{slow}')"); err != nil {
		t.Fatal(err)
	}
	put(t, c.Pool, "quick")
	select {
	case e := <-events:
		if e.Kind == world.EventPurge {
			t.Fatalf("%v was shown while an older transaction runs", e.Groups)
		}
	case <-time.After(300 * time.Millisecond): // long enough for a wrong event to come
	}
	if err := slow.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	a, b := next(t, events, world.EventPurge), next(t, events, world.EventPurge)
	if a.Groups[0] != "slow" || b.Groups[0] != "quick" {
		t.Errorf("order %v, %v", a.Groups, b.Groups)
	}
}

// A row with more than an event can carry, or with a name that cannot be sent,
// must neither be lost nor stop the feed for those behind it.
func TestARowThatNoEventCanCarryPurgesEverything(t *testing.T) {
	f, c := newFeed(t)
	events := follow(t, f, world.CursorNow)
	next(t, events, world.EventHello)
	exec := func(sql string) {
		t.Helper()
		if _, err := c.Pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`insert into outbox (kind, groups, soft) select 'purge', array_agg('group-' || i), true from generate_series(1, 1001) i`)
	exec(`insert into outbox (kind, groups) values ('purge', array['a b'])`)
	exec(`insert into outbox (kind, groups) select 'purge', array_agg('group-' || i) from generate_series(1, 1000) i`)
	exec(`insert into outbox (kind, urls, purge_id) values ('purge', array['de.example/'], 'x')`)
	for i, want := range []func(world.Event) bool{
		func(e world.Event) bool { return e.All && e.Soft && len(e.Groups) == 0 },
		func(e world.Event) bool { return e.All && !e.Soft && len(e.Groups) == 0 },
		func(e world.Event) bool { return !e.All && len(e.Groups) == 1000 },
		func(e world.Event) bool {
			return !e.All && e.ID == "x" && len(e.URLs) == 1 && e.URLs[0] == "de.example/"
		},
	} {
		if e := next(t, events, world.EventPurge); !want(e) {
			t.Errorf("event %d: %+v", i, e)
		}
	}
}

func TestFeedRefusesRubbish(t *testing.T) {
	f, _ := newFeed(t)
	err := f.Follow(t.Context(), "1;drop table", func(world.Event) error { return nil })
	if !world.Is(err, world.CodeInvalid) {
		t.Errorf("got %v", err)
	}
}

func TestHeartbeatCursorLosesNothing(t *testing.T) {
	f, c := newFeed(t)
	events := follow(t, f, world.CursorNow)
	beat := next(t, events, world.EventHeartbeat)
	put(t, c.Pool, "after")
	if e := next(t, follow(t, f, beat.Cursor), world.EventPurge); e.Groups[0] != "after" {
		t.Errorf("after the heartbeat came %v", e.Groups)
	}
}

// Of a quiet feed its listener knows what to say: for a heartbeat followers take no
// connection. On a slow machine a listener may be late once, and is asked for again.
func TestHeartbeatsOfAQuietFeedTakeNoConnection(t *testing.T) {
	f, c := newFeed(t)
	events := follow(t, f, world.CursorNow)
	before, err := world.ParseCursor(next(t, events, world.EventHeartbeat).Cursor)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		taken := c.Pool.Stat().AcquireCount()
		at, err := world.ParseCursor(next(t, events, world.EventHeartbeat).Cursor)
		if err != nil || !at.Reached(before) {
			t.Fatalf("after %v came %v, %v", before, at, err)
		}
		if c.Pool.Stat().AcquireCount() == taken {
			return
		}
	}
	t.Error("each heartbeat asks the database")
}

// Every table says which class of data it holds (DESIGN.md §3).
func TestEveryTableCarriesItsClass(t *testing.T) {
	for kind, conn := range map[string]string{postgres.Catalog: pgtest.Catalog(t), postgres.Resident: pgtest.Resident(t)} {
		c := pgtest.Cluster(t, kind+"-test", "test", conn)
		rows, err := c.Pool.Query(t.Context(), `select c.relname, coalesce(obj_description(c.oid), '')
			from pg_class c join pg_namespace n on n.oid = c.relnamespace
			where c.relkind in ('r', 'p') and n.nspname = 'public' order by 1`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		n := 0
		for rows.Next() {
			var table, comment string
			if err := rows.Scan(&table, &comment); err != nil {
				t.Fatal(err)
			}
			n++
			var class string
			for _, want := range []string{"public", "resident", "pseudonymous", "aggregate"} {
				if len(comment) > len("class: ")+len(want) && comment[:len("class: ")+len(want)+1] == "class: "+want+";" {
					class = want
				}
			}
			if class == "" {
				t.Errorf("%s: table %s carries no class; write comment on table %s is 'class: public; …'", kind, table, table)
			}
			if kind == postgres.Catalog && class != "public" && class != "pseudonymous" {
				t.Errorf("table %s of class %s stands in the catalog, which every region holds", table, class)
			}
		}
		if n == 0 {
			t.Errorf("%s has no tables", kind)
		}
	}
}

// A primary that is there and does not answer, as after a failover that a
// connection has not noticed: the stream must end, or its follower would take
// the silence for a quiet time and go on with what it has.
func TestFollowEndsWhenThePrimaryHangs(t *testing.T) {
	c := pgtest.Cluster(t, "catalog-test", "test", pgtest.Catalog(t))
	f := postgres.NewFeed(c)
	f.Patient(300 * time.Millisecond)
	var server int
	stopped := false
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := f.Follow(ctx, world.CursorNow, func(e world.Event) error {
		if stopped {
			return nil
		}
		stopped = true
		if err := c.Pool.QueryRow(t.Context(), "select pg_backend_pid()").Scan(&server); err != nil {
			return err
		}
		return syscall.Kill(server, syscall.SIGSTOP)
	})
	if server != 0 {
		_ = syscall.Kill(server, syscall.SIGCONT) // it may have gone with its connection
	}
	if !world.Is(err, world.CodeTimeout) || ctx.Err() != nil {
		t.Errorf("the feed ended with %v, want a timeout of its own", err)
	}
}

// A cursor that the cluster has not reached is of another history: following it
// would let purges by unheard.
func TestACursorOfAnotherHistoryBeginsAnew(t *testing.T) {
	f, c := newFeed(t)
	events := follow(t, f, "18446744073709551615.0")
	hello := next(t, events, world.EventHello)
	if !hello.Reset || hello.Cursor == "18446744073709551615.0" {
		t.Errorf("hello %+v", hello)
	}
	put(t, c.Pool, "g")
	if e := next(t, events, world.EventPurge); e.Groups[0] != "g" {
		t.Errorf("%+v", e)
	}
	again := follow(t, f, hello.Cursor)
	if e := next(t, again, world.EventHello); e.Reset {
		t.Error("a cursor of ours is not known")
	}
	next(t, again, world.EventPurge)
	next(t, again, world.EventHeartbeat)
}
