package owner

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

//go:embed static/owner.css
var sheetBody []byte

// The style sheet's address is /owner/assets/{hash}/owner.css.
const (
	sheetPrefix = ordersPath + "assets/"
	sheetName   = "/owner.css"
	hashLength  = 12 // hexadecimal digits of the SHA-256
)

// sheet is the style sheet. Its address changes with its content, so that a
// browser may keep it for good.
type sheet struct{ hash string }

func ownSheet() sheet {
	sum := sha256.Sum256(sheetBody)
	return sheet{hash: hex.EncodeToString(sum[:])[:hashLength]}
}

func (s sheet) url() string { return sheetPrefix + s.hash + sheetName }

// serve answers for a path below the prefix and reports whether it is the
// sheet's. Under the hash of another build it gets this one, uncached.
func (s sheet) serve(w http.ResponseWriter, r *http.Request) bool {
	hash, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, sheetPrefix), sheetName)
	if !ok || len(hash) != hashLength || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", "text/css; charset=utf-8")
	if hash == s.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("ETag", `"`+s.hash+`"`)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(sheetBody))
	return true
}
