package media

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"meridian/world"
)

// Origin is a site of others whose pages may put pictures into an app.
type Origin struct {
	App    string `yaml:"app" doc:"the app that its pictures are for"`
	Origin string `yaml:"origin" doc:"scheme, host and port as browsers send them, such as https://www.example.com"`
}

func (o Origin) validate(apps []string) error {
	u, err := url.Parse(o.Origin)
	plain := err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && o.Origin == strings.ToLower(u.Scheme+"://"+u.Host)
	if !plain || !slices.Contains(apps, o.App) {
		return world.E(world.CodeInvalid, "media.config", fmt.Sprintf("origins: %q for %q: write an app of this region, and an origin such as https://www.example.com, without a path and in small letters", o.Origin, o.App))
	}
	return nil
}

// What a page of another site may do and see: uploads by a grant, which it shows
// itself, so that no cookie is needed and none is taken.
const (
	crossMethods = "POST, PUT, HEAD, GET, PATCH, DELETE, OPTIONS"
	crossFields  = "Authorization, Content-Type, Idempotency-Key, Tus-Resumable, Upload-Length, Upload-Offset, Upload-Metadata, Upload-Checksum"
	crossSeen    = "Location, Link, Retry-After, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Upload-Offset, Upload-Length, Upload-Expires, Meridian-Media-Id, Meridian-Position"
	crossAge     = "7200" // seconds that a browser remembers the permission; Chromium keeps none longer
)

// uploadApp is the app that a path puts pictures into.
func uploadApp(path string) (app string, ok bool) {
	part := strings.Split(path, "/")
	ok = len(part) >= 3 && part[0] == "" && part[1] == "media" && part[2] != "" && (len(part) == 3 || part[3] == "tus")
	if !ok {
		return "", false
	}
	return part[2], true
}

// crossOrigin tells a browser which pages may read the answer (Fetch standard,
// HTTP-CORS protocol). It is true when the question was this alone, and answered.
func (m *Media) crossOrigin(w http.ResponseWriter, r *http.Request) bool {
	app, ok := uploadApp(r.URL.Path)
	if !ok {
		return false
	}
	h, origin := w.Header(), r.Header.Get("Origin")
	h.Set("Vary", "Origin")
	if !slices.Contains(m.cfg.Origins, Origin{app, origin}) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		h.Set("Access-Control-Expose-Headers", crossSeen)
		return false
	}
	h.Set("Access-Control-Allow-Methods", crossMethods)
	h.Set("Access-Control-Allow-Headers", crossFields)
	h.Set("Access-Control-Max-Age", crossAge)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return true
}
