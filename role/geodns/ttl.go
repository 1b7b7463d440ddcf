package geodns

import (
	"time"

	"meridian/world"
)

// ttlOf is for how long a name's answer may be kept. What has not changed for a
// while is not likely to within the next seconds, what has just changed is: so it
// grows with the time since the last change of any PoP or provider of the name,
// until after settle it is the longest. It is the shortest while one of them is
// degraded, which is how a loss begins, and while the feed is frozen, when nobody
// knows.
func (r router) ttlOf(of *routed, c Config, now time.Time) uint32 {
	if r.view.Frozen {
		return seconds(c.TTLMin)
	}
	quiet := c.Settle
	look := func(h world.TargetHealth) {
		if h.State == world.Degraded {
			quiet = 0
		}
		if !h.Since.IsZero() {
			quiet = min(quiet, max(0, now.Sub(h.Since)))
		}
	}
	for _, pop := range of.pops {
		look(r.view.Of(world.Target(world.TargetPoP, pop)))
	}
	for _, p := range of.Providers {
		if !p.own() {
			look(r.view.Of(world.Target(world.TargetCDN, p.Name)))
		}
	}
	grown := time.Duration(float64(c.TTL) * float64(quiet) / float64(c.Settle))
	return seconds(min(c.TTL, max(c.TTLMin, grown)))
}
