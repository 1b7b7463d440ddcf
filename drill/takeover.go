package drill

import (
	"context"
	"fmt"
	"sync"
	"time"

	"meridian/app/localworld"
)

// What is held against a database whose primary is killed.
const (
	promotedWithin = 5 * time.Second  // its standby takes writes
	rejoinedWithin = 30 * time.Second // after the heal: the old primary follows the new one, and confirms commits
)

// takeover watches database clusters whose primaries are killed: whether their
// standbys take over, and whether the old ones ever take writes again.
type takeover struct {
	ask func(context.Context) ([]localworld.Database, []Part, error)
	now func() time.Time

	mu       sync.Mutex
	order    []string // clusters
	clusters map[string]*tookOver
}

// tookOver is one cluster.
type tookOver struct {
	old      string // its primary before
	epoch    uint64
	new      string    // its primary since; "" for none yet
	next     uint64    // its epoch
	promoted time.Time // when it was first seen
	writable float64   // seconds from the loss seen to writes, as its keeper says
	looks    int       // since then
	unfenced string    // what was seen that a fenced server does not do
	rejoined time.Time // when the old one was first seen to confirm commits again
}

// newTakeover watches the clusters whose primaries are killed.
func newTakeover(r *run, clusters ...string) *takeover {
	t := &takeover{now: time.Now, order: clusters, clusters: map[string]*tookOver{}, ask: func(ctx context.Context) ([]localworld.Database, []Part, error) {
		databases, err := r.target.API.Databases(ctx)
		if err != nil {
			return nil, nil, err
		}
		parts, err := r.target.API.Parts(ctx)
		return databases, parts, err
	}}
	for _, c := range clusters {
		t.clusters[c] = &tookOver{old: r.target.primary(c)}
	}
	return t
}

func (t *takeover) look(ctx context.Context) {
	databases, parts, err := t.ask(ctx)
	if err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range databases {
		if c := t.clusters[d.Cluster]; c != nil {
			c.look(d, parts, t.now())
		}
	}
}

func (c *tookOver) look(d localworld.Database, parts []Part, now time.Time) {
	if c.epoch == 0 {
		c.epoch = d.Epoch
	}
	if c.new == "" {
		if d.Primary == c.old || d.Takeover == nil || d.Epoch <= c.epoch {
			return
		}
		c.new, c.next, c.promoted, c.writable = d.Primary, d.Epoch, now, d.Takeover.Seconds
	}
	c.looks++
	if d.Primary != c.new {
		c.unfenced = fmt.Sprintf("%s is primary again, in epoch %d", d.Primary, d.Epoch)
	}
	for _, p := range parts {
		if p.Name == c.old && p.State == "up" && p.StandbyOf != c.new {
			c.unfenced = fmt.Sprintf("%s is up and follows nobody", c.old)
		}
	}
	if c.rejoined.IsZero() && d.Primary == c.new && d.Follows && d.Takeover != nil && d.Takeover.Rejoined != nil {
		c.rejoined = now
	}
}

func (t *takeover) settled() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.clusters {
		if c.rejoined.IsZero() {
			return false
		}
	}
	return true
}

func (t *takeover) checks(r *run) []Check {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Check
	for _, name := range t.order {
		c := t.clusters[name]
		promoted, fenced := "not at all", "nobody took over from it"
		if c.new != "" {
			promoted = fmt.Sprintf("%s after %s, writable %.2f s after its loss was seen, epoch %d → %d", c.new, after(c.promoted, r.injected), c.writable, c.epoch, c.next)
			fenced = fmt.Sprintf("neither primary nor on its own in %d looks", c.looks)
		}
		if c.unfenced != "" {
			fenced = c.unfenced
		}
		out = append(out,
			Check{name + ": its standby is promoted", fmt.Sprintf("within %v", promotedWithin), promoted, c.new != "" && c.promoted.Sub(r.injected) <= promotedWithin},
			Check{name + ": the old primary, " + c.old + ", is fenced", "it takes no writes again", fenced, c.new != "" && c.unfenced == ""},
			Check{name + ": it is back as a standby that confirms commits", fmt.Sprintf("within %v of the heal", rejoinedWithin), after(c.rejoined, r.healed), !c.rejoined.IsZero() && c.rejoined.Sub(r.healed) <= rejoinedWithin})
	}
	return out
}
