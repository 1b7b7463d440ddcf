package world

import (
	"slices"
	"time"
)

// Point is a place in a picture, upright: 0,0 is its upper left corner and 1,1
// its lower right.
type Point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

// Crop is a rectangle to cut out, in pixels of the upright picture that it is
// cut from.
type Crop struct {
	X      int `json:"x"`
	Y      int `json:"y"`
	Width  int `json:"width"`
	Height int `json:"height"`
}

// Edit is how a version came from the one before it: cut first, then turned. The
// zero Edit leaves the pixels as they are.
type Edit struct {
	Crop    *Crop `json:"crop,omitempty"`
	Rotate  int   `json:"rotate,omitempty"`  // quarter turns clockwise, 0 to 3
	Replace bool  `json:"replace,omitempty"` // other pixels altogether, uploaded
}

// MezzanineState is how far a version's mezzanine has come: a smaller picture of
// high quality that variants are cut from in place of the original.
type MezzanineState string

// The mezzanine states; "" is a version that has none.
const (
	MezzaninePending MezzanineState = "pending"
	MezzanineMade    MezzanineState = "made"
	MezzanineFailed  MezzanineState = "failed"
)

// Mezzanine is a version's mezzanine.
type Mezzanine struct {
	State  MezzanineState `json:"state"`
	SHA256 string         `json:"sha256,omitempty"` // of its bytes, once it is made
}

// Version is an asset's immutable revision.
type Version struct {
	Number     int             `json:"version"` // from 1
	SHA256     string          `json:"sha256"`  // of the original, 64 hexadecimal digits
	MediaType  string          `json:"media_type"`
	Bytes      int64           `json:"bytes"`
	Width      int             `json:"width"`               // pixels, after orientation
	Height     int             `json:"height"`              // pixels, after orientation
	Frames     int             `json:"frames"`              // 1 for a still
	Color      string          `json:"color"`               // average, "#rrggbb": shown until the picture is there
	Thumbhash  string          `json:"thumbhash,omitempty"` // ThumbHash in base 64; "" for a private picture, whose content it tells
	Focal      *Point          `json:"focal,omitempty"`     // what a crop keeps in view; nil is the centre
	From       int             `json:"from,omitempty"`      // the version that it was made from; 0 for an upload
	Edit       *Edit           `json:"edit,omitempty"`      // what was done to that one; nil for nothing but its focal point
	Moderation ModerationState `json:"moderation"`
	Mezzanine  *Mezzanine      `json:"mezzanine,omitempty"` // for our own regions
	CreatedAt  time.Time       `json:"created_at"`
}

// Moderation is the last decision about an asset.
type Moderation struct {
	State  ModerationState `json:"state"`
	By     string          `json:"by,omitempty"`     // who decided: a person's name, or how; for operators
	Reason string          `json:"reason,omitempty"` // for operators
	At     time.Time       `json:"at"`
}

// Manifest is the small document by which any region can tell an asset's
// versions, home region and visibility. It is public data and replicated.
type Manifest struct {
	App         string     `json:"app"`
	MediaID     string     `json:"media_id"`
	Name        string     `json:"name"`            // the file name it came under, for people
	Owner       string     `json:"owner,omitempty"` // whose it is: a name, for operators
	Visibility  Visibility `json:"visibility"`      // who may be shown it now: its audience, or nobody
	Audience    Visibility `json:"audience"`        // who is meant to see it once it is approved: public or private
	Zone        string     `json:"zone,omitempty"`  // the zone that a private asset is resident in; "" for a public one
	WriteRegion string     `json:"write_region"`
	Current     int        `json:"current"`  // the version that the alias shows
	Versions    []Version  `json:"versions"` // oldest first, never empty
	Moderation  Moderation `json:"moderation"`
	Replicas    []Replica  `json:"replicas,omitempty"` // of the current version's original
	CreatedAt   time.Time  `json:"created_at"`
	DeletedAt   time.Time  `json:"deleted_at,omitzero"`
}

// Newest is the asset's newest version.
func (m *Manifest) Newest() Version { return m.Versions[len(m.Versions)-1] }

// CurrentVersion is the version that the alias shows.
func (m *Manifest) CurrentVersion() Version {
	if v, ok := m.VersionNumber(m.Current); ok {
		return v
	}
	return m.Newest() // a manifest that [Manifest.Validate] has not seen
}

// VersionNumber finds a version.
func (m *Manifest) VersionNumber(n int) (Version, bool) {
	for _, v := range m.Versions {
		if v.Number == n {
			return v, true
		}
	}
	return Version{}, false
}

// ShownAs is the visibility that the asset's state asks for: its audience when
// it is approved and not deleted, else withheld.
func (m *Manifest) ShownAs() Visibility {
	if m.Moderation.State != ModerationApproved || !m.DeletedAt.IsZero() {
		return Withheld
	}
	return m.Audience
}

// ForOutsiders is the manifest without what is for operators and our own regions
// only: who decided and why, whose it is, what failed, and versions that are not
// approved. The asset must be one that may be shown.
func (m *Manifest) ForOutsiders() Manifest {
	out := m.ForUploader()
	out.Versions = slices.DeleteFunc(out.Versions, func(v Version) bool { return v.Moderation != ModerationApproved })
	return out
}

// ForUploader is what [Manifest.ForOutsiders] is, with all versions: for who put
// them in.
func (m *Manifest) ForUploader() Manifest {
	out := *m
	out.Owner, out.Moderation.By, out.Moderation.Reason = "", "", ""
	out.Versions = slices.Clone(m.Versions)
	for i := range out.Versions {
		out.Versions[i].Mezzanine = nil
	}
	out.Replicas = nil
	for _, r := range m.Replicas {
		r.Error = ""
		out.Replicas = append(out.Replicas, r)
	}
	return out
}
