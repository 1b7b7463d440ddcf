package media

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

// However much background work there is, few originals are in memory for it; who
// waits for one of them too long comes again later, and requests wait for none.
func TestFewOriginalsAreHeldForTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		us := newPlaces(t, nil)["us-east"]
		beside := &fakePictures{wait: make(chan struct{})}
		us.beside = beside
		ended := make(chan error, 10)
		prepare := func(ctx context.Context, shade uint8) {
			m := us.put(t, picture(400, 300, shade))
			go func() { ended <- us.Prepare(ctx, PrepareJob{App: app, MediaID: m.MediaID, Version: 1}) }()
		}
		for shade := range uint8(5) {
			prepare(t.Context(), shade)
		}
		synctest.Wait()
		if n := beside.made(); n != maxPrepares {
			t.Errorf("%d are worked on at once, want %d", n, maxPrepares)
		}
		brief, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		prepare(brief, 10)
		if err := <-ended; !world.Is(err, world.CodeBusy) {
			t.Errorf("one that waited in vain: %v", err)
		}
		m := us.put(t, picture(400, 300, 11))
		if w := us.do("GET", imageURL(m, "webp"), nil); w.Code != 200 {
			t.Errorf("a request meanwhile: %d %s", w.Code, w.Body)
		}
		close(beside.wait)
		for range 5 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
}
