package purge

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"meridian/world"
)

var t0 = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func at(cluster string, lsn uint64) world.Position {
	return world.Position{Cluster: cluster, Epoch: 1, LSN: lsn}
}

func take(t *testing.T, s *State, cluster, cursor string, p world.Position, now time.Time) {
	t.Helper()
	e := world.Event{Kind: world.EventPurge, Cursor: cursor, Position: p}
	if err := errors.Join(s.Announce(cluster, e), s.Take(cluster, e, now)); err != nil {
		t.Fatal(err)
	}
}

func TestNothingGoesBack(t *testing.T) {
	s := New(15*time.Second, "a", "b")
	take(t, s, "a", "7.1", at("a", 10), t0)
	take(t, s, "a", "9.3", at("a", 30), t0)
	take(t, s, "a", "9.2", at("a", 20), t0)
	if got := s.Positions(); len(got) != 1 || got[0] != at("a", 30) {
		t.Errorf("positions %v", got)
	}
	if got := s.Cursor("a"); got != "9.3" {
		t.Errorf("cursor %s", got)
	}
}

func TestReachedIsByCursor(t *testing.T) {
	s := New(15*time.Second, "a", "b")
	take(t, s, "a", "9.3", at("a", 10), t0)
	for _, c := range []struct {
		want map[string]world.Cursor
		ok   bool
	}{
		{map[string]world.Cursor{"a": {Tx: 9, Seq: 3}}, true},
		{map[string]world.Cursor{"a": {Tx: 9, Seq: 4}}, false},
		{map[string]world.Cursor{"a": {Tx: 10}}, false},
		{map[string]world.Cursor{"b": {Tx: 1}}, false}, // followed, not begun
		{map[string]world.Cursor{"elsewhere": {Tx: 99}}, true},
		{nil, true},
	} {
		if s.Reached(c.want) != c.ok {
			t.Errorf("%v: %v", c.want, !c.ok)
		}
	}
}

func TestForeignPositionIsIgnored(t *testing.T) {
	s := New(time.Second, "a", "b")
	take(t, s, "a", "1.1", at("b", 5), t0)
	if got := s.Positions(); len(got) != 0 {
		t.Errorf("feed a moved cluster b: %v", got)
	}
}

func TestUnreadableCursorIsRefused(t *testing.T) {
	s := New(time.Second, "a")
	bad := world.Event{Cursor: "x"}
	if s.Announce("a", bad) == nil || s.Take("a", bad, t0) == nil || s.Cursor("a") != world.CursorNow {
		t.Error("rubbish was taken")
	}
}

func TestLostAfterTheLimit(t *testing.T) {
	s := New(15*time.Second, "a")
	if !s.Lost("a", t0) || !s.AnyLost(t0) {
		t.Error("a feed that was never heard is not lost")
	}
	s.Take("a", world.Event{Kind: world.EventHello, Cursor: "1.0"}, t0)
	if s.Lost("a", t0.Add(15*time.Second)) {
		t.Error("lost at the limit")
	}
	if !s.Lost("a", t0.Add(15*time.Second+1)) {
		t.Error("not lost past the limit")
	}
	s.Take("a", world.Event{Kind: world.EventHeartbeat}, t0.Add(time.Minute))
	if s.Lost("a", t0.Add(time.Minute)) {
		t.Error("a heartbeat does not count")
	}
}

func TestHeartbeatIsTakenAndDemandsNothing(t *testing.T) {
	s := New(time.Second, "a")
	if s.Cursor("a") != world.CursorNow {
		t.Error("a new tier does not start with what comes next")
	}
	take(t, s, "a", "7.1", at("a", 1), t0)
	beat := world.Event{Kind: world.EventHeartbeat, Cursor: "12.0"}
	if err := errors.Join(s.Announce("a", beat), s.Take("a", beat, t0)); err != nil {
		t.Fatal(err)
	}
	twelve := map[string]world.Cursor{"a": {Tx: 12}}
	if s.Cursor("a") != "12.0" || !s.Reached(twelve) {
		t.Errorf("the heartbeat was not taken: cursor %q", s.Cursor("a"))
	}
	if got := s.Cursors()["a"]; got != (world.Cursor{Tx: 7, Seq: 1}) {
		t.Errorf("a heartbeat raised the demand to %v: the next tier, whose heartbeat comes later, would be thought behind", got)
	}
}

func TestMergeTakesTheNewer(t *testing.T) {
	s := New(time.Second, "a", "b")
	take(t, s, "a", "1.1", at("a", 10), t0)
	take(t, s, "b", "1.1", at("b", 10), t0)
	got := s.Merge([]world.Position{at("a", 5), at("b", 20), at("c", 1)})
	want := []world.Position{at("a", 10), at("b", 20), at("c", 1)}
	for i := range want {
		if len(got) != 3 || got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

// A fill that begins between an event's arrival and the end of its purge must
// demand the event of the next tier already, while this tier does not answer
// for it yet.
func TestDemandRisesBeforeThePurgeAndReachAfter(t *testing.T) {
	s := New(time.Second, "a")
	e := world.Event{Kind: world.EventPurge, Cursor: "5.1", Groups: []string{"g"}, Position: at("a", 50)}
	want := map[string]world.Cursor{"a": {Tx: 5, Seq: 1}}
	purged := false
	source := func(_ context.Context, _ string, emit func(world.Event) error, _ func(error)) error {
		return errors.Join(emit(world.Event{Kind: world.EventHello, Cursor: "5.0"}), emit(e))
	}
	err := s.Run(t.Context(), map[string]Source{"a": source}, Hooks{
		Now:  func() time.Time { return t0 },
		Lost: func(string, error) {},
		All:  func() {},
		Purge: func(world.Purge) {
			purged = true
			h := http.Header{}
			s.Demand(h)
			if h.Get(world.HeaderMinCursor) != "a=5.1" || h.Get(world.HeaderMinPosition) != at("a", 50).String() {
				t.Errorf("during the purge the demand is %v", h)
			}
			if s.Reached(want) {
				t.Error("the tier answers for a purge that is under way")
			}
		},
	})
	if err != nil || !purged || !s.Reached(want) {
		t.Errorf("%v, purged %v, reached %v", err, purged, s.Reached(want))
	}
}

func TestBehindByHeader(t *testing.T) {
	s := New(time.Second, "a")
	take(t, s, "a", "5.1", at("a", 1), t0)
	for value, want := range map[string]bool{"": false, "a=5.1": false, "a=5.2": true, "b=9.9": false, "rubbish": true} {
		if got := s.Behind(http.Header{world.HeaderMinCursor: {value}}); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}

func TestLossIsToldOnce(t *testing.T) {
	s := New(time.Second, "a")
	var told []int
	step := 0
	source := func(_ context.Context, _ string, emit func(world.Event) error, lost func(error)) error {
		for ; step < 12; step++ { // never found
			lost(errors.New("refused"))
		}
		if err := emit(world.Event{Kind: world.EventHello, Cursor: "1.0"}); err != nil {
			return err
		}
		for ; step < 15; step++ { // lost after it spoke
			lost(errors.New("reset"))
		}
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Run(ctx, map[string]Source{"a": func(c context.Context, after string, emit func(world.Event) error, lost func(error)) error {
		defer cancel()
		return source(c, after, emit, lost)
	}}, Hooks{Now: func() time.Time { return t0 }, All: func() {}, Lost: func(string, error) { told = append(told, step) }})
	if err != nil || len(told) != 2 || told[0] != tellAfter-1 || told[1] != 12 {
		t.Errorf("told at %v, %v", told, err)
	}
}

// A price may change between a tier's start and its feed's first event, which
// does not tell of it: what was fetched in that time is forgotten, once a feed.
func TestFirstEventForgetsEverything(t *testing.T) {
	s := New(time.Second, "a")
	var did []string
	source := func(_ context.Context, _ string, emit func(world.Event) error, _ func(error)) error {
		return errors.Join(
			emit(world.Event{Kind: world.EventHello, Cursor: "5.0"}),
			emit(world.Event{Kind: world.EventPurge, Cursor: "5.1", Groups: []string{"g"}}),
			emit(world.Event{Kind: world.EventHello, Cursor: "5.1"}), // connected anew, from its cursor
		)
	}
	err := s.Run(t.Context(), map[string]Source{"a": source}, Hooks{
		Now:  func() time.Time { return t0 },
		Lost: func(string, error) {},
		All: func() {
			did = append(did, "all")
			if s.Reached(map[string]world.Cursor{"a": {Tx: 5}}) {
				t.Error("the tier answers for the event before it has forgotten")
			}
		},
		Purge: func(p world.Purge) { did = append(did, p.Groups...) },
	})
	if err != nil || !slices.Equal(did, []string{"all", "g"}) {
		t.Errorf("%v, forgot %v, want all, then g", err, did)
	}
}

// Behind a hello come the purges that a lost feed has missed: until a heartbeat
// says that they are all here the tier cannot know that its pages are good.
func TestALostFeedIsBackWithItsHeartbeat(t *testing.T) {
	s := New(time.Second, "a")
	take(t, s, "a", "7.1", at("a", 1), t0)
	later := t0.Add(time.Minute)
	for _, e := range []world.Event{{Kind: world.EventHello, Cursor: "7.1"}, {Kind: world.EventPurge, Cursor: "8.1"}} {
		if err := errors.Join(s.Announce("a", e), s.Take("a", e, later)); err != nil {
			t.Fatal(err)
		}
		if !s.Lost("a", later) {
			t.Errorf("back with a %s: others may be on their way", e.Kind)
		}
	}
	if err := s.Take("a", world.Event{Kind: world.EventHeartbeat, Cursor: "9.0"}, later); err != nil || s.Lost("a", later) {
		t.Errorf("%v; not back with a heartbeat", err)
	}
}

func TestReadyWhenEveryFeedHasSpoken(t *testing.T) {
	ready := func(s *State) bool {
		select {
		case <-s.Ready():
			return true
		default:
			return false
		}
	}
	if !ready(New(time.Second)) {
		t.Error("a tier without feeds waits for one")
	}
	s := New(time.Second, "a", "b")
	take(t, s, "a", "1.1", at("a", 1), t0)
	take(t, s, "a", "2.1", at("a", 2), t0)
	if ready(s) {
		t.Error("ready although b has not spoken")
	}
	take(t, s, "b", "1.0", world.Position{}, t0)
	take(t, s, "b", "2.0", world.Position{}, t0)
	if !ready(s) {
		t.Error("not ready although both have spoken")
	}
}

// A tier that comes back with what it stored goes on where it was: nothing is
// forgotten but what is purged, and until a heartbeat it is as if the feed were lost.
func TestAResumedFeedForgetsNothingElse(t *testing.T) {
	s := New(time.Second, "a", "b")
	s.Resume(map[string]string{"a": "7.1", "b": "rubbish", "elsewhere": "1.1"})
	if s.Cursor("a") != "7.1" || s.Cursor("b") != world.CursorNow {
		t.Fatalf("cursors %s, %s", s.Cursor("a"), s.Cursor("b"))
	}
	if !s.Lost("a", t0) || !s.Lost("b", t0) || !s.Behind(http.Header{world.HeaderMinCursor: {"a=7.2"}}) {
		t.Error("it answers for what it has not heard")
	}
	var did, taken []string
	source := func(_ context.Context, after string, emit func(world.Event) error, _ func(error)) error {
		if after != "7.1" {
			return nil
		}
		err := errors.Join(
			emit(world.Event{Kind: world.EventHello, Cursor: "7.1"}),
			emit(world.Event{Kind: world.EventPurge, Cursor: "8.1", Groups: []string{"g"}}),
		)
		if !s.Lost("a", t0) {
			t.Error("back before all was told")
		}
		return errors.Join(err, emit(world.Event{Kind: world.EventHeartbeat, Cursor: "9.0"}))
	}
	err := s.Run(t.Context(), map[string]Source{"a": source, "b": source}, Hooks{
		Now: func() time.Time { return t0 }, Lost: func(string, error) {},
		All:   func() { did = append(did, "all") },
		Purge: func(p world.Purge) { did = append(did, p.Groups...) },
		Taken: func(cluster, cursor string) { taken = append(taken, cluster+" "+cursor) },
	})
	if err != nil || !slices.Equal(did, []string{"g"}) || s.Lost("a", t0) {
		t.Errorf("%v, forgot %v", err, did)
	}
	if want := []string{"a 7.1", "a 8.1", "a 9.0"}; !slices.Equal(taken, want) {
		t.Errorf("taken %v, want %v", taken, want)
	}
}

// A feed that does not know the cursor says so: then all is forgotten, and the
// cursors of that other history bind nobody.
func TestAFeedThatBeginsAnew(t *testing.T) {
	s := New(time.Second, "a")
	s.Resume(map[string]string{"a": "900.1"})
	forgot := 0
	source := func(_ context.Context, _ string, emit func(world.Event) error, _ func(error)) error {
		return errors.Join(
			emit(world.Event{Kind: world.EventHello, Cursor: "5.0", Reset: true, Position: at("a", 3)}),
			emit(world.Event{Kind: world.EventHeartbeat, Cursor: "6.0"}),
		)
	}
	err := s.Run(t.Context(), map[string]Source{"a": source}, Hooks{
		Now: func() time.Time { return t0 }, Lost: func(string, error) {},
		All: func() {
			forgot++
			if s.Reached(map[string]world.Cursor{"a": {Tx: 5}}) {
				t.Error("it answers for the event before it has forgotten")
			}
		},
	})
	if err != nil || forgot != 1 || s.Cursor("a") != "6.0" || s.Cursors()["a"] != (world.Cursor{Tx: 5}) || s.Lost("a", t0) {
		t.Errorf("%v, forgot %d times, cursor %s, demand %v", err, forgot, s.Cursor("a"), s.Cursors())
	}
}

// A stream that ends may miss a purge at once, not only after the limit.
func TestAFeedThatBreaksOffIsLostUntilItsHeartbeat(t *testing.T) {
	s := New(time.Minute, "a")
	source := func(_ context.Context, _ string, emit func(world.Event) error, lost func(error)) error {
		step := func(kind string, want bool) error {
			err := emit(world.Event{Kind: kind, Cursor: "1.0"})
			if s.Lost("a", t0) != want {
				t.Errorf("after a %s lost is %v", kind, !want)
			}
			return err
		}
		err := step(world.EventHello, false)
		lost(errors.New("reset"))
		if !s.Lost("a", t0) {
			t.Error("not lost when it broke off")
		}
		return errors.Join(err, step(world.EventHello, true), step(world.EventPurge, true), step(world.EventHeartbeat, false))
	}
	err := s.Run(t.Context(), map[string]Source{"a": source}, Hooks{Now: func() time.Time { return t0 }, All: func() {}, Purge: func(world.Purge) {}, Lost: func(string, error) {}})
	if err != nil {
		t.Error(err)
	}
}

// A feed's word that its cluster has another history than the one that was
// followed is enough, whoever forgot to say that it begins anew; and until a tier
// has heard it, no cache on its way answers it by the other history.
func TestAnotherHistoryForgetsEverything(t *testing.T) {
	s := New(time.Second, "a")
	var did []string
	demand := func(asked string) string {
		h := http.Header{world.HeaderMinCursor: {asked}}
		s.Demand(h)
		return h.Get(world.HeaderMinCursor)
	}
	source := func(_ context.Context, _ string, emit func(world.Event) error, _ func(error)) error {
		err := errors.Join(
			emit(world.Event{Kind: world.EventHello, Cursor: "900.0.a1"}),
			emit(world.Event{Kind: world.EventPurge, Cursor: "900.1.a1", Groups: []string{"g"}}),
		)
		did = append(did, "restored")
		if !s.Behind(http.Header{world.HeaderMinCursor: {"a=5.0.b2"}}) {
			t.Error("it answers for a history that it has not heard of")
		}
		both := demand("a=5.0.b2")
		if got, err := world.ParseCursors(both); err != nil || s.Reached(got) || got["a"] == (world.Cursor{Tx: 5, History: 0xb2}) {
			t.Errorf("of two histories it demands %s, %v", both, err)
		}
		err = errors.Join(err,
			emit(world.Event{Kind: world.EventHeartbeat, Cursor: "905.0.b2"}),
			emit(world.Event{Kind: world.EventPurge, Cursor: "906.1.b2", Groups: []string{"h"}}),
		)
		if got := demand("a=905.7.b2"); got != "a=906.1.b2" {
			t.Errorf("behind it the demand is %s", got)
		}
		if !s.Behind(http.Header{world.HeaderMinCursor: {"a=900.1.a1"}}) || s.Behind(http.Header{world.HeaderMinCursor: {"a=906.1.b2"}}) {
			t.Error("cursors of two histories are compared")
		}
		return err
	}
	err := s.Run(t.Context(), map[string]Source{"a": source}, Hooks{
		Now: func() time.Time { return t0 }, Lost: func(string, error) {},
		All:   func() { did = append(did, "all") },
		Purge: func(p world.Purge) { did = append(did, p.Groups...) },
	})
	if want := []string{"all", "g", "restored", "all", "h"}; err != nil || !slices.Equal(did, want) {
		t.Errorf("%v, forgot %v, want %v", err, did, want)
	}
}
