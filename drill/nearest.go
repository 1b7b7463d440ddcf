package drill

import (
	"context"
	"time"

	"meridian/engine/georoute"
	"meridian/world"
)

// nearest answers as the world's name servers would, by the same engine and the
// same health: for a world that has none.
type nearest struct {
	world  *world.World
	health func() world.HealthView
	ttl    time.Duration
}

func (n nearest) resolve(_ context.Context, city world.City, _ string) ([]string, time.Duration, error) {
	view := n.health()
	var candidates []georoute.Candidate
	for _, p := range n.world.PoPs {
		candidates = append(candidates, georoute.Candidate{Name: p.ID, Site: site(n.world, p.Site), State: view.Of(world.Target(world.TargetPoP, p.ID)).State})
	}
	var pops []string
	for _, c := range georoute.Order(site(n.world, city.Site), candidates, n.world.RoundTrip) {
		pops = append(pops, c.Name)
	}
	return pops[:min(2, len(pops))], n.ttl, nil
}

func site(w *world.World, id string) world.Site {
	for _, s := range w.Sites {
		if s.ID == id {
			return s
		}
	}
	return world.Site{ID: id}
}
