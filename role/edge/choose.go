package edge

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"meridian/engine/georoute"
	"meridian/engine/tier"
	"meridian/world"
)

// chooser puts the regions in the order in which they are asked, by what the
// health feed knows of them. How near each is, the config's order says.
type chooser struct {
	pop     world.Site
	regions []georoute.Candidate
	place   map[string]int // in the config's order
	health  func() world.HealthView
	log     *slog.Logger

	mu     sync.Mutex
	chosen map[need]string // the region first asked, by what is asked of it
}

func newChooser(pop string, shields []tier.Shield, health func() world.HealthView, log *slog.Logger) *chooser {
	c := &chooser{pop: world.Site{ID: pop}, place: map[string]int{}, health: health, log: log, chosen: map[need]string{}}
	for i, s := range shields {
		c.regions = append(c.regions, georoute.Candidate{Name: s.Region, Site: world.Site{ID: s.Region}})
		c.place[s.Region] = i
	}
	return c
}

// need is what a region answers a route by.
type need struct {
	kind  string // of the target, beside its shield
	keeps bool   // whether something new is to be kept there
}

func needOf(route world.Route) need {
	switch route {
	case world.RouteMedia, world.RouteUpload:
		return need{world.TargetMedia, true}
	case world.RouteImage, world.RoutePrivate, world.RouteManifest:
		return need{world.TargetMedia, false}
	case world.RoutePage, world.RouteHome:
		return need{world.TargetShop, false}
	case world.RouteOwner:
		return need{world.TargetIdentity, false}
	}
	return need{world.TargetShield, false}
}

// order is the regions for a request, the best first: none is left out.
func (c *chooser) order(r *http.Request) []string {
	n := needOf(world.RouteOf(r.Method, r.URL.Path))
	view := c.health()
	candidates := make([]georoute.Candidate, len(c.regions))
	for i, g := range c.regions {
		g.State = n.of(view, g.Name)
		candidates[i] = g
	}
	choices := georoute.Rank(c.pop, candidates, func(_, region string) (time.Duration, bool) {
		return time.Duration(c.place[region]), true
	})
	names := make([]string, len(choices))
	for i, choice := range choices {
		names[i] = choice.Name
	}
	c.note(n, choices[0], view)
	return names
}

// note tells the log when another region is asked first, and why.
func (c *chooser) note(n need, first georoute.Choice, view world.HealthView) {
	c.mu.Lock()
	was, known := c.chosen[n]
	c.chosen[n] = first.Name
	c.mu.Unlock()
	if was == first.Name || !known && first.Name == c.regions[0].Name {
		return
	}
	nearest := c.regions[0].Name
	c.log.Info("another region is asked first", "for", n.kind, "to_keep", n.keeps, "region", first.Name, "reason", first.Reason,
		"nearest", nearest, "nearest_is", n.of(view, nearest), "feed", view.Version.Number)
}

// of is how well a region can answer: its shield and what is behind it.
func (n need) of(view world.HealthView, region string) world.HealthState {
	behind := view.Of(world.Target(n.kind, region))
	state := behind.State
	if !n.keeps {
		state = behind.ForReads()
	}
	return georoute.Worst(view.Of(world.Target(world.TargetShield, region)).State, state)
}

// lost reports whether the feed knows that a region cannot answer a route: to ask
// it would be to wait in vain. There is no other to ask: so one that answers again
// is asked, though it is not trusted yet.
func (c *chooser) lost(route world.Route, region string) bool {
	view := c.health()
	return view.Of(world.Target(world.TargetShield, region)).Silent() || view.Of(world.Target(needOf(route).kind, region)).Silent()
}
