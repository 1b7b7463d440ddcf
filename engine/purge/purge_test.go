package purge

import (
	"testing"
	"time"

	"meridian/world"
)

var t0 = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func at(cluster string, lsn uint64) world.Position {
	return world.Position{Cluster: cluster, Epoch: 1, LSN: lsn}
}

func TestPositionNeverGoesBack(t *testing.T) {
	s := New(15*time.Second, t0, "a", "b")
	for _, lsn := range []uint64{10, 30, 20} {
		s.Take("a", world.Event{Cursor: "c", Position: at("a", lsn)}, t0)
	}
	if got := s.Positions(); len(got) != 1 || got[0] != at("a", 30) {
		t.Errorf("positions %v", got)
	}
	if !s.Reached([]world.Position{at("a", 30), at("elsewhere", 99)}) {
		t.Error("a taken position does not count, or a foreign cluster does")
	}
	if s.Reached([]world.Position{at("b", 1)}) {
		t.Error("a position was reached that no event named")
	}
}

func TestForeignPositionIsIgnored(t *testing.T) {
	s := New(time.Second, t0, "a", "b")
	s.Take("a", world.Event{Position: at("b", 5)}, t0)
	if got := s.Positions(); len(got) != 0 {
		t.Errorf("feed a moved cluster b: %v", got)
	}
}

func TestLostAfterTheLimit(t *testing.T) {
	s := New(15*time.Second, t0, "a")
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

func TestHeartbeatKeepsTheCursor(t *testing.T) {
	s := New(time.Second, t0, "a")
	if s.Cursor("a") != world.CursorNow {
		t.Error("a new tier does not start with what comes next")
	}
	s.Take("a", world.Event{Kind: world.EventPurge, Cursor: "7.1", Position: at("a", 1)}, t0)
	s.Take("a", world.Event{Kind: world.EventHeartbeat}, t0)
	if s.Cursor("a") != "7.1" {
		t.Errorf("cursor %q", s.Cursor("a"))
	}
}

func TestMergeTakesTheNewer(t *testing.T) {
	s := New(time.Second, t0, "a", "b")
	s.Take("a", world.Event{Position: at("a", 10)}, t0)
	s.Take("b", world.Event{Position: at("b", 10)}, t0)
	got := s.Merge([]world.Position{at("a", 5), at("b", 20), at("c", 1)})
	want := []world.Position{at("a", 10), at("b", 20), at("c", 1)}
	for i := range want {
		if len(got) != 3 || got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}
