package failover

import (
	"fmt"
	"time"

	"meridian/world"
)

// Replica is one server of a cluster that has servers in several regions, as it
// says itself.
type Replica struct {
	Node       string         `json:"node"`
	Region     string         `json:"region"`
	Answers    bool           `json:"answers"`
	Primary    bool           `json:"takes_writes"`
	Follows    bool           `json:"follows"`               // a standby that hears its primary now
	Has        world.Position `json:"has"`                   // the end of the log that it has
	LastCommit *time.Time     `json:"last_commit,omitempty"` // of the last transaction that it has replayed, by its primary's clock
}

// Known is a place in the lost primary's log that somebody else knows to have
// been there.
type Known struct {
	By       string         `json:"by"`
	Position world.Position `json:"position"`
}

// Reference is something elsewhere that refers to what the new primary lacks.
type Reference struct {
	In   string `json:"in"`   // the cluster that knows of it
	What string `json:"what"` // "purge" or "product"
	ID   string `json:"id"`
}

// Left counts the rows of a table that a former primary alone had.
type Left struct {
	Table   string `json:"table"`
	Added   int    `json:"added"`   // nobody else has
	Changed int    `json:"changed"` // others have otherwise
	Removed int    `json:"removed"` // others still have
}

// Promotion is another region's replica in the place of a cluster's primary: what
// would come of it, or what has.
type Promotion struct {
	Cluster    string `json:"cluster"`
	Epoch      uint64 `json:"epoch"` // that begins with it
	From       string `json:"from"`
	FromRegion string `json:"from_region"`
	To         string `json:"to"`
	ToRegion   string `json:"to_region"`
	Planned    bool   `json:"planned"` // the primary is there and hands over: it is stopped first and nothing is lost
	DryRun     bool   `json:"dry_run,omitempty"`
	Refused    string `json:"refused,omitempty"` // why it would not be made, in a dry run

	Has        world.Position `json:"has"`                   // the end of the log that the new primary has
	LastCommit *time.Time     `json:"last_commit,omitempty"` // of its last transaction
	Known      []Known        `json:"known,omitempty"`       // of the log behind that
	Missing    int64          `json:"missing_bytes"`         // up to the furthest of them; what nobody knows of is not counted
	References []Reference    `json:"references,omitempty"`
	Servers    []Replica      `json:"servers"`

	At       time.Time      `json:"at,omitzero"`
	Fork     world.Position `json:"fork,omitzero"` // where the new history leaves the old
	ForkLow  uint64         `json:"fork_low_xid,omitempty"`
	ForkNext uint64         `json:"fork_next_xid,omitempty"` // no transaction from here on was replicated
	Seconds  float64        `json:"writable_after_s,omitempty"`

	Returned *Returned `json:"returned,omitempty"` // the lost primary, as a replica
}

// Returned is how a former primary came back, and what it alone had.
type Returned struct {
	At    time.Time `json:"at"`
	Left  []Left    `json:"left_behind"`
	Rows  int       `json:"rows_left_behind"`
	File  string    `json:"file,omitempty"`      // holds those rows, a line of JSON each
	Aside string    `json:"directory,omitempty"` // its own directory, where its rows could not be read
}

// Assess says what a promotion of a region's replica would come to. Of the servers
// one is the lease's primary. It fails with invalid when the region has no other.
func Assess(lease Lease, region string, servers []Replica, known []Known) (Promotion, error) {
	p := Promotion{Cluster: lease.Cluster, Epoch: max(lease.Epoch, 1) + 1, From: lease.Primary, ToRegion: region, Servers: servers}
	var to *Replica
	for i, s := range servers {
		switch {
		case s.Node == lease.Primary:
			p.FromRegion, p.Planned = s.Region, s.Answers && s.Primary
			if p.Planned {
				known = append(known, Known{By: s.Node, Position: s.Has})
			}
		case s.Region == region && to == nil:
			to = &servers[i]
		case s.Answers:
			known = append(known, Known{By: s.Node, Position: s.Has})
		}
	}
	if to == nil || p.FromRegion == region {
		return p, world.E(world.CodeInvalid, "failover.assess", fmt.Sprintf("%s has no replica in region %.80q that could take over: name another region with --region.", lease.Cluster, region))
	}
	p.To, p.Has, p.LastCommit = to.Node, to.Has, to.LastCommit
	for _, k := range known {
		if k.Position.Cluster == lease.Cluster && !p.Has.Covers(k.Position) {
			p.Known = append(p.Known, k)
			if k.Position.LSN > p.Has.LSN {
				p.Missing = max(p.Missing, int64(k.Position.LSN-p.Has.LSN))
			}
		}
	}
	return p, nil
}

// Refuse says why this promotion must not be made: the server does not answer, or
// what it lacks could be had. With abandon an operator has given that up. It is nil
// when nothing speaks against it.
func (p Promotion) Refuse(abandon bool) error {
	const op = "failover.promote"
	var to Replica
	for _, s := range p.Servers {
		if s.Node == p.To {
			to = s
		}
	}
	switch {
	case !to.Answers:
		return world.E(world.CodeUnavailable, op, p.To+" does not answer: name another region with --region.")
	case to.Primary:
		return world.E(world.CodeConflict, op, fmt.Sprintf("%s takes writes already, which its lease does not know of: stop it.", p.To))
	case abandon:
		return nil
	case p.Planned && (!to.Follows || p.Missing > closeEnough):
		return world.E(world.CodeConflict, op, fmt.Sprintf("%s is there, and %s lacks %d bytes of it: heal the link and wait, or give them up with --abandon.", p.From, p.To, p.Missing))
	case p.Planned:
		return nil
	}
	for _, s := range p.Servers {
		if s.Answers && s.Node != p.To && s.Node != p.From && !to.Has.Covers(s.Has) {
			return world.E(world.CodeConflict, op, fmt.Sprintf("%s in %s has %d bytes more than %s: promote that one, or give them up with --abandon.", s.Node, s.Region, int64(s.Has.LSN-to.Has.LSN), p.To))
		}
	}
	return nil
}
