package drill

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"meridian/drill/judge"
	"meridian/engine/georoute"
	"meridian/world"
)

// What is held against monitors.
const (
	isolatedWithin = 8 * time.Second // a monitor that hears nobody says so
	joinedWithin   = 8 * time.Second // after the heal it is heard again
	agreeWithin    = 5 * time.Second // before the heal: those that are cut off from one another agree
)

// monitors are followed by what each says itself, to an operator who asks at a PoP
// beside it: an isolated one reaches nobody else.
type monitors struct {
	ask     func(ctx context.Context, region string) (world.Health, error)
	now     func() time.Time
	regions []string

	mu       sync.Mutex
	isolated map[string]time.Time // when each first said so
	joined   map[string]time.Time // when it said that it hears the others again
	agreed   []time.Time          // when all held the same version
	heard    map[string]int       // how often each answered
}

// newMonitors follows those of some regions.
func newMonitors(r *run, regions ...string) *monitors {
	return &monitors{
		ask: r.target.monitorSays, now: time.Now, regions: regions,
		isolated: map[string]time.Time{}, joined: map[string]time.Time{}, heard: map[string]int{},
	}
}

func (m *monitors) look(ctx context.Context) {
	said := map[string]world.Health{}
	for _, region := range m.regions {
		h, err := m.ask(ctx, region)
		if err != nil {
			continue
		}
		said[region] = h
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now, same := m.now(), len(said) == len(m.regions)
	for region, h := range said {
		m.heard[region]++
		switch {
		case h.Isolated && m.isolated[region].IsZero():
			m.isolated[region] = now
		case !h.Isolated && !m.isolated[region].IsZero() && m.joined[region].IsZero():
			m.joined[region] = now
		}
		same = same && h.Version == said[m.regions[0]].Version
	}
	if same {
		m.agreed = append(m.agreed, now)
	}
}

func (m *monitors) settled() bool { return true }

// isolation is what a monitor that is cut off has to say of itself.
type isolation struct{ *monitors }

func (m isolation) settled() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.joined[m.regions[0]].IsZero()
}

func (m isolation) checks(r *run) []Check {
	m.mu.Lock()
	defer m.mu.Unlock()
	region := m.regions[0]
	said, joined := m.isolated[region], m.joined[region]
	return []Check{
		{"the monitor of " + region + " says that it is isolated", fmt.Sprintf("within %v", isolatedWithin), after(said, r.injected), !said.IsZero() && said.Sub(r.injected) <= isolatedWithin},
		{"and that it hears the others again", fmt.Sprintf("within %v of the heal, not before", joinedWithin), after(joined, r.healed), !joined.Before(r.healed) && joined.Sub(r.healed) <= joinedWithin},
	}
}

// agreement is what monitors hold that cannot reach one another, and each a third.
type agreement struct{ *monitors }

func (m agreement) checks(r *run) []Check {
	m.mu.Lock()
	defer m.mu.Unlock()
	var cut []string
	answered := true
	for _, region := range m.regions {
		if !m.isolated[region].IsZero() {
			cut = append(cut, region)
		}
		answered = answered && m.heard[region] > 0
	}
	same := 0
	for _, at := range m.agreed {
		if at.After(r.healed.Add(-agreeWithin)) && at.Before(r.healed) {
			same++
		}
	}
	return []Check{
		{"monitors that call themselves isolated", "none", orNone(cut), answered && len(cut) == 0},
		{"the monitors of " + strings.Join(m.regions, " and ") + " hold the same version", fmt.Sprintf("in the last %v of the fault", agreeWithin), fmt.Sprintf("in %d looks", same), same > 0},
	}
}

// monitorSays is what the monitor of a region holds, by its own word.
func (t *Target) monitorSays(ctx context.Context, region string) (world.Health, error) {
	v := newVisitor(t, t.resolver, judge.Pinned, t.World.Cities[0])
	defer v.close()
	ctx, cancel := context.WithTimeout(ctx, giveUp)
	defer cancel()
	got, err := v.once(ctx, t.popBeside(region), func(ctx context.Context) (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, v.url(world.HealthPagePath), nil)
	})
	if err != nil {
		return world.Health{}, err
	}
	var h world.Health
	if err := json.Unmarshal(got.body, &h); err != nil || got.status != http.StatusOK || h.Monitor != region {
		return world.Health{}, world.Because(world.CodeBadUpstream, "drill.monitor", fmt.Sprintf("The monitor of %s was asked, and %.40q answered with %d.", region, h.Monitor, got.status), err)
	}
	return h, nil
}

// popBeside is the PoP nearest to a region, of those that have no nearer one.
func (t *Target) popBeside(region string) string {
	var regions, pops []georoute.Candidate
	for _, r := range t.World.Regions {
		regions = append(regions, georoute.Candidate{Name: r.ID, Site: site(t.World, r.Site)})
	}
	at := world.Site{}
	for _, r := range t.World.Regions {
		if r.ID == region {
			at = site(t.World, r.Site)
		}
	}
	for _, p := range t.World.PoPs {
		if georoute.Order(site(t.World, p.Site), regions, t.World.RoundTrip)[0].Name == region {
			pops = append(pops, georoute.Candidate{Name: p.ID, Site: site(t.World, p.Site)})
		}
	}
	if len(pops) == 0 {
		return t.pop()
	}
	return georoute.Order(at, pops, t.World.RoundTrip)[0].Name
}
