package pgcluster

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// place is one test's place on disk: state that the owner of the servers can
// walk to (t.TempDir is closed to others) and a short directory for sockets.
type place struct {
	bin   Binaries
	state string
	socks string
}

func newPlace(t testing.TB) place {
	t.Helper()
	bin, err := FindBinaries()
	if err != nil {
		t.Fatalf("these tests run real servers: %v", err)
	}
	root, err := os.MkdirTemp("/tmp", "mpg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	return place{bin: bin, state: filepath.Join(root, "state"), socks: filepath.Join(root, "s")}
}

func (p place) primary(name string, port int) Spec {
	return Spec{Name: name, DataDir: filepath.Join(p.state, name), SocketDir: p.socks, Port: port, Database: "catalog",
		SuperPassword: `s'up\er`, ReplicationPassword: `r'ep\l`}
}

func (p place) standby(of Spec, name string, port int) Spec {
	s := p.primary(name, port)
	s.StandbyOf = &Upstream{Name: of.Name, DataDir: of.DataDir, ConnInfo: ConnString(of, ReplicationUser, of.ReplicationPassword, "")}
	return s
}

// pair is a primary with one synchronous standby, so that what a commit
// acknowledged is on both.
func (p place) pair() []Spec {
	primary := p.primary("catalog-us-east", 5501)
	standby := p.standby(primary, "catalog-us-east@eu-central", 5502)
	primary.Sync = []string{standby.Name}
	return []Spec{primary, standby}
}

func (p place) supervisor(t testing.TB, opts Options) *Supervisor {
	s := New(p.bin, slog.New(slog.NewTextHandler(t.Output(), nil)), opts)
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return s
}

func up(t testing.TB, s *Supervisor, specs []Spec) {
	t.Helper()
	if err := s.Prepare(t.Context(), specs, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context(), specs, nil); err != nil {
		t.Fatal(err)
	}
}

func connect(ctx context.Context, s Spec) (*pgx.Conn, error) {
	return pgx.Connect(ctx, ConnString(s, SuperUser, s.SuperPassword, s.Database))
}

// exec runs one statement as the superuser.
func exec1(t testing.TB, s Spec, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := connect(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, sql); err != nil {
		t.Fatalf("%s: %s: %v", s.Name, sql, err)
	}
}

func query(ctx context.Context, s Spec, sql string) (string, error) {
	c, err := connect(ctx, s)
	if err != nil {
		return "", err
	}
	defer c.Close(ctx)
	var v any
	if err := c.QueryRow(ctx, sql).Scan(&v); err != nil {
		return "", err
	}
	return fmt.Sprint(v), nil
}

// eventually polls until the query gives want; a connection that fails counts as not yet.
func eventually(t testing.TB, s Spec, sql, want string) {
	t.Helper()
	var got string
	var err error
	until(t, fmt.Sprintf("%s: %s = %s", s.Name, sql, want), func() bool {
		got, err = query(t.Context(), s, sql)
		return err == nil && got == want
	})
}

// until polls a condition for at most 20 s.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func pidOf(t testing.TB, s *Supervisor, name string) int {
	t.Helper()
	for _, st := range s.Running() {
		if st.Name == name {
			return st.PID
		}
	}
	t.Fatalf("%s is not running", name)
	return 0
}
