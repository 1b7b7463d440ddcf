package monitor

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"

	"meridian/engine/georoute"
	"meridian/engine/health"
	"meridian/world"
)

// check is how one target is probed from here.
type check struct {
	target  string
	way     http.RoundTripper
	every   time.Duration
	rtt     time.Duration        // to the target's place and back, as the world knows it
	request func() *http.Request // nil: there is nothing to ask for yet
	judge   func(http.Header, []byte) world.HealthReason

	behind []*check // what is reached through this target alone
	doubt  chan struct{}
	alarms map[string]bool // monitors that have raised one; the monitor's lock holds it
}

// poke has the target probed at once.
func (c *check) poke() {
	select {
	case c.doubt <- struct{}{}:
	default:
	}
}

// rouse has the target probed at once, and what is behind it: with a region's
// shield the rest of the region is in doubt.
func (c *check) rouse() {
	c.poke()
	for _, b := range c.behind {
		b.poke()
	}
}

// heeds reports whether a monitor's alarm is a new one.
func (c *check) heeds(monitor string, alarm bool) bool {
	was := c.alarms[monitor]
	c.alarms[monitor] = alarm
	return alarm && !was
}

// planChecks lists what is probed, by target: every PoP, and every region's
// shield, its media, and its shop and its sign-in where a market is homed there.
func (m *Monitor) planChecks() error {
	w := m.deps.World
	if len(w.Markets) == 0 {
		return world.E(world.CodeInvalid, "monitor.new", "The world has no market whose pages could be asked for.")
	}
	near := w.Markets[0] // whose pages every tier has
	if own := w.HomedIn(m.cfg.Region); len(own) > 0 {
		near = own[0]
	}
	for _, q := range w.PoPs {
		page := newPage(near, func(h http.Header) bool { return h.Get(world.HeaderPoP) == q.ID }, nil)
		m.add(world.TargetPoP, q.ID, q.Site, m.cfg.PoPEvery, m.deps.PoPs[q.ID], page.request, page.judge)
	}
	for _, r := range w.Regions {
		way := m.deps.Shields[r.ID]
		atShield := func(h http.Header) bool { return member(h, "shield-"+r.ID) != "" }
		page := newPage(near, atShield, func(body []byte) { m.pages.keep(r.ID, body) })
		shield := m.add(world.TargetShield, r.ID, r.Site, m.cfg.Every, way, page.request, page.judge)
		media := m.add(world.TargetMedia, r.ID, r.Site, m.cfg.DeepEvery, way, func() *http.Request { return m.pages.request(r.ID, near.Host) }, isPicture)
		shield.behind = append(shield.behind, media)
		if homed := w.HomedIn(r.ID); len(homed) > 0 {
			atHome := func(h http.Header) bool { return h.Get(world.HeaderRegion) == r.ID }
			// The sign-in has few users, and the shop's probe is about the same machines.
			cart, signIn := newCart(homed[0], atHome), newSignIn(homed[0], atHome)
			shop := m.add(world.TargetShop, r.ID, r.Site, m.cfg.DeepEvery, way, cart.request, cart.judge)
			identity := m.add(world.TargetIdentity, r.ID, r.Site, 2*m.cfg.DeepEvery, way, signIn.request, signIn.judge)
			shield.behind = append(shield.behind, shop, identity)
		}
	}
	for _, c := range m.deps.CDNs {
		of := near
		if c.Host != "" {
			of, _ = w.MarketByHost(c.Host)
		}
		page := newPage(of, func(http.Header) bool { return true }, nil)
		page.path = cmp.Or(c.Path, page.path)
		m.add(world.TargetCDN, c.Name, "", m.cfg.Every, c.Way, page.request, page.judge)
	}
	slices.SortFunc(m.checks, func(a, b *check) int { return cmp.Compare(a.target, b.target) })
	for _, c := range m.checks {
		if c.way == nil {
			return world.E(world.CodeInvalid, "monitor.new", fmt.Sprintf("There is no way to %s: add it to this role's pops or shields, or to cdns.", c.target))
		}
	}
	return nil
}

func (m *Monitor) add(kind, place, site string, every time.Duration, way http.RoundTripper, request func() *http.Request, judge func(http.Header, []byte) world.HealthReason) *check {
	c := &check{
		target: world.Target(kind, place), way: way, every: every, rtt: m.roundTrip(site), request: request, judge: judge,
		doubt: make(chan struct{}, 1), alarms: map[string]bool{},
	}
	m.checks = append(m.checks, c)
	return c
}

// roundTrip is how long the way to a site and back takes, as far as is known.
func (m *Monitor) roundTrip(site string) time.Duration {
	if site == "" {
		return elsewhere
	}
	region, _ := m.deps.World.RegionByID(m.cfg.Region)
	if d, ok := m.deps.World.RoundTrip(region.Site, site); ok {
		return d
	}
	at := func(id string) world.Site {
		i := slices.IndexFunc(m.deps.World.Sites, func(s world.Site) bool { return s.ID == id })
		if i < 0 {
			return world.Site{ID: id}
		}
		return m.deps.World.Sites[i]
	}
	return georoute.Estimate(georoute.Kilometres(at(region.Site), at(site)))
}

// elsewhere is the round trip to what stands at none of the world's sites: an
// outside CDN is near everybody, and may have to ask one of our edges.
const elsewhere = 150 * time.Millisecond

// turn is the part of the time between two probes after which the i-th check is
// made. The regions' monitors look at one target in turn, so that between them
// somebody looks more often.
func (m *Monitor) turn(i int) float64 {
	names := m.cfg.names()
	turn := float64(slices.Index(names, m.cfg.Region))/float64(len(names)) + float64(i)/float64(len(m.checks))
	return turn - float64(int(turn))
}

func (m *Monitor) checkOf(target string) *check {
	i, ok := slices.BinarySearchFunc(m.checks, target, func(c *check, t string) int { return cmp.Compare(c.target, t) })
	if !ok {
		return nil
	}
	return m.checks[i]
}

// lookWhere looks at once at what another monitor doubts or has just given up.
func (m *Monitor) lookWhere(v health.View) {
	for _, o := range v.Says {
		if c := m.checkOf(o.Target); c != nil && c.heeds(v.Monitor, o.Wary || o.State == world.Down) {
			c.rouse()
		}
	}
}
