package postgres

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"meridian/world"
)

// RenewPictures reads the pictures of a market's products again where positions
// demand more of them than of the market: an asset's rows live in the cluster of
// the region that its id names. It waits for these clusters at once, at most for
// limit. When one of them stays behind, its region is returned, and its pictures
// are what is known of them here; "" when none does.
func (s *CatalogStore) RenewPictures(ctx context.Context, market string, products []world.Product, positions []world.Position, limit time.Duration) (behind string, err error) {
	const op = "postgres.renewpictures"
	_, own, err := s.of(op, market)
	if err != nil {
		return "", err
	}
	var all errgroup.Group
	var late atomic.Pointer[Cluster]
	waits := 0
	for c := range s.byCluster(products) {
		for _, p := range positions {
			if p.Cluster != c.Name || c == own || c.Primary {
				continue
			}
			waits++
			all.Go(func() error {
				ok, err := c.WaitFor(ctx, p, limit)
				if !ok {
					late.Store(c)
				}
				return err
			})
		}
	}
	if err := all.Wait(); err != nil || waits == 0 {
		return "", err
	}
	if c := late.Load(); c != nil {
		behind = c.Region
	}
	return behind, s.addPictures(ctx, op, products)
}

// byCluster are the products' pictures by the cluster that each is in.
func (s *CatalogStore) byCluster(products []world.Product) map[*Cluster][]string {
	out := map[*Cluster][]string{}
	for _, p := range products {
		r, _ := s.world.RegionOfMedia(p.PictureID)
		if c := s.regions[r.ID]; c != nil {
			out[c] = append(out[c], p.PictureID)
		}
	}
	return out
}

// addPictures fills in each product's picture. One that is not public, or not
// known here yet, is left out.
func (s *CatalogStore) addPictures(ctx context.Context, op string, products []world.Product) error {
	found := map[string]world.Picture{}
	for c, ids := range s.byCluster(products) {
		if err := readPictures(ctx, c, ids, found); err != nil {
			return mapError(op, err)
		}
	}
	for i := range products {
		products[i].Picture = found[products[i].PictureID]
	}
	return nil
}

func readPictures(ctx context.Context, c *Cluster, ids []string, into map[string]world.Picture) error {
	const q = `
select a.media_id, v.version, v.width, v.height, v.color
  from asset a join asset_version v on v.media_id = a.media_id and v.version = a.current_version
 where a.media_id = any($1) and a.visibility = 'public'`
	rows, err := c.Pool.Query(ctx, q, ids)
	if err != nil {
		return err
	}
	var p world.Picture
	_, err = pgx.ForEachRow(rows, []any{&p.MediaID, &p.Version, &p.Width, &p.Height, &p.Color}, func() error {
		into[p.MediaID] = p
		return nil
	})
	return err
}
