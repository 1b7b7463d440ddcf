package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sync/semaphore"

	"meridian/engine/imagegrid"
	"meridian/engine/placement"
	"meridian/engine/svgclean"
	"meridian/engine/uploadgrant"
	"meridian/world"
)

// HeaderPosition tells an uploader from which position on a replica knows the
// asset.
const HeaderPosition = "Meridian-Position"

// uploaded is the answer to an upload.
type uploaded struct {
	MediaID  string         `json:"media_id"`
	Version  int            `json:"version"`
	URL      string         `json:"url"` // 640 pixels wide, in the best format that the browser takes
	Manifest world.Manifest `json:"manifest"`
}

// shownWidth is the width of the URL that an upload is answered with.
const shownWidth = 640

func (m *Media) upload(w http.ResponseWriter, r *http.Request) (err error) {
	defer func() { m.metrics.uploads.WithLabelValues(outcome(err)).Inc() }()
	app := r.PathValue("app")
	by, err := m.mayUpload(r, app, uploadgrant.Plain)
	if err == nil {
		err = by.Good(m.now())
	}
	if err != nil {
		return err
	}
	if err := m.knownApp(app); err != nil {
		return err
	}
	name, err := m.cleanName(r.URL.Query().Get("name"))
	if err != nil {
		return err
	}
	data, release, err := m.readBody(w, r, m.uploads, by.MaxBytes)
	if err != nil {
		return err
	}
	defer release()
	manifest, pos, err := m.accept(r.Context(), by, name, data)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Location", manifestPath(manifest))
	if !pos.Zero() {
		h.Set(HeaderPosition, pos.String())
	}
	return writeJSON(w, http.StatusCreated, m.answerOf(manifest))
}

func (m *Media) answerOf(made world.Manifest) uploaded {
	v := made.Newest()
	return uploaded{made.MediaID, v.Number, m.shownAt(made, v.Number), made.ForUploader()}
}

// shownAt is the address by which a version is told of.
func (m *Media) shownAt(made world.Manifest, version int) string {
	r := imagegrid.Request{Private: made.Audience == world.Private, App: made.App, MediaID: made.MediaID, Version: version, Format: imagegrid.Auto, Width: shownWidth}
	return m.policies.For(made.App).Nearest(r).String()
}

// accept makes an asset of a picture: checked, durable, then known. One that
// was put in before with the same key is the asset that it was then, in whichever
// region that was.
func (m *Media) accept(ctx context.Context, by right, name string, data []byte) (world.Manifest, world.Position, error) {
	sum := sha256.Sum256(data)
	sha := hex.EncodeToString(sum[:])
	if again, err := m.repeated(ctx, by, sha, data); !world.Is(err, world.CodeNotFound) {
		if err == nil && again.Audience == world.Public && again.WriteRegion == m.region.ID && again.DeletedAt.IsZero() {
			err = m.keptStill(ctx, again, again.Versions[0], data) // the first time may have ended before it was seen to
		}
		return again, world.Position{}, err
	}
	claim := m.claim(ctx, by) // the other regions are asked while the picture is checked
	defer claim.end()
	v, err := m.read(ctx, by.App, data)
	if err == nil {
		err = by.checkType(v.MediaType)
	}
	if err != nil {
		return world.Manifest{}, world.Position{}, world.Wrap("media.upload", err)
	}
	<-claim.done
	if !world.Is(claim.err, world.CodeNotFound) {
		again, err := m.sameUpload(ctx, claim.made, claim.err, sha, data)
		return again, world.Position{}, err
	}
	made, pos, err := m.create(ctx, by, name, v, data)
	if world.Is(err, world.CodeConflict) && by.key+by.id != "" { // the same upload, at the same time
		made, err = m.repeated(ctx, by, sha, data)
	}
	return made, pos, err
}

func (m *Media) create(ctx context.Context, by right, name string, v world.Version, data []byte) (world.Manifest, world.Position, error) {
	const op = "media.upload"
	now := m.now().UTC().Truncate(time.Microsecond) // what the database keeps
	v.Number, v.Moderation, v.CreatedAt = 1, m.gate(), now
	stored, err := m.seal(by.Visibility, &v, data)
	if err != nil {
		return world.Manifest{}, world.Position{}, world.Wrap(op, err)
	}
	manifest := world.Manifest{
		App: by.App, Name: name, Owner: by.Owner, Audience: by.Visibility, WriteRegion: m.region.ID,
		Current: v.Number, Versions: []world.Version{v}, CreatedAt: now,
		Moderation: world.Moderation{State: v.Moderation, By: m.gatekeeper(), At: now},
	}
	if by.Visibility == world.Private {
		m.hide(&manifest)
	}
	manifest.Visibility = manifest.ShownAs()
	if manifest.MediaID = by.id; by.id == "" {
		if manifest.MediaID, err = m.newID(by.App, by.key); err != nil {
			return world.Manifest{}, world.Position{}, err
		}
	}
	if manifest.Replicas, err = m.place(manifest, now); err != nil {
		return world.Manifest{}, world.Position{}, world.Wrap(op, err)
	}
	if err := m.keepOriginal(ctx, manifest, v, stored); err != nil {
		return world.Manifest{}, world.Position{}, world.Wrap(op, err)
	}
	made, pos, err := m.manifests.Create(ctx, manifest)
	if err == nil {
		err = m.keptStill(ctx, manifest, v, stored)
	}
	return made, pos, world.Wrap(op, err)
}

// keptStill sees that a deletion of another asset has not taken the original away
// before this one referred to it; from then on none does.
func (m *Media) keptStill(ctx context.Context, of world.Manifest, v world.Version, stored []byte) error {
	_, err := m.storeOf(of).Stat(ctx, originalKey(v.SHA256))
	if world.Is(err, world.CodeNotFound) {
		return m.keepOriginal(ctx, of, v, stored)
	}
	return err
}

// examine takes a picture only if all of it can be decoded within the limits.
func (m *Media) examine(ctx context.Context, app string, data []byte) (Examined, error) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Limits.Check)
	defer cancel()
	if svgclean.Is(data) {
		return m.examineDrawing(ctx, app, data)
	}
	return m.examinePixels(ctx, data)
}

func (m *Media) examinePixels(ctx context.Context, data []byte) (Examined, error) {
	found, err := m.pictures.Examine(ctx, data, m.pictureLimits())
	m.metrics.examined.WithLabelValues(found.End).Inc()
	return found, err
}

func (m *Media) pictureLimits() PictureLimits {
	return PictureLimits{MaxBytes: m.cfg.Limits.MaxBytes, MaxPixels: m.cfg.Limits.MaxPixels, MaxFrames: m.cfg.Limits.MaxFrames}
}

// place says which regions shall hold the original; here it is already.
func (m *Media) place(manifest world.Manifest, now time.Time) ([]world.Replica, error) {
	decisions, err := placement.Regions(m.cfg.Placement.rule(), m.assetOf(manifest), m.world.Regions)
	if err != nil {
		return nil, err
	}
	var out []world.Replica
	for _, d := range decisions {
		if !d.Hold {
			continue
		}
		r := world.Replica{Region: d.Region, State: world.ReplicaPending, At: now}
		if d.Region == m.region.ID {
			r.State, r.VerifiedAt = world.ReplicaCopied, now // the store has compared its SHA-256 before it kept it
		}
		out = append(out, r)
	}
	return out, nil
}

func (m *Media) assetOf(manifest world.Manifest) placement.Asset {
	write, _ := m.world.RegionByID(manifest.WriteRegion) // one that is unknown is refused by placement
	return placement.Asset{Visibility: manifest.Visibility, Zone: write.Zone, WriteRegion: manifest.WriteRegion}
}

// readBody reads a body of at most so many bytes whole into memory. slots
// bounds how many are held at once; release gives the slot back.
func (m *Media) readBody(w http.ResponseWriter, r *http.Request, slots *semaphore.Weighted, most int64) (data []byte, release func(), err error) {
	if r.ContentLength > most {
		return nil, nil, tooLarge(most)
	}
	if !slots.TryAcquire(1) {
		return nil, nil, world.E(world.CodeBusy, "media.body", "Too many pictures arrive at once; send it again in a moment.")
	}
	// A server that cannot set a deadline has its own limit on a whole request.
	_ = http.NewResponseController(w).SetReadDeadline(m.now().Add(m.cfg.Limits.Upload))
	var buf bytes.Buffer
	_, err = buf.ReadFrom(http.MaxBytesReader(w, r.Body, most))
	if err == nil && buf.Len() == 0 {
		err = world.E(world.CodeInvalid, "media.body", "The request has no body; send the picture's bytes as they are.")
	}
	if err != nil {
		slots.Release(1)
		return nil, nil, m.bodyError(err)
	}
	return buf.Bytes(), func() { slots.Release(1) }, nil
}

// bodyError is the sender's fault, or nobody's: never ours.
func (m *Media) bodyError(err error) error {
	var ours *world.Error
	var most *http.MaxBytesError
	switch {
	case errors.As(err, &ours):
		return err
	case errors.As(err, &most):
		return tooLarge(most.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return world.Because(world.CodeInvalid, "media.body", fmt.Sprintf("The picture did not arrive within %v; send it again over a faster line, or a smaller one.", m.cfg.Limits.Upload), err)
	}
	return world.Because(world.CodeInvalid, "media.body", "The picture ended early; send it again.", err)
}

func tooLarge(most int64) error {
	return world.E(world.CodeTooLarge, "media.body", fmt.Sprintf("The picture has more than %d bytes; send a smaller one.", most))
}

// unnamed is the name of a picture that came without one.
const unnamed = "picture"

// cleanName is the last part of a path, whichever way its slashes lean.
func (m *Media) cleanName(name string) (string, error) {
	name = strings.TrimSpace(name[strings.LastIndexAny(name, `/\`)+1:])
	switch {
	case name == "":
		return unnamed, nil
	case len(name) > m.cfg.Limits.MaxName:
		return "", world.E(world.CodeInvalid, "media.name", fmt.Sprintf("The name has %d bytes; use at most %d.", len(name), m.cfg.Limits.MaxName))
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "", world.E(world.CodeInvalid, "media.name", "The name must be UTF-8 text without control characters.")
	}
	return name, nil
}
