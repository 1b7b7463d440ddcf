package media

import (
	"net/http"
	"strconv"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// verifyHeld reads the original that is held here again: 204 when it is good.
func (m *Media) verifyHeld(w http.ResponseWriter, r *http.Request) error {
	const op = "media.verify"
	sha := r.PathValue("sha256")
	if !world.ValidSHA256(sha) {
		return world.E(world.CodeInvalid, op, "An original is named by the 64 lower-case hexadecimal digits of its SHA-256.")
	}
	if err := m.objects.Verify(r.Context(), originalKey(sha)); err != nil {
		return world.Wrap(op, err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// giveManifest tells another region what is known here, and asks nobody else:
// two regions that both lack it must not ask each other in turn.
func (m *Media) giveManifest(w http.ResponseWriter, r *http.Request) error {
	found, err := m.local(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, found)
}

// giveOriginal hands out an original that is held here. Only public ones may
// leave: which zone the asker lies in is not proved by the wire key.
func (m *Media) giveOriginal(w http.ResponseWriter, r *http.Request) error {
	const op = "media.give"
	n, err := strconv.Atoi(r.URL.Query().Get("version"))
	if err != nil {
		return world.E(world.CodeInvalid, op, "version must be a number.")
	}
	found, err := m.local(r)
	if err != nil {
		return err
	}
	v, ok := found.VersionNumber(n)
	if !ok || found.Visibility != world.Public || v.Moderation != world.ModerationApproved {
		return world.E(world.CodeNotFound, op, "")
	}
	data, err := m.localOriginal(r.Context(), found, v)
	if err != nil {
		return world.Wrap(op, err)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	serve(w, r, data)
	return nil
}

func (m *Media) local(r *http.Request) (world.Manifest, error) {
	app, id := r.PathValue("app"), r.PathValue("id")
	if err := imagegrid.CheckMediaID(id); err != nil {
		return world.Manifest{}, err
	}
	if err := m.knownApp(app); app != "" && err != nil { // the short form names none
		return world.Manifest{}, err
	}
	found, err := m.manifests.Manifest(r.Context(), app, id)
	if err == nil {
		err = m.knownApp(found.App)
	}
	return found, world.Wrap("media.local", err)
}
