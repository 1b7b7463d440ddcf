package objectstore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"gocloud.dev/blob/fileblob"
)

// directory makes fileblob's writes durable. fileblob gives atomic renames and
// no fsync; it is told to keep its unfinished files beside the finished ones
// (the system's temporary folder may be another device, where a rename fails)
// and to write no sidecar files: those are rewritten in place, so a kill at the
// wrong moment would make an acknowledged object unreadable.
type directory struct {
	root string
	lock *os.File
	sync func(*os.File) error
}

// unfinished is how fileblob names a file until it is whole: key.<hex time>.tmp.
// No key of ours has a dot.
const unfinished = ".tmp"

// lockName is the file that every process which has the directory open holds a
// lock on. The folders' own locks are for renames.
const lockName = ".lock"

// OpenDir is a Store in a directory, which is made if it is missing. What writes
// that never finished have left is swept, unless another process has the
// directory open: its unfinished files are its own. The sweep visits every file
// once. Errors are world.Errors of code internal, for operators.
func OpenDir(ctx context.Context, dir string) (*Store, error) {
	const op = "objectstore.open"
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fault(op, err)
	}
	d := &directory{root: root, sync: (*os.File).Sync}
	if err := d.make(); err != nil {
		return nil, fault(op, err)
	}
	if err := d.open(ctx); err != nil {
		return nil, fault(op, err)
	}
	bucket, err := fileblob.OpenBucket(root, &fileblob.Options{
		NoTempDir: true, Metadata: fileblob.MetadataDontWrite, DirFileMode: 0o750,
	})
	if err != nil {
		return nil, fault(op, errors.Join(err, d.close()))
	}
	return &Store{bucket: bucket, dir: d}, nil
}

// make makes the root and makes its name durable, and that of every folder above
// it that was missing.
func (d *directory) make() error {
	there := d.root
	for {
		_, err := os.Stat(there)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		there = filepath.Dir(there)
	}
	if err := os.MkdirAll(d.root, 0o750); err != nil {
		return err
	}
	for folder := d.root; folder != there; {
		folder = filepath.Dir(folder)
		if err := d.syncFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

// open takes the directory's lock: alone for the sweep, shared from then on.
func (d *directory) open(ctx context.Context) error {
	lock, err := os.OpenFile(filepath.Join(d.root, lockName), os.O_RDONLY|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	d.lock = lock
	switch err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case err == nil:
		_, err = d.sweep(ctx, time.Time{})
	case errors.Is(err, syscall.EWOULDBLOCK):
		err = nil
	}
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_SH)
	}
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	return nil
}

func (d *directory) close() error { return d.lock.Close() }

// sweep removes unfinished files that nobody has written to since before; all
// of them for the zero time.
func (d *directory) sweep(ctx context.Context, before time.Time) (swept int, err error) {
	err = filepath.WalkDir(d.root, func(path string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if errors.Is(err, fs.ErrNotExist) && path != d.root {
			return nil // it went meanwhile
		}
		if err != nil || e.IsDir() || !strings.HasSuffix(path, unfinished) {
			return err
		}
		stat, err := e.Info()
		if err == nil && (before.IsZero() || stat.ModTime().Before(before)) {
			if err = os.Remove(path); err == nil {
				swept++
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // its writer has finished
		}
		return err
	})
	return swept, err
}

// alone runs the rename into a key's folder with no other beside it, in this
// process or another: what is found absent must still be absent then.
func (d *directory) alone(key string, rename func() error) error {
	folder, err := os.Open(filepath.Dir(filepath.Join(d.root, filepath.FromSlash(key))))
	if err != nil {
		return errors.Join(err, rename())
	}
	if err = syscall.Flock(int(folder.Fd()), syscall.LOCK_EX); err == nil {
		err = rename()
	}
	return errors.Join(err, folder.Close()) // which gives the lock back
}

// prune removes a folder if it is empty. Whether it is gone matters to nobody.
func (d *directory) prune(folder string) {
	_ = os.Remove(filepath.Join(d.root, filepath.FromSlash(folder)))
}

// syncFolders makes a key's name durable: its folder, and every folder above it,
// because each may be new. A folder that is not new costs almost nothing.
func (d *directory) syncFolders(key string) error {
	folder := filepath.Dir(filepath.Join(d.root, filepath.FromSlash(key)))
	for ; len(folder) >= len(d.root); folder = filepath.Dir(folder) {
		if err := d.syncFolder(folder); err != nil {
			return err
		}
		if folder == d.root {
			break
		}
	}
	return nil
}

func (d *directory) syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.sync(f), f.Close())
}
