package world

import (
	"context"
	"fmt"
	"time"
)

// CDN is a cache of somebody else's in front of our edges, a provider, as it is
// told to forget. It makes one attempt; who calls it tries again.
type CDN interface {
	// Forget has the provider forget, in one request. When it returns nil, the
	// provider has said that it is done. Doing it again does no harm. Errors: busy
	// and unavailable, which may carry a [TryAfter], timeout, bad_upstream; and
	// those that do not pass by themselves: unsigned and forbidden for a token
	// that is not good, not_found for a service that is not there, invalid and
	// too_large for a request that the provider refuses.
	Forget(ctx context.Context, f Forget) error
	// Limits are those of one request.
	Limits() CDNLimits
}

// Forget is what a provider is told to forget: answers that carry any of the
// keys, or everything.
type Forget struct {
	Keys []string // as [meridian/engine/cdnkey] writes them, within [CDNLimits]
	All  bool     // everything of ours, and no key is named
	Soft bool     // make stale in place of removing, where the provider can; else it removes
}

// CDNLimits bound one request to a provider.
type CDNLimits struct {
	Keys  int           // most keys
	Bytes int           // most bytes of all keys, with one between each two
	Every time.Duration // a further request may be made so often; 0: at any time
	Burst int           // so many at once when none was made for a while; at least 1
}

// TryAfter is the cause of an error whose sender has said when to try again.
type TryAfter time.Duration

// Error says how long to wait.
func (t TryAfter) Error() string { return fmt.Sprintf("try again after %s", time.Duration(t)) }

// ProviderState is how far a provider has carried out one region's feed. It is
// kept in that region's catalog cluster, so every region can read it.
type ProviderState struct {
	Provider string    `json:"provider"`
	Region   string    `json:"region"`
	Cursor   string    `json:"cursor,omitempty"`       // up to here it has forgotten what it was told to; "": nothing yet
	At       time.Time `json:"at,omitzero"`            // when it last had
	Error    string    `json:"error,omitempty"`        // why it does not get on; "" while it does
	Since    time.Time `json:"failing_since,omitzero"` // for how long it has not
	GivenUp  bool      `json:"given_up,omitempty"`     // it is tried seldom now, and will have to forget everything
}
