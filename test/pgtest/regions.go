package pgtest

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/adapter/leasefile"
	"meridian/adapter/pgcluster"
	"meridian/adapter/postgres"
)

// Regions is a catalog cluster with a primary in one region and replicas in two
// others, each a server of the test's own: to lose and to promote.
type Regions struct {
	*pgcluster.Regional
	Sup     *pgcluster.Supervisor
	Seats   []pgcluster.Seat // of the regions a, b and c; the first is primary at first
	Store   *leasefile.Store
	Records string

	t testing.TB
}

// RegionsCluster is what the cluster is called.
const RegionsCluster = "catalog-a"

// StartRegions brings them up with the catalog's schema.
func StartRegions(t testing.TB) *Regions {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "meridian-regions-") // as in start
	if err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		err = os.Chmod(dir, 0o711)
	}
	r := &Regions{t: t, Records: filepath.Join(dir, "promotions")}
	for i, name := range []string{RegionsCluster, RegionsCluster + "@b", RegionsCluster + "@c"} {
		r.Seats = append(r.Seats, pgcluster.Seat{Region: string(rune('a' + i)), Spec: pgcluster.Spec{
			Name: name, DataDir: filepath.Join(dir, name), SocketDir: filepath.Join(dir, "s"), Port: 5801 + i, Database: postgres.Catalog,
			SuperPassword: password, ReplicationPassword: password,
		}})
	}
	bin, berr := pgcluster.FindBinaries()
	r.must(err)
	r.must(berr)
	r.Store, err = leasefile.New(filepath.Join(dir, "leases"))
	r.must(err)
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	r.Sup = pgcluster.New(bin, log, pgcluster.Options{})
	r.Regional = pgcluster.NewRegional(r.Sup, pgcluster.RegionalConfig{
		Cluster: RegionsCluster, Seats: r.Seats, Console: &postgres.Console{}, Store: r.Store, Keeper: "pgtest", Records: r.Records,
		Way:      func(_ context.Context, _, to pgcluster.Seat) (pgcluster.Spec, error) { return to.Spec, nil },
		Patience: 20 * time.Second, // a starved machine is no lost server
		Now:      time.Now, Log: log,
	})
	t.Cleanup(func() {
		if t.Failed() {
			for _, s := range r.Seats {
				b, _ := os.ReadFile(s.Spec.DataDir + ".log")
				t.Logf("%s:\n%s", s.Spec.Name, b)
			}
		}
		if err := r.Sup.Stop(context.Background()); err != nil {
			t.Errorf("pgtest: stop: %v", err)
		}
	})
	specs := []pgcluster.Spec{r.Seats[0].Spec}
	for _, s := range r.Seats[1:] {
		sp, err := r.Standby(t.Context(), s, r.Seats[0])
		r.must(err)
		specs = append(specs, sp)
	}
	r.must(r.Sup.Prepare(t.Context(), specs, nil))
	r.must(r.Sup.Start(t.Context(), specs, nil))
	r.must(postgres.Migrate(t.Context(), r.Pool(0), postgres.Catalog))
	return r
}

func (r *Regions) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("pgtest: %v", err)
	}
}

// Pool is the superuser's of one server, closed with the test.
func (r *Regions) Pool(seat int) *pgxpool.Pool {
	r.t.Helper()
	s := r.Seats[seat].Spec
	pool, err := pgxpool.New(r.t.Context(), pgcluster.ConnString(s, pgcluster.SuperUser, password, s.Database))
	r.must(err)
	r.t.Cleanup(pool.Close)
	return pool
}

// Deaf has a replica hear nobody any more, as behind a cut link.
func (r *Regions) Deaf(seat int) {
	r.t.Helper()
	s := r.Seats[seat].Spec
	s.StandbyOf = &pgcluster.Upstream{Name: RegionsCluster, ConnInfo: "host='/nowhere'"}
	r.must(r.Sup.Reconfigure(s))
}

// Follow starts a replica that was stopped, as a standby of the first server.
func (r *Regions) Follow(seat int) {
	r.t.Helper()
	sp, err := r.Standby(r.t.Context(), r.Seats[seat], r.Seats[0])
	r.must(err)
	r.must(r.Sup.Start(r.t.Context(), []pgcluster.Spec{sp}, nil))
}

// Lose ends a server as a power cut does.
func (r *Regions) Lose(seat int) {
	r.t.Helper()
	r.must(r.Sup.Fence(r.t.Context(), r.Seats[seat].Spec))
}
