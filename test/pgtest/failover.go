package pgtest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/adapter/leasefile"
	"meridian/adapter/pgcluster"
	"meridian/adapter/postgres"
	"meridian/engine/failover"
)

// Kept is a pair of servers under a keeper, as a region has for each of its clusters: for a
// test to kill, to hang and to bring back.
type Kept struct {
	Nodes  [2]pgcluster.Spec
	Store  *leasefile.Store
	Keeper *failover.Keeper
	Pair   *pgcluster.Pair
	Sup    *pgcluster.Supervisor

	t      testing.TB
	kind   string
	cancel context.CancelFunc
	done   chan struct{}
	shut   func()
}

const (
	cluster   = "resident-test" // what a kept pair is called
	lastOfLog = 6 << 10         // bytes of each server's log that a test which fails shows
)

// Keep brings a pair up under a keeper, of an empty database of a kind, and waits
// until each commit is on both. change may be nil; it changes the keeper's config.
func Keep(t testing.TB, kind string, change func(*failover.Config)) *Kept {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "meridian-kept-") // as in start
	if err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		err = os.Chmod(dir, 0o711)
	}
	k := &Kept{t: t, kind: kind}
	for i, name := range []string{cluster, cluster + "-sync"} {
		k.Nodes[i] = pgcluster.Spec{
			Name: name, DataDir: filepath.Join(dir, name), SocketDir: filepath.Join(dir, "s"), Port: 5701 + i, Database: kind,
			SuperPassword: password, ReplicationPassword: password, Resident: kind == postgres.Resident,
		}
	}
	k.Nodes[0].Peer, k.Nodes[1].Peer = k.Nodes[1].Name, k.Nodes[0].Name
	if err == nil {
		k.Store, err = leasefile.New(filepath.Join(dir, "leases"))
	}
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(k.End)
	k.Begin(change)
	k.migrate()
	k.Await(failover.Synced)
	return k
}

// migrate brings the schema up on whichever node is primary. A starved machine may
// have the other take over meanwhile: then it is done again.
func (k *Kept) migrate() {
	k.t.Helper()
	pool, err := pgxpool.New(k.t.Context(), k.Conn(0))
	if err != nil {
		k.t.Fatalf("pgtest: %v", err)
	}
	defer pool.Close()
	for {
		before := k.Until("it takes writes", func(s failover.Status) bool { return s.State == failover.Synced || s.State == failover.Degraded })
		err := postgres.Migrate(k.t.Context(), pool, k.kind)
		if err == nil {
			return
		}
		if k.Keeper.Status().Since.Equal(before.Since) {
			k.t.Fatalf("pgtest: %v", err)
		}
	}
}

// Begin starts the keeper, and by it the servers, as a process that starts does.
func (k *Kept) Begin(change func(*failover.Config)) {
	k.t.Helper()
	bin, err := pgcluster.FindBinaries()
	if err != nil {
		k.t.Fatalf("pgtest: %v", err)
	}
	log := slog.New(slog.NewTextHandler(k.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	k.Sup = pgcluster.New(bin, log, pgcluster.Options{})
	both := []pgcluster.Spec{k.Nodes[0], k.Nodes[1]}
	both[1].StandbyOf = &pgcluster.Upstream{Name: both[0].Name, ConnInfo: "host=/nowhere"} // to be copied from it
	if err := k.Sup.Prepare(k.t.Context(), both, nil); err != nil {
		k.t.Fatalf("pgtest: %v", err)
	}
	console := &postgres.Console{}
	k.Pair = pgcluster.NewPair(k.Sup, k.Nodes[0], k.Nodes[1], console, nil)
	config := failover.Config{
		Cluster: cluster, Nodes: [2]string{k.Nodes[0].Name, k.Nodes[1].Name}, Keeper: "pgtest", Servers: k.Pair, Store: k.Store,
		Now: time.Now, Log: log, Beat: 300 * time.Millisecond,
	}
	if change != nil {
		change(&config)
	}
	k.Keeper = failover.New(config)
	ctx, cancel := context.WithCancel(context.Background())
	k.cancel, k.done = cancel, make(chan struct{})
	go func() {
		defer close(k.done)
		k.Keeper.Run(ctx)
	}()
	k.shut = console.Close
	select {
	case <-k.Keeper.Ready():
	case <-time.After(time.Minute):
		k.t.Fatalf("pgtest: no primary: %+v", k.Keeper.Status())
	}
}

// Leave ends the keeper alone, in whatever it does.
func (k *Kept) Leave() {
	if k.cancel != nil {
		k.cancel()
		<-k.done
		k.shut()
		k.cancel = nil
	}
}

// LeaveSynced ends the keeper alone, while both nodes are up and in step: no takeover
// can come any more. Nodes begins with the primary then, whichever that became.
func (k *Kept) LeaveSynced() {
	k.t.Helper()
	for {
		k.Until("both are up and in step", inStep)
		k.Leave()
		if inStep(k.Keeper.Status()) {
			break
		}
		k.Crash() // it was about to do something, and half of that may be done
		k.Begin(nil)
	}
	if k.Primary() == 1 {
		k.Nodes[0], k.Nodes[1] = k.Nodes[1], k.Nodes[0]
	}
}

// inStep is more than synced: a primary that was started to wait for its standby is
// synced before that is up, and nothing can be committed there.
func inStep(s failover.Status) bool { return s.State == failover.Synced && s.Follows }

// End ends the keeper, then the servers.
func (k *Kept) End() {
	k.Leave()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := k.Sup.Stop(ctx); err != nil {
		k.t.Errorf("pgtest: stop: %v", err)
	}
	if !k.t.Failed() {
		return
	}
	for _, n := range k.Nodes {
		text, _ := os.ReadFile(n.DataDir + ".log")
		k.t.Logf("the end of the log of %s:\n%s", n.Name, text[max(0, len(text)-lastOfLog):])
	}
}

// Crash is the death of the keeper's process, with which its servers die too.
func (k *Kept) Crash() {
	k.Leave()
	for _, n := range k.Nodes {
		if err := k.Sup.Fence(context.Background(), n); err != nil {
			k.t.Errorf("pgtest: %v", err)
		}
	}
}

// Await waits until the cluster is in a state.
func (k *Kept) Await(want failover.State) failover.Status {
	k.t.Helper()
	return k.Until(string(want), func(s failover.Status) bool { return s.State == want })
}

// Until waits until the cluster's status is as it is wanted.
func (k *Kept) Until(what string, holds func(failover.Status) bool) failover.Status {
	k.t.Helper()
	for began := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		s := k.Keeper.Status()
		if holds(s) {
			return s
		}
		if time.Since(began) > time.Minute {
			k.t.Fatalf("pgtest: not within a minute: %s; it is %+v", what, s)
		}
	}
}

// Conn reaches whichever node is primary, as the superuser: both are named, the
// given one first.
func (k *Kept) Conn(first int) string {
	a, b := k.Nodes[first], k.Nodes[1-first]
	return fmt.Sprintf("host=%s,%s port=%d,%d user=%s password=%s dbname=%s target_session_attrs=read-write",
		a.SocketDir, b.SocketDir, a.Port, b.Port, pgcluster.SuperUser, password, k.kind)
}

// Open opens it as a role does.
func (k *Kept) Open(first int) *postgres.Cluster {
	k.t.Helper()
	return Cluster(k.t, cluster, "test", k.Conn(first))
}

// ConnOf reaches one node as the superuser, whatever that is.
func (k *Kept) ConnOf(node int) string {
	return pgcluster.ConnString(k.Nodes[node], pgcluster.SuperUser, password, k.kind)
}

// Super is a pool of one node's.
func (k *Kept) Super(node int) *pgxpool.Pool {
	k.t.Helper()
	pool, err := pgxpool.New(k.t.Context(), k.ConnOf(node))
	if err != nil {
		k.t.Fatalf("pgtest: %v", err)
	}
	return pool
}

// Processes are all of a node's.
func (k *Kept) Processes(node int) []int {
	var out []int
	names, _ := filepath.Glob("/proc/[0-9]*")
	for _, name := range names {
		cwd, err := os.Readlink(name + "/cwd")
		if pid, bad := strconv.Atoi(filepath.Base(name)); err == nil && bad == nil && cwd == k.Nodes[node].DataDir {
			out = append(out, pid)
		}
	}
	return out
}

// Primary is which of the two is primary.
func (k *Kept) Primary() int {
	if k.Keeper.Status().Primary == k.Nodes[0].Name {
		return 0
	}
	return 1
}
