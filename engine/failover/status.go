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
	Timeline uint32    `json:"timeline"` // that the primary writes on; 0: nobody has looked in this epoch
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

// rejoined is the same takeover with both nodes in step again.
func (t *Took) rejoined(now time.Time) *Took {
	if t == nil || t.Rejoined != nil {
		return t
	}
	back := *t
	back.Rejoined = &now
	return &back
}

// tookPlace is the takeover that was under way, if the state is one in which its
// primary takes writes; nil when there was none, or when it came otherwise.
func (k *Keeper) tookPlace(s State) *Took {
	if s != Degraded && s != Synced || k.taking == nil {
		return nil
	}
	t := *k.taking
	k.taking = nil
	if t.Epoch != k.lease.Epoch || t.To != k.lease.Primary {
		return nil
	}
	t.Writable = k.c.Now().Sub(t.At)
	t.Seconds = t.Writable.Seconds()
	return &t
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
	if k.status.Epoch != k.lease.Epoch {
		k.status.Timeline = 0 // that of the epoch before: the primary has yet to tell its own
	}
	change(&k.status)
	k.status.Epoch, k.status.Primary = k.lease.Epoch, k.lease.Primary
	k.status.Standby = k.c.other(k.lease.Primary)
}

// enter puts the cluster into a state and logs it, once. What the state says of
// the last takeover is told with it: nobody may see the one without the other.
func (k *Keeper) enter(s State, reason string) {
	from, took := k.Status().State, k.tookPlace(s)
	k.tell(func(st *Status) {
		if st.State != s {
			st.State, st.Since = s, k.c.Now()
		}
		st.Reason = reason
		if took != nil {
			st.Count++
			st.Takeover, st.Follows, st.Behind = took, false, -1 // the other node has to come to it
		}
		if s == Synced {
			st.Takeover = st.Takeover.rejoined(k.c.Now())
		}
	})
	if took != nil {
		k.c.Log.Warn("a standby has taken over", "cluster", k.c.Cluster, "from", took.From, "to", took.To, "epoch", took.Epoch, "why", took.Why, "took", took.Writable)
	}
	if from == s {
		return
	}
	level := k.c.Log.Warn
	if s == Synced || from == Starting {
		level = k.c.Log.Info
	}
	level("database cluster", "cluster", k.c.Cluster, "state", string(s), "reason", reason, "primary", k.lease.Primary, "epoch", k.lease.Epoch)
}
