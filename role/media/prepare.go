package media

import (
	"context"
	"slices"
	"strings"
	"sync"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// PrepareJob asks for what is made of a version before anybody asks for it: its
// mezzanine and the sizes that are asked for most. Of a thorough one that is
// there already, in fewer bytes.
type PrepareJob struct {
	MediaID  string
	Version  int
	Thorough bool
	Cell     string // one variant alone, as "webp/640x0"; "" for all that are made beforehand
	App      string
}

// maxPrepares is how many originals are held in memory at once for such jobs.
const maxPrepares = 2

// Prepare makes what a job asks for. An error means that it is to be tried again,
// unless it says that the picture cannot be worked on.
func (m *Media) Prepare(ctx context.Context, job PrepareJob) error {
	const op = "media.prepare"
	manifest, err := m.manifests.Manifest(ctx, job.App, job.MediaID)
	if err != nil {
		return world.Wrap(op, err)
	}
	v, ok := manifest.VersionNumber(job.Version)
	if !ok || manifest.Visibility == world.Withheld || v.Moderation != world.ModerationApproved {
		return nil // it is deleted or withheld meanwhile
	}
	if err := m.prepares.Acquire(ctx, 1); err != nil {
		return world.Because(world.CodeBusy, op, "Other pictures are worked on.", err)
	}
	defer m.prepares.Release(1)
	original, err := m.localOriginal(ctx, manifest, v)
	if err == nil {
		original, err = m.pixels(ctx, manifest, v, original)
	}
	if err != nil {
		return world.Wrap(op, err)
	}
	if !job.Thorough {
		if err := m.makeMezzanine(ctx, manifest, v, original); err != nil {
			return world.Wrap(op, err)
		}
	}
	if err := m.makeCells(ctx, manifest, v, original, m.cells(manifest, job), job.Thorough); err != nil {
		return world.Wrap(op, err)
	}
	if job.Thorough || !m.cfg.Care.Polish || len(m.hot) == 0 {
		return nil
	}
	return world.Wrap(op, m.upkeep.Prepare(ctx, job.App, job.MediaID, job.Version, true, "", m.cfg.Care.PolishAfter))
}

// cells are the variants that a job asks for.
func (m *Media) cells(manifest world.Manifest, job PrepareJob) []imagegrid.Request {
	r := imagegrid.Request{Private: manifest.Audience == world.Private, App: job.App, MediaID: job.MediaID, Version: job.Version}
	policy := m.policies.For(job.App)
	var out []imagegrid.Request
	add := func(s imagegrid.Size, f imagegrid.Format) {
		c := r.WithSize(s)
		if c.Format = f; slices.Contains(policy.Formats, f) && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	if format, size, one := strings.Cut(job.Cell, "/"); one {
		if s, err := imagegrid.ParseSize(size); err == nil && policy.Grid.Allowed(s) == nil { // the grid may have changed since
			add(s, imagegrid.Format(format))
		}
		return out
	}
	for _, s := range m.hot {
		for _, f := range m.cfg.Care.HotFormats {
			add(policy.Nearest(r.WithSize(s)).Size(), f)
		}
	}
	return out
}

// cellOf names a variant among those of its version.
func cellOf(r imagegrid.Request) string {
	return string(r.Format) + "/" + r.Size().String()
}

// makeMezzanine stores a version's mezzanine, if it needs one and has none. At
// its write region the manifest tells.
func (m *Media) makeMezzanine(ctx context.Context, manifest world.Manifest, v world.Version, original []byte) error {
	key := mezzanineKey(manifest.App, manifest.MediaID, v.Number)
	if _, err := getDerived(ctx, m.storeOf(manifest), key); err == nil {
		return nil
	}
	made, ok, err := m.beside.Mezzanine(ctx, original)
	if err != nil || !ok {
		return err
	}
	if err := m.keepDerived(ctx, manifest, key, made); err != nil {
		return err
	}
	if manifest.WriteRegion != m.region.ID || manifest.Audience == world.Private {
		return nil
	}
	return m.upkeep.MarkMezzanine(ctx, manifest.MediaID, v.Number, world.Mezzanine{State: world.MezzanineMade, SHA256: sha256Of(made)})
}

// makeCells stores variants with one decode: those that lack, or when it is
// thorough all of them anew.
func (m *Media) makeCells(ctx context.Context, manifest world.Manifest, v world.Version, original []byte, cells []imagegrid.Request, thorough bool) error {
	store := m.storeOf(manifest)
	var wanted []imagegrid.Request
	for _, c := range cells {
		if !thorough {
			if _, err := getDerived(ctx, store, variantKey(c)); err == nil {
				continue
			}
		}
		wanted = append(wanted, c)
	}
	if len(wanted) == 0 {
		return nil
	}
	made, err := fill(m.policies.For(manifest.App), v, wanted, thorough, func(specs []PictureSpec) ([]Picture, error) {
		return m.beside.Variants(ctx, original, specs)
	})
	if err != nil {
		return err
	}
	for i, data := range made {
		if err := m.keepDerived(ctx, manifest, variantKey(wanted[i]), data); err != nil {
			return err
		}
		m.metrics.prepared.Inc()
	}
	return nil
}

// fromMezzanine is a variant that is cut from the mezzanine here; nil where that
// may not be or there is none. One that is missed is asked for.
func (m *Media) fromMezzanine(ctx context.Context, manifest world.Manifest, v world.Version, req imagegrid.Request) []byte {
	if v.Frames > 1 || req.Format == imagegrid.SVG || !imagegrid.FromMezzanine(req.Mode.Fit(), v.Width, v.Height, req.Width, req.Height) {
		return nil
	}
	mezzanine, err := getDerived(ctx, m.storeOf(manifest), mezzanineKey(req.App, req.MediaID, req.Version))
	if err != nil {
		if m.isHolder(manifest) {
			if err := m.upkeep.Prepare(ctx, req.App, req.MediaID, req.Version, false, "", 0); err != nil {
				m.log.WarnContext(ctx, "a mezzanine cannot be asked for", "media_id", req.MediaID, "err", err)
			}
		}
		return nil
	}
	made, err := m.timed(ctx, v, req, func(specs []PictureSpec) ([]Picture, error) {
		return m.pictures.FromMezzanine(ctx, mezzanine, v.Width, v.Height, specs)
	})
	if err != nil {
		m.log.WarnContext(ctx, "a variant cannot be cut from the mezzanine", "media_id", req.MediaID, "err", err)
		return nil
	}
	return made
}

// keepVariant stores a variant that is asked for again and again, and has it made
// in fewer bytes.
func (m *Media) keepVariant(ctx context.Context, manifest world.Manifest, req imagegrid.Request, body []byte) {
	if err := m.keepDerived(ctx, manifest, variantKey(req), body); err != nil {
		// The picture is there all the same: it will be had once more.
		m.log.WarnContext(ctx, "a variant cannot be stored", "key", variantKey(req), "err", err)
		return
	}
	if !m.cfg.Care.Polish || !m.isHolder(manifest) || req.Format == imagegrid.SVG {
		return
	}
	if err := m.upkeep.Prepare(ctx, req.App, req.MediaID, req.Version, true, cellOf(req), m.cfg.Care.PolishAfter); err != nil {
		m.log.WarnContext(ctx, "a variant cannot be asked for in fewer bytes", "media_id", req.MediaID, "err", err)
	}
}

// maxSeen is the most variants of which it is remembered how often they were made.
const maxSeen = 50_000

// makings counts how often variants were made that are not stored. It forgets all
// of them when there are too many: one that is wanted is soon counted again.
type makings struct {
	mu sync.Mutex
	n  map[string]int
}

// times is how often a variant was made, now included.
func (s *makings) times(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n == nil || len(s.n) >= maxSeen {
		s.n = map[string]int{}
	}
	s.n[key]++
	return s.n[key]
}
