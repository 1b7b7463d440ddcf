package postgres

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

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

// Products are a market's products with the text of a locale, in the order in
// which the shop shows them. A text that is missing in the locale is given in
// the market's default one; a product without a price or any text is left out.
func (s *CatalogStore) Products(ctx context.Context, market, locale string) ([]world.Product, error) {
	m, c, err := s.of("postgres.products", market)
	if err != nil {
		return nil, err
	}
	return s.read(ctx, "postgres.products", c, m, locale, nil)
}

// Product is one product, read as [CatalogStore.Products] does; not_found when
// the market has none of that slug.
func (s *CatalogStore) Product(ctx context.Context, market, slug, locale string) (world.Product, error) {
	m, c, err := s.of("postgres.product", market)
	if err != nil {
		return world.Product{}, err
	}
	found, err := s.read(ctx, "postgres.product", c, m, locale, []string{slug})
	if err != nil {
		return world.Product{}, err
	}
	if len(found) == 0 {
		return world.Product{}, world.E(world.CodeNotFound, "postgres.product", "")
	}
	return found[0], nil
}

// Current is what the market's primary says now of the products with the given
// slugs: what a checkout reckons with. Slugs that the market does not have are
// left out. Away from the home region it fails with misdirected.
func (s *CatalogStore) Current(ctx context.Context, market, locale string, slugs []string) ([]world.Product, error) {
	m, c, err := s.of("postgres.current", market)
	if err != nil {
		return nil, err
	}
	if !c.Primary {
		return nil, world.E(world.CodeMisdirected, "postgres.current", "")
	}
	if len(slugs) == 0 {
		return nil, nil
	}
	return s.read(ctx, "postgres.current", c, m, locale, slugs)
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

const productsQuery = `
select p.slug, p.tax_class, p.featured, p.takes_photo,
       coalesce(t.name, d.name), coalesce(t.description, d.description), coalesce(t.allergens, d.allergens),
       pr.amount_minor, pr.currency, pr.version, coalesce(p.media_id, '')
  from product p
  join lateral (select amount_minor, currency, version from price
                 where market = p.market and slug = p.slug order by version desc limit 1) pr on true
  left join product_text t on t.market = p.market and t.slug = p.slug and t.locale = $2
  left join product_text d on d.market = p.market and d.slug = p.slug and d.locale = $3
 where p.market = $1 and ($4::text[] is null or p.slug = any($4)) and coalesce(t.name, d.name) is not null
 order by p.place, p.slug`

func (s *CatalogStore) read(ctx context.Context, op string, c *Cluster, m world.Market, locale string, slugs []string) ([]world.Product, error) {
	rows, err := c.Pool.Query(ctx, productsQuery, m.ID, locale, m.Locales[0], slugs)
	if err != nil {
		return nil, mapError(op, err)
	}
	products, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (world.Product, error) {
		p := world.Product{Market: m.ID}
		err := row.Scan(&p.Slug, &p.TaxClass, &p.Featured, &p.TakesPhoto, &p.Name, &p.Description, &p.Allergens,
			&p.PriceMinor, &p.Currency, &p.PriceVersion, &p.PictureID)
		return p, err
	})
	if err != nil {
		return nil, mapError(op, err)
	}
	return products, s.addPictures(ctx, op, products)
}

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
