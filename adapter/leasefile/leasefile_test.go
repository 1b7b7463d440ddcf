package leasefile

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"meridian/engine/failover"
	"meridian/test/leasetest"
	"meridian/world"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "leases")
	leasetest.Store(t, open(t, dir), func() failover.Store { return open(t, dir) })
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory is %v, %v", info.Mode(), err)
	}
}

// What is damaged is told, and neither taken for no lease nor written over.
func TestADamagedLeaseIsTold(t *testing.T) {
	s := open(t, t.TempDir())
	first := failover.Lease{Cluster: "c", Epoch: 1, Primary: "a", Holder: "me"}
	held, err := s.Swap(t.Context(), failover.Lease{}, first)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(s.path("c"))
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"empty": "", "cut": string(whole[:len(whole)/2]), "more": string(whole) + "{}", "another's": strings.Replace(string(whole), `"c"`, `"d"`, 1),
		"no epoch": strings.Replace(string(whole), `"epoch":1`, `"epoch":0`, 1), "unknown": `{"x":1}`, "long": string(whole) + strings.Repeat(" ", maxFile),
	} {
		if err := os.WriteFile(s.path("c"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(t.Context(), "c"); !world.Is(err, world.CodeInternal) {
			t.Errorf("%s: read: %v", what, err)
		}
		if _, err := s.Swap(t.Context(), held, held); !world.Is(err, world.CodeInternal) {
			t.Errorf("%s: swapped: %v", what, err)
		}
	}
}

func TestALockThatAnotherHoldsIsWaitedFor(t *testing.T) {
	s := open(t, t.TempDir())
	lock, err := s.lock(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	first := failover.Lease{Cluster: "c", Epoch: 1, Primary: "a", Holder: "me"}
	if _, err := s.Swap(soon, failover.Lease{}, first); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("under another's lock: %v", err)
	}
	time.AfterFunc(20*time.Millisecond, func() { syscall.Flock(int(lock.Fd()), syscall.LOCK_UN) })
	if _, err := s.Swap(t.Context(), failover.Lease{}, first); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"cluster":"c","epoch":1,"primary":"a","holder":"me","until":"2026-11-22T12:00:00Z","revision":1}`))
	f.Add([]byte(`{"cluster":"c","epoch":18446744073709551615}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		lease, err := parse(b)
		if err == nil && (lease.Epoch == 0 || lease.Primary == "" || lease.Revision == 0 || !world.ValidName(lease.Cluster)) {
			t.Errorf("%q was taken for %+v", b, lease)
		}
	})
}
