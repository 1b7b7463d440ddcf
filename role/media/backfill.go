package media

import (
	"context"

	"meridian/engine/pause"
	"meridian/world"
)

// backfillPage is how many assets are looked through at once.
const backfillPage = 200

// backfill gives every original of this region the places that placement has for
// it by now: a region that was added to the world, or a rule that was widened, is
// filled by the replicate jobs that this makes. It is done once a start.
func (m *Media) backfill(ctx context.Context) {
	for {
		placed, err := m.backfillOnce(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && placed > 0:
			m.log.InfoContext(ctx, "originals were given places that they lacked", "replicas", placed)
			return
		case err == nil:
			return
		}
		m.log.WarnContext(ctx, "it cannot be told which originals lack places", "err", err)
		if !pause.For(ctx, scrubRetry) {
			return
		}
	}
}

func (m *Media) backfillOnce(ctx context.Context) (placed int, err error) {
	after := ""
	for {
		page, err := m.upkeep.Assets(ctx, after, backfillPage)
		if err != nil || len(page) == 0 {
			return placed, err
		}
		n, err := m.upkeep.Place(ctx, m.placings(page))
		if placed += n; err != nil {
			return placed, err
		}
		after = page[len(page)-1].MediaID
	}
}

// placings are the places that the originals of some assets shall have.
func (m *Media) placings(assets []world.Manifest) []world.Placing {
	var out []world.Placing
	for _, a := range assets {
		for _, v := range a.Versions {
			o := world.Original{SHA256: v.SHA256, App: a.App, MediaID: a.MediaID, Version: v.Number}
			for _, region := range m.placesOf(a, v) {
				if region != m.region.ID {
					out = append(out, world.Placing{Original: o, Region: region})
				}
			}
		}
	}
	return out
}
