package failover

import "context"

// Servers are a cluster's two servers, as whoever runs them can handle them.
// Each method returns when what it says is so, or fails and may have done part of it.
type Servers interface {
	// IsStandby reports whether a stopped node's data are a standby's.
	IsStandby(node string) (bool, error)
	// StartPrimary runs a node that takes writes. Their commits wait for the node
	// confirm; "" is nobody.
	StartPrimary(ctx context.Context, node, confirm string) error
	// StartStandby runs a node that follows another.
	StartStandby(ctx context.Context, node, of string) error
	// Ended is closed once nothing runs of a node.
	Ended(node string) <-chan struct{}
	// Kill ends a node at once, also one that hangs, and whatever is left of an
	// earlier run. It may be called for a node that does not run.
	Kill(ctx context.Context, node string) error
	// Promote makes a running standby take writes, waiting for nobody.
	Promote(ctx context.Context, node string) error
	// Confirm has a running primary's commits wait for by, or for nobody (""). It
	// returns once every commit that is acknowledged is also at by.
	Confirm(ctx context.Context, node, by string) error
	// Rejoin makes a stopped node's data such that it can follow another, which
	// runs as primary. What it alone has is given up. anew copies it whole, also
	// where less would do.
	Rejoin(ctx context.Context, node, of string, anew bool) error
	// Look asks a running primary how it is.
	Look(ctx context.Context, node string) (Look, error)
	// Answers has a running node answer on a new connection, whatever it is.
	Answers(ctx context.Context, node string) error
	// Lead sends whatever follows the cluster from elsewhere to a node.
	Lead(ctx context.Context, node string) error
}

// Look is what a primary says of itself.
type Look struct {
	Timeline  uint32 // that it writes on
	Following bool   // its standby is connected and streams
	Behind    int64  // bytes that its standby has not confirmed; -1 when there is none
	Confirmed uint64 // up to where it has
	Waits     int    // commits that wait for it now
}
