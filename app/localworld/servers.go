package localworld

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"meridian/adapter/leasefile"
	"meridian/adapter/pgcluster"
	"meridian/adapter/postgres"
	"meridian/engine/failover"
	"meridian/platform/lifecycle"
	"meridian/world"
)

// leasesDir holds the leases of clusters that a standby can take over: beside the
// servers' directories, and not in them.
const leasesDir = "leases"

// kept is a cluster of two servers under a keeper.
type kept struct {
	cluster string
	keeper  *failover.Keeper
	pair    *pgcluster.Pair
	console *postgres.Console
}

// makeDirectories makes the servers' directories that are missing. Those of a
// cluster that has a lease are its keeper's: one that is gone is not made anew out
// of nothing.
func (u *up) makeDirectories(ctx context.Context) (lifecycle.Running, error) {
	store, err := leasefile.New(u.plan.st.path(leasesDir))
	if err != nil {
		return nil, err
	}
	leased := map[string]bool{}
	for _, s := range u.plan.servers { // of a catalog whose primary has moved nothing is copied from the plan's
		leased[s.Name] = u.startsApart(s)
	}
	for cluster, a := range u.plan.primary {
		lease, err := store.Read(ctx, cluster)
		if err != nil {
			return nil, err
		}
		if lease.Epoch == 0 || u.plan.movedTo(cluster) != "" {
			continue
		}
		if !u.o.HA {
			if err := leaveAlone(ctx, store, lease, a.Name); err != nil {
				return nil, err
			}
			continue
		}
		leased[a.Name], leased[a.Peer] = true, true
	}
	var missing []pgcluster.Spec
	for _, s := range u.plan.servers {
		if !leased[s.Name] {
			missing = append(missing, s)
		}
	}
	return nil, u.sup.Prepare(ctx, missing, u.report.server)
}

// leaveAlone prepares a cluster that had two servers for a run with one: what is
// written from now on the second one lacks, so it must not be thought to have it.
func leaveAlone(ctx context.Context, store failover.Store, lease failover.Lease, node string) error {
	if lease.Primary != node {
		return world.E(world.CodeConflict, "up.servers", fmt.Sprintf("%s was taken over by %s: start with --ha.", lease.Cluster, lease.Primary))
	}
	if lease.Standby == "" {
		return nil
	}
	next := lease
	next.Standby = ""
	_, err := store.Swap(ctx, lease, next)
	return err
}

// startServers runs every server: pairs by their keepers, the others as they are.
func (u *up) startServers(ctx context.Context) (lifecycle.Running, error) {
	var single []pgcluster.Spec
	for _, s := range u.plan.servers {
		if s.Peer == "" && !u.startsApart(s) {
			single = append(single, s)
		}
	}
	keeping, leave := context.WithCancel(context.WithoutCancel(ctx))
	u.life = keeping
	var keepers sync.WaitGroup
	stop := func(ctx context.Context) error {
		leave()
		keepers.Wait()
		u.beside.Wait()
		for _, k := range u.kept {
			k.console.Close()
		}
		return u.sup.Stop(ctx)
	}
	err := u.makeKeepers()
	for _, k := range u.kept {
		keepers.Go(func() { k.keeper.Run(keeping) })
	}
	g, within := errgroup.WithContext(ctx)
	if err == nil {
		g.Go(func() error { return u.sup.Start(within, single, u.report.server) })
		for _, k := range u.kept {
			if u.plan.movedTo(k.cluster) == "" {
				g.Go(func() error { return k.ready(within) })
			}
		}
		g.Go(func() error { return u.startApart(within) })
		err = g.Wait()
	}
	if err != nil {
		return nil, errors.Join(err, stop(ctx))
	}
	return newPart(stop), nil
}

func (k *kept) ready(ctx context.Context) error {
	select {
	case <-k.keeper.Ready():
		return nil
	case <-ctx.Done():
		s := k.keeper.Status()
		return world.Because(world.CodeTimeout, "up.servers", fmt.Sprintf("%s has no primary: it is %s, %s.", k.cluster, s.State, s.Reason), ctx.Err())
	}
}

func (u *up) makeKeepers() error {
	if !u.o.HA {
		return nil
	}
	store, err := leasefile.New(u.plan.st.path(leasesDir))
	if err != nil {
		return err
	}
	for _, r := range u.plan.w.Regions {
		for _, cluster := range []string{world.CatalogCluster(r.ID), world.ResidentCluster(r.ID)} {
			a, b := u.plan.primary[cluster], u.plan.second[cluster]
			console := &postgres.Console{}
			pair := pgcluster.NewPair(u.sup, a, b, console, u.lead(r.ID, cluster))
			keeper := failover.New(failover.Config{
				Cluster: cluster, Nodes: [2]string{a.Name, b.Name}, Keeper: u.plan.st.dir, Servers: pair, Store: store,
				Now: time.Now, Log: u.root.Log.With("part", "keeper"),
			})
			u.kept = append(u.kept, &kept{cluster: cluster, keeper: keeper, pair: pair, console: console})
		}
	}
	return nil
}

// lead has the standbys of other regions follow a catalog's new primary: through
// the links that they always use, which lead to it from then on.
func (u *up) lead(home, cluster string) func(context.Context, pgcluster.Spec) error {
	return func(_ context.Context, primary pgcluster.Spec) error {
		if cluster != world.CatalogCluster(home) {
			return nil
		}
		var errs []error
		for _, here := range u.plan.w.Regions {
			if here.ID != home {
				errs = append(errs, u.network.Retarget(replicationFrom(here.ID, home), "unix:"+pgcluster.SocketPath(primary)))
			}
		}
		u.reattach(cluster)
		return errors.Join(errs...)
	}
}

// Database is how a cluster is, as /databases tells it.
type Database struct {
	failover.Status
	Region     string `json:"region"`
	HA         bool   `json:"ha"`          // whether a standby in the region can take over
	PrimaryPID int    `json:"primary_pid"` // of its first process; 0: it does not run
	StandbyPID int    `json:"standby_pid"`

	PrimaryRegion string               `json:"primary_region"`       // the home region, unless another's replica was promoted
	Promotions    []failover.Promotion `json:"promotions,omitempty"` // one that is under way too
}

// databases are all clusters, by their regions.
func (u *up) databases() []Database {
	var out []Database
	for _, r := range u.plan.w.Regions {
		for _, cluster := range []string{world.CatalogCluster(r.ID), world.ResidentCluster(r.ID)} {
			d := Database{Region: r.ID, Status: failover.Status{Cluster: cluster, Primary: cluster, State: failover.Degraded, Behind: -1, Reason: "it has one server: start with --ha for two"}}
			for _, k := range u.kept {
				if k.cluster == cluster {
					d.Status, d.HA = k.keeper.Status(), true
				}
			}
			u.tellPromotions(&d)
			out = append(out, d)
		}
	}
	u.tellProcesses(out)
	return out
}

// tellProcesses comes last: a server that was told to be primary runs by then.
func (u *up) tellProcesses(list []Database) {
	pid := map[string]int{}
	for _, st := range u.sup.Running() {
		pid[st.Name] = st.PID
	}
	for i := range list {
		list[i].PrimaryPID, list[i].StandbyPID = pid[list[i].Primary], pid[list[i].Standby]
	}
}
