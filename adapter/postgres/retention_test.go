package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

// putOld writes an event of some hours ago.
func putOld(t *testing.T, c *postgres.Cluster, group string, hours int) {
	t.Helper()
	_, err := c.Pool.Exec(t.Context(), "insert into outbox (kind, groups, at) values ('purge', array[$1], now() - $2 * interval '1 hour')", group, hours)
	if err != nil {
		t.Fatal(err)
	}
}

// begins is a feed's hello from a cursor, and the groups up to its first heartbeat.
func begins(t *testing.T, f *postgres.Feed, after string) (hello world.Event, groups []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := f.Follow(ctx, after, func(e world.Event) error {
		switch e.Kind {
		case world.EventHello:
			hello = e
		case world.EventPurge:
			groups = append(groups, e.Groups...)
		default:
			return context.Canceled
		}
		return nil
	})
	if err != context.Canceled {
		t.Fatalf("from %q: %v", after, err)
	}
	return hello, groups
}

// A follower that was away for longer than events are kept is told so, at the
// edge and past it; and so is it when nothing at all is left.
func TestWhoWasAwayForTooLongBeginsAnew(t *testing.T) {
	s, _, super := newPurges(t)
	f := postgres.NewFeed(super)
	var cursors []string
	for i := range 5 {
		hello, _ := begins(t, f, world.CursorNow)
		cursors = append(cursors, hello.Cursor) // before event i
		putOld(t, super, fmt.Sprintf("g%d", i), 100-i)
	}
	forget := func(hours, limit, want int) {
		t.Helper()
		n, err := s.ForgetEvents(t.Context(), time.Now().Add(-time.Duration(hours)*time.Hour), limit)
		if err != nil || n != want {
			t.Fatalf("older than %d hours: %d removed, %v; want %d", hours, n, err, want)
		}
	}
	forget(101, 10, 0)
	forget(97, 2, 2) // of three: a batch is bounded, the oldest go first
	_, events := begins(t, f, "")
	if len(events) != 3 || events[0] != "g2" {
		t.Errorf("left are %v", events)
	}
	for i, c := range cursors {
		hello, groups := begins(t, f, c)
		if reset := i < 2; hello.Reset != reset || reset && len(groups) != 0 || !reset && (len(groups) != 5-i || groups[0] != fmt.Sprintf("g%d", i)) {
			t.Errorf("from before event %d: reset %v, then %v", i, hello.Reset, groups)
		}
	}
	now, _ := begins(t, f, world.CursorNow)
	forget(2, 10, 3)
	forget(2, 10, 0)
	for c, reset := range map[string]bool{cursors[4]: true, now.Cursor: false, "": false, world.CursorNow: false} {
		if hello, groups := begins(t, f, c); hello.Reset != reset || len(groups) != 0 {
			t.Errorf("nothing is left, from %q: reset %v, then %v", c, hello.Reset, groups)
		}
	}
}

// The right to remove is that to old rows alone, and the place is never put back.
func TestOnlyOldRowsCanBeRemoved(t *testing.T) {
	s, _, super := newPurges(t)
	p := askedFor(purgeID, world.Purge{Groups: []string{"g"}})
	if _, _, _, err := s.Begin(t.Context(), p, p.Purge); err != nil {
		t.Fatal(err)
	}
	old := askedFor("1000000000000001", world.Purge{All: true})
	old.At = old.At.Add(-400*24*time.Hour - time.Minute)
	old.Key = "old"
	if _, _, _, err := s.Begin(t.Context(), old, world.Purge{}); err != nil {
		t.Fatal(err)
	}
	if n, err := s.ForgetEvents(t.Context(), time.Now().Add(time.Hour), 10); n != 0 || err != nil {
		t.Errorf("%d events of just now, %v", n, err)
	}
	for _, want := range []int{1, 0} {
		if n, err := s.ForgetPurges(t.Context(), time.Now().Add(-400*24*time.Hour), 10); n != want || err != nil {
			t.Errorf("%d purges, %v; want %d", n, err, want)
		}
	}
	if n, err := s.ForgetPurges(t.Context(), time.Now().Add(time.Hour), 10); n != 0 || err != nil {
		t.Errorf("%d purges of just now, %v", n, err)
	}
	if _, err := s.Asked(t.Context(), purgeID); err != nil {
		t.Error(err)
	}
	if _, err := s.Asked(t.Context(), old.ID); !world.Is(err, world.CodeNotFound) {
		t.Errorf("an old purge: %v", err)
	}
	var shop, media bool
	const may = "select has_function_privilege($1, 'outbox_forget(timestamptz, integer)', 'execute')"
	for role, got := range map[string]*bool{"meridian_shop": &shop, "meridian_media": &media} {
		if err := super.Pool.QueryRow(t.Context(), may, role).Scan(got); err != nil || *got {
			t.Errorf("%s may empty the outbox: %v, %v", role, *got, err)
		}
	}
}

// The shop has no more than it needs, and can follow.
func TestTheShopFollowsWithItsRights(t *testing.T) {
	conn := pgtest.Catalog(t)
	c := pgtest.Cluster(t, "catalog-test", "test", conn+" options='-c role=meridian_shop'")
	put(t, pgtest.Cluster(t, "catalog-test", "test", conn).Pool, "g")
	if _, groups := begins(t, postgres.NewFeed(c), ""); len(groups) != 1 {
		t.Errorf("got %v", groups)
	}
}

// Cursors of one database say nothing in another one that has come in its place:
// made anew on the same server, or put back by an operator, who says so.
func TestADatabaseInPlaceOfAnotherBeginsAnew(t *testing.T) {
	conn := pgtest.Catalog(t)
	before, _ := begins(t, postgres.NewFeed(pgtest.Cluster(t, "catalog-test", "test", conn)), world.CursorNow)
	other := pgtest.Cluster(t, "catalog-test", "test", pgtest.Catalog(t))
	f := postgres.NewFeed(other)
	put(t, other.Pool, "missed") // its numbers have passed the cursor: only the history tells
	hello, groups := begins(t, f, before.Cursor)
	if !hello.Reset || len(groups) != 0 {
		t.Errorf("%+v, then %v", hello, groups)
	}
	if again, _ := begins(t, f, hello.Cursor); again.Reset {
		t.Error("a cursor of its own is not known")
	}
	events := streamEnds(t, f, hello.Cursor)
	if _, err := other.Pool.Exec(t.Context(), "update feed_state set history = gen_random_uuid()"); err != nil {
		t.Fatal(err)
	}
	if err := <-events; !world.Is(err, world.CodeConflict) {
		t.Errorf("a stream goes on in another history: %v", err)
	}
	if renamed, _ := begins(t, f, hello.Cursor); !renamed.Reset {
		t.Error("the operator's word is not heard")
	}
}

// streamEnds is how a feed's stream ends.
func streamEnds(t *testing.T, f *postgres.Feed, after string) <-chan error {
	t.Helper()
	ended, begun := make(chan error, 1), make(chan struct{}, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	go func() {
		ended <- f.Follow(ctx, after, func(e world.Event) error {
			if e.Kind == world.EventHello {
				begun <- struct{}{}
			}
			return nil
		})
	}()
	<-begun
	return ended
}
