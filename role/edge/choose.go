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
	chosen map[string]string // the region first asked, by what is asked of it
}

func newChooser(pop string, shields []tier.Shield, health func() world.HealthView, log *slog.Logger) *chooser {
	c := &chooser{pop: world.Site{ID: pop}, place: map[string]int{}, health: health, log: log, chosen: map[string]string{}}
	for i, s := range shields {
		c.regions = append(c.regions, georoute.Candidate{Name: s.Region, Site: world.Site{ID: s.Region}})
		c.place[s.Region] = i
	}
	return c
}

// serves is the kind of target, beside its shield, that a region answers a route by.
func serves(route world.Route) string {
	switch route {
	case world.RouteImage, world.RoutePrivate, world.RouteManifest, world.RouteMedia, world.RouteUpload:
		return world.TargetMedia
	case world.RoutePage, world.RouteHome:
		return world.TargetShop
	case world.RouteOwner:
		return world.TargetIdentity
	}
	return world.TargetShield
}

// order is the regions for a request, the best first: none is left out.
func (c *chooser) order(r *http.Request) []string {
	kind := serves(world.RouteOf(r.Method, r.URL.Path))
	view := c.health()
	candidates := make([]georoute.Candidate, len(c.regions))
	for i, g := range c.regions {
		g.State = stateOf(view, kind, g.Name)
		candidates[i] = g
	}
	choices := georoute.Rank(c.pop, candidates, func(_, region string) (time.Duration, bool) {
		return time.Duration(c.place[region]), true
	})
	names := make([]string, len(choices))
	for i, choice := range choices {
		names[i] = choice.Name
	}
	c.note(kind, choices[0], view)
	return names
}

// note tells the log when another region is asked first, and why.
func (c *chooser) note(kind string, first georoute.Choice, view world.HealthView) {
	c.mu.Lock()
	was, known := c.chosen[kind]
	c.chosen[kind] = first.Name
	c.mu.Unlock()
	if was == first.Name || !known && first.Name == c.regions[0].Name {
		return
	}
	nearest := c.regions[0].Name
	c.log.Info("another region is asked first", "for", kind, "region", first.Name, "reason", first.Reason,
		"nearest", nearest, "nearest_is", stateOf(view, kind, nearest), "feed", view.Version.Number)
}

// stateOf is how well a region can answer: its shield and what is behind it.
func stateOf(view world.HealthView, kind, region string) world.HealthState {
	return georoute.Worst(view.Of(world.Target(world.TargetShield, region)).State, view.Of(world.Target(kind, region)).State)
}

// lost reports whether the feed knows that a region cannot answer a route: to ask
// it would be to wait in vain.
func (c *chooser) lost(route world.Route, region string) bool {
	return stateOf(c.health(), serves(route), region) == world.Down
}
