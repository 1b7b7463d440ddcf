package failover

import (
	"context"
	"fmt"
	"time"

	"meridian/world"
)

// Lease is who may be a cluster's primary, and who may decide on it.
type Lease struct {
	Cluster string    `json:"cluster"`
	Epoch   uint64    `json:"epoch"`             // one more with each other primary; 0: there was never one
	Primary string    `json:"primary"`           // the one node that may take writes in this epoch
	Standby string    `json:"standby,omitempty"` // the node that has everything which was acknowledged; "" when none has
	Holder  string    `json:"holder"`            // the keeper that may act for the cluster, and no other may until Until
	Until   time.Time `json:"until"`

	Revision uint64 `json:"revision"` // counts the changes; the store's own
}

// Store keeps leases outside the nodes that they are about. What Swap has
// returned is durable.
type Store interface {
	// Read returns a cluster's lease; one of epoch 0 where there is none.
	// unavailable when the store does not answer, internal when what it holds is
	// damaged.
	Read(ctx context.Context, cluster string) (Lease, error)

	// Swap puts next in the place of was and returns it with its new revision.
	// conflict when the lease is not of was.Revision any more, and nothing has
	// changed. After unavailable it may or may not have been done: Read tells.
	Swap(ctx context.Context, was, next Lease) (Lease, error)
}

// Check refuses a change that no keeper may make, whatever store it is made in:
// an epoch goes up by one with each other primary and never otherwise, and the
// standby of a new epoch is none.
func Check(was, next Lease) error {
	bad := func(why string) error {
		return world.E(world.CodeInvalid, "failover.lease", fmt.Sprintf("The lease of %.80q cannot change so: %s.", next.Cluster, why))
	}
	switch {
	case !world.ValidName(next.Cluster) || was.Epoch > 0 && was.Cluster != next.Cluster:
		return bad("it is for one cluster, with a name")
	case next.Primary == "" || next.Holder == "":
		return bad("it names a primary and a holder")
	case next.Standby == next.Primary:
		return bad("a primary is not its own standby")
	case was.Primary != next.Primary && next.Epoch != was.Epoch+1:
		return bad("another primary has the next epoch")
	case was.Primary == next.Primary && next.Epoch != was.Epoch:
		return bad("the same primary keeps its epoch")
	case was.Epoch != next.Epoch && next.Standby != "":
		return bad("in a new epoch nobody stands by yet")
	}
	return nil
}

// free reports whether a keeper may take a lease.
func (l Lease) free(keeper string, now time.Time) bool {
	return l.Epoch == 0 || l.Holder == keeper || !now.Before(l.Until)
}
