package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

var purgeWorld = &world.World{Regions: []world.Region{{ID: "test", Number: 1}, {ID: "other", Number: 2}}}

const purgeID = "1000000000000000"

// newPurges is the ledger as ops has it: with ops's rights and no others.
func newPurges(t *testing.T) (*postgres.PurgeStore, *postgres.Cluster, *postgres.Cluster) {
	t.Helper()
	conn := pgtest.Catalog(t)
	super := pgtest.Cluster(t, "catalog-test", "test", conn)
	ops := pgtest.Cluster(t, "catalog-test", "test", conn+" options='-c role=meridian_ops'")
	s, err := postgres.NewPurgeStore(purgeWorld, "test", []*postgres.Cluster{ops})
	if err != nil {
		t.Fatal(err)
	}
	return s, ops, super
}

func askedFor(id string, p world.Purge) world.PurgeAsked {
	p.ID = id
	return world.PurgeAsked{Purge: p, Token: "tester", Client: "192.0.2.0/24", At: time.Now().UTC().Truncate(time.Microsecond), Regions: []string{"test"}}
}

func TestAPurgeIsWrittenDownAndInTheFeedAtOnce(t *testing.T) {
	s, _, super := newPurges(t)
	f := postgres.NewFeed(super)
	events := follow(t, f, "")
	next(t, events, world.EventHello)
	asked := askedFor(purgeID, world.Purge{Groups: []string{"de/pages"}, URLs: []string{"de.example/"}, Soft: true})
	_, cursor, existed, err := s.Begin(t.Context(), asked, asked.Purge)
	if err != nil || existed || cursor == (world.Cursor{}) {
		t.Fatalf("%v, %v, %v", cursor, existed, err)
	}
	e := next(t, follow(t, f, ""), world.EventPurge)
	if e.ID != purgeID || !e.Soft || e.All || !slices.Equal(e.Groups, asked.Groups) || !slices.Equal(e.URLs, asked.URLs) || placeOf(t, e) != cursor {
		t.Errorf("%+v, placed at %v", e, cursor)
	}
	got, err := s.Asked(t.Context(), purgeID)
	if err != nil || got.Token != "tester" || got.Client != asked.Client || !got.At.Equal(asked.At) || got.Result.Placed["test"] != cursor.String() || got.Result.Done {
		t.Errorf("%+v, %v", got, err)
	}
	if rest, err := s.Unplaced(t.Context(), time.Time{}, 10); err != nil || len(rest) != 0 {
		t.Errorf("unplaced: %+v, %v", rest, err)
	}
	done := world.PurgeResult{Done: true, MS: 250, Acks: []world.PurgeAck{{Tier: "edge-fra", MS: 12}}, Missing: []string{"edge-nrt"}}
	if err := s.Record(t.Context(), purgeID, done); err != nil {
		t.Fatal(err)
	}
	got, err = s.Asked(t.Context(), purgeID)
	if err != nil || !got.Result.Done || got.Result.Placed["test"] != cursor.String() || len(got.Result.Acks) != 1 || got.Result.Missing[0] != "edge-nrt" {
		t.Errorf("%+v, %v", got, err)
	}
	if err := s.Record(t.Context(), "1000000000000001", done); !world.Is(err, world.CodeNotFound) {
		t.Errorf("a result of nothing: %v", err)
	}
}

// What one event cannot carry becomes several, and the cursor is the last one's:
// whoever has taken it has taken all.
func TestALargePurgeBecomesSeveralEvents(t *testing.T) {
	s, _, super := newPurges(t)
	after := ""
	for _, c := range []struct {
		groups int
		each   []int // groups of each event
	}{
		{world.MaxPurgeNames, []int{world.MaxPurgeNames}},
		{world.MaxPurgeNames + 1, []int{world.MaxPurgeNames, 1}},
		{2*world.MaxPurgeNames + 1, []int{world.MaxPurgeNames, world.MaxPurgeNames, 1}},
	} {
		var p world.Purge
		for i := range c.groups {
			p.Groups = append(p.Groups, fmt.Sprintf("de/p/cake-%d", i))
		}
		cursor, err := s.Place(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		events := follow(t, postgres.NewFeed(super), after)
		var got []string
		for i, n := range c.each {
			e := next(t, events, world.EventPurge)
			if e.All || len(e.Groups) != n {
				t.Fatalf("of %d groups event %d has %d, all %v", c.groups, i, len(e.Groups), e.All)
			}
			if last := i == len(c.each)-1; last != (placeOf(t, e) == cursor) {
				t.Errorf("of %d groups event %d is at %s, the purge at %v", c.groups, i, e.Cursor, cursor)
			}
			got, after = append(got, e.Groups...), e.Cursor
		}
		if !slices.Equal(got, p.Groups) {
			t.Errorf("%d of %d groups before the cursor", len(got), len(p.Groups))
		}
	}
}

func TestATokensKeyIsUsedOnce(t *testing.T) {
	s, ops, super := newPurges(t)
	a := askedFor(purgeID, world.Purge{All: true})
	a.Key = "deploy-41"
	b := askedFor("1000000000000001", world.Purge{All: true})
	b.Key = a.Key
	if _, _, existed, err := s.Begin(t.Context(), a, a.Purge); err != nil || existed {
		t.Fatal(existed, err)
	}
	was, _, existed, err := s.Begin(t.Context(), b, b.Purge)
	if err != nil || !existed || was.ID != a.ID || !was.All {
		t.Errorf("%+v, %v, %v", was, existed, err)
	}
	b.Token = "another"
	if _, _, existed, err := s.Begin(t.Context(), b, world.Purge{}); err != nil || existed {
		t.Errorf("another token's: %v, %v", existed, err)
	}
	for i := range 2 { // without a key nothing is the same
		c := askedFor(fmt.Sprintf("100000000000001%d", i), world.Purge{All: true})
		if _, _, existed, err := s.Begin(t.Context(), c, world.Purge{}); err != nil || existed {
			t.Errorf("without a key: %v, %v", existed, err)
		}
	}
	var events int
	if err := super.Pool.QueryRow(t.Context(), "select count(*) from outbox").Scan(&events); err != nil || events != 1 {
		t.Errorf("%d events, %v", events, err)
	}
	rest, err := s.Unplaced(t.Context(), time.Time{}, 10)
	if err != nil || len(rest) != 3 {
		t.Errorf("%d unplaced, %v", len(rest), err)
	}
	if rest, _ := s.Unplaced(t.Context(), time.Now().Add(time.Hour), 10); len(rest) != 0 {
		t.Error("older than is asked for")
	}
	list, missing, err := s.List(t.Context(), "tester", time.Time{}, 10)
	if err != nil || len(list) != 3 || len(missing) != 0 || list[0].At.Before(list[2].At) {
		t.Errorf("%+v, %v, %v", list, missing, err)
	}
	if list, _, _ := s.List(t.Context(), "", time.Time{}, 2); len(list) != 2 {
		t.Errorf("%d of everybody's", len(list))
	}
	if list, _, _ := s.List(t.Context(), "", a.At, 10); len(list) != 0 {
		t.Errorf("%d before the first", len(list))
	}
	if _, err := s.Asked(t.Context(), "3000000000000000"); !world.Is(err, world.CodeNotFound) {
		t.Errorf("a region that is none: %v", err)
	}
	// Of all the rest of the catalog ops can do nothing. It reads the outbox, for it brings the feed to providers.
	for _, sql := range []string{
		"delete from outbox", "delete from provider", "update feed_state set seq = 0", "update outbox set groups = '{}'", "delete from purge", "update purge set token = 'x'",
		"select * from product", "insert into price (market, sku, version, amount_minor, currency) values ('de', 'x', 1, 1, 'EUR')", "select * from asset",
	} {
		if _, err := ops.Pool.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// placeOf is an event's place in its feed, whose history goes without saying.
func placeOf(t *testing.T, e world.Event) world.Cursor {
	t.Helper()
	c, err := world.ParseCursor(e.Cursor)
	if err != nil || c.History == 0 {
		t.Fatalf("an event's cursor is %q: %v", e.Cursor, err)
	}
	c.History = 0
	return c
}

func TestPurgesNeedTheRegionsPrimary(t *testing.T) {
	if _, err := postgres.NewPurgeStore(purgeWorld, "test", []*postgres.Cluster{{Region: "test"}, {Region: "other", Primary: true}}); !world.Is(err, world.CodeInvalid) {
		t.Errorf("%v", err)
	}
}
