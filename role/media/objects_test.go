package media

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

// Both stores are swept as often as is said, of what is as old as is said, also
// when one of them fails.
func TestTheStoresAreSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		us := newPlaces(t, func(c *Config) { c.Limits.SweepEvery, c.Limits.StageAge = time.Hour, 48*time.Hour })["us-east"]
		us.objects.failPut = world.E(world.CodeUnavailable, "test", "")
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- us.Run(ctx) }()
		time.Sleep(2*time.Hour + time.Minute)
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		want := []time.Time{noon.Add(-48 * time.Hour), noon.Add(-48 * time.Hour)} // the tests' clock stands
		if !slices.Equal(us.objects.swept, want) || !slices.Equal(us.resident.swept, want) {
			t.Errorf("swept %v and %v, want %v each", us.objects.swept, us.resident.swept, want)
		}
	})
}
