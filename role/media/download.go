package media

import (
	"mime"
	"net/http"

	"meridian/world"
)

// download gives a version's original to who holds the token, as it came in. A
// private one stays in its zone, which whoever asks here need not be in.
func (m *Media) download(w http.ResponseWriter, r *http.Request) error {
	const op = "media.download"
	found, err := m.own(r.Context(), r)
	if err != nil {
		return err
	}
	if found.Audience == world.Private {
		return world.E(world.CodeForbidden, op, "This picture is private: its original does not leave its zone. Ask for a variant with a signed address.")
	}
	v, err := askedVersion(r, found)
	if err != nil {
		return err
	}
	data, err := m.original(r.Context(), found, v)
	if err != nil {
		return world.Wrap(op, err)
	}
	h := w.Header()
	h.Set("Content-Type", v.MediaType)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": found.Name}))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'") // nobody's script, whatever the bytes are
	h.Set("Cache-Control", "no-store")
	serve(w, r, data)
	return nil
}
