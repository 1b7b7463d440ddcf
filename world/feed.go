package world

import "time"

// The kinds of feed events.
const (
	EventHello     = "hello"     // first line of every stream: where it starts
	EventPurge     = "purge"     // forget what carries any of the groups
	EventHeartbeat = "heartbeat" // nothing happened; complete up to the cursor
)

// Event is one entry of a cluster's feed: ordered, resumable from its cursor,
// replayed after a partition. On the wire each is one line of JSON.
type Event struct {
	Cursor   string    `json:"cursor"`            // hand it back to resume after this event
	Kind     string    `json:"kind"`              // EventPurge, EventHello or EventHeartbeat
	Groups   []string  `json:"groups,omitempty"`  // EventPurge: what to forget
	Position Position  `json:"position,omitzero"` // a re-fill must be at least this new
	At       time.Time `json:"at"`                // when it was committed
}

// CursorNow asks a feed to start with what comes next: right for a cache that
// starts empty. An empty cursor starts with the oldest event kept.
const CursorNow = "now"

// FeedHeartbeat is how often a quiet feed says that it is alive.
const FeedHeartbeat = 5 * time.Second

// FeedPath is where a region's shop serves the feed of its catalog cluster.
const FeedPath = "/-/feed"

// GroupProduct is the group of everything that shows a product.
func GroupProduct(market, slug string) string { return market + "/p/" + slug }

// GroupMarket is the group of every cached page of a market.
func GroupMarket(market string) string { return market + "/pages" }

// GroupMedia is the group of everything cut from one asset.
func GroupMedia(app, mediaID string) string { return "media/" + app + "/" + mediaID }
