package shop

import (
	"context"
	"errors"

	"meridian/world"
)

// tellTurns has the catalog say what has sold out and what has come back, at most
// limit SKUs of each market that is homed here, and returns how many turns of one it
// has told at most. Of stock nothing else leaves the zone. A market that cannot be told
// of keeps no other back.
func (s *Shop) tellTurns(ctx context.Context, limit int) (most int, err error) {
	err = s.eachHomed(func(m world.Market) error {
		n, err := s.deps.Orders.TellTurns(ctx, m.ID, limit, func(standing []world.Availability) error {
			return s.deps.Catalog.SetAvailability(ctx, m.ID, standing)
		})
		most = max(most, n)
		return world.Wrap("shop.tellturns", err)
	})
	return most, err
}

// compareStock finds what the catalog says otherwise than the stock, as after a copy
// of one of the two was put back, and has it told again: limit SKUs at once, but all.
func (s *Shop) compareStock(ctx context.Context, limit int) (int, error) {
	return 0, s.eachHomed(func(m world.Market) error {
		for after := ""; ; {
			said, err := s.deps.Catalog.Availability(ctx, m.ID, after, limit)
			if err != nil || len(said) == 0 {
				return world.Wrap("shop.comparestock", err)
			}
			n, err := s.deps.Orders.CompareStock(ctx, m.ID, said)
			if err != nil {
				return world.Wrap("shop.comparestock", err)
			}
			if n > 0 {
				s.deps.Log.InfoContext(ctx, "the catalog said otherwise than the stock what is sold out", "market", m.ID, "skus", n)
			}
			if len(said) < limit {
				return nil
			}
			after = said[len(said)-1].SKU
		}
	})
}

// eachHomed does something for each market that is homed in this region.
func (s *Shop) eachHomed(do func(world.Market) error) error {
	var failed []error
	for _, m := range s.world.Markets {
		if m.HomeRegion == s.cfg.Region {
			failed = append(failed, do(m))
		}
	}
	return errors.Join(failed...)
}
