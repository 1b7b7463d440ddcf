package media

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// ModerationMode is who decides whether a picture may be shown.
type ModerationMode string

// The modes.
const (
	ModerateAutomatic ModerationMode = "automatic" // nobody: all may
	ModerateHook      ModerationMode = "hook"      // a service that is asked
	ModerateQueue     ModerationMode = "queue"     // a person
)

// byAutomatic and byHook are named as who decided.
const (
	byAutomatic = "automatic"
	byHook      = "hook"
)

// gate is the state in which a picture comes in.
func (m *Media) gate() world.ModerationState {
	if m.cfg.Moderation.Mode == ModerateAutomatic {
		return world.ModerationApproved
	}
	return world.ModerationPending
}

// gatekeeper is who has decided about a picture that comes in; "" while nobody has.
func (m *Media) gatekeeper() string {
	if m.gate() == world.ModerationApproved {
		return byAutomatic
	}
	return ""
}

// decide writes a decision into a manifest: about one version, or about the whole
// asset (0).
//
// To approve the asset approves what is pending of it and shows the newest of
// that, or what was shown last when every version is withheld. To approve a version approves an asset that nobody has decided about,
// and shows it if it is newer than what is shown. To withhold the version that is
// shown shows the newest other that is approved; where there is none the asset is
// withheld. A state of pending leaves it to somebody else, with a reason.
func decide(to *world.Manifest, version int, d world.Moderation) (world.AssetChange, error) {
	c := world.AssetChange{
		Purge:     allOf(to), // every variant of every version
		Decisions: map[int]world.Moderation{version: d},
	}
	before := to.Moderation
	if err := notDeleted(to); err != nil {
		return c, err
	}
	if _, ok := to.VersionNumber(version); version != 0 && !ok {
		return c, noSuchVersion()
	}
	switch d.State {
	case world.ModerationApproved:
		c.Purge = []string{world.GroupAlias(to.App, to.MediaID)} // what was to be seen is so still
		approve(to, version, d)
	case world.ModerationWithheld:
		withhold(to, version, d)
	case world.ModerationPending:
		if version == 0 || to.Moderation.State == world.ModerationPending {
			to.Moderation = d
		}
	}
	if to.Moderation != before { // it was one about the asset too
		c.Decisions[0] = to.Moderation
	}
	return c, nil
}

func approve(to *world.Manifest, version int, d world.Moderation) {
	for i := range to.Versions {
		v := &to.Versions[i]
		waits := v.Moderation == world.ModerationPending
		if v.Number == version || version == 0 && waits {
			v.Moderation = world.ModerationApproved
			to.Current = max(to.Current, v.Number)
		}
	}
	if version == 0 || to.Moderation.State == world.ModerationPending {
		to.Moderation = d
	}
	fit := func(v world.Version) bool { return v.Moderation != world.ModerationWithheld }
	if version == 0 && !slices.ContainsFunc(to.Versions, fit) {
		i := slices.IndexFunc(to.Versions, func(v world.Version) bool { return v.Number == to.Current })
		to.Versions[i].Moderation = world.ModerationApproved
	}
	settle(to, d)
}

func withhold(to *world.Manifest, version int, d world.Moderation) {
	if version == 0 {
		to.Moderation = d
		return
	}
	for i := range to.Versions {
		if v := &to.Versions[i]; v.Number == version {
			v.Moderation = world.ModerationWithheld
		}
	}
	settle(to, d)
}

// settle has the alias of an approved asset show an approved version: the current
// one if it is, else the newest that is. An asset without one waits while there
// is a version that does, and is withheld when there is none.
func settle(to *world.Manifest, d world.Moderation) {
	newest, waits := 0, false
	for _, v := range to.Versions {
		if v.Moderation == world.ModerationApproved {
			newest = v.Number
		}
		waits = waits || v.Moderation == world.ModerationPending
	}
	approved := to.Moderation.State == world.ModerationApproved
	switch {
	case newest == 0 && waits && approved:
		d.State = world.ModerationPending
		to.Moderation = d
	case newest == 0 && !waits:
		d.State = world.ModerationWithheld
		to.Moderation = d
	case newest > 0 && approved && to.CurrentVersion().Moderation != world.ModerationApproved:
		to.Current = newest
	}
}

// judge carries a decision out; a hasty one gives way to whatever was decided
// about the version meanwhile.
func (m *Media) judge(ctx context.Context, app, id string, version int, d world.Moderation, hasty bool) (world.Manifest, world.Position, error) {
	d.At = m.now().UTC().Truncate(time.Microsecond) // what the database keeps
	return m.manifests.Change(ctx, app, id, func(to *world.Manifest) (world.AssetChange, error) {
		if v, _ := to.VersionNumber(version); hasty && (v.Moderation != world.ModerationPending || !to.DeletedAt.IsZero()) {
			return world.AssetChange{}, nil
		}
		c, err := decide(to, version, d)
		if err == nil {
			c.Replicas, err = m.places(to, world.Version{Moderation: world.ModerationApproved})
		}
		return c, err
	})
}

// moderate takes a person's decision.
func (m *Media) moderate(w http.ResponseWriter, r *http.Request) error {
	const op = "media.moderate"
	var want struct {
		State   world.ModerationState `json:"state"`
		Version int                   `json:"version"`
		By      string                `json:"by"`
		Reason  string                `json:"reason"`
	}
	err := readJSON(r.Body, &want, "Send a JSON object with state (approved, withheld or pending), by (who decides), and perhaps reason and version.")
	switch {
	case err != nil:
		return err
	case !want.State.Valid():
		return world.E(world.CodeInvalid, op, "state is approved, withheld or pending.")
	case want.By == "" || !fits(want.By, world.MaxModeratedBy):
		return world.E(world.CodeInvalid, op, fmt.Sprintf("by is the name of who decides, in at most %d bytes.", world.MaxModeratedBy))
	case !fits(want.Reason, world.MaxModeratedWhy):
		return world.E(world.CodeInvalid, op, fmt.Sprintf("reason is a text of at most %d bytes.", world.MaxModeratedWhy))
	}
	d := world.Moderation{State: want.State, By: want.By, Reason: want.Reason}
	stored, pos, err := m.judge(r.Context(), r.PathValue("app"), r.PathValue("id"), want.Version, d, false)
	if err != nil {
		return world.Wrap(op, err)
	}
	return m.answerVersion(w, http.StatusOK, stored, stored.Current, pos)
}

func fits(s string, most int) bool { return len(s) <= most && utf8.ValidString(s) }

// preview shows a version to who holds the token, whatever was decided about it.
// It is rendered anew each time and kept nowhere.
func (m *Media) preview(w http.ResponseWriter, r *http.Request) error {
	const op = "media.preview"
	found, err := m.own(r.Context(), r)
	if err != nil {
		return err
	}
	v, err := askedVersion(r, found)
	if err != nil {
		return err
	}
	body, err := m.previewOf(r.Context(), found, v)
	if err != nil {
		return world.Wrap(op, err)
	}
	w.Header().Set("Content-Type", imagegrid.JPEG.MediaType())
	w.Header().Set("Cache-Control", "no-store")
	serve(w, r, body)
	return nil
}

func (m *Media) previewOf(ctx context.Context, found world.Manifest, v world.Version) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Limits.Transform)
	defer cancel()
	original, err := m.original(ctx, found, v)
	if err != nil {
		return nil, err
	}
	return m.make(ctx, found, v, original, imagegrid.Request{App: found.App, Format: imagegrid.JPEG, Width: shownWidth})
}
