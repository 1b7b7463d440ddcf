package shop

import (
	"context"

	"meridian/world"
)

// tellTurns has the catalog say what has sold out and what has come back, at most
// limit SKUs of this region's markets, and returns how many turns it has told. Of
// stock nothing else leaves the zone.
func (s *Shop) tellTurns(ctx context.Context, limit int) (int, error) {
	n, err := s.deps.Orders.TellTurns(ctx, limit, func(standing []world.Availability) error {
		return s.deps.Catalog.SetAvailability(ctx, standing)
	})
	return n, world.Wrap("shop.tellturns", err)
}

// compareSoldOut finds what the catalog says otherwise than the stock, as after a
// copy of one of the two was put back, and has it told again. It is never asked a
// second time at once: it has no limit.
func (s *Shop) compareSoldOut(ctx context.Context, _ int) (int, error) {
	for _, m := range s.world.Markets {
		if m.HomeRegion != s.cfg.Region {
			continue
		}
		said, err := s.deps.Catalog.SoldOut(ctx, m.ID)
		if err == nil {
			err = s.deps.Orders.CompareSoldOut(ctx, m.ID, said)
		}
		if err != nil {
			return 0, world.Wrap("shop.comparesoldout", err)
		}
	}
	return 0, nil
}
