package world

import (
	"strings"
	"time"
)

// Visibility says who may be shown an asset.
type Visibility string

// The visibilities. A private asset is resident to its zone. A withheld one is
// shown to nobody: it waits to be judged, was judged unfit, or is deleted.
const (
	Public   Visibility = "public"
	Private  Visibility = "private"
	Withheld Visibility = "withheld"
)

// ModerationState is what has been decided about an asset or a version of it.
type ModerationState string

// The moderation states.
const (
	ModerationPending  ModerationState = "pending"  // nobody has decided yet
	ModerationApproved ModerationState = "approved" // it may be shown
	ModerationWithheld ModerationState = "withheld" // it may not
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
	Region     string       `json:"region"`
	State      ReplicaState `json:"state"`
	At         time.Time    `json:"at"`                   // since when it is in this state
	Error      string       `json:"error,omitempty"`      // for operators
	VerifiedAt time.Time    `json:"verified_at,omitzero"` // when its bytes were last found to be those of its SHA-256
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
