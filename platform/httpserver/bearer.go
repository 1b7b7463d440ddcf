package httpserver

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"meridian/world"
)

// CheckBearer demands `Authorization: Bearer <key>` (RFC 6750 §2.1). The
// comparison takes the same time wherever the first difference is. An empty
// key opens nothing.
func CheckBearer(r *http.Request, key string) error {
	got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(key))
	if !ok || key == "" || subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
		return world.E(world.CodeUnsigned, "httpserver.bearer", "Send a valid bearer token in the Authorization header.")
	}
	return nil
}
