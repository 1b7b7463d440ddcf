package media

import (
	"context"
	"fmt"
	"time"

	"meridian/world"
)

// Upkeep is what the catalogs keep for the work that nobody waits for.
type Upkeep interface {
	// Held is at most limit originals that a region holds, as the catalogs know
	// it, in the order of their SHA-256, behind the one of after.
	Held(ctx context.Context, region, after string, limit int) ([]world.Original, error)
	// Scrub is how far the re-reading of this region's copies has come; the zero
	// Scrub before the first pass. SaveScrub keeps it.
	Scrub(ctx context.Context) (world.Scrub, error)
	SaveScrub(ctx context.Context, at world.Scrub) error
	// Verified records that copies in a region of originals of this region's
	// assets were read and found good.
	Verified(ctx context.Context, region string, sha256 []string, at time.Time) error
	// Assets is at most limit assets of this region, by id, behind the one of
	// after, without those that are deleted.
	Assets(ctx context.Context, after string, limit int) ([]world.Manifest, error)
	// Place gives originals places that they do not have yet, each with a
	// replicate job, and returns how many were new.
	Place(ctx context.Context, wanted []world.Placing) (int, error)
}

// Care is how copies are kept good and stores small.
type Care struct {
	ScrubEvery time.Duration `yaml:"scrub_every" doc:"every copy is read again once in this time, if scrub_rate suffices"`
	ScrubRate  int64         `yaml:"scrub_rate" doc:"most bytes a second, on average, that are read for that"`
	Replicated bool          `yaml:"replicated" doc:"the object store copies public originals to the other regions' stores itself: they are only verified there"`
}

func defaultCare() Care {
	return Care{ScrubEvery: 7 * 24 * time.Hour, ScrubRate: 4 << 20}
}

func (c Care) validate() error {
	bad := func(setting, fix string) error {
		return world.E(world.CodeInvalid, "media.config", fmt.Sprintf("care: %s: %s", setting, fix))
	}
	switch {
	case c.ScrubEvery <= 0:
		return bad("scrub_every", "write a time above zero, such as 168h")
	case c.ScrubRate < 1:
		return bad("scrub_rate", "write at least 1")
	}
	return nil
}

// pause waits; false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
