// Package pgtest gives tests a real PostgreSQL server: one a test binary,
// private, with a fresh migrated database for each call.
package pgtest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/adapter/pgcluster"
	"meridian/adapter/postgres"
)

const password = "test-only"

var server struct {
	once sync.Once
	err  error
	dir  string
	spec pgcluster.Spec
	sup  *pgcluster.Supervisor
}

var databases atomic.Int64

// Main runs a package's tests and stops the server after them. Call it from
// TestMain: os.Exit(pgtest.Main(m)).
func Main(m *testing.M) int {
	code := m.Run()
	if server.sup != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := server.sup.Stop(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest: stop:", err)
			code = 1
		}
	}
	if server.dir != "" {
		os.RemoveAll(server.dir)
	}
	return code
}

// Catalog is the connection string of the superuser to a fresh catalog database.
func Catalog(t testing.TB) string { return fresh(t, postgres.Catalog) }

// Resident is the connection string of the superuser to a fresh resident database.
func Resident(t testing.TB) string { return fresh(t, postgres.Resident) }

// Empty is the connection string of the superuser to a database without a schema.
func Empty(t testing.TB) string { return fresh(t, "") }

// Cluster opens a connection string as a primary of the given name, closed
// with the test.
func Cluster(t testing.TB, name, region, conn string) *postgres.Cluster {
	t.Helper()
	return open(t, name, region, true, conn)
}

// Standby opens a connection string as a replica of the given name, closed with the
// test.
func Standby(t testing.TB, name, region, conn string) *postgres.Cluster {
	t.Helper()
	return open(t, name, region, false, conn)
}

func open(t testing.TB, name, region string, primary bool, conn string) *postgres.Cluster {
	t.Helper()
	c, err := postgres.Open(t.Context(), name, region, primary, conn, "pgtest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// templates are databases that are migrated once, of which each call gets a copy: to
// migrate takes most of a second, and to copy a tenth of it.
var templates struct {
	sync.Mutex
	made map[string]bool // by kind
}

func fresh(t testing.TB, kind string) string {
	t.Helper()
	server.once.Do(start)
	if server.err != nil {
		t.Fatalf("pgtest: %v", server.err)
	}
	ctx := t.Context()
	admin, err := pgx.Connect(ctx, connTo("postgres"))
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	defer admin.Close(ctx)
	name := fmt.Sprintf("t%d", databases.Add(1))
	if err := copyOf(ctx, admin, kind, name); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return connTo(name)
}

func connTo(database string) string {
	return pgcluster.ConnString(server.spec, pgcluster.SuperUser, password, database)
}

// copyOf makes a database of a kind. One at a time: nobody may be in the template.
func copyOf(ctx context.Context, admin *pgx.Conn, kind, name string) error {
	templates.Lock()
	defer templates.Unlock()
	template := "template_" + kind
	if kind == "" {
		template = "template0"
	} else if !templates.made[template] {
		if err := migrated(ctx, admin, kind, template); err != nil {
			return err
		}
		if templates.made == nil {
			templates.made = map[string]bool{}
		}
		templates.made[template] = true
	}
	_, err := admin.Exec(ctx, "create database "+name+" template "+template)
	return err
}

// migrated makes a database of a kind by its migrations, and leaves it.
func migrated(ctx context.Context, admin *pgx.Conn, kind, name string) error {
	if _, err := admin.Exec(ctx, "create database "+name); err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, connTo(name))
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := postgres.Migrate(ctx, pool, kind); err != nil || kind != postgres.Catalog {
		return err
	}
	return postgres.MigrateJobs(ctx, pool)
}

func start() {
	// /tmp, not TMPDIR: a socket's path is short, and the server's user must
	// be able to reach it.
	dir, err := os.MkdirTemp("/tmp", "meridian-pgtest-")
	if err != nil {
		server.err = err
		return
	}
	server.dir = dir
	if server.err = os.Chmod(dir, 0o711); server.err != nil {
		return
	}
	bin, err := pgcluster.FindBinaries()
	if err != nil {
		server.err = err
		return
	}
	var logs strings.Builder
	server.sup = pgcluster.New(bin, slog.New(slog.NewTextHandler(&logs, nil)), pgcluster.Options{})
	server.spec = pgcluster.Spec{
		Name: "pgtest", DataDir: filepath.Join(dir, "data"), SocketDir: filepath.Join(dir, "s"), Port: 5432,
		Database: "pgtest", SuperPassword: password, ReplicationPassword: password,
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	quiet := func(string, string) {}
	if server.err = server.sup.Prepare(ctx, []pgcluster.Spec{server.spec}, quiet); server.err != nil {
		return
	}
	if server.err = server.sup.Start(ctx, []pgcluster.Spec{server.spec}, quiet); server.err != nil {
		return
	}
	server.err = careless(ctx)
}

// careless has the server not wait for the disk: no test outlives this machine, and
// what a process wrote outlives the process in any case. Nor does it tidy up by
// itself: while an ANALYZE runs in any test's database, no other's sees its newest
// events, which are shown once nothing older runs on the whole server.
func careless(ctx context.Context) error {
	admin, err := pgx.Connect(ctx, connTo("postgres"))
	if err != nil {
		return err
	}
	defer admin.Close(ctx)
	for _, name := range []string{"fsync", "full_page_writes", "autovacuum"} {
		if _, err := admin.Exec(ctx, "alter system set "+name+" = off"); err != nil {
			return err
		}
	}
	_, err = admin.Exec(ctx, "select pg_reload_conf()")
	return err
}
