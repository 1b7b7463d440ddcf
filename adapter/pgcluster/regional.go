package pgcluster

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"meridian/engine/failover"
	"meridian/world"
)

// RegionalConsole is a Console that can also tell how servers of different regions
// stand to one another. adapter/postgres has one.
type RegionalConsole interface {
	Console
	// Stand asks a server what it is and how far its log goes.
	Stand(ctx context.Context, conn, cluster string) (failover.Replica, error)
	// End waits until a standby that hears nobody has replayed what it has, and tells
	// where its history will part from its primary's.
	End(ctx context.Context, conn string) (lsn, low, next uint64, err error)
	// Follows reports whether a standby follows a primary, and has replayed its promotion.
	Follows(ctx context.Context, primary, standby string) (bool, error)
	// Parted reports whether a standby has log that a primary's history does not; one
	// that is about to follow may look so for a moment.
	Parted(ctx context.Context, primary, standby string) (bool, error)
	// LeftBehind writes the rows to out that a former primary alone has.
	LeftBehind(ctx context.Context, there, here string, low, next uint64, out io.Writer) ([]failover.Left, error)
}

// Seat is one server of a cluster that has servers in several regions.
type Seat struct {
	Spec   Spec // Sync and StandbyOf are settled here
	Region string
}

// RegionalConfig is one cluster's.
type RegionalConfig struct {
	Cluster string
	Seats   []Seat // the first is primary as long as there is no lease
	Console RegionalConsole
	Store   failover.Store
	Keeper  string // whom the lease names as its holder
	Records string // directory for what promotions came to, and for rows that were left behind

	// Way is a server's spec as it is reached from another's region: by the socket of
	// a link, where they are not in one.
	Way func(ctx context.Context, from, to Seat) (Spec, error)
	// Known is what others know of the log behind what replicas have, and of rows that
	// a server lacks; either may be empty. It may be nil.
	Known func(ctx context.Context, to Seat, since time.Time) ([]failover.Known, []failover.Reference)
	// Moved is told of another primary once it takes writes. It may be nil.
	Moved func(ctx context.Context, primary Seat) error
	// Patience is how long a server may take to say how it is: one that takes longer
	// counts as one that does not answer; default 2 s.
	Patience time.Duration

	Now func() time.Time
	Log *slog.Logger
}

// Regional is a cluster with a server in each of several regions: an operator may
// have another region's replica take the place of the primary. Its methods may be
// called from any goroutine.
type Regional struct {
	sup  *Supervisor
	c    RegionalConfig
	turn sync.Mutex // held by whoever changes which server is what
}

// NewRegional makes one; it does nothing yet.
func NewRegional(s *Supervisor, c RegionalConfig) *Regional {
	for i := range c.Seats {
		sp := &c.Seats[i].Spec
		sp.Sync, sp.StandbyOf, sp.Followed = nil, nil, true
	}
	c.Patience = cmp.Or(c.Patience, 2*time.Second)
	return &Regional{sup: s, c: c}
}

// Lease is the cluster's, or where it has none yet one of epoch 0 that names its
// first server.
func (r *Regional) Lease(ctx context.Context) (failover.Lease, error) {
	lease, err := r.c.Store.Read(ctx, r.c.Cluster)
	if err == nil && lease.Epoch == 0 {
		lease.Primary = r.c.Seats[0].Spec.Name
	}
	return lease, err
}

// Primary is the seat that the lease names.
func (r *Regional) Primary(ctx context.Context) (Seat, error) {
	lease, err := r.Lease(ctx)
	if err != nil {
		return Seat{}, err
	}
	return r.seat(lease.Primary)
}

// Astray reports whether a server that is made has the directory of what it is not
// by the lease: a former primary's, or one whose promotion was broken off. Of a pair
// its keeper sees to that.
func (r *Regional) Astray(ctx context.Context) (bool, error) {
	primary, err := r.Primary(ctx)
	if err != nil {
		return false, err
	}
	for _, s := range r.c.Seats {
		standby, err := isStandby(s.Spec)
		kept := s.Spec.Peer != "" && primary.Region == s.Region
		if _, broken := os.Stat(rejoinMark(s.Spec)); broken == nil && !kept {
			return true, nil
		}
		if err == nil && !kept && standby == (s.Spec.Name == primary.Spec.Name) {
			return true, nil
		}
	}
	return false, nil
}

func (r *Regional) seat(node string) (Seat, error) {
	for _, s := range r.c.Seats {
		if s.Spec.Name == node {
			return s, nil
		}
	}
	return Seat{}, world.E(world.CodeNotFound, "pgcluster.regional", fmt.Sprintf("%s has no server %.80q.", r.c.Cluster, node))
}

// Standby is a server's spec as a standby of the primary.
func (r *Regional) Standby(ctx context.Context, node, primary Seat) (Spec, error) {
	way, err := r.c.Way(ctx, node, primary)
	if err != nil {
		return Spec{}, err
	}
	sp := node.Spec
	if node.Region != primary.Region {
		sp.Peer = "" // there is none to take over from, or by
	}
	sp.StandbyOf = &Upstream{Name: primary.Spec.Name, DataDir: primary.Spec.DataDir, ConnInfo: ConnString(way, ReplicationUser, way.ReplicationPassword, "")}
	return sp, nil
}

// conn is the superuser's connection string to a server.
func conn(sp Spec) string { return ConnString(sp, SuperUser, sp.SuperPassword, sp.Database) }

// Assess says what a promotion of a region's replica would come to, and changes
// nothing. Errors: invalid for a region that has no other server than the primary.
func (r *Regional) Assess(ctx context.Context, region string) (failover.Promotion, error) {
	lease, err := r.Lease(ctx)
	if err != nil {
		return failover.Promotion{}, err
	}
	servers := make([]failover.Replica, len(r.c.Seats))
	var all sync.WaitGroup
	for i, s := range r.c.Seats {
		all.Go(func() { servers[i] = r.stand(ctx, s) })
	}
	all.Wait()
	p, err := failover.Assess(lease, region, servers, nil)
	if err != nil || r.c.Known == nil {
		return p, err
	}
	to, err := r.seat(p.To)
	if err != nil {
		return p, err
	}
	since := time.Time{}
	if p.LastCommit != nil {
		since = *p.LastCommit
	}
	known, references := r.c.Known(ctx, to, since)
	p, err = failover.Assess(lease, region, servers, known)
	p.References = references
	return p, err
}

func (r *Regional) stand(ctx context.Context, s Seat) failover.Replica {
	ctx, cancel := context.WithTimeout(ctx, r.c.Patience)
	defer cancel()
	got, err := r.c.Console.Stand(ctx, conn(s.Spec), r.c.Cluster)
	if err != nil {
		got = failover.Replica{} // it does not answer
	}
	got.Node, got.Region = s.Spec.Name, s.Region
	return got
}
