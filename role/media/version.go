package media

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"meridian/world"
)

// addVersion makes a version of an edit, or of other pixels altogether. It is
// shown by the alias at once, unless it has to be approved first.
func (m *Media) addVersion(w http.ResponseWriter, r *http.Request) error {
	const op = "media.version"
	found, err := m.own(r.Context(), r)
	if err != nil {
		return err
	}
	var n newVersion
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t == "application/json" {
		n, err = m.versionOf(r, found)
	} else {
		n, err = m.replacement(w, r, found)
	}
	if err != nil {
		return world.Wrap(op, err)
	}
	defer n.release()
	v := n.version
	v.CreatedAt = m.now().UTC().Truncate(time.Microsecond) // what the database keeps
	made, pos, err := m.manifests.Change(r.Context(), found.App, found.MediaID, func(to *world.Manifest) (world.AssetChange, error) {
		return m.append(to, &v)
	})
	if err == nil && n.stored != nil {
		err = m.keptStill(r.Context(), made, v, n.stored)
	}
	if err != nil {
		if n.stored != nil {
			m.unkeepDeleted(r.Context(), found, v)
		}
		return world.Wrap(op, err)
	}
	return m.answerVersion(w, http.StatusCreated, made, v.Number, pos)
}

// newVersion is a version that no row names yet.
type newVersion struct {
	version world.Version
	stored  []byte // its original as it is stored; nil where that is an older version's
	release func() // gives the place in memory back
}

// unlessDone gives the place back where there is no new version after all.
func (n newVersion) unlessDone(err *error) {
	if p := recover(); p != nil {
		n.release()
		panic(p)
	}
	if *err != nil {
		n.release()
	}
}

// versionOf makes a version of an older one.
func (m *Media) versionOf(r *http.Request, found world.Manifest) (newVersion, error) {
	want, err := parseVersionWanted(r.Body)
	if err != nil {
		return newVersion{}, err
	}
	base := found.CurrentVersion()
	if want.From != 0 {
		var ok bool
		if base, ok = found.VersionNumber(want.From); !ok {
			return newVersion{}, noSuchVersion()
		}
	}
	if !m.uploads.TryAcquire(1) { // an edit holds as much memory as an upload
		return newVersion{}, world.E(world.CodeBusy, "media.edit", "Too many pictures are worked on at once; try again in a moment.")
	}
	n := newVersion{release: func() { m.uploads.Release(1) }}
	defer n.unlessDone(&err)
	n.version, n.stored, err = m.edited(r.Context(), found, base, want)
	return n, err
}

// replacement makes a version of the picture that the request brings.
func (m *Media) replacement(w http.ResponseWriter, r *http.Request, found world.Manifest) (newVersion, error) {
	data, release, err := m.readBody(w, r, m.uploads, m.cfg.Limits.MaxBytes)
	if err != nil {
		return newVersion{}, err
	}
	n := newVersion{release: release}
	defer n.unlessDone(&err)
	n.version, n.stored, err = m.takeIn(r.Context(), found, data)
	n.version.Edit, n.version.Moderation = &world.Edit{Replace: true}, m.gate()
	return n, err
}

// takeIn makes a picture a version of an asset: checked, and durable here as it is
// stored.
func (m *Media) takeIn(ctx context.Context, found world.Manifest, data []byte) (v world.Version, stored []byte, err error) {
	if v, err = m.read(ctx, found.App, data); err != nil {
		return v, nil, err
	}
	if stored, err = m.seal(found.Audience, &v, data); err != nil {
		return v, nil, err
	}
	return v, stored, m.keepOriginal(ctx, found, v, stored)
}

// read is a version of bytes that are taken only if all of them can be decoded
// within the limits.
func (m *Media) read(ctx context.Context, app string, data []byte) (world.Version, error) {
	found, err := m.examine(ctx, app, data)
	if err != nil {
		return world.Version{}, err
	}
	sum := sha256.Sum256(data)
	return world.Version{
		SHA256: hex.EncodeToString(sum[:]), MediaType: found.MediaType, Bytes: int64(len(data)),
		Width: found.Width, Height: found.Height, Frames: found.Frames, Color: found.Color, Thumbhash: found.Thumbhash,
	}, nil
}

// keepOriginal makes a version's original durable here. It comes before the rows
// that name it: an original without an asset is harmless, an asset without its
// original is a lie.
func (m *Media) keepOriginal(ctx context.Context, of world.Manifest, v world.Version, stored []byte) error {
	if err := m.storeOf(of).Put(ctx, originalKey(v.SHA256), stored); err != nil {
		return err
	}
	m.metrics.bytes.WithLabelValues("uploaded").Add(float64(len(stored)))
	return nil
}

// append gives an asset a version, under the next number.
func (m *Media) append(to *world.Manifest, v *world.Version) (world.AssetChange, error) {
	const op = "media.version"
	if err := notDeleted(to); err != nil {
		return world.AssetChange{}, err
	}
	if len(to.Versions) >= m.cfg.Limits.MaxVersions {
		return world.AssetChange{}, world.E(world.CodeTooLarge, op, fmt.Sprintf("This picture has %d versions, and no more are kept: put it in as a new picture.", len(to.Versions)))
	}
	if v.From != 0 {
		base, _ := to.VersionNumber(v.From) // versions do not go
		if base.Moderation == world.ModerationWithheld {
			return world.AssetChange{}, world.E(world.CodeConflict, op, "The version that this one is made from is withheld.")
		}
		v.Moderation = base.Moderation // it may have been judged meanwhile
	}
	v.Number = to.Newest().Number + 1
	to.Versions = append(to.Versions, *v)
	if v.Moderation == world.ModerationApproved || to.Moderation.State != world.ModerationApproved {
		to.Current = v.Number
	}
	places, err := m.places(to, *v)
	return world.AssetChange{Purge: []string{world.GroupAlias(to.App, to.MediaID)}, Replicas: places}, err
}

// places are where the original of a version lies once it is in the given state.
func (m *Media) places(of *world.Manifest, v world.Version) ([]world.Replica, error) {
	as := *of
	if as.Visibility = as.ShownAs(); v.Moderation != world.ModerationApproved {
		as.Visibility = world.Withheld
	}
	return m.place(as, m.now().UTC().Truncate(time.Microsecond))
}

// rollback lets the alias show an older version, or a newer one again.
func (m *Media) rollback(w http.ResponseWriter, r *http.Request) error {
	const op = "media.rollback"
	var want struct {
		Version int `json:"version"`
	}
	if err := readJSON(r.Body, &want, "Send a JSON object with version, the number of the version to show."); err != nil {
		return err
	}
	stored, pos, err := m.manifests.Change(r.Context(), r.PathValue("app"), r.PathValue("id"), func(to *world.Manifest) (world.AssetChange, error) {
		if err := notDeleted(to); err != nil {
			return world.AssetChange{}, err
		}
		v, ok := to.VersionNumber(want.Version)
		switch {
		case !ok:
			return world.AssetChange{}, noSuchVersion()
		case v.Moderation != world.ModerationApproved:
			return world.AssetChange{}, world.E(world.CodeConflict, op, "That version is not approved, so it cannot be shown.")
		}
		to.Current = v.Number
		return world.AssetChange{Purge: []string{world.GroupAlias(to.App, to.MediaID)}}, nil
	})
	if err != nil {
		return world.Wrap(op, err)
	}
	return m.answerVersion(w, http.StatusOK, stored, stored.Current, pos)
}

// answerVersion tells an asset's owner of one of its versions.
func (m *Media) answerVersion(w http.ResponseWriter, status int, found world.Manifest, version int, pos world.Position) error {
	if !pos.Zero() {
		w.Header().Set(HeaderPosition, pos.String())
	}
	return writeJSON(w, status, uploaded{found.MediaID, version, m.shownAt(found, version), found})
}

func noSuchVersion() error {
	return world.E(world.CodeNotFound, "media.version", "This picture has no such version.")
}

// readJSON reads a body that is one JSON object with the fields of to alone.
func readJSON(body io.Reader, to any, fix string) error {
	d := json.NewDecoder(io.LimitReader(body, maxJSONBody))
	d.DisallowUnknownFields()
	err := d.Decode(to)
	if err == nil {
		if _, end := d.Token(); !errors.Is(end, io.EOF) {
			err = errors.New("something follows it")
		}
	}
	if err != nil {
		return world.Because(world.CodeInvalid, "media.json", fix, err)
	}
	return nil
}
