package media

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"meridian/engine/imagegrid"
	"meridian/engine/uploadgrant"
	"meridian/world"
)

// The fields of tus 1.0 that are written here, beside those of [Deps.Tus].
const (
	tusVersion    = "1.0.0"
	headerOffset  = "Upload-Offset"
	headerLength  = "Upload-Length"
	headerExpires = "Upload-Expires"
)

// HeaderMediaID names the asset that an upload has become.
const HeaderMediaID = "Meridian-Media-Id"

// tusActions are what can be done below /media/{app}/tus.
func (m *Media) tusActions(r *http.Request, app, id string) map[string]action {
	r.SetPathValue("app", app)
	r.SetPathValue("id", id)
	if id == "" {
		return map[string]action{http.MethodPost: m.tusCreate, http.MethodOptions: m.tusOptions}
	}
	return map[string]action{http.MethodGet: m.tusUpload, http.MethodPatch: m.tusUpload, http.MethodDelete: m.tusUpload, http.MethodOptions: m.tusOptions}
}

// tusOptions tells what is spoken here, to anybody.
func (m *Media) tusOptions(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	return m.tus(w, r, "", "", nil)
}

// tusCreate begins an upload. Its content comes later.
func (m *Media) tusCreate(w http.ResponseWriter, r *http.Request) error {
	app := r.PathValue("app")
	by, err := m.mayUpload(r, app, uploadgrant.Resumable)
	if err == nil {
		err = by.Good(m.now())
	}
	if err == nil {
		err = m.knownApp(app)
	}
	if err != nil {
		return err
	}
	w.Header().Set(headerExpires, m.now().Add(m.cfg.Limits.StageAge).UTC().Format(http.TimeFormat))
	return m.serveTus(w, r, by, "")
}

// tusUpload goes on with an upload, tells how far it has come, or gives it up. A
// grant that has expired since the upload began is still good for it.
func (m *Media) tusUpload(w http.ResponseWriter, r *http.Request) error {
	const op = "media.tus"
	app, id := r.PathValue("app"), r.PathValue("id")
	by, err := m.mayUpload(r, app, uploadgrant.Resumable)
	if err != nil {
		return err
	}
	if err := m.ownUpload(by, id); err != nil {
		return err
	}
	s, err := m.stage(r.Context(), app, id)
	if world.Is(err, world.CodeNotFound) {
		return m.tusEnded(w, r, app, id)
	}
	if err != nil {
		return world.Wrap(op, err)
	}
	if s.size == s.doc.Size && r.Method != http.MethodDelete {
		made, pos, err := m.finish(r.Context(), app, id)
		if err != nil {
			return world.Wrap(op, err)
		}
		return m.tellUploaded(w, r, made, pos)
	}
	expires := s.modified
	if r.Method == http.MethodPatch {
		if !m.patches.TryAcquire(1) {
			return world.E(world.CodeBusy, op, "Too many uploads go on at once; go on in a moment.")
		}
		defer m.patches.Release(1)
		expires = m.now()
	}
	w.Header().Set(headerExpires, expires.Add(m.cfg.Limits.StageAge).UTC().Format(http.TimeFormat))
	if r.Method == http.MethodGet {
		return m.tellStage(w, s)
	}
	return m.serveTus(w, r, by, id)
}

// ownUpload refuses the id of another region's upload, and one that the grant
// did not begin: as if there were none.
func (m *Media) ownUpload(by right, id string) error {
	const op = "media.tus"
	if err := imagegrid.CheckMediaID(id); err != nil {
		return err
	}
	number, _ := world.MediaIDRegion(id)
	if number != m.region.Number {
		return world.E(world.CodeMisdirected, op, "Another region has this upload: send it through any PoP, which finds it.")
	}
	if by.ID != "" && !slices.Contains(m.idsOf(number, by.App, by.key), id) {
		return noUpload()
	}
	return nil
}

func noUpload() error {
	return world.E(world.CodeNotFound, "media.tus", "There is no such upload: it has expired, or was given up. Begin another.")
}

// tusEnded answers for an upload of which nothing waits here: it is an asset, or
// is not.
func (m *Media) tusEnded(w http.ResponseWriter, r *http.Request, app, id string) error {
	found, err := m.acknowledged(r.Context(), app, id)
	switch {
	case world.Is(err, world.CodeNotFound):
		return noUpload()
	case err != nil:
		return world.Wrap("media.tus", err)
	case r.Method == http.MethodDelete:
		return world.E(world.CodeConflict, "media.tus", "The upload has ended and is a picture now.")
	}
	return m.tellUploaded(w, r, found, world.Position{})
}

// uploadState is an upload that is not whole yet, for those who ask with GET.
type uploadState struct {
	Offset    int64     `json:"upload_offset"` // bytes that are durable
	Length    int64     `json:"upload_length"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (m *Media) tellStage(w http.ResponseWriter, s stage) error {
	w.Header().Set("Tus-Resumable", tusVersion)
	return writeJSON(w, http.StatusOK, uploadState{s.size, s.doc.Size, s.modified.Add(m.cfg.Limits.StageAge).UTC()})
}

// tellUploaded says what an upload has become.
func (m *Media) tellUploaded(w http.ResponseWriter, r *http.Request, made world.Manifest, pos world.Position) error {
	h := w.Header()
	for name, value := range uploadedFields(made, pos) {
		h.Set(name, value)
	}
	length := strconv.FormatInt(made.Versions[0].Bytes, 10)
	h.Set("Tus-Resumable", tusVersion)
	h.Set("Cache-Control", "no-store")
	h.Set(headerOffset, length)
	h.Set(headerLength, length)
	switch r.Method {
	case http.MethodGet:
		return writeJSON(w, http.StatusOK, m.answerOf(made))
	case http.MethodPatch:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusOK)
	}
	return nil
}

// uploadedFields are the fields that tell of the asset.
func uploadedFields(made world.Manifest, pos world.Position) map[string]string {
	fields := map[string]string{
		HeaderMediaID: made.MediaID,
		"Link":        "<" + manifestPath(made) + `>; rel="describedby"`,
	}
	if !pos.Zero() {
		fields[HeaderPosition] = pos.String()
	}
	return fields
}

func manifestPath(made world.Manifest) string {
	return "/media/" + made.App + "/" + made.MediaID + "/manifest"
}

func (m *Media) serveTus(w http.ResponseWriter, r *http.Request, by right, id string) error {
	err := m.tus(w, r, "/media/"+by.App+"/tus/", id, resumable{m, by})
	if err != nil {
		w.Header().Del(headerExpires)
	}
	return world.Wrap("media.tus", err)
}
