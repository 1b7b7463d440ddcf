package postgres_test

import (
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/world"
)

// Ops keeps how far a provider is beside the feed that it brings it, and reads that
// feed with its own rights.
func TestAProvidersPlaceIsKeptBesideTheFeed(t *testing.T) {
	s, ops, _ := newPurges(t)
	if list, missing, err := s.Providers(t.Context()); err != nil || len(list) != 0 || len(missing) != 0 {
		t.Fatalf("%v, %v, %v", list, missing, err)
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	failing := world.ProviderState{Provider: "fastly:main", Region: "test", Cursor: "7.1.ab", At: now, Error: "It is away.", Since: now.Add(-time.Hour), GivenUp: true}
	well := world.ProviderState{Provider: "fastly:main", Region: "test", Cursor: "9.2.ab", At: now.Add(time.Minute)}
	for _, p := range []world.ProviderState{failing, well} {
		if err := s.SaveProvider(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if list, _, err := s.Providers(t.Context()); err != nil || len(list) != 1 || list[0] != p {
			t.Errorf("%+v, %v, want %+v", list, err, p)
		}
	}
	if _, err := s.Place(t.Context(), world.Purge{Groups: []string{"de/pages"}}); err != nil {
		t.Fatal(err)
	}
	if e := next(t, follow(t, postgres.NewFeed(ops), ""), world.EventPurge); e.Groups[0] != "de/pages" {
		t.Errorf("%+v", e)
	}
}
