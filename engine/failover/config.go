package failover

import (
	"cmp"
	"log/slog"
	"time"
)

// Config is one cluster's. The zero value of a duration takes its default.
type Config struct {
	Cluster string
	Nodes   [2]string // the first is primary when there is no lease yet
	Keeper  string    // this keeper's name; the same after a restart, and nobody else's
	Servers Servers
	Store   Store
	Now     func() time.Time
	Log     *slog.Logger

	Beat         time.Duration // how often the primary is looked at, and how long an answer may take; default 1 s
	Misses       int           // so many looks without an answer, and it is started anew where no standby can take over; default 10
	DegradeAfter time.Duration // how long commits wait for a standby that does not confirm; default 2 s
	TTL          time.Duration // how long a lease lasts unless it is renewed, which is tried every third of it; default 12 s
	RemakeAfter  time.Duration // a standby that has not followed for so long is restarted, then made anew; default 15 s
	Patience     time.Duration // of one step: a start, a promotion; default 30 s
	RetryMin     time.Duration // before a step that failed is tried again; doubles; default 200 ms
	RetryMax     time.Duration // default 3 s
}

func (c Config) withDefaults() Config {
	c.Beat = cmp.Or(c.Beat, time.Second)
	c.Misses = cmp.Or(c.Misses, 10)
	c.DegradeAfter = cmp.Or(c.DegradeAfter, 2*time.Second)
	c.TTL = cmp.Or(c.TTL, 12*time.Second)
	c.RemakeAfter = cmp.Or(c.RemakeAfter, 15*time.Second)
	c.Patience = cmp.Or(c.Patience, 30*time.Second)
	c.RetryMin = cmp.Or(c.RetryMin, 200*time.Millisecond)
	c.RetryMax = cmp.Or(c.RetryMax, 3*time.Second)
	return c
}

// other is the node beside one of the two.
func (c Config) other(node string) string {
	if node == c.Nodes[0] {
		return c.Nodes[1]
	}
	return c.Nodes[0]
}
