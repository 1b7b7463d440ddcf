package world

import (
	"encoding/base64"
	"fmt"
	"math"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Limits of a manifest. They bound what one asset may make every region keep.
const (
	MaxVersions     = 256   // of an asset
	MaxAssetName    = 1024  // bytes of its file name
	MaxOwner        = 64    // bytes of its owner's name
	MaxAssetSide    = 65535 // pixels of a side
	MaxThumbhash    = 25    // bytes of a ThumbHash, before base 64
	MaxModeratedBy  = 64    // bytes of who decided
	MaxModeratedWhy = 500   // bytes of a decision's reason
)

var (
	colorForm     = regexp.MustCompile(`^#[0-9a-f]{6}$`)
	mediaTypeForm = regexp.MustCompile(`^image/[a-z0-9][a-z0-9.+-]{0,39}$`)
)

// Validate says whether the manifest can be acted on, by itself alone: any
// region can run it on what another one sends. The error is invalid and names
// the first field that cannot be.
func (m *Manifest) Validate() error {
	c := manifestCheck{m: m}
	c.asset()
	c.moderation()
	c.versions()
	c.replicas()
	return c.err
}

type manifestCheck struct {
	m   *Manifest
	err error
}

// must notes the first thing that is wrong.
func (c *manifestCheck) must(ok bool, field string, value any, want string) {
	if !ok && c.err == nil {
		c.err = E(CodeInvalid, "world.manifest", fmt.Sprintf("The manifest's %s is %.80q; it must be %s.", field, fmt.Sprint(value), want))
	}
}

func (c *manifestCheck) asset() {
	m := c.m
	_, ok := MediaIDRegion(m.MediaID)
	c.must(ValidName(m.App) && len(m.App) <= 32, "app", m.App, "a name of at most 32 characters")
	c.must(ok, "media_id", m.MediaID, "a media id")
	c.must(isText(m.Name, MaxAssetName), "name", m.Name, fmt.Sprintf("UTF-8 text of at most %d bytes without control characters", MaxAssetName))
	c.must(isText(m.Owner, MaxOwner), "owner", m.Owner, fmt.Sprintf("UTF-8 text of at most %d bytes without control characters", MaxOwner))
	c.must(m.Audience == Public || m.Audience == Private, "audience", m.Audience, "public or private")
	c.must(m.Visibility == m.ShownAs(), "visibility", m.Visibility, fmt.Sprintf("%s, by its audience, moderation and deletion", m.ShownAs()))
	c.must((m.Zone == "") == (m.Audience != Private), "zone", m.Zone, "named for a private asset and empty for a public one")
	c.must(m.Zone == "" || ValidName(m.Zone), "zone", m.Zone, "a zone's name")
	c.must(ValidName(m.WriteRegion), "write_region", m.WriteRegion, "a region's name")
	c.must(!m.CreatedAt.IsZero(), "created_at", m.CreatedAt, "a time")
}

func (c *manifestCheck) moderation() {
	d := c.m.Moderation
	c.must(d.State.Valid(), "moderation.state", d.State, "pending, approved or withheld")
	c.must(isText(d.By, MaxModeratedBy), "moderation.by", d.By, fmt.Sprintf("UTF-8 text of at most %d bytes", MaxModeratedBy))
	c.must(isText(d.Reason, MaxModeratedWhy), "moderation.reason", d.Reason, fmt.Sprintf("UTF-8 text of at most %d bytes", MaxModeratedWhy))
}

// Valid reports whether s is one of the moderation states.
func (s ModerationState) Valid() bool {
	return s == ModerationPending || s == ModerationApproved || s == ModerationWithheld
}

func (c *manifestCheck) versions() {
	list := c.m.Versions
	c.must(len(list) >= 1 && len(list) <= MaxVersions, "versions", len(list), fmt.Sprintf("a list of 1 to %d", MaxVersions))
	current, last := Version{}, 0
	for i, v := range list {
		c.version(fmt.Sprintf("versions[%d].", i), v, last)
		if last = v.Number; v.Number == c.m.Current {
			current = v
		}
	}
	c.must(current.Number > 0, "current", c.m.Current, "the number of one of its versions")
	c.must(c.m.Visibility == Withheld || current.Moderation == ModerationApproved, "current", c.m.Current, "an approved version, since the asset is shown")
}

func (c *manifestCheck) version(at string, v Version, last int) {
	c.must(v.Number > last, at+"version", v.Number, "greater than the one before, from 1")
	c.must(ValidSHA256(v.SHA256), at+"sha256", v.SHA256, "64 lower-case hexadecimal digits")
	c.must(mediaTypeForm.MatchString(v.MediaType), at+"media_type", v.MediaType, "a picture's media type")
	c.must(v.Bytes > 0, at+"bytes", v.Bytes, "above 0")
	c.must(v.Width >= 1 && v.Width <= MaxAssetSide, at+"width", v.Width, fmt.Sprintf("1 to %d", MaxAssetSide))
	c.must(v.Height >= 1 && v.Height <= MaxAssetSide, at+"height", v.Height, fmt.Sprintf("1 to %d", MaxAssetSide))
	c.must(v.Frames >= 1, at+"frames", v.Frames, "at least 1")
	c.must(colorForm.MatchString(v.Color), at+"color", v.Color, "a colour such as #aabbcc")
	hash, err := base64.StdEncoding.Strict().DecodeString(v.Thumbhash)
	c.must(err == nil && len(hash) <= MaxThumbhash && !strings.ContainsAny(v.Thumbhash, "\r\n"), at+"thumbhash", v.Thumbhash, fmt.Sprintf("base 64 of at most %d bytes", MaxThumbhash))
	c.must(c.m.Audience != Private || v.Thumbhash == "", at+"thumbhash", v.Thumbhash, "empty: a private picture's content is not told outside its zone")
	c.must(v.Focal == nil || v.Focal.Valid(), at+"focal", v.Focal, "two numbers from 0 to 1")
	c.must(v.From >= 0 && v.From < v.Number, at+"from", v.From, "an older version, or 0")
	c.must(v.Edit == nil || v.Edit.Valid(), at+"edit", v.Edit, "a crop of at least a pixel and 0 to 3 quarter turns, or else a replacement")
	c.must(v.Moderation.Valid(), at+"moderation", v.Moderation, "pending, approved or withheld")
	c.must(v.Mezzanine == nil || v.Mezzanine.valid(), at+"mezzanine", v.Mezzanine, "pending, failed, or made with its SHA-256")
	c.must(!v.CreatedAt.IsZero(), at+"created_at", v.CreatedAt, "a time")
}

// Valid reports whether the point lies in a picture.
func (p Point) Valid() bool {
	in := func(f float64) bool { return !math.IsNaN(f) && f >= 0 && f <= 1 }
	return in(p.X) && in(p.Y)
}

// Valid reports whether the edit says something that can be done to some
// picture; whether a crop lies in a certain one is [Crop.In]'s to say.
func (e Edit) Valid() bool {
	if e.Replace {
		return e.Crop == nil && e.Rotate == 0
	}
	return e.Rotate >= 0 && e.Rotate <= 3 && (e.Crop == nil || e.Crop.In(MaxAssetSide, MaxAssetSide))
}

// In reports whether the crop has a pixel and lies in a picture of that size.
func (c Crop) In(width, height int) bool {
	return c.X >= 0 && c.Y >= 0 && c.Width >= 1 && c.Height >= 1 &&
		c.X <= width-c.Width && c.Y <= height-c.Height
}

func (z *Mezzanine) valid() bool {
	switch z.State {
	case MezzaninePending, MezzanineFailed:
		return z.SHA256 == ""
	case MezzanineMade:
		return ValidSHA256(z.SHA256)
	}
	return false
}

func (c *manifestCheck) replicas() {
	c.must(len(c.m.Replicas) <= MaxRegions, "replicas", len(c.m.Replicas), fmt.Sprintf("at most %d", MaxRegions))
	seen := map[string]bool{}
	for i, r := range c.m.Replicas {
		at := fmt.Sprintf("replicas[%d].", i)
		c.must(ValidName(r.Region) && !seen[r.Region], at+"region", r.Region, "a region's name, once")
		c.must(r.State == ReplicaPending || r.State == ReplicaCopied || r.State == ReplicaFailed, at+"state", r.State, "pending, copied or failed")
		seen[r.Region] = true
	}
}

// ValidSHA256 reports whether s is 64 lower-case hexadecimal digits.
func ValidSHA256(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return len(s) == 64
}

// isText reports whether s is UTF-8 of at most most bytes on one line.
func isText(s string, most int) bool {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	return len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, control)
}
