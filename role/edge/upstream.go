package edge

import (
	"net/http"

	"meridian/engine/tier"
	"meridian/engine/upstream"
	"meridian/world"
)

// newUpstream is the way to the nearest shield, and to the next when it fails
// or is silent.
func newUpstream(cfg Config, deps Deps, choose *chooser, nearestFirst []tier.Shield) (*upstream.Pool, error) {
	var hops []upstream.Hop
	for _, s := range nearestFirst {
		hops = append(hops, upstream.Hop{Name: s.Region, Transport: deps.Shields[s.Region]})
		if deps.Shields[s.Region] == nil {
			return nil, world.E(world.CodeInvalid, "edge.new", "edge: no way to the shield of "+s.Region)
		}
	}
	return upstream.New(upstream.Config{
		Hops: hops, Now: deps.Now, Order: choose.order, Rest: cfg.Rest, Patience: cfg.patience, RetryPercent: cfg.RetryPercent,
	})
}

// patience is how long a shield may be silent. A picture that no cache has is
// made first: a second region asked at once would make it too, for nothing, so
// the habit of those that are cached says nothing of it.
func (c Config) patience(r *http.Request) upstream.Patience {
	switch world.RouteOf(r.Method, r.URL.Path) {
	case world.RouteImage, world.RoutePrivate:
		return upstream.Patience{Class: "picture", Most: c.HedgeAfterPicture}
	}
	return upstream.Patience{Class: "other", Most: c.HedgeAfter, Floor: c.HedgeFloor}
}
