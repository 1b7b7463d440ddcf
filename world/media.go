package world

import (
	"strings"
	"time"
)

// Visibility says who may be shown an asset.
type Visibility string

// The visibilities. A private asset is resident to its zone.
const (
	Public   Visibility = "public"
	Private  Visibility = "private"
	Withheld Visibility = "withheld"
)

// ReplicaState is how far a durable copy in one region has come.
type ReplicaState string

// The replica states.
const (
	ReplicaPending ReplicaState = "pending"
	ReplicaCopied  ReplicaState = "copied"
	ReplicaFailed  ReplicaState = "failed"
)

// Replica is a region's durable copy of an original.
type Replica struct {
	Region string       `json:"region"`
	State  ReplicaState `json:"state"`
	At     time.Time    `json:"at"`
	Error  string       `json:"error,omitempty"`
}

// Version is an asset's immutable revision.
type Version struct {
	Number    int       `json:"version"` // from 1
	SHA256    string    `json:"sha256"`  // of the original, 64 hexadecimal digits
	MediaType string    `json:"media_type"`
	Bytes     int64     `json:"bytes"`
	Width     int       `json:"width"`  // pixels, after orientation
	Height    int       `json:"height"` // pixels, after orientation
	CreatedAt time.Time `json:"created_at"`
}

// Manifest is the small document by which any region can tell an asset's
// versions, home region and visibility. It is public data and replicated.
type Manifest struct {
	App         string     `json:"app"`
	MediaID     string     `json:"media_id"`
	Name        string     `json:"name"` // the file name it came under, for people
	Visibility  Visibility `json:"visibility"`
	WriteRegion string     `json:"write_region"`
	Color       string     `json:"color"`    // average, "#rrggbb": shown until the picture is there
	Versions    []Version  `json:"versions"` // oldest first, never empty
	Replicas    []Replica  `json:"replicas,omitempty"`
	CreatedAt   time.Time  `json:"created_at"`
}

// Newest is the asset's newest version.
func (m *Manifest) Newest() Version { return m.Versions[len(m.Versions)-1] }

// VersionNumber finds a version.
func (m *Manifest) VersionNumber(n int) (Version, bool) {
	for _, v := range m.Versions {
		if v.Number == n {
			return v, true
		}
	}
	return Version{}, false
}

// MediaIDLength is the length of a media id.
const MediaIDLength = 16

// mediaAlphabet is Crockford's base 32 in lower case: no i, l, o or u.
const mediaAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// NewMediaID makes a media id: one character that names the write region
// (its number, 1 to 31), then 75 random bits. Any region can tell from the id
// alone whom to ask about an asset that its replica has not heard of yet.
// random must hold 15 bytes.
func NewMediaID(regionNumber int, random [MediaIDLength - 1]byte) string {
	var b strings.Builder
	b.WriteByte(mediaAlphabet[regionNumber&31])
	for _, r := range random {
		b.WriteByte(mediaAlphabet[r&31])
	}
	return b.String()
}

// MediaIDRegion is the number of the region that made a media id, and whether
// the id is well formed.
func MediaIDRegion(id string) (number int, ok bool) {
	if len(id) != MediaIDLength {
		return 0, false
	}
	for i := range len(id) {
		if strings.IndexByte(mediaAlphabet, id[i]) < 0 {
			return 0, false
		}
	}
	number = strings.IndexByte(mediaAlphabet, id[0])
	return number, number > 0
}
