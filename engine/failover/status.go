package failover

import "time"

// State is how a cluster is.
type State string

// The states of a cluster.
const (
	Starting State = "starting" // no primary yet
	Synced   State = "synced"   // every commit that is acknowledged is on both nodes
	Degraded State = "degraded" // commits are on the primary alone: a second loss would lose them
	Takeover State = "takeover" // the standby is being promoted
	Broken   State = "down"     // no primary; it is being brought back
	Fenced   State = "fenced"   // the lease is not ours: nothing of ours may take writes
)

// Status is what a keeper tells of its cluster.
type Status struct {
	Cluster  string    `json:"cluster"`
	State    State     `json:"state"`
	Since    time.Time `json:"since"` // of the state
	Reason   string    `json:"reason,omitempty"`
	Epoch    uint64    `json:"epoch"`
	Timeline uint32    `json:"timeline"`
	Primary  string    `json:"primary"`
	Standby  string    `json:"standby"` // the other node, whatever it does
	Follows  bool      `json:"standby_follows"`
	Behind   int64     `json:"standby_behind_bytes"` // -1: it does not follow
	Takeover *Took     `json:"last_failover,omitempty"`
	Count    int       `json:"failovers"` // since the keeper began
}

// Took is a takeover that was carried out.
type Took struct {
	At       time.Time     `json:"at"` // when the loss was seen
	From     string        `json:"from"`
	To       string        `json:"to"`
	Why      string        `json:"why"`
	Epoch    uint64        `json:"epoch"`
	Writable time.Duration `json:"-"`                  // from the loss seen to the new primary taking writes
	Seconds  float64       `json:"writable_after_s"`   // the same
	Rejoined *time.Time    `json:"rejoined,omitempty"` // when the old primary confirmed commits again
}

// Status is how the cluster is now.
func (k *Keeper) Status() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.status
}

// tell changes what Status shows.
func (k *Keeper) tell(change func(*Status)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(&k.status)
	k.status.Epoch, k.status.Primary = k.lease.Epoch, k.lease.Primary
	k.status.Standby = k.c.other(k.lease.Primary)
}

// enter puts the cluster into a state and logs it, once.
func (k *Keeper) enter(s State, reason string) {
	if k.Status().State == s {
		k.tell(func(st *Status) { st.Reason = reason })
		return
	}
	from := k.Status().State
	k.tell(func(st *Status) { st.State, st.Since, st.Reason = s, k.c.Now(), reason })
	level := k.c.Log.Warn
	if s == Synced || from == Starting {
		level = k.c.Log.Info
	}
	level("database cluster", "cluster", k.c.Cluster, "state", string(s), "reason", reason, "primary", k.lease.Primary, "epoch", k.lease.Epoch)
}
