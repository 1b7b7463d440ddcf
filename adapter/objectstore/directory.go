package objectstore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

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
	lock, err := os.Open(d.root)
	if err != nil {
		return err
	}
	d.lock = lock
	switch err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case err == nil:
		err = d.sweep(ctx)
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

func (d *directory) sweep(ctx context.Context) error {
	return filepath.WalkDir(d.root, func(path string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || e.IsDir() || !strings.HasSuffix(path, unfinished) {
			return err
		}
		return os.Remove(path)
	})
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
