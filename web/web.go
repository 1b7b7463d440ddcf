// Package web embeds what pages are made of: the templates, styles and scripts
// that several roles share. It knows no role and no market.
package web

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

//go:embed templates static
var files embed.FS

// AssetPrefix begins the address of every static file.
const AssetPrefix = "/assets/"

// hashLength is how much of a file's SHA-256 its address carries, in
// hexadecimal digits: 48 bits tell a file's revisions apart.
const hashLength = 12

// Templates are the sources in one folder of templates: "shop".
func Templates(folder string) (fs.FS, error) { return fs.Sub(files, "templates/"+folder) }

// Assets serves the static files. Each has an address that changes with its
// content, so that a browser and a cache may keep it for good.
type Assets struct {
	prefix string
	byName map[string]asset
}

type asset struct {
	hash, mediaType string
	body            []byte
}

// NewAssets reads and hashes the embedded files, for addresses below [AssetPrefix].
func NewAssets() (*Assets, error) { return AssetsOf(files, AssetPrefix) }

// AssetsOf reads and hashes what is below "static" in files, for addresses below
// prefix, which ends with a slash.
func AssetsOf(files fs.FS, prefix string) (*Assets, error) {
	a := &Assets{prefix: prefix, byName: map[string]asset{}}
	err := fs.WalkDir(files, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, name)
		sum := sha256.Sum256(body)
		a.byName[strings.TrimPrefix(name, "static/")] = asset{
			hash: hex.EncodeToString(sum[:])[:hashLength], mediaType: mime.TypeByExtension(path.Ext(name)), body: body,
		}
		return err
	})
	return a, err
}

// URL is a file's address, "/assets/{hash}/{name}" by [NewAssets]; "" when there is no such file.
func (a *Assets) URL(name string) string {
	f, ok := a.byName[name]
	if !ok {
		return ""
	}
	return a.prefix + f.hash + "/" + name
}

// Serve answers for a path below the prefix, and reports whether there is
// such a file. A file under another hash is a page's of an older or newer
// build, met while machines are replaced: it gets what is here, uncached.
func (a *Assets) Serve(w http.ResponseWriter, r *http.Request) bool {
	hash, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, a.prefix), "/")
	f, ok := a.byName[name]
	if !ok || len(hash) != hashLength {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	h.Set("X-Content-Type-Options", "nosniff")
	if hash == f.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("ETag", `"`+f.hash+`"`)
	} else if h.Get("Cache-Control") == "" { // who calls may have forbidden more
		h.Set("Cache-Control", "no-store")
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(f.body))
	return true
}
