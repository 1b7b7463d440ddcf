// Package leasefile keeps leases in files of one directory, for clusters whose
// servers are all on this machine; what speaks to a store of several machines
// would be another adapter.
package leasefile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"meridian/engine/failover"
	"meridian/engine/pause"
	"meridian/platform/wholefile"
	"meridian/world"
)

const (
	maxFile   = 16 << 10             // bytes; a lease has some hundred
	lockPause = 5 * time.Millisecond // between two looks at a lock that another holds
)

// Store is a [failover.Store]. Several processes may use one directory.
type Store struct{ dir string }

// New keeps leases in a directory, which it makes, for this user alone.
func New(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, world.Because(world.CodeForbidden, "leasefile.new", "The leases' directory cannot be made.", err)
	}
	return &Store{dir: dir}, nil
}

// Read returns a cluster's lease.
func (s *Store) Read(_ context.Context, cluster string) (failover.Lease, error) {
	if !world.ValidName(cluster) {
		return failover.Lease{}, world.E(world.CodeInvalid, "leasefile.read", fmt.Sprintf("%.80q is no cluster's name.", cluster))
	}
	return s.read(cluster)
}

func (s *Store) read(cluster string) (failover.Lease, error) {
	const op = "leasefile.read"
	f, err := os.Open(s.path(cluster))
	if errors.Is(err, fs.ErrNotExist) {
		return failover.Lease{Cluster: cluster}, nil
	}
	if err != nil {
		return failover.Lease{}, world.Because(world.CodeUnavailable, op, "The lease cannot be read.", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return failover.Lease{}, world.Because(world.CodeUnavailable, op, "The lease cannot be read.", err)
	}
	lease, err := parse(b)
	if err == nil && lease.Cluster != cluster {
		err = fmt.Errorf("it is of %.80q", lease.Cluster)
	}
	if err != nil {
		return failover.Lease{}, world.Because(world.CodeInternal, op, "The lease of "+cluster+" is damaged: see which node has the highest timeline before it is removed.", err)
	}
	return lease, nil
}

// parse reads a lease's file.
func parse(b []byte) (failover.Lease, error) {
	var lease failover.Lease
	if len(b) > maxFile {
		return lease, fmt.Errorf("it has more than %d bytes", maxFile)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&lease); err != nil {
		return failover.Lease{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return failover.Lease{}, errors.New("something follows the lease")
	}
	if lease.Revision == 0 || lease.Epoch == 0 || failover.Check(lease, lease) != nil {
		return failover.Lease{}, errors.New("it is not a whole lease")
	}
	return lease, nil
}

// Swap puts one lease in the place of another: written, forced to disk, renamed,
// under a lock that goes with its process.
func (s *Store) Swap(ctx context.Context, was, next failover.Lease) (failover.Lease, error) {
	const op = "leasefile.swap"
	if err := failover.Check(was, next); err != nil {
		return failover.Lease{}, err
	}
	lock, err := s.lock(ctx, next.Cluster)
	if err != nil {
		return failover.Lease{}, err
	}
	defer unlock(lock)
	now, err := s.read(next.Cluster)
	if err != nil {
		return failover.Lease{}, err
	}
	if now.Revision != was.Revision {
		return failover.Lease{}, world.E(world.CodeConflict, op, "The lease of "+next.Cluster+" has changed meanwhile: read it again.")
	}
	next.Revision = was.Revision + 1
	if err := s.write(next); err != nil {
		return failover.Lease{}, world.Because(world.CodeUnavailable, op, "The lease cannot be written.", err)
	}
	return next, nil
}

func (s *Store) path(cluster string) string { return filepath.Join(s.dir, cluster+".json") }

// unlock gives a lock back at once. Closing alone would not, while a child that is
// being started in another goroutine still has a copy of the descriptor.
func unlock(lock *os.File) {
	syscall.Flock(int(lock.Fd()), syscall.LOCK_UN)
	lock.Close()
}

// lock waits for a cluster's lock for as long as ctx lasts.
func (s *Store) lock(ctx context.Context, cluster string) (*os.File, error) {
	const op = "leasefile.lock"
	f, err := os.OpenFile(filepath.Join(s.dir, cluster+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, world.Because(world.CodeUnavailable, op, "The leases' directory cannot be written.", err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) || !pause.For(ctx, lockPause) {
			f.Close()
			return nil, world.Because(world.CodeUnavailable, op, "The lease is locked.", err)
		}
	}
}

func (s *Store) write(lease failover.Lease) error {
	b, err := json.Marshal(lease)
	if err != nil {
		return err
	}
	return wholefile.Replace(s.path(lease.Cluster), append(b, '\n'))
}
