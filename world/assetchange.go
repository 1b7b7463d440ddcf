package world

import "time"

// AssetChange is what else a change of an asset brings about, in the transaction
// that makes it.
type AssetChange struct {
	Purge     []string           // groups that every cache forgets
	Decisions map[int]Moderation // what was decided about versions; 0 is the asset
	Replicas  []Replica          // where the originals of versions that are new or newly approved shall lie
	Deletion  *Deletion          // set when the asset is deleted
}

// AssetFilter says which assets a list shows; the zero one shows all, from the
// newest on.
type AssetFilter struct {
	State    ModerationState // only those that are in it or have a version that is; "" leaves out none
	Name     string          // only those whose name holds this text, in either case; "" leaves out none
	Before   time.Time       // only those behind this place: older than this,
	BeforeID string          // or as old and with a lesser id
}

// RemovalState is how far a deleted asset's bytes have gone from a region.
type RemovalState string

// The removal states.
const (
	RemovalPending RemovalState = "pending"
	RemovalRemoved RemovalState = "removed"
	RemovalFailed  RemovalState = "failed"
)

// Removal is a region's part of a deletion.
type Removal struct {
	Region string       `json:"region"`
	State  RemovalState `json:"state"`
	At     time.Time    `json:"at"`              // since when it is in this state
	Error  string       `json:"error,omitempty"` // for operators
	Amount              // what was removed
}

// Amount is how much of something an object store holds, or has removed.
type Amount struct {
	Objects int64 `json:"objects"`
	Bytes   int64 `json:"bytes"`
}

// Deletion is the receipt of an asset's deletion: what was promised, and how far
// each region has come with it.
type Deletion struct {
	Receipt  string    `json:"receipt"` // in the form of a media id
	App      string    `json:"app"`
	MediaID  string    `json:"media_id"`
	By       string    `json:"by"` // who asked
	At       time.Time `json:"at"`
	Removals []Removal `json:"removals"`
}

// Done reports whether the asset's bytes are gone from every region.
func (d Deletion) Done() bool {
	for _, r := range d.Removals {
		if r.State != RemovalRemoved {
			return false
		}
	}
	return true
}
