package pgcluster

import (
	"testing"

	"meridian/world"
)

// A server that was killed stays down until it is revived, with what it had committed.
func TestAKilledServerStaysDown(t *testing.T) {
	p := newPlace(t)
	spec := p.primary("catalog-us-east", 5501)
	s := p.supervisor(t, Options{})
	p.up(t, s, []Spec{spec})
	if err := s.Revive(t.Context(), spec.Name); !world.Is(err, world.CodeConflict) {
		t.Errorf("one that runs was revived: %v", err)
	}
	if err := s.Kill(t.Context(), spec.Name); err != nil {
		t.Fatal(err)
	}
	if st := s.Running()[0]; st.State != StateKilled || st.PID != 0 {
		t.Errorf("it is %+v", st)
	}
	if err := s.Kill(t.Context(), spec.Name); !world.Is(err, world.CodeConflict) {
		t.Errorf("it was killed twice: %v", err)
	}
	if err := s.Revive(t.Context(), spec.Name); err != nil {
		t.Fatal(err)
	}
	if st := s.Running()[0]; st.State != StateReady || st.PID == 0 {
		t.Errorf("it is %+v", st)
	}
	if err := s.Kill(t.Context(), spec.Name); err != nil {
		t.Fatal(err)
	}
	if err := s.StopOne(t.Context(), spec.Name); err != nil {
		t.Errorf("a killed one does not stop: %v", err)
	}
	if err := s.Kill(t.Context(), spec.Name); !world.Is(err, world.CodeNotFound) {
		t.Errorf("one that is not there was killed: %v", err)
	}
}
