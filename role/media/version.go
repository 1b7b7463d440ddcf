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

	"meridian/engine/imagegrid"
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
	var v world.Version
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t == "application/json" {
		v, err = m.versionOf(r, found)
	} else {
		v, err = m.replacement(w, r, found)
	}
	if err != nil {
		return world.Wrap(op, err)
	}
	v.CreatedAt = m.now().UTC().Truncate(time.Microsecond) // what the database keeps
	stored, pos, err := m.manifests.Change(r.Context(), found.App, found.MediaID, func(to *world.Manifest) (world.AssetChange, error) {
		return m.append(to, &v)
	})
	if err != nil {
		return world.Wrap(op, err)
	}
	return m.answerVersion(w, http.StatusCreated, stored, v.Number, pos)
}

// versionOf makes a version of an older one.
func (m *Media) versionOf(r *http.Request, found world.Manifest) (world.Version, error) {
	want, err := parseVersionWanted(r.Body)
	if err != nil {
		return world.Version{}, err
	}
	base := found.CurrentVersion()
	if want.From != 0 {
		var ok bool
		if base, ok = found.VersionNumber(want.From); !ok {
			return world.Version{}, noSuchVersion()
		}
	}
	if !m.uploads.TryAcquire(1) { // an edit holds as much memory as an upload
		return world.Version{}, world.E(world.CodeBusy, "media.edit", "Too many pictures are worked on at once; try again in a moment.")
	}
	defer m.uploads.Release(1)
	return m.edited(r.Context(), found, base, want)
}

// replacement makes a version of the picture that the request brings.
func (m *Media) replacement(w http.ResponseWriter, r *http.Request, found world.Manifest) (world.Version, error) {
	data, release, err := m.readBody(w, r, m.uploads, m.cfg.Limits.MaxBytes)
	if err != nil {
		return world.Version{}, err
	}
	defer release()
	v, err := m.takeIn(r.Context(), found, data)
	v.Edit, v.Moderation = &world.Edit{Replace: true}, m.gate()
	return v, err
}

// takeIn makes a picture a version of an asset: checked, and durable here.
func (m *Media) takeIn(ctx context.Context, found world.Manifest, data []byte) (world.Version, error) {
	v, err := m.read(ctx, data)
	if err != nil {
		return v, err
	}
	stored, err := m.seal(found.Audience, &v, data)
	if err != nil {
		return v, err
	}
	return v, m.keepOriginal(ctx, found, v, stored)
}

// read is a version of bytes that are taken only if all of them can be decoded
// within the limits.
func (m *Media) read(ctx context.Context, data []byte) (world.Version, error) {
	found, err := m.examine(ctx, data)
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
	url := imagegrid.Request{Private: found.Audience == world.Private, App: found.App, MediaID: found.MediaID, Version: version, Format: imagegrid.Auto, Width: shownWidth}
	return writeJSON(w, status, uploaded{found.MediaID, version, url.String(), found})
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
