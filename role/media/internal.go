package media

import (
	"net/http"
	"strconv"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// receive takes an original from another region: 204 once it is durable.
func (m *Media) receive(w http.ResponseWriter, r *http.Request) error {
	return m.take(w, r, m.objects, m.cfg.Limits.MaxBytes)
}

// take puts an original of at most so many bytes from another region into a store.
func (m *Media) take(w http.ResponseWriter, r *http.Request, store Objects, most int64) error {
	const op = "media.receive"
	sha := r.PathValue("sha256")
	if !world.ValidSHA256(sha) {
		return world.E(world.CodeInvalid, op, "An original is named by the 64 lower-case hexadecimal digits of its SHA-256.")
	}
	data, release, err := m.readBody(w, r, m.receives, most)
	if err != nil {
		return world.Wrap(op, err)
	}
	defer release()
	if err := verify(data, sha, world.CodeUnprocessed); err != nil {
		return world.Wrap(op, err)
	}
	if err := store.Put(r.Context(), originalKey(sha), data); err != nil {
		return world.Wrap(op, err)
	}
	m.metrics.bytes.WithLabelValues("received").Add(float64(len(data)))
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
	if err := m.knownApp(app); err != nil {
		return world.Manifest{}, err
	}
	found, err := m.manifests.Manifest(r.Context(), app, id)
	return found, world.Wrap("media.local", err)
}
