package localworld

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"io/fs"
	"meridian/adapter/pgcluster"
	"meridian/adapter/postgres"
	"meridian/data"
	"meridian/engine/fx"
	"meridian/role/owner"
	"meridian/world"
)

// The database users of the local world, each a member of its role's group.
const (
	userShop  = "shop"
	userMedia = "media"
	userOwner = "owner"
	userOps   = "ops"
)

// prepareDatabases brings every primary to its schema, users and first rows.
// Running it again changes nothing.
func (p *plan) prepareDatabases(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, r := range p.w.Regions {
		seed, err := p.seed(r.ID)
		if err != nil {
			return err
		}
		g.Go(func() error { return p.prepareCatalog(ctx, r.ID, seed) })
		g.Go(func() error { return p.prepareResident(ctx, r.ID, seed.Products) })
	}
	return world.Wrap("up.databases", g.Wait())
}

// superPool connects to a primary as its superuser.
func (p *plan) superPool(ctx context.Context, cluster, database string) (*pgxpool.Pool, error) {
	conn := p.writable(cluster, pgcluster.SuperUser, p.secrets.Super, database)
	if node := p.movedTo(cluster); node != "" {
		conn = pgcluster.ConnString(p.spec(node), pgcluster.SuperUser, p.secrets.Super, database)
	}
	pool, err := pgxpool.New(ctx, conn)
	return pool, world.Wrap("up.connect "+cluster, err)
}

func (p *plan) prepareCatalog(ctx context.Context, region string, seed postgres.Seed) error {
	pool, err := p.superPool(ctx, world.CatalogCluster(region), postgres.Catalog)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := postgres.Migrate(ctx, pool, postgres.Catalog); err != nil {
		return err
	}
	if err := postgres.MigrateJobs(ctx, pool); err != nil {
		return err
	}
	for user, password := range map[string]string{userShop: p.secrets.Shop, userMedia: p.secrets.Media, userOwner: p.secrets.Owner, userOps: p.secrets.Ops} {
		if err := ensureUser(ctx, pool, user, password); err != nil {
			return err
		}
	}
	if err := p.seedRates(ctx, region, pool); err != nil {
		return err
	}
	return postgres.SeedAll(ctx, pool, seed)
}

// seedRates gives the main region the sample rates of exchange, so that a world
// without a network has some to show.
func (p *plan) seedRates(ctx context.Context, region string, pool *pgxpool.Pool) error {
	if region != p.w.Main {
		return nil
	}
	file, err := fs.ReadFile(data.FS, "fx/sample.xml")
	if err != nil {
		return world.Wrap("up.rates", err)
	}
	lists, err := fx.Read(file, fx.DefaultLimits)
	if err != nil {
		return world.Wrap("up.rates", err)
	}
	store, err := postgres.NewRateStore(p.w, []*postgres.Cluster{{Name: world.CatalogCluster(region), Region: region, Primary: true, Pool: pool}})
	if err != nil {
		return err
	}
	_, err = store.AddRates(ctx, lists)
	return err
}

func (p *plan) prepareResident(ctx context.Context, region string, products []postgres.SeedProduct) error {
	pool, err := p.superPool(ctx, world.ResidentCluster(region), postgres.Resident)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := postgres.Migrate(ctx, pool, postgres.Resident); err != nil {
		return err
	}
	for user, password := range map[string]string{userShop: p.secrets.Shop, userOwner: p.secrets.Owner} {
		if err := ensureUser(ctx, pool, user, password); err != nil {
			return err
		}
	}
	if err := postgres.SeedStock(ctx, pool, products); err != nil {
		return err
	}
	for _, m := range p.w.HomedIn(region) {
		if err := p.ensureOwner(ctx, pool, m.ID); err != nil {
			return err
		}
	}
	return nil
}

// ensureUser makes a login for a role's group. The names are constants of
// ours; the password is quoted by the server.
func ensureUser(ctx context.Context, pool *pgxpool.Pool, user, password string) error {
	var exists bool
	if err := pool.QueryRow(ctx, "select exists (select from pg_roles where rolname = $1)", user).Scan(&exists); err != nil {
		return world.Wrap("up.user", err)
	}
	if exists {
		return nil
	}
	var quoted string
	if err := pool.QueryRow(ctx, "select quote_literal($1::text)", password).Scan(&quoted); err != nil {
		return world.Wrap("up.user", err)
	}
	name := pgx.Identifier{user}.Sanitize()
	_, err := pool.Exec(ctx, fmt.Sprintf("create role %s login password %s in role meridian_%s", name, quoted, user))
	return world.Wrap("up.user "+user, err)
}

// OwnerEmail is the sign-in of a market's owner in the local world.
func OwnerEmail(market string) string { return "owner@" + market + ".example" }

func (p *plan) ensureOwner(ctx context.Context, pool *pgxpool.Pool, market string) error {
	accounts := postgres.NewAccountStore(&postgres.Cluster{Pool: pool})
	_, err := accounts.PasswordHash(ctx, market, OwnerEmail(market))
	if !world.Is(err, world.CodeNotFound) {
		return err
	}
	hash, err := owner.HashPassword(p.secrets.Owners[market])
	if err != nil {
		return err
	}
	return postgres.SeedOwner(ctx, pool, market, OwnerEmail(market), hash)
}
