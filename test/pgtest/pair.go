package pgtest

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/adapter/pgcluster"
	"meridian/adapter/postgres"
)

// Pair is the superuser's connection strings to a catalog primary and its
// synchronous standby: servers of the test's own, for it to promote or to break.
func Pair(t testing.TB) (primary, standby string) {
	t.Helper()
	fatal := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("pgtest: %v", err)
		}
	}
	bin, err := pgcluster.FindBinaries()
	fatal(err)
	dir, err := os.MkdirTemp("/tmp", "meridian-pgpair-") // as in start
	fatal(err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	fatal(os.Chmod(dir, 0o711))
	one := pgcluster.Spec{
		Name: "primary", DataDir: filepath.Join(dir, "one"), SocketDir: filepath.Join(dir, "s"), Port: 5601, Database: "catalog",
		SuperPassword: password, ReplicationPassword: password,
	}
	two := one
	two.Name, two.DataDir, two.Port = "standby", filepath.Join(dir, "two"), 5602
	two.StandbyOf = &pgcluster.Upstream{Name: one.Name, DataDir: one.DataDir, ConnInfo: pgcluster.ConnString(one, pgcluster.ReplicationUser, password, "")}
	one.Sync = []string{two.Name}
	both := []pgcluster.Spec{one, two}
	sup := pgcluster.New(bin, slog.New(slog.DiscardHandler), pgcluster.Options{})
	t.Cleanup(func() {
		if err := sup.Stop(context.Background()); err != nil {
			t.Errorf("pgtest: stop: %v", err)
		}
	})
	fatal(sup.Prepare(t.Context(), both, nil))
	fatal(sup.Start(t.Context(), both, nil))
	primary = pgcluster.ConnString(one, pgcluster.SuperUser, password, one.Database)
	pool, err := pgxpool.New(t.Context(), primary)
	fatal(err)
	defer pool.Close()
	fatal(postgres.Migrate(t.Context(), pool, postgres.Catalog))
	return primary, pgcluster.ConnString(two, pgcluster.SuperUser, password, two.Database)
}
