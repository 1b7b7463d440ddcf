package media

import (
	"context"
	"fmt"
	"slices"
	"time"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// Upkeep is what the catalogs keep for the work that nobody waits for.
type Upkeep interface {
	// Held are at most limit originals that a region holds, as the catalogs know
	// it, in the order of their SHA-256, behind the one of after; once for each
	// write region that has an asset of it.
	Held(ctx context.Context, region, after string, limit int) ([]world.Original, error)
	// Scrub is how far the re-reading of this region's copies has come; the zero
	// Scrub before the first pass. SaveScrub keeps it.
	Scrub(ctx context.Context) (world.Scrub, error)
	SaveScrub(ctx context.Context, at world.Scrub) error
	// Checked records what reading a region's copies of this region's originals
	// again has found. One of another region that is not good is pending then, with
	// a replicate job.
	Checked(ctx context.Context, region string, checks []world.CopyCheck) error
	// Assets is at most limit assets of this region, by id, behind the one of
	// after, without those that are deleted.
	Assets(ctx context.Context, after string, limit int) ([]world.Manifest, error)
	// Place gives originals places that they do not have yet, each with a
	// replicate job, and returns how many were new.
	Place(ctx context.Context, wanted []world.Placing) (int, error)

	// MarkRemoval records how far a deleted asset of this region has gone from a
	// region; what it has removed is added to what was removed before.
	MarkRemoval(ctx context.Context, mediaID string, r world.Removal) error
	// Referenced are those of some originals that an asset refers to: any of any
	// app, that is not deleted, in any region. unavailable where one region's
	// catalog is not known: it might tell of one.
	Referenced(ctx context.Context, sha256 []string) (map[string]bool, error)
	// Unreferenced does what is to be done with an original to which no asset
	// refers, and reports whether nobody did. Meanwhile nobody in this region can
	// begin to.
	Unreferenced(ctx context.Context, sha256 string, do func(context.Context) error) (bool, error)
	// Asked records that stored variants were asked for on a day, AskedSince tells
	// which were on it or later, ForgetAsked forgets the days before.
	Asked(ctx context.Context, day time.Time, keys []string) error
	AskedSince(ctx context.Context, day time.Time, keys []string) (map[string]bool, error)
	ForgetAsked(ctx context.Context, day time.Time) error
	// HeldBytes is how many originals of an app a region holds.
	HeldBytes(ctx context.Context, region, app string) (world.Amount, error)

	// Jobs is an app's background work in every region, newest first, as far as the
	// filter lets it through. missing names regions that could not be read.
	Jobs(ctx context.Context, app string, f world.JobFilter, limit int) (page []world.Job, missing []string, err error)
	// CountJobs is how much background work this region has.
	CountJobs(ctx context.Context) ([]world.JobCount, error)
	// RetryJob has a job of this region that has failed tried again; not_found
	// for another, conflict when the same work waits in a younger job.
	RetryJob(ctx context.Context, app string, id int64) error
	// Prepare asks for what is made of a version to be made here after a time; see
	// [PrepareJob].
	Prepare(ctx context.Context, app, mediaID string, version int, thorough bool, cell string, after time.Duration) error
	// MarkMezzanine records how far the mezzanine of a version of this region's
	// assets has come.
	MarkMezzanine(ctx context.Context, mediaID string, version int, m world.Mezzanine) error
}

// Care is how copies are kept good and stores small.
type Care struct {
	ScrubEvery   time.Duration      `yaml:"scrub_every" doc:"every copy is read again once in this time, if scrub_rate suffices"`
	ScrubRate    int64              `yaml:"scrub_rate" doc:"most bytes a second, on average, that are read for that"`
	ColdAfter    time.Duration      `yaml:"cold_after" doc:"stored variants that nobody has asked for in so long are removed: they can be made again"`
	OrphanAfter  time.Duration      `yaml:"orphan_after" doc:"originals that no picture has, as of an upload that failed, are removed when they have been stored for so long"`
	CollectEvery time.Duration      `yaml:"collect_every" doc:"how often both are looked for"`
	NoteEvery    time.Duration      `yaml:"note_every" doc:"how often it is noted which variants were asked for today"`
	DeleteAfter  time.Duration      `yaml:"delete_after" doc:"a deleted picture's bytes are removed after this, when what was under way has ended; longer than limits.transform"`
	Hot          []string           `yaml:"hot" doc:"sizes that are made of every picture before anybody asks, such as 320x0; of an app that has others, the nearest"`
	HotFormats   []imagegrid.Format `yaml:"hot_formats" doc:"formats that those are made in, where the app has them: avif, webp, jpeg"`
	Polish       bool               `yaml:"polish" doc:"stored variants are made again in the background, in fewer bytes for more work"`
	PolishAfter  time.Duration      `yaml:"polish_after" doc:"how long that waits"`
	KeepAt       int                `yaml:"keep_at" doc:"a variant that was not made beforehand is stored when it is asked for the n-th time"`
	Replicated   bool               `yaml:"replicated" doc:"the object store copies public originals to the other regions' stores itself: they are only verified there"`
}

func defaultCare() Care {
	return Care{
		ScrubEvery: 7 * 24 * time.Hour, ScrubRate: 4 << 20,
		ColdAfter: 60 * 24 * time.Hour, OrphanAfter: 7 * 24 * time.Hour, CollectEvery: 6 * time.Hour, NoteEvery: 5 * time.Minute, DeleteAfter: time.Minute,
		Hot: []string{"320x0", "640x0"}, HotFormats: []imagegrid.Format{imagegrid.AVIF, imagegrid.WebP},
		Polish: true, PolishAfter: time.Minute, KeepAt: 2,
	}
}

func (c Care) validate(transform time.Duration) error {
	bad := func(setting, fix string) error {
		return world.E(world.CodeInvalid, "media.config", fmt.Sprintf("care: %s: %s", setting, fix))
	}
	if _, err := c.hotSizes(); err != nil {
		return world.Wrap("media.config care hot", err)
	}
	for _, f := range c.HotFormats {
		if !slices.Contains(imagegrid.Formats(), f) {
			return bad("hot_formats", "write avif, webp or jpeg")
		}
	}
	switch {
	case c.ColdAfter < 48*time.Hour:
		return bad("cold_after", "write at least 48h: days are what is recorded")
	case c.OrphanAfter < time.Hour:
		return bad("orphan_after", "write at least 1h: an upload stores its original before its rows are known everywhere")
	case c.CollectEvery <= 0 || c.NoteEvery <= 0:
		return bad("collect_every, note_every", "write a time above zero, such as 6h")
	case c.DeleteAfter <= transform:
		return bad("delete_after", "write more than limits.transform, so that nothing is made of it any more")
	case c.PolishAfter < 0 || c.KeepAt < 1:
		return bad("polish_after, keep_at", "write at least 0s and 1")
	case c.ScrubEvery <= 0:
		return bad("scrub_every", "write a time above zero, such as 168h")
	case c.ScrubRate < 1:
		return bad("scrub_rate", "write at least 1")
	}
	return nil
}

// hotSizes are the sizes of what is made beforehand.
func (c Care) hotSizes() ([]imagegrid.Size, error) {
	var out []imagegrid.Size
	for _, text := range c.Hot {
		s, err := imagegrid.ParseSize(text)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}
