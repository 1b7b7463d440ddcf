// Package cdnkey names cached responses as outside CDNs know them: what an edge
// writes onto an answer for a CDN, and what that CDN is told to forget.
//
// Each vendor takes other signs: Cloudflare parts tags by commas and ignores
// case, Fastly and Varnish part keys by spaces, and Varnish looks for them by a
// regular expression. So keys are written in signs that mean nothing to any of
// them. No vendor knows a URL as we do, whatever its query and negotiated form
// are; so each answer has one key for its URL too, and a purge by URL is one by key.
package cdnkey

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// MaxKey is the most bytes of a key: within Fastly's 1024 and Cloudflare's 1024.
const MaxKey = 256

// urlKeys begins the keys of URLs. No group begins so: its colon would be written otherwise.
const urlKeys = "url:"

// Of is the key of a group. Letters, digits and / _ . - stay as they are; any
// other byte becomes %XX. What would be too long goes by its hash.
func Of(group string) string {
	const hexadecimal = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(group) {
		if c := group[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hexadecimal[c>>4])
			b.WriteByte(hexadecimal[c&15])
		}
	}
	return short(b.String())
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '/' || c == '_' || c == '.' || c == '-'
}

func short(key string) string {
	if len(key) <= MaxKey {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "long:" + hex.EncodeToString(sum[:16])
}

// OfURL is the key of what is shown under a host and an escaped path, as our own
// tiers tell URLs apart: pictures and manifests whatever the host, a picture in
// all its formats, and a page by its market.
func OfURL(w *world.World, host, path string) string {
	where := ""
	switch world.RouteOf(http.MethodGet, path) {
	case world.RouteImage, world.RoutePrivate:
		if img, err := imagegrid.Parse(path); err == nil {
			img.Format = imagegrid.Auto
			path = img.String()
		}
	case world.RouteManifest:
	default:
		where = strings.ToLower(host)
		if m, ok := w.MarketByHost(host); ok {
			where = m.ID
		}
	}
	return short(urlKeys + Of(where+path))
}

// ForResponse are the keys of an answer: those of its groups and that of its URL,
// each once.
func ForResponse(w *world.World, groups []string, host, path string) []string {
	keys := []string{OfURL(w, host, path)}
	for _, g := range groups {
		keys = append(keys, Of(g))
	}
	return sorted(keys)
}

// ForPurge are the keys that a purge names, each once. all is true for a purge of
// everything, and where something is named that has no key.
func ForPurge(w *world.World, p world.Purge) (keys []string, all bool) {
	if p.All {
		return nil, true
	}
	for _, g := range world.WithPages(p.Groups) {
		keys = append(keys, Of(g))
	}
	for _, text := range p.URLs {
		u, err := world.ParsePurgeURL(text)
		if err != nil {
			return nil, true
		}
		keys = append(keys, OfURL(w, u.Host, u.EscapedPath()))
	}
	return sorted(keys), false
}

func sorted(keys []string) []string {
	slices.Sort(keys)
	return slices.Compact(keys)
}
