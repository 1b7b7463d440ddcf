package postgres_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/engine/failover"
	"meridian/test/pgtest"
)

// roundsVariable sets how often the primary is killed; writersAtOnce write meanwhile.
const (
	roundsVariable = "FAILOVER_ROUNDS"
	writersAtOnce  = 6
)

func rounds(t *testing.T, usual int) int {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv(roundsVariable)); err == nil {
		return n
	}
	return usual
}

// writers add rows by their keys until they are told to end, each again until it
// is acknowledged, and remember which were.
type writers struct {
	c     *postgres.Cluster
	stop  context.CancelFunc
	all   sync.WaitGroup
	acked sync.Map
	n     atomic.Int64
	gap   atomic.Int64 // longest time between two acknowledgements of one writer
}

func write(t *testing.T, c *postgres.Cluster) *writers {
	t.Helper()
	if _, err := c.Pool.Exec(t.Context(), `create table if not exists kept (key text primary key)`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &writers{c: c, stop: cancel}
	for i := range writersAtOnce {
		w.all.Go(func() { w.work(ctx, fmt.Sprintf("%s/%d", time.Now().Format("150405.000000"), i)) })
	}
	t.Cleanup(w.end)
	return w
}

func (w *writers) work(ctx context.Context, name string) {
	last := time.Now()
	for n := 0; ctx.Err() == nil; n++ {
		key := fmt.Sprintf("%s/%d", name, n)
		for {
			asking, cancel := context.WithTimeout(ctx, 5*time.Second)
			err := w.c.Insert(asking, `insert into kept values ($1) on conflict do nothing`, key)
			cancel()
			if err == nil {
				w.acked.Store(key, true)
				w.n.Add(1)
				took := int64(time.Since(last))
				for old := w.gap.Load(); took > old && !w.gap.CompareAndSwap(old, took); old = w.gap.Load() {
				}
				last = time.Now()
				break
			}
			if ctx.Err() != nil {
				return // nobody acknowledged it
			}
		}
	}
}

func (w *writers) end() {
	w.stop()
	w.all.Wait()
}

// endWhole ends the writers and demands that nothing acknowledged is lost.
func (w *writers) endWhole(t *testing.T) {
	t.Helper()
	w.end()
	if lost := w.lost(t); len(lost) > 0 {
		t.Errorf("%d acknowledged rows are lost: %.5q", len(lost), lost)
	}
}

// more waits for so many acknowledgements.
func (w *writers) more(t *testing.T, n int64) {
	t.Helper()
	from := w.n.Load()
	eventually(t, "writers go on", func() bool { return w.n.Load() >= from+n })
}

// lost are the acknowledged rows that are not there.
func (w *writers) lost(t *testing.T) (lost []string) {
	t.Helper()
	rows, err := w.c.Pool.Query(t.Context(), `select key from kept`)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			t.Fatal(err)
		}
		there[key] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	w.acked.Range(func(key, _ any) bool {
		if !there[key.(string)] {
			lost = append(lost, key.(string))
		}
		return true
	})
	return lost
}

// sigkill kills a node's server, once it has one, and tells which process that was.
func sigkill(t *testing.T, k *pgtest.Kept, node int) (pid int) {
	t.Helper()
	k.Until("a server to kill", func(failover.Status) bool {
		pid = k.Pair.PID(k.Nodes[node].Name)
		return pid != 0
	})
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	return pid
}

// The primary is killed while many write, again and again, so that each node is
// primary in turn: what was acknowledged is there, and the killed one comes back.
func TestNoAcknowledgedCommitIsLostWhenThePrimaryIsKilled(t *testing.T) {
	k := pgtest.Keep(t, postgres.Resident, nil)
	c := k.Open(0)
	w := write(t, c)
	takeovers := 0
	for round := range rounds(t, 3) {
		w.more(t, 100)
		before := k.Await(failover.Synced)
		w.gap.Store(0)
		sigkill(t, k, k.Primary())
		after := k.Until("both are in step again", func(s failover.Status) bool {
			return s.State == failover.Synced && s.Since.After(before.Since)
		})
		w.more(t, 50)
		if after.Epoch == before.Epoch { // its standby had fallen behind just then, as it may where much else runs
			t.Logf("round %d: %s is back itself", round, after.Primary)
			continue
		}
		takeovers++
		if took := after.Takeover; took == nil || took.Rejoined == nil || took.Epoch != after.Epoch || after.Epoch == before.Epoch+1 && after.Primary != before.Standby {
			t.Fatalf("round %d: after %+v came %+v, %+v", round, before, after, took)
		}
		t.Logf("round %d: %s took over in %.0f ms; the longest gap that a writer saw was %.0f ms; both in step again after %.0f ms; %d acknowledged", round, after.Primary,
			after.Takeover.Seconds*1000, float64(w.gap.Load())/1e6, float64(after.Takeover.Rejoined.Sub(after.Takeover.At))/1e6, w.n.Load())
	}
	if takeovers == 0 {
		t.Error("nobody ever took over")
	}
	w.endWhole(t)
	other := k.Super(1 - k.Primary())
	defer other.Close()
	eventually(t, "both nodes hold the same", func() bool {
		var a, b int
		errA := c.Pool.QueryRow(t.Context(), `select count(*) from kept`).Scan(&a)
		errB := other.QueryRow(t.Context(), `select count(*) from kept`).Scan(&b)
		return errA == nil && errB == nil && a == b
	})
}
