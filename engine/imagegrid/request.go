package imagegrid

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"meridian/world"
)

// Limits of the grammar. They bound what a cache can be made to remember and
// are far above what the grid allows.
const (
	MaxPathLength = 104           // bytes of a whole picture path; the longest valid one has 102
	MaxAppLength  = 32            // bytes of an app's name
	MediaIDLength = 16            // bytes of a media id, exactly
	MaxVersion    = 1_000_000_000 // the last version that an asset may have
	MaxDimension  = 16383         // pixels a side: the largest picture that WebP can hold
	MaxDPR        = 4             // device pixels for a pixel of CSS; beyond, no eye tells
)

const prefix = "/img/"

const shape = "{app}/{media_id}/v{version}/{format}/{width}x{height}"

// Request names one variant: what a picture URL says, and nothing else.
type Request struct {
	Private bool   // whether it lies under [world.PrivatePrefix], to be given with a signature only
	App     string // the app that owns the asset: a-z, then a-z, 0-9 and -
	MediaID string // the asset: 16 characters of Crockford base32, lower case
	Version int    // the asset's version, 1 to MaxVersion; 0 is the alias: the current one
	Format  Format // avif, webp, jpeg, auto until it is resolved, or svg, which has no size
	Width   int    // pixels; 0 means "by the height, keeping the aspect"
	Height  int    // pixels; 0 means "by the width, keeping the aspect"
	Mode    Mode   // how the picture meets the box of both
	DPR     int    // 2 to MaxDPR: another spelling of a size so many times as large; else 0
}

// Parse reads a picture path of exactly the form
// /img/{app}/{media_id}/v{version}/{format}/{width}x{height}, or the same under
// [world.PrivatePrefix], or of the alias, which leaves the version out and means
// the asset's current one. Behind the size may stand a mode, as in 640x480-smart,
// and a pixel ratio, as in 320x240@2x; the format svg has no size. There is one spelling for each
// request, so that Parse(p).String() == p and a cache holds a variant once. Whether
// it is served is [Policy.Resolve]'s to say.
//
// The error is a world.Error of code invalid whose message says which part to
// change and how.
func Parse(path string) (Request, error) {
	if len(path) > MaxPathLength {
		return Request{}, invalid("This picture address is too long (%d bytes, at most %d); use %s.", len(path), MaxPathLength, prefix+shape)
	}
	rest, ok := strings.CutPrefix(path, prefix)
	private := false
	if !ok {
		rest, private = strings.CutPrefix(path, world.PrivatePrefix)
	}
	if !ok && !private {
		return Request{}, invalid("A picture address looks like %s; this one does not begin with %s or %s.", prefix+shape, prefix, world.PrivatePrefix)
	}
	parts := strings.Split(rest, "/")
	if len(parts) < 5 && parts[len(parts)-1] == string(SVG) {
		parts = append(parts, "")
	}
	alias := len(parts) == 4 && !private
	if alias && !strings.HasPrefix(parts[2], "v") {
		parts = slices.Insert(parts, 2, "")
	}
	if len(parts) != 5 {
		return Request{}, invalid("A picture address has five parts after %s: use %s.", prefix, prefix+shape)
	}
	r := Request{Private: private, App: parts[0], MediaID: parts[1]}
	if err := CheckApp(r.App); err != nil {
		return Request{}, err
	}
	if err := CheckMediaID(r.MediaID); err != nil {
		return Request{}, err
	}
	digits, ok := strings.CutPrefix(parts[2], "v")
	if r.Version, ok = number(digits, MaxVersion, ok); !alias && (!ok || r.Version == 0) {
		return Request{}, invalid("The version %q must be v and a whole number from 1 to %d, such as v3.", parts[2], MaxVersion)
	}
	if r.Format, ok = ParseFormat(parts[3]); !ok {
		return Request{}, invalid("The format %q is not served; use avif, webp, jpeg or auto.", parts[3])
	}
	if r.Format == SVG {
		if parts[4] != "" || strings.HasSuffix(path, "/") {
			return Request{}, invalid("A drawing has no size: leave %q out, or ask for avif, webp, jpeg or auto.", parts[4])
		}
		return r, nil
	}
	text, ratio, dense := strings.Cut(parts[4], "@")
	size, ok := readSize(text)
	if dense && ok {
		ratio, ok = strings.CutSuffix(ratio, "x")
		if r.DPR, ok = number(ratio, MaxDPR, ok); r.DPR < 2 {
			ok = false
		}
	}
	if !ok {
		return Request{}, invalid("The size %q must be {width}x{height} in pixels, such as 640x480; 640x0 keeps the picture's aspect. -contain or -smart may stand behind a box, and @2x to @%dx behind all.", parts[4], MaxDPR)
	}
	r.Width, r.Height, r.Mode = size.Width, size.Height, size.Mode
	return r, nil
}

// Size is the request's size, without its pixel ratio.
func (r Request) Size() Size { return Size{r.Width, r.Height, r.Mode} }

// WithSize is the request for another size.
func (r Request) WithSize(s Size) Request {
	r.Width, r.Height, r.Mode, r.DPR = s.Width, s.Height, s.Mode, 0
	return r
}

// CheckApp refuses a name that is not an app's: [a-z][a-z0-9-]{0,31}.
func CheckApp(app string) error {
	ok := len(app) >= 1 && len(app) <= MaxAppLength && app[0] >= 'a' && app[0] <= 'z'
	for i := 0; ok && i < len(app); i++ {
		c := app[i]
		ok = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-'
	}
	if !ok {
		return invalid("The app %q must be 1 to %d characters of a-z, 0-9 and -, beginning with a letter.", app, MaxAppLength)
	}
	return nil
}

// CheckMediaID refuses an id that is not 16 characters of Crockford's base32
// alphabet (https://www.crockford.com/base32.html) in lower case: 0-9 and a-z
// without i, l, o and u. The letters that people mistake are refused, not
// mapped, so that an asset has one address.
func CheckMediaID(id string) error {
	ok := len(id) == MediaIDLength
	for i := 0; ok && i < len(id); i++ {
		ok = strings.IndexByte("0123456789abcdefghjkmnpqrstvwxyz", id[i]) >= 0
	}
	if !ok {
		return invalid("The media id %q must be %d characters of 0-9 and a-z without i, l, o and u.", id, MediaIDLength)
	}
	return nil
}

// String is the request's path, the only spelling that [Parse] takes.
func (r Request) String() string {
	if r.Private {
		return world.PrivatePrefix + r.join()
	}
	return prefix + r.join()
}

// Key is the cache key of the variant: app, media id, version, format and size.
// Never a signature, an expiry or a header. Private pictures and public ones are
// not told apart: they lie in different places. A request for auto is resolved first
// ([Request.Resolve]), or all browsers would share one format; one with a pixel
// ratio is brought to its cell first ([Policy.Resolve]), or that had two keys.
func (r Request) Key() string {
	return r.join()
}

// Resolve is the request with auto replaced by the best of the formats that the
// Accept header allows; see [Prefer].
func (r Request) Resolve(accept string, formats []Format) Request {
	if r.Format == Auto {
		r.Format = Prefer(accept).Among(formats)
	}
	return r
}

func (r Request) join() string {
	version := ""
	if r.Version != 0 {
		version = "/v" + strconv.Itoa(r.Version)
	}
	out := r.App + "/" + r.MediaID + version + "/" + string(r.Format)
	if r.Format == SVG {
		return out
	}
	out += "/" + r.Size().String()
	if r.DPR != 0 {
		out += "@" + strconv.Itoa(r.DPR) + "x"
	}
	return out
}

// number reads a whole number up to most, without sign or leading zeros. It
// takes the ok of the step before, so that steps chain.
func number(s string, most int, ok bool) (int, bool) {
	if !ok || s == "" || len(s) > 10 || (s[0] == '0' && s != "0") {
		return 0, false
	}
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, n <= most
}

func invalid(format string, args ...any) error {
	return world.E(world.CodeInvalid, "imagegrid", fmt.Sprintf(format, args...))
}
