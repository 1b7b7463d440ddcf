package media

import (
	"context"
	"strings"
	"time"

	"meridian/engine/pause"
	"meridian/world"
)

// scrubPage is how many copies are read again before their place is kept.
const scrubPage = 32

// scrubRetry is how long the re-reading rests after the catalog or the store has
// failed, and looks at the longest whether it is time for another pass.
const scrubRetry = time.Minute

// The phases of a pass, in order: the originals that the catalogs say are here,
// so that one which is missing is found too, then what the stores hold of what
// is made of them.
const (
	scrubOriginals = "originals"
	scrubDone      = "done"
)

var scrubPhases = []string{
	scrubOriginals, "objects " + mezzanines, "objects " + variants, "resident " + mezzanines, "resident " + variants, scrubDone,
}

// The outcomes of reading a copy again.
const (
	scrubOK      = "ok"
	scrubHealed  = "healed"
	scrubRemoved = "removed" // it is made again when somebody asks for it
	scrubLost    = "lost"    // no region that can be reached has it
	scrubSkipped = "skipped" // deleted meanwhile
)

// scrub reads every copy again, one pass behind the other, until ctx ends.
func (m *Media) scrub(ctx context.Context) {
	for {
		rest, err := m.scrubOn(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			m.log.WarnContext(ctx, "the copies cannot be read again", "err", err)
			rest = scrubRetry
		}
		if !pause.For(ctx, rest) {
			return
		}
	}
}

// scrubOn reads a page of copies again from where the last one has ended, and
// tells how long to rest before the next.
func (m *Media) scrubOn(ctx context.Context) (rest time.Duration, err error) {
	defer m.tellFindings(ctx)
	at, err := m.upkeep.Scrub(ctx)
	if err != nil {
		return 0, err
	}
	if at.Pass == 0 || at.Phase == scrubDone {
		if rest := at.Began.Add(m.cfg.Care.ScrubEvery).Sub(m.now()); at.Pass > 0 && rest > 0 {
			return min(rest, scrubRetry), nil
		}
		at = world.Scrub{Pass: at.Pass + 1, Phase: scrubPhases[0], Began: m.now().UTC()}
	}
	if at, err = m.scrubNext(ctx, at); err != nil {
		return 0, err
	}
	return 0, m.upkeep.SaveScrub(ctx, at)
}

// scrubNext reads a page and gives the place behind it.
func (m *Media) scrubNext(ctx context.Context, at world.Scrub) (world.Scrub, error) {
	var last string
	var err error
	if at.Phase == scrubOriginals {
		last, err = m.scrubHeld(ctx, at.After)
	} else {
		last, err = m.scrubDerived(ctx, at.Phase, at.After)
	}
	if err != nil {
		return at, err
	}
	if at.After = last; last == "" {
		at.Phase = phaseAfter(at.Phase)
	}
	return at, nil
}

// phaseAfter is the phase behind one; the first for one that is not known any more.
func phaseAfter(phase string) string {
	for i, p := range scrubPhases[:len(scrubPhases)-1] {
		if p == phase {
			return scrubPhases[i+1]
		}
	}
	return scrubPhases[0]
}

// scrubHeld reads a page of originals; last is "" at the end.
func (m *Media) scrubHeld(ctx context.Context, after string) (last string, err error) {
	page, err := m.upkeep.Held(ctx, m.region.ID, after, scrubPage)
	if err != nil {
		return "", err
	}
	outcome := scrubSkipped
	for _, o := range page {
		if o.SHA256 == last && outcome != scrubSkipped { // the same bytes are another region's asset too
			m.found(o, outcome)
			continue
		}
		var size int64
		if outcome, size, err = m.scrubOriginal(ctx, o); err != nil {
			return "", err
		}
		m.metrics.scrubbed.WithLabelValues("original", outcome).Inc()
		m.found(o, outcome)
		if last = o.SHA256; !m.pace(ctx, size) {
			return "", ctx.Err()
		}
	}
	if len(page) < scrubPage {
		last = ""
	}
	return last, nil
}

// scrubOriginal reads one original again and has it healed if it is not good. An
// error means that this could not be told.
func (m *Media) scrubOriginal(ctx context.Context, o world.Original) (outcome string, size int64, err error) {
	manifest, err := m.manifests.Manifest(ctx, o.App, o.MediaID)
	v, ok := manifest.VersionNumber(o.Version)
	switch {
	case world.Is(err, world.CodeNotFound) || err == nil && (!ok || !manifest.DeletedAt.IsZero()):
		return scrubSkipped, 0, nil
	case err != nil:
		return "", 0, err
	case manifest.Audience == world.Private && !m.resides(manifest.MediaID):
		return scrubSkipped, 0, nil
	}
	err = m.storeOf(manifest).Verify(ctx, originalKey(v.SHA256))
	switch {
	case err == nil:
		return scrubOK, v.Bytes, nil
	case !world.Is(err, world.CodeNotFound) && !world.Is(err, world.CodeUnprocessed):
		return "", 0, err
	}
	m.log.WarnContext(ctx, "an original is damaged or missing", "sha256", v.SHA256, "media_id", o.MediaID, "err", err)
	if err := m.mend(ctx, manifest, v); err != nil {
		m.log.ErrorContext(ctx, "an original cannot be healed now", "sha256", v.SHA256, "media_id", o.MediaID, "err", err)
		return scrubLost, v.Bytes, ctx.Err()
	}
	return scrubHealed, 2 * v.Bytes, nil
}

// scrubDerived reads a page of what is made of originals. What is damaged goes.
func (m *Media) scrubDerived(ctx context.Context, phase, after string) (last string, err error) {
	which, prefix, _ := strings.Cut(phase, " ")
	store := m.objects
	if which == "resident" {
		store = m.resident
	}
	page, next, err := store.List(ctx, prefix, after, scrubPage)
	if err != nil {
		return "", err
	}
	for _, o := range page {
		outcome := scrubOK
		_, err := getDerived(ctx, store, o.Key)
		switch {
		case world.Is(err, world.CodeInternal), world.Is(err, world.CodeTooLarge):
			m.log.WarnContext(ctx, "a stored picture is damaged and goes; it will be made again", "key", o.Key)
			outcome, err = scrubRemoved, store.Delete(ctx, o.Key)
		case world.Is(err, world.CodeNotFound):
			outcome, err = scrubSkipped, nil
		}
		if err != nil {
			return "", err
		}
		m.metrics.scrubbed.WithLabelValues(strings.TrimSuffix(prefix, "s/"), outcome).Inc()
		if !m.pace(ctx, o.Size) {
			return "", ctx.Err()
		}
	}
	return next, nil
}

// pace rests for as long as so many bytes may take; false when ctx has ended.
func (m *Media) pace(ctx context.Context, bytes int64) bool {
	return pause.For(ctx, time.Duration(float64(bytes)/float64(m.cfg.Care.ScrubRate)*float64(time.Second)))
}
