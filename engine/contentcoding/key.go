package contentcoding

import "strings"

// packed are the endings of paths whose content is compressed as it is: coding
// it again saves nothing, so one stored response serves every class.
var packed = []string{
	"7z", "aac", "apng", "avi", "avif", "br", "bz2", "flac", "gif", "gz", "heic", "jpeg", "jpg", "jxl",
	"m4a", "m4v", "mkv", "mov", "mp3", "mp4", "mpeg", "mpg", "oga", "ogg", "ogv", "opus", "pdf", "png", "rar",
	"tgz", "webm", "webp", "woff", "woff2", "xz", "zip", "zst",
}

// maxEnding is the length of the longest of them.
const maxEnding = 5

// ForPath is the class that a request for a path counts as in a cache key: that
// of the client, but Identity where the path's ending says that the content is
// compressed already. The path is without query; it allocates nothing.
func ForPath[T string | []byte](path T, c Class) Class {
	if c == Identity {
		return c
	}
	for i := 1; i <= min(len(path), maxEnding+1); i++ {
		switch path[len(path)-i] {
		case '/':
			return c
		case '.':
			for _, ending := range packed {
				if equalFold(path[len(path)-i+1:], ending) {
					return Identity
				}
			}
			return c
		}
	}
	return c
}

// Mark parts a key from its class. A key never holds it otherwise: it is no
// part of a URL (RFC 3986 §2).
const Mark = "\x00"

// AppendKey puts a class behind a cache key. Identity adds nothing.
func AppendKey[T string | []byte](key T, c Class) T {
	if c == Identity {
		return key
	}
	return T(append(append([]byte(key), Mark...), c.String()...))
}

// AllKeys are the keys that a resource may be stored under, one a class, given
// any of them: what concerns a resource, as a purge does, concerns all.
func AllKeys(key string) []string {
	key, _, _ = strings.Cut(key, Mark)
	all := make([]string, 0, classes)
	for _, c := range Classes() {
		all = append(all, AppendKey(key, c))
	}
	return all
}
