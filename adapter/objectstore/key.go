package objectstore

import (
	"encoding/hex"
	"fmt"
	"strings"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// Limits of a key, in bytes. The longest key that is built here has 87, its
// longest name 64. A file system takes names of 255, of which an unfinished
// file's ending needs 21.
const (
	MaxKeyLength  = 255
	MaxNameLength = 128 // of each name between slashes
)

const (
	originals = "originals/sha256/"
	variants  = "variants/"
)

// OriginalKey is where an asset's original is kept: under its content id, the
// SHA-256 of its bytes in lower-case hexadecimal. Two levels of folders keep
// each small. An error of code invalid means that sha is no such id.
func OriginalKey(sha string) (string, error) {
	if !isSHA256(sha) {
		return "", world.E(world.CodeInvalid, "objectstore.key", fmt.Sprintf("The content id %.80q must be a SHA-256 of 64 characters 0-9a-f.", sha))
	}
	return originals + sha[:2] + "/" + sha[2:4] + "/" + sha, nil
}

// VariantKey is where a variant is kept: under its cache key. A request for the
// format auto is resolved first, so it is refused with invalid.
func VariantKey(r imagegrid.Request) (string, error) {
	if r.Format.MediaType() == "" {
		return "", world.E(world.CodeInvalid, "objectstore.key", "A stored variant needs the format avif, webp or jpeg; resolve auto first.")
	}
	return variants + r.Key(), nil
}

// contentID is the SHA-256 that a key of an original promises; "" for others.
func contentID(key string) string {
	if !strings.HasPrefix(key, originals) {
		return ""
	}
	sha := key[strings.LastIndexByte(key, '/')+1:]
	if built, err := OriginalKey(sha); err != nil || built != key {
		return ""
	}
	return sha
}

// mediaType is the media type that a variant's key names; "" for others.
func mediaType(key string) string {
	if !strings.HasPrefix(key, variants) {
		return ""
	}
	parts := strings.Split(key, "/")
	return imagegrid.Format(parts[max(0, len(parts)-2)]).MediaType()
}

// checkKey refuses a key that is not one or more names of a-z, 0-9, _ and -,
// joined by single slashes. There are no dots, so no key climbs out of the
// store, and none meets the names of unfinished files.
func checkKey(op, key string) error {
	ok := len(key) <= MaxKeyLength && plain(key)
	for name := range strings.SplitSeq(key, "/") {
		ok = ok && name != "" && len(name) <= MaxNameLength
	}
	if !ok {
		return world.E(world.CodeInvalid, op, fmt.Sprintf("The key %.80q must be names of 1 to %d characters a-z, 0-9, _ and -, joined by slashes, at most %d bytes in all.", key, MaxNameLength, MaxKeyLength))
	}
	if strings.HasPrefix(key, originals) && contentID(key) == "" {
		return world.E(world.CodeInvalid, op, fmt.Sprintf("The key %.80q is not that of an original; build it from its SHA-256.", key))
	}
	return nil
}

func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '/') {
			return false
		}
	}
	return true
}

func isSHA256(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == 32 && strings.ToLower(s) == s
}
