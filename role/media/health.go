package media

import (
	"fmt"

	"meridian/engine/georoute"
	"meridian/world"
)

// stateOf is how well a region's media role can give what it has, by the health
// feed: its shield and what is behind it.
func (m *Media) stateOf(view world.HealthView, region string) world.HealthState {
	return georoute.Worst(view.Of(world.Target(world.TargetShield, region)).State, view.Of(world.Target(world.TargetMedia, region)).ForReads())
}

// reachable fails with unavailable for a region that the feed knows to be down: to
// ask it would be to wait in vain.
func (m *Media) reachable(op, region string) error {
	if m.stateOf(m.health(), region) == world.Down {
		return world.E(world.CodeUnavailable, op, fmt.Sprintf("This picture is kept by the region %s, which does not answer just now. Try again in a few minutes.", region))
	}
	return nil
}
