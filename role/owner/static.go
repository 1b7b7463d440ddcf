package owner

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static
var staticFiles embed.FS

// The address of a static file is /owner/assets/{hash}/{name}.
const (
	staticPrefix = ordersPath + "assets/"
	hashLength   = 12 // hexadecimal digits of the SHA-256
)

// static are the files that the pages are shown with. The address of each changes
// with its content, so that a browser may keep it for good.
type static map[string]staticFile

type staticFile struct {
	hash, mediaType string
	body            []byte
}

func loadStatic() (static, error) {
	out := static{}
	err := fs.WalkDir(staticFiles, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := staticFiles.ReadFile(name)
		sum := sha256.Sum256(body)
		out[path.Base(name)] = staticFile{hex.EncodeToString(sum[:])[:hashLength], mime.TypeByExtension(path.Ext(name)), body}
		return err
	})
	return out, err
}

func (s static) url(name string) string { return staticPrefix + s[name].hash + "/" + name }

// serve answers for a path below the prefix and reports whether there is such a
// file. Under the hash of another build it gets this one, uncached.
func (s static) serve(w http.ResponseWriter, r *http.Request) bool {
	hash, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, staticPrefix), "/")
	f, ok := s[name]
	if !ok || len(hash) != hashLength || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	if hash == f.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("ETag", `"`+f.hash+`"`)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
	return true
}
