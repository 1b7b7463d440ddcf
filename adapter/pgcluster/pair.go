package pgcluster

import (
	"context"
	"fmt"

	"meridian/engine/failover"
	"meridian/world"
)

// Console does what only SQL can do on a server. conn is a superuser's connection
// string; adapter/postgres has one.
type Console interface {
	// Look is [failover.Servers]' Look for a standby of that name.
	Look(ctx context.Context, conn, standby string) (failover.Look, error)
	// Answers asks the least there is, on a new connection.
	Answers(ctx context.Context, conn string) error
	// Checkpoint makes one now.
	Checkpoint(ctx context.Context, conn string) error
	// Settle waits until the server goes by that synchronous_standby_names and, when
	// by is not "", until everything acknowledged is also at the standby by.
	Settle(ctx context.Context, conn, names, by string) error
	// Backup has copy called while the server is in backup mode, and returns the
	// text of backup_label for the copy.
	Backup(ctx context.Context, conn string, copy func() error) (label string, err error)
}

// Pair is two servers of one cluster, either of which may be its primary: what a
// [failover.Keeper] decides, it does.
type Pair struct {
	sup     *Supervisor
	console Console
	nodes   map[string]Spec
	lead    func(ctx context.Context, primary Spec) error
}

// NewPair makes a pair of two specs; what they say of Sync, Peer and StandbyOf is
// settled here. lead is told which of them is primary, before Lead returns; it may
// be nil. Both directories are made by [Supervisor.Prepare].
func NewPair(s *Supervisor, a, b Spec, console Console, lead func(context.Context, Spec) error) *Pair {
	a.Peer, b.Peer = b.Name, a.Name
	a.Sync, b.Sync, a.StandbyOf, b.StandbyOf = nil, nil, nil, nil
	return &Pair{sup: s, console: console, nodes: map[string]Spec{a.Name: a, b.Name: b}, lead: lead}
}

// primary is a node's spec as the cluster's primary.
func (p *Pair) primary(node, confirm string) Spec {
	s := p.nodes[node]
	if confirm != "" {
		s.Sync = []string{confirm}
	}
	return s
}

// standby is a node's spec as the other's standby.
func (p *Pair) standby(node, of string) Spec {
	s, up := p.nodes[node], p.nodes[of]
	s.StandbyOf = &Upstream{Name: of, DataDir: up.DataDir, ConnInfo: ConnString(up, ReplicationUser, up.ReplicationPassword, "")}
	return s
}

func (p *Pair) conn(node string) string {
	s := p.nodes[node]
	return ConnString(s, SuperUser, s.SuperPassword, s.Database)
}

// IsStandby reports whether a node's directory is a standby's. conflict when it
// is neither that nor a primary's: it is to be copied anew.
func (p *Pair) IsStandby(node string) (bool, error) { return isStandby(p.nodes[node]) }

// StartPrimary runs a node as primary.
func (p *Pair) StartPrimary(ctx context.Context, node, confirm string) error {
	return p.sup.Start(ctx, []Spec{p.primary(node, confirm)}, nil)
}

// StartStandby runs a node as standby of the other.
func (p *Pair) StartStandby(ctx context.Context, node, of string) error {
	return p.sup.Start(ctx, []Spec{p.standby(node, of)}, nil)
}

// Ended is closed once a node's process has ended, or was never started.
func (p *Pair) Ended(node string) <-chan struct{} { return p.sup.Ended(node) }

// Kill ends a node at once.
func (p *Pair) Kill(ctx context.Context, node string) error { return p.sup.Fence(ctx, p.nodes[node]) }

// Promote makes a running standby a primary that waits for nobody.
func (p *Pair) Promote(ctx context.Context, node string) error {
	return p.sup.Promote(ctx, p.primary(node, ""))
}

// Confirm has a primary's commits wait for a standby, or for none.
func (p *Pair) Confirm(ctx context.Context, node, by string) error {
	spec := p.primary(node, by)
	if err := p.sup.Reconfigure(spec); err != nil {
		return err
	}
	return p.console.Settle(ctx, p.conn(node), syncNames(spec.Sync), by)
}

// Rejoin makes a node's directory that of a standby of the other.
func (p *Pair) Rejoin(ctx context.Context, node, of string, anew bool) error {
	return p.sup.reseed(ctx, p.console, p.standby(node, of), p.nodes[of], p.conn(of), anew)
}

// Look asks a primary how it is, and how the other follows.
func (p *Pair) Look(ctx context.Context, node string) (failover.Look, error) {
	return p.console.Look(ctx, p.conn(node), p.nodes[node].Peer)
}

// Answers has a node answer on a new connection.
func (p *Pair) Answers(ctx context.Context, node string) error {
	return p.console.Answers(ctx, p.conn(node))
}

// Lead tells who has to know which node is primary.
func (p *Pair) Lead(ctx context.Context, node string) error {
	if p.lead == nil {
		return nil
	}
	return p.lead(ctx, p.nodes[node])
}

// PID is the process of a node's server, 0 while there is none.
func (p *Pair) PID(node string) int {
	for _, st := range p.sup.Running() {
		if st.Name == node {
			return st.PID
		}
	}
	return 0
}

// notRunning is what asks something of a server that is not there.
func notRunning(op, name string) error {
	return world.E(world.CodeNotFound, op, fmt.Sprintf("no server %.80q runs here", name))
}
