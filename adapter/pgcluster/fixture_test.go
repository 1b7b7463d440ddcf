package pgcluster

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
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

// up is up without initdb.
func (p place) up(t testing.TB, s *Supervisor, specs []Spec) {
	t.Helper()
	p.premake(t, specs)
	up(t, s, specs)
}

// templateDir holds the one primary that premake copies; TestMain removes it.
var templateDir string

var template = sync.OnceValues(func() (Spec, error) {
	bin, err := FindBinaries()
	if err != nil {
		return Spec{}, err
	}
	if templateDir, err = os.MkdirTemp("/tmp", "mpg"); err != nil {
		return Spec{}, err
	}
	if err := os.Chmod(templateDir, 0o755); err != nil {
		return Spec{}, err
	}
	p := place{bin: bin, state: filepath.Join(templateDir, "state"), socks: filepath.Join(templateDir, "s")}
	sp := p.primary("template", 5500)
	return sp, New(bin, slog.New(slog.DiscardHandler), Options{}).Prepare(context.Background(), []Spec{sp}, nil)
})

// premake makes the directories as Prepare would, but out of one initdb for the
// whole test run. Only tests may do so: servers that are no replicas of one
// another must not share a system identifier.
func (p place) premake(t testing.TB, specs []Spec) {
	t.Helper()
	from, err := template()
	if err != nil {
		t.Fatal(err)
	}
	own, err := findOwner("test", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, sp := range specs {
		steps := []func() error{
			func() error { return own.makeParent("test", sp.DataDir) },
			func() error { return copyCluster(from.DataDir, sp.DataDir, own) },
			func() error { return writeOwned(filepath.Join(sp.DataDir, markerFile), sp.Name, own) },
		}
		if sp.StandbyOf != nil {
			steps = append(steps, func() error { return writeOwned(filepath.Join(sp.DataDir, signalFile), "", own) })
		}
		for _, step := range steps {
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// childState is set in the environment of a re-executed test binary: it
// supervises a pair in that directory until it is killed.
const childState = "PGCLUSTER_TEST_CHILD_STATE"

func TestMain(m *testing.M) {
	if root := os.Getenv(childState); root != "" {
		superviseUntilKilled(root)
	}
	code := m.Run()
	if templateDir != "" {
		os.RemoveAll(templateDir)
	}
	os.Exit(code)
}

func superviseUntilKilled(root string) {
	bin, err := FindBinaries()
	if err == nil {
		p := place{bin: bin, state: filepath.Join(root, "state"), socks: filepath.Join(root, "s")}
		s := New(bin, slog.New(slog.DiscardHandler), Options{})
		if err = s.Prepare(context.Background(), p.pair(), nil); err == nil {
			err = s.Start(context.Background(), p.pair(), nil)
		}
	}
	fmt.Println("started:", err)
	io.Copy(io.Discard, os.Stdin) // the parent holds the other end and never writes
	os.Exit(3)
}

func connect(ctx context.Context, s Spec) (*pgx.Conn, error) {
	return pgx.Connect(ctx, ConnString(s, SuperUser, s.SuperPassword, s.Database))
}

// exec1 runs one statement as the superuser.
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
