package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"meridian/world"
)

// CatalogStore reads every market's catalog, each from its home region's
// catalog cluster as it is seen from here: the primary at home, a hot standby
// elsewhere.
type CatalogStore struct {
	world   *world.World
	regions map[string]*Cluster // by the cluster's home region
}

// NewCatalogStore reads from the given catalog clusters, one a home region. A
// market whose home region has none here is answered for with misdirected. It
// fails with invalid for two clusters of one region, and for none at all.
func NewCatalogStore(w *world.World, clusters []*Cluster) (*CatalogStore, error) {
	s := &CatalogStore{world: w, regions: make(map[string]*Cluster, len(clusters))}
	for _, c := range clusters {
		if s.regions[c.Region] != nil {
			return nil, world.E(world.CodeInvalid, "postgres.catalog", fmt.Sprintf("there are two catalog clusters of region %s: give one", c.Region))
		}
		s.regions[c.Region] = c
	}
	if len(clusters) == 0 {
		return nil, world.E(world.CodeInvalid, "postgres.catalog", "there is no catalog cluster: give a connection string for each home region")
	}
	return s, nil
}

// List is one page of a market's products, read with one query and one more for
// each region that took in one of their pictures. A text that is missing in the
// locale is given in its language, else in the market's default locale; a product
// without a price or any text is left out. It fails with invalid for a limit out of
// range, a kind that is not known, or an After that is none.
func (s *CatalogStore) List(ctx context.Context, q world.ListQuery) (world.Listing, error) {
	const op = "postgres.list"
	m, c, err := s.of(op, q.Market)
	if err != nil {
		return world.Listing{}, err
	}
	query, args, err := listQuery(m, q)
	if err != nil {
		return world.Listing{}, err
	}
	f, err := s.products(ctx, c, m, query, args...)
	if err != nil {
		return world.Listing{}, mapError(op, err)
	}
	l := world.Listing{Products: f.products, Until: f.until}
	if f.seen == q.Limit && q.Kind != world.ListBeside {
		l.Next = f.last.String()
	}
	return l, s.addPictures(ctx, op, l.Products)
}

// Product is one product as it is sold at a moment, by any address that it has or
// had in the market, or by its slug; not_found when there is none that is for sale.
// until is when it may become another by the calendar alone; zero for never.
func (s *CatalogStore) Product(ctx context.Context, market, address, locale string, at time.Time) (p world.Product, until time.Time, err error) {
	const op = "postgres.product"
	m, c, err := s.of(op, market)
	if err != nil {
		return p, until, err
	}
	const query = `with shown as (select 0 as total, 0 as turn, p.* from product p
 where p.market = $1 and p.slug = (select slug from product_address where market = $1 and address = $4)` + forSale + `)` + productColumns + prior + productTables + byPlace
	f, err := s.products(ctx, c, m, query, m.ID, wordsOf(m, locale), at, address)
	if err != nil {
		return p, until, mapError(op, err)
	}
	if len(f.products) == 0 {
		return p, until, world.E(world.CodeNotFound, op, "")
	}
	return f.products[0], f.until, s.addPictures(ctx, op, f.products)
}

// Draft is one SKU by its key, whether its product is for sale at that moment or
// not, as it is seen from here; not_found when the market has none.
func (s *CatalogStore) Draft(ctx context.Context, market, key, locale string, at time.Time) (world.Offer, error) {
	const op = "postgres.draft"
	m, c, err := s.of(op, market)
	if err != nil {
		return world.Offer{}, err
	}
	found, err := s.offers(ctx, op, c, m, locale, []string{key}, at, "")
	if err == nil && len(found) == 0 {
		err = world.E(world.CodeNotFound, op, "")
	}
	if err != nil {
		return world.Offer{}, err
	}
	return found[0], nil
}

// Current is what the market's primary says of the SKUs with the given keys at a
// moment: what a checkout reckons with. What the market does not sell then is left
// out. Away from the home region it fails with misdirected.
func (s *CatalogStore) Current(ctx context.Context, market, locale string, keys []string, at time.Time) ([]world.Offer, error) {
	const op = "postgres.current"
	m, c, err := s.atPrimary(op, market)
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	return s.offers(ctx, op, c, m, locale, keys, at, forSale)
}

func (s *CatalogStore) offers(ctx context.Context, op string, c *Cluster, m world.Market, locale string, keys []string, at time.Time, which string) ([]world.Offer, error) {
	query := `with shown as (select distinct on (p.place, p.slug) 0 as total, 0 as turn, p.* from sku k join product p on p.market = k.market and p.slug = k.slug
 where k.market = $1 and k.sku = any($4)` + which + `)` + productColumns + noPrior + productTables + byPlace
	f, err := s.products(ctx, c, m, query, m.ID, wordsOf(m, locale), at, keys)
	if err != nil {
		return nil, mapError(op, err)
	}
	if err := s.addPictures(ctx, op, f.products); err != nil {
		return nil, err
	}
	var out []world.Offer
	for _, p := range f.products {
		for _, o := range p.Offers() {
			if slices.Contains(keys, o.Key) {
				out = append(out, o)
			}
		}
	}
	return out, nil
}

// WaitFor waits, at most for limit, until the market's cluster here has what
// the positions name of it. It reports whether it has.
func (s *CatalogStore) WaitFor(ctx context.Context, market string, positions []world.Position, limit time.Duration) (bool, error) {
	_, c, err := s.of("postgres.wait", market)
	if err != nil {
		return false, err
	}
	for _, p := range positions {
		if p.Cluster == c.Name {
			return c.WaitFor(ctx, p, limit)
		}
	}
	return true, nil
}

func (s *CatalogStore) of(op, market string) (world.Market, *Cluster, error) {
	m, ok := s.world.MarketByID(market)
	if !ok {
		return m, nil, world.E(world.CodeNotFound, op, "There is no such market.")
	}
	c := s.regions[m.HomeRegion]
	if c == nil {
		return m, nil, world.E(world.CodeMisdirected, op, "")
	}
	return m, c, nil
}
