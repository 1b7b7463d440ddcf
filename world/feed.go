package world

import "time"

// The kinds of feed events.
const (
	EventHello     = "hello"     // first line of every stream: where it starts
	EventPurge     = "purge"     // forget what is named
	EventHeartbeat = "heartbeat" // nothing happened; complete up to the cursor
)

// Event is one entry of a cluster's feed: ordered, resumable from its cursor,
// replayed after a partition. On the wire each is one line of JSON.
type Event struct {
	Cursor   string    `json:"cursor"`           // hand it back to resume after this event
	Kind     string    `json:"kind"`             // EventPurge, EventHello or EventHeartbeat
	Groups   []string  `json:"groups,omitempty"` // EventPurge: what to forget, as in [Purge]
	URLs     []string  `json:"urls,omitempty"`
	All      bool      `json:"all,omitempty"`
	Soft     bool      `json:"soft,omitempty"`
	ID       string    `json:"id,omitempty"`      // EventPurge: of the purge that somebody asked for
	Position Position  `json:"position,omitzero"` // a re-fill must be at least this new
	At       time.Time `json:"at"`                // when it was committed

	// Reset, of a hello, says that what came behind the cursor which was asked for
	// cannot be told: it is of another history of the cluster, or older than the
	// events that are kept. The feed starts with what comes next instead.
	Reset bool `json:"reset,omitempty"`
}

// Purge is what an event of that kind tells to forget.
func (e Event) Purge() Purge {
	return Purge{ID: e.ID, Groups: e.Groups, URLs: e.URLs, All: e.All, Soft: e.Soft}
}

// CursorNow asks a feed to start with what comes next: right for a cache that
// starts empty. An empty cursor starts with the oldest event kept.
const CursorNow = "now"

// FeedHeartbeat is how often a quiet feed says that it is alive.
const FeedHeartbeat = 2 * time.Second

// FeedPath is where a region's shop serves the feed of its catalog cluster.
const FeedPath = "/-/feed"

// AcksPath is where a region's ops takes from the tiers how far each has taken
// the feed of that region's catalog cluster.
const AcksPath = "/-/feed/acks"

// Ack is a tier's word that it has taken a cluster's feed up to a cursor: what
// was to be forgotten by then, it has forgotten.
type Ack struct {
	Tier   string `json:"tier"` // "edge-fra", "shield-eu-central"
	Cursor string `json:"cursor"`
	Anew   bool   `json:"anew,omitempty"` // cursors of before were of another history, and say nothing
}

// EdgeTier names a PoP's tier, ShieldTier a region's: in Cache-Status and in
// acknowledgements.
func EdgeTier(pop string) string { return "edge-" + pop }

// ShieldTier names a region's tier.
func ShieldTier(region string) string { return "shield-" + region }

// Tiers are the names of every tier of the world: all follow every feed.
func (w *World) Tiers() []string {
	var out []string
	for _, q := range w.PoPs {
		out = append(out, EdgeTier(q.ID))
	}
	for _, r := range w.Regions {
		out = append(out, ShieldTier(r.ID))
	}
	return out
}
